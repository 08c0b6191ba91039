//! Staff: who may sign in at tills, as what, and when wrong PINs lock somebody out.

use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};

use crate::customer::{CustomerDraft, PartyName, Text, Violations};
use crate::ids::StaffId;

/// The longest operator number, in characters: that of the reference system.
pub const STAFF_ID_CHARS_MAX: usize = 25;

/// So many wrong PINs within [`LOCK_OUT_WITHIN`] lock a member of staff out of a database.
pub const WRONG_PINS_MAX: usize = 5;

/// See [`WRONG_PINS_MAX`].
pub const LOCK_OUT_WITHIN: SignedDuration = SignedDuration::from_mins(15);

/// How long they stay locked out.
pub const LOCK_OUT: SignedDuration = SignedDuration::from_mins(15);

/// What somebody may do at a till. Each role may do what the one before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StaffRole {
    /// Customers, sales, orders, shifts.
    Cashier,
    /// Also what needs somebody who answers for it.
    Manager,
}

/// A text that names no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no role {0:?}; staff are cashier or manager")]
pub struct UnknownRole(pub String);

impl StaffRole {
    /// Every role, the least first.
    pub const ALL: [StaffRole; 2] = [StaffRole::Cashier, StaffRole::Manager];

    /// The name in commands, bodies and packages.
    pub fn as_str(self) -> &'static str {
        match self {
            StaffRole::Cashier => "cashier",
            StaffRole::Manager => "manager",
        }
    }
}

impl fmt::Display for StaffRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for StaffRole {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = |role: &StaffRole| role.as_str() == text;
        StaffRole::ALL.into_iter().find(named).ok_or_else(|| UnknownRole(text.to_owned()))
    }
}

/// The name of a member of staff: at least one part is present, and both fit headquarters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StaffName {
    /// Given name.
    pub first: Option<String>,
    /// Family name.
    pub last: Option<String>,
}

impl StaffName {
    /// Checks a name as that of a person: staff are parties as customers are.
    ///
    /// # Errors
    /// Invalid: each violation names its field, the rule and the limit.
    pub fn check(self) -> Result<Self, Violations> {
        let (first_name, last_name) = (self.first, self.last);
        let draft = CustomerDraft { first_name, last_name, ..CustomerDraft::default() };
        let PartyName::Person { first, last, .. } = draft.check()?.name else {
            return Ok(StaffName::default());
        };
        let text = |text: Option<Text>| text.map(|text| text.as_str().to_owned());
        Ok(StaffName { first: text(first), last: text(last) })
    }
}

impl fmt::Display for StaffName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<&str> =
            [&self.first, &self.last].into_iter().flatten().map(|it| &**it).collect();
        f.write_str(&parts.join(" "))
    }
}

/// Checks that an operator number fits the reference system.
///
/// # Errors
/// Invalid: it does not.
pub fn check_staff_id(staff: &StaffId) -> Result<(), LongStaffId> {
    let is_short = staff.as_str().len() <= STAFF_ID_CHARS_MAX;
    if is_short { Ok(()) } else { Err(LongStaffId(staff.clone())) }
}

/// An operator number that is too long.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("operator number {0} has more than {STAFF_ID_CHARS_MAX} characters; choose a shorter one")]
pub struct LongStaffId(pub StaffId);

/// A PIN as somebody typed it. It is never shown, logged or stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Pin(String);

/// A text that can be no PIN; it is not repeated, since it may be almost one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a PIN has 4 to 16 digits and nothing else")]
pub struct BadPin;

impl Pin {
    /// Accepts 4 to 16 digits.
    ///
    /// # Errors
    /// Invalid: anything else.
    pub fn parse(text: &str) -> Result<Self, BadPin> {
        let fits = (4..=16).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        if fits { Ok(Pin(text.to_owned())) } else { Err(BadPin) }
    }

    /// The digits, for hashing only.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin(…)")
    }
}

/// Until when somebody is locked out who has lately presented wrong PINs at these times, earliest
/// first; nothing when they are not. Tries while locked out are not among them, or whoever tries
/// on would never get in again.
pub fn locked_out_until(wrong: &[Timestamp], now: Timestamp) -> Option<Timestamp> {
    let first = wrong.len().checked_sub(WRONG_PINS_MAX)?;
    let (first, last) = (wrong[first], *wrong.last()?);
    let until = last.saturating_add(LOCK_OUT).ok()?;
    (last.duration_since(first) < LOCK_OUT_WITHIN && now < until).then_some(until)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(minute: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minute)
    }

    fn locked(wrong: &[i64], now: i64) -> bool {
        let wrong: Vec<_> = wrong.iter().copied().map(minute).collect();
        locked_out_until(&wrong, minute(now)).is_some()
    }

    #[test]
    fn five_wrong_pins_within_a_quarter_of_an_hour_lock_for_a_quarter_of_an_hour() {
        assert!(!locked(&[], 0));
        assert!(!locked(&[0, 1, 2, 3], 3));
        assert!(locked(&[0, 1, 2, 3, 14], 14));
        assert!(!locked(&[0, 1, 2, 3, 15], 15), "the first is a quarter of an hour ago");
        assert!(locked(&[0, 0, 0, 0, 0], 14));
        assert!(!locked(&[0, 0, 0, 0, 0], 15));
    }

    #[test]
    fn after_a_lock_it_takes_five_more() {
        assert!(!locked(&[0, 0, 0, 0, 0, 15, 15, 15, 15], 15));
        assert!(locked(&[0, 0, 0, 0, 0, 15, 15, 15, 15, 15], 15));
    }

    #[test]
    fn a_pin_is_digits_and_never_shown() {
        for good in ["0000", "1234567890123456"] {
            assert_eq!(format!("{:?}", Pin::parse(good).expect("a PIN")), "Pin(…)");
        }
        for bad in ["", "123", "12345678901234567", "12a4", " 1234", "１２３４", "-123"] {
            assert_eq!(Pin::parse(bad), Err(BadPin), "{bad:?}");
        }
    }

    #[test]
    fn a_manager_may_do_what_a_cashier_may() {
        assert!(StaffRole::Manager > StaffRole::Cashier);
        for role in StaffRole::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
        }
        assert!("admin".parse::<StaffRole>().is_err());
    }

    #[test]
    fn a_name_is_checked_as_a_persons_and_an_operator_number_fits() {
        let name = |first: &str, last: &str| StaffName {
            first: Some(first.to_owned()),
            last: Some(last.to_owned()),
        };
        assert_eq!(name("Ada", "").check().expect("a name").to_string(), "Ada");
        assert_eq!(name("Ada", "Byron").check().expect("a name").to_string(), "Ada Byron");
        assert!(name("", " ").check().is_err());
        assert!(name(&"x".repeat(26), "Byron").check().is_err());
        let id = |text: &str| text.parse::<StaffId>().expect("an id");
        assert_eq!(check_staff_id(&id("000160")), Ok(()));
        assert!(check_staff_id(&id(&"1".repeat(26))).is_err());
    }
}
