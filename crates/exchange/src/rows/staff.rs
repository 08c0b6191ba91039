//! Staff as headquarters sends them down with job 1060.

use serde::{Deserialize, Serialize};
use tillsync_domain::ids::StaffId;

use crate::pin::PinHash;
use crate::text;

/// One row of the `staff` table: a member of staff, of two subjobs: the party and the rest.
///
/// Who may not sign in any more at the databases of a group travels as a row that is not active,
/// and then says neither name nor PIN. An older version never replaces a newer one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaffRow {
    /// The operator number.
    #[serde(with = "text")]
    pub staff: StaffId,
    /// The role by its name: a receiver that does not know one lets nobody in with it.
    pub role: String,
    /// Whether they may sign in.
    pub is_active: bool,
    /// The hash of the PIN; absent while none was set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin: Option<PinHash>,
    /// Who it is; absent when they are not active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub party: Option<StaffParty>,
    /// The version of headquarters' change log at which this was true.
    pub version: u64,
}

/// The party of a member of staff.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StaffParty {
    /// Given name.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_reads_as_it_was_written_and_a_blocked_one_names_nobody() {
        let row = StaffRow {
            staff: "000160".parse().expect("an id"),
            role: "cashier".into(),
            is_active: false,
            pin: None,
            party: None,
            version: 7,
        };
        let text = serde_json::to_string(&row).expect("a row");
        let bare = r#"{"staff":"000160","role":"cashier","is_active":false,"version":7}"#;
        assert_eq!(text, bare);
        assert_eq!(serde_json::from_str::<StaffRow>(&text).expect("a row"), row);
    }
}
