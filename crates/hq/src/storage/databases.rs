//! Groups, edge databases, their credentials, and the tokens of operators.

use jiff::Timestamp;
use tillsync_domain::ids::{AccountNumber, AddressBook, DatabaseId, GroupId};
use tillsync_exchange::device::SecretHash;
use tillsync_exchange::messages::{DatabaseHealth, DatabaseKind, ExchangeMode};

use super::StorageError;

/// A channel database group: databases that get the same data selection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRecord {
    /// Its name.
    pub id: GroupId,
    /// The address books whose customers its databases get (F75).
    pub address_books: Vec<AddressBook>,
    /// Whether changes travel at once or by schedule.
    pub mode: ExchangeMode,
}

/// A database to be enrolled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDatabase {
    /// Its name.
    pub id: DatabaseId,
    /// Channel or register.
    pub kind: DatabaseKind,
    /// Its group.
    pub group: GroupId,
    /// A register's channel.
    pub parent: Option<DatabaseId>,
    /// The address book that customers created there get.
    pub address_book: AddressBook,
    /// When it was added.
    pub created_at: Timestamp,
}

/// An edge database as headquarters knows it.
#[derive(Debug, Clone, PartialEq)]
pub struct DatabaseRecord {
    /// What was added.
    pub database: NewDatabase,
    /// When a device redeemed its activation code.
    pub enrolled_at: Option<Timestamp>,
    /// When its credential was revoked.
    pub revoked_at: Option<Timestamp>,
    /// When it last asked for packages.
    pub last_seen_at: Option<Timestamp>,
    /// What it said of itself then.
    pub health: Option<DatabaseHealth>,
    /// The last pull it answered.
    pub pulled: u64,
    /// The account that unnamed sales of a channel are posted to.
    pub default_customer: Option<AccountNumber>,
}

/// An activation code, by its hash: one use, expiring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activation {
    /// The hash of the code.
    pub code: SecretHash,
    /// The database it activates.
    pub database: DatabaseId,
    /// Not valid from then on.
    pub expires_at: Timestamp,
    /// The credential that redeemed it; a repeat with the same one is the same redemption.
    pub redeemed_by: Option<SecretHash>,
}

/// An operator's token for `/api/v1`, by its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorToken {
    /// The hash of the token.
    pub hash: SecretHash,
    /// Whose or what for.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Reading them.
#[allow(missing_docs, reason = "each method reads what its name says")]
pub trait DatabaseReads {
    fn group_get(&mut self, group: &GroupId) -> Result<Option<GroupRecord>, StorageError>;

    /// Every group, by name.
    fn groups_all(&mut self) -> Result<Vec<GroupRecord>, StorageError>;

    fn database_get(
        &mut self,
        database: &DatabaseId,
    ) -> Result<Option<DatabaseRecord>, StorageError>;

    /// The database whose present, not revoked credential has this hash.
    fn database_by_credential(
        &mut self,
        credential: &SecretHash,
    ) -> Result<Option<DatabaseRecord>, StorageError>;

    /// Every database, by name.
    fn databases_all(&mut self) -> Result<Vec<DatabaseRecord>, StorageError>;

    /// The registers of a channel that are revoked, by name.
    fn revoked_registers(&mut self, channel: &DatabaseId) -> Result<Vec<DatabaseId>, StorageError>;

    fn activation_get(&mut self, code: &SecretHash) -> Result<Option<Activation>, StorageError>;

    fn operator_token_get(
        &mut self,
        hash: &SecretHash,
    ) -> Result<Option<OperatorToken>, StorageError>;
}

/// Changing them.
pub trait DatabaseWrites {
    /// Inserts the group or replaces its books and mode.
    fn group_put(&mut self, group: &GroupRecord) -> Result<(), StorageError>;

    /// Inserts the database unless one of that name exists; says whether it did.
    fn database_insert_once(&mut self, database: &NewDatabase) -> Result<bool, StorageError>;

    /// Inserts or replaces an activation code.
    fn activation_put(&mut self, activation: &Activation) -> Result<(), StorageError>;

    /// Gives the database this credential (replacing an older one), clears a revocation, and sets
    /// `enrolled_at`.
    fn database_enrol(
        &mut self,
        database: &DatabaseId,
        credential: &SecretHash,
        now: Timestamp,
    ) -> Result<(), StorageError>;

    /// Revokes the database's credential and forgets its activation codes that are not redeemed.
    fn database_revoke(
        &mut self,
        database: &DatabaseId,
        now: Timestamp,
    ) -> Result<(), StorageError>;

    /// Records that the database asked for packages, what it said of itself and which pull it has
    /// answered; `pulled` never goes back.
    fn database_seen(
        &mut self,
        database: &DatabaseId,
        health: &DatabaseHealth,
        pulled: u64,
        now: Timestamp,
    ) -> Result<(), StorageError>;

    /// Sets the account that unnamed sales of a channel are posted to.
    fn database_default_customer_set(
        &mut self,
        database: &DatabaseId,
        account: &AccountNumber,
    ) -> Result<(), StorageError>;

    /// Inserts or replaces an operator's token of that name.
    fn operator_token_put(&mut self, token: &OperatorToken) -> Result<(), StorageError>;
}
