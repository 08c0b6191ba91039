//! Functionality profiles as headquarters sends them down with job 1070.

use serde::{Deserialize, Serialize};
use tillsync_domain::ids::DatabaseId;
use tillsync_domain::profile::FunctionalityProfile;

use crate::text;

/// One row of the `profile` table: what holds for one channel and its registers.
///
/// A database keeps the rows of all channels of its group and reads its own; an older version
/// never replaces a newer one. A field that a sender does not name yet has its default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileRow {
    /// The channel.
    #[serde(with = "text")]
    pub channel: DatabaseId,
    /// The name of its profile.
    pub profile: String,
    /// What the profile says.
    #[serde(flatten)]
    pub options: ProfileOptions,
    /// The version of headquarters' change log at which this was true.
    pub version: u64,
}

/// The options of a [`FunctionalityProfile`] on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the fields are those of `FunctionalityProfile`")]
pub struct ProfileOptions {
    pub create_customers_async: bool,
    pub allow_offline_customer_create: bool,
    pub create_orders_async: bool,
}

impl Default for ProfileOptions {
    fn default() -> Self {
        FunctionalityProfile::default().into()
    }
}

impl From<FunctionalityProfile> for ProfileOptions {
    fn from(profile: FunctionalityProfile) -> Self {
        let FunctionalityProfile {
            create_customers_async,
            allow_offline_customer_create,
            create_orders_async,
        } = profile;
        ProfileOptions {
            create_customers_async,
            allow_offline_customer_create,
            create_orders_async,
        }
    }
}

impl From<ProfileOptions> for FunctionalityProfile {
    fn from(options: ProfileOptions) -> Self {
        let ProfileOptions {
            create_customers_async,
            allow_offline_customer_create,
            create_orders_async,
        } = options;
        FunctionalityProfile {
            create_customers_async,
            allow_offline_customer_create,
            create_orders_async,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_reads_as_it_was_written_and_an_unnamed_option_has_its_default() {
        let row = ProfileRow {
            channel: "S1".parse().expect("a name"),
            profile: "default".into(),
            options: FunctionalityProfile::UNTIL_DISTRIBUTED.into(),
            version: 7,
        };
        let text = serde_json::to_string(&row).expect("a row");
        assert_eq!(serde_json::from_str::<ProfileRow>(&text).expect("a row"), row);
        let older = r#"{"channel":"S1","profile":"default","version":7}"#;
        let read: ProfileRow = serde_json::from_str(older).expect("a row");
        assert_eq!(FunctionalityProfile::from(read.options), FunctionalityProfile::default());
    }
}
