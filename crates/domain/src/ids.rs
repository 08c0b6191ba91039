//! Identities: typed, parsed once, never confused with one another.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// What people read instead of a temporary account (F04).
pub const PENDING_SYNC: &str = "Pending sync";

/// The longest permanent account number headquarters stores, in characters.
pub const ACCOUNT_NUMBER_CHARS_MAX: usize = 20;

/// A text that is not an identity of the kind asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a valid {what}: {expected}")]
pub struct ParseIdError {
    /// The kind of identity that was expected.
    pub what: &'static str,
    /// The text as it came in, cut to 60 characters.
    pub text: String,
    /// What a valid one looks like.
    pub expected: &'static str,
}

impl ParseIdError {
    pub(crate) fn new(what: &'static str, text: &str, expected: &'static str) -> Self {
        ParseIdError { what, text: text.chars().take(60).collect(), expected }
    }
}

macro_rules! uuid_identity {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps a UUID that was made for this purpose.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID itself, for storage and the wire.
            pub const fn as_uuid(&self) -> &Uuid {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::try_parse(text.trim())
                    .map(Self)
                    .map_err(|_| ParseIdError::new($what, text, "a UUID, with or without braces"))
            }
        }
    };
}

uuid_identity!(
    /// The identity a customer gets where it is met; its temporary account until promotion,
    /// and a key to it for ever after (F03, F93).
    CustomerGuid, "customer GUID"
);
uuid_identity!(
    /// The identity of one postal address, independent of any database row (F27).
    AddressGuid, "address GUID"
);
uuid_identity!(
    /// The identity of one act recorded in an operation log.
    OperationId, "operation id"
);
uuid_identity!(
    /// The identity of one entry in an edge's log: an operation or a document.
    EntryId, "log entry id"
);
uuid_identity!(
    /// The identity of one statement.
    StatementId, "statement id"
);
uuid_identity!(
    /// One incarnation of an edge database: changes when it is restored from an older copy (F64).
    EpochId, "epoch id"
);
uuid_identity!(
    /// The identity of one immutable package.
    PackageId, "package id"
);
uuid_identity!(
    /// The identity of one upload or download session.
    SessionId, "session id"
);
uuid_identity!(
    /// The identity of one run of a job.
    RunId, "job run id"
);
uuid_identity!(
    /// The identity of one recovery of a headquarters that was restored (F64).
    RecoveryId, "recovery id"
);

impl From<OperationId> for EntryId {
    fn from(operation: OperationId) -> Self {
        EntryId(operation.0)
    }
}

/// The permanent account number that headquarters gives a customer, drawn from a number sequence.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountNumber(String);

impl AccountNumber {
    /// Parses a non-blank text of at most [`ACCOUNT_NUMBER_CHARS_MAX`] printable characters.
    ///
    /// # Errors
    /// Invalid: empty, too long, or holding spaces at the ends or control characters.
    pub fn parse(text: &str) -> Result<Self, ParseIdError> {
        let fits = (1..=ACCOUNT_NUMBER_CHARS_MAX).contains(&text.chars().count());
        if fits && text.trim() == text && !text.chars().any(char::is_control) {
            Ok(AccountNumber(text.to_owned()))
        } else {
            Err(ParseIdError::new("account number", text, "1 to 20 printable characters"))
        }
    }

    /// The number as people write it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The number of a party in the global address book, drawn from a number sequence of its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartyNumber(AccountNumber);

impl PartyNumber {
    /// Uses a number from the party sequence.
    pub fn from_sequence(number: AccountNumber) -> Self {
        PartyNumber(number)
    }

    /// The number as people write it.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// A number that headquarters gives to a document, drawn from a number sequence: a sales order, an
/// invoice, a voucher or a statement.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocumentNumber(AccountNumber);

impl DocumentNumber {
    /// Uses a number from a sequence.
    pub fn from_sequence(number: AccountNumber) -> Self {
        DocumentNumber(number)
    }

    /// The number as people write it.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for DocumentNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for DocumentNumber {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        AccountNumber::parse(text).map(DocumentNumber)
    }
}

/// Either key by which a customer can be named, in every tier and API.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CustomerKey {
    /// The GUID from the edge: the only key before promotion, a valid one ever after.
    Temporary(CustomerGuid),
    /// The permanent account number.
    Numbered(AccountNumber),
}

impl CustomerKey {
    /// The account as a person may see it: the number, or "Pending sync" and never the GUID (F04).
    pub fn for_people(&self) -> &str {
        match self {
            CustomerKey::Temporary(_) => PENDING_SYNC,
            CustomerKey::Numbered(account) => account.as_str(),
        }
    }
}

impl FromStr for CustomerKey {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(guid) => Ok(CustomerKey::Temporary(guid)),
            Err(_) => AccountNumber::parse(text).map(CustomerKey::Numbered).map_err(|_| {
                ParseIdError::new("customer key", text, "an account number or a customer GUID")
            }),
        }
    }
}

impl fmt::Display for CustomerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CustomerKey::Temporary(guid) => guid.fmt(f),
            CustomerKey::Numbered(account) => account.fmt(f),
        }
    }
}

macro_rules! name_identity {
    (
        $(#[$doc:meta])*
        $name:ident, $what:literal, $max:literal, $extra:literal, $expected:literal
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The name as written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let allowed = |c: char| c.is_ascii_alphanumeric() || $extra.contains(c);
                let starts_well = text.starts_with(|c: char| c.is_ascii_alphanumeric());
                let leaves_no_folder = !text.contains("..");
                let is_short = text.len() <= $max;
                if is_short && starts_well && leaves_no_folder && text.chars().all(allowed) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(ParseIdError::new($what, text, $expected))
                }
            }
        }
    };
}

name_identity!(
    /// The name of an edge database: a channel ("S1") or a register's offline database ("S1.R2").
    /// Safe as a path segment and in a URL.
    DatabaseId, "database id", 30, "-_.",
    "1 to 30 letters, digits, '-', '_' or '.', beginning with a letter or digit"
);
name_identity!(
    /// A set of edge databases that get the same data selection.
    GroupId, "channel database group", 30, "-_",
    "1 to 30 letters, digits, '-' or '_', beginning with a letter or digit"
);
name_identity!(
    /// A group of parties that a store can see; gates which customers reach which channels (F75).
    AddressBook, "address book", 30, "-_",
    "1 to 30 letters, digits, '-' or '_', beginning with a letter or digit"
);
name_identity!(
    /// A functionality profile of channels (`domain.md` 8.1).
    ProfileName, "functionality profile", 30, "-_",
    "1 to 30 letters, digits, '-' or '_', beginning with a letter or digit"
);
name_identity!(
    /// An offline profile of registers (`domain.md` 6.3).
    OfflineProfileName, "offline profile", 30, "-_",
    "1 to 30 letters, digits, '-' or '_', beginning with a letter or digit"
);
name_identity!(
    /// The member of staff who acted.
    StaffId, "staff id", 30, "-_.@",
    "1 to 30 letters, digits, '-', '_', '.' or '@', beginning with a letter or digit"
);

name_identity!(
    /// The number of a document of a till, unique in the whole chain. A program may choose it, so
    /// that a repeat of a request is known as one.
    TransactionNumber, "transaction number", 60, "-_.",
    "1 to 60 letters, digits, '-', '_' or '.', beginning with a letter or digit"
);
name_identity!(
    /// The number on a receipt.
    ReceiptNumber, "receipt number", 40, "-_./",
    "1 to 40 letters, digits, '-', '_', '.' or '/', beginning with a letter or digit"
);
name_identity!(
    /// The number of a shift, unique in the whole chain.
    ShiftNumber, "shift number", 50, "-_.",
    "1 to 50 letters, digits, '-', '_' or '.', beginning with a letter or digit"
);
name_identity!(
    /// The number of an item.
    ItemNumber, "item number", 20, "-_.",
    "1 to 20 letters, digits, '-', '_' or '.', beginning with a letter or digit"
);

/// The replication counter: ascends in commit order, never restarts within an epoch (F63).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Counter(pub u64);

impl Counter {
    /// The counter before the first operation.
    pub const ZERO: Counter = Counter(0);

    /// The next counter.
    pub fn next(self) -> Counter {
        Counter(self.0 + 1)
    }
}

impl fmt::Display for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A version of headquarters' change log. Zero is "nothing yet".
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u64);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_with_or_without_braces_is_a_guid_and_anything_else_an_account() {
        let text = "01980a5e-7c1f-7000-8000-000000000001";
        let guid: CustomerGuid = text.parse().expect("a guid");
        for form in [text.to_owned(), format!("{{{text}}}"), text.to_uppercase()] {
            assert_eq!(form.parse(), Ok(CustomerKey::Temporary(guid)));
        }
        let account = AccountNumber::parse("C-000042").expect("an account");
        assert_eq!("C-000042".parse(), Ok(CustomerKey::Numbered(account)));
        for bad in ["", " C1", "C1\n", "123456789012345678901"] {
            assert!(bad.parse::<CustomerKey>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn people_never_read_a_guid() {
        let key = CustomerKey::Temporary(CustomerGuid::from_uuid(Uuid::from_u128(7)));
        assert_eq!(key.for_people(), "Pending sync");
        let numbered: CustomerKey = "C-1".parse().expect("an account");
        assert_eq!(numbered.for_people(), "C-1");
    }

    #[test]
    fn database_names_cannot_leave_their_folder() {
        for bad in ["", "../S1", "S1/..", ".hidden", "S1..R1", "a b", &"x".repeat(31)] {
            assert!(bad.parse::<DatabaseId>().is_err(), "{bad:?}");
        }
        assert_eq!("S1.R2".parse::<DatabaseId>().expect("a register").as_str(), "S1.R2");
    }
}
