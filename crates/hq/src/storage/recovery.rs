//! What a headquarters that was restored from a backup asks its databases, and what they told.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use tillsync_domain::ids::{
    AccountNumber, AddressBook, CustomerGuid, DatabaseId, PartyNumber, RecoveryId, Version,
};
use tillsync_domain::operation::Watermark;

use super::StorageError;

/// One recovery: from the first proof that headquarters has forgotten something until everybody
/// was heard, or an operator ended it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoveryRecord {
    /// Counted from 1.
    pub number: u64,
    /// Its identity, also towards databases that remember another timeline.
    pub id: RecoveryId,
    /// When the proof was found.
    pub began_at: Timestamp,
    /// What proves it.
    pub reason: String,
    /// The version that items and prices got because databases had seen higher ones; zero as long
    /// as they did not need one.
    pub items_renewed: Version,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// The operator who ended it; absent when everybody was heard.
    pub ended_by: Option<String>,
}

/// One database in a recovery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HearingRecord {
    /// In which recovery.
    pub recovery: RecoveryId,
    /// Which database.
    pub database: DatabaseId,
    /// The version up to which its customers hold nothing that headquarters has forgotten.
    pub customers_after: Version,
    /// The same for items and prices.
    pub items_after: Version,
    /// Where its next page begins, in its own terms.
    pub page_after: u64,
    /// Customers that it has told of so far.
    pub told: u64,
    /// What it believes to have been received of its log.
    pub acknowledged: Option<Watermark>,
    /// When it had told everything.
    pub heard_at: Option<Timestamp>,
}

/// A number that was given before the restore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promise {
    /// The customer that gets it again.
    pub guid: CustomerGuid,
    /// Its account.
    pub account: AccountNumber,
    /// Its party, unless another customer has that one.
    pub party: Option<PartyNumber>,
    /// Who told of it first.
    pub source: DatabaseId,
    /// When.
    pub promised_at: Timestamp,
}

/// A number of which a database says something else than headquarters knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberConflict {
    /// The customer.
    pub guid: CustomerGuid,
    /// The account that it has according to the database.
    pub account: AccountNumber,
    /// The account that it has, or was promised, at headquarters.
    pub known_account: Option<AccountNumber>,
    /// The other customer that has, or was promised, the account.
    pub holder: Option<CustomerGuid>,
    /// Who said so first.
    pub source: DatabaseId,
    /// When.
    pub found_at: Timestamp,
    /// When somebody settled it: what headquarters knows stands.
    pub settled_at: Option<Timestamp>,
    /// Who.
    pub settled_by: Option<String>,
}

/// Reading recoveries.
pub trait RecoveryReads {
    /// The recovery with the highest number.
    fn recovery_latest(&mut self) -> Result<Option<RecoveryRecord>, StorageError>;

    /// A database in a recovery; nothing when it has no part in it.
    fn hearing_get(
        &mut self,
        recovery: &RecoveryId,
        database: &DatabaseId,
    ) -> Result<Option<HearingRecord>, StorageError>;

    /// Every database of a recovery, by name.
    fn hearings_list(&mut self, recovery: &RecoveryId) -> Result<Vec<HearingRecord>, StorageError>;

    /// The customers that have the given accounts.
    fn account_owners(
        &mut self,
        accounts: &[AccountNumber],
    ) -> Result<HashMap<AccountNumber, CustomerGuid>, StorageError>;

    /// Those of the given customers that are in at least one of the address books.
    fn customers_visible(
        &mut self,
        guids: &[CustomerGuid],
        books: &[AddressBook],
    ) -> Result<HashSet<CustomerGuid>, StorageError>;

    /// What the given customers were promised.
    fn promises_of(
        &mut self,
        guids: &[CustomerGuid],
    ) -> Result<HashMap<CustomerGuid, Promise>, StorageError>;

    /// The customers to which the given accounts are promised.
    fn promise_owners(
        &mut self,
        accounts: &[AccountNumber],
    ) -> Result<HashMap<AccountNumber, CustomerGuid>, StorageError>;

    /// How many promises are not kept yet: their customers have no account.
    fn promises_open_count(&mut self) -> Result<u64, StorageError>;

    /// Those of the given accounts that are promised or were ever disputed.
    fn accounts_reserved(
        &mut self,
        accounts: &[AccountNumber],
    ) -> Result<HashSet<AccountNumber>, StorageError>;

    /// Those of the given numbers that a party has or is promised.
    fn parties_taken(
        &mut self,
        parties: &[PartyNumber],
    ) -> Result<HashSet<PartyNumber>, StorageError>;

    /// Those of the given customers with a conflict that nobody has settled.
    fn customers_disputed(
        &mut self,
        guids: &[CustomerGuid],
    ) -> Result<HashSet<CustomerGuid>, StorageError>;

    /// Conflicts that nobody has settled, by customer and account.
    fn conflicts_open(&mut self, limit: usize) -> Result<Vec<NumberConflict>, StorageError>;

    /// How many of them there are.
    fn conflicts_open_count(&mut self) -> Result<u64, StorageError>;

    /// A conflict, settled or not.
    fn conflict_get(
        &mut self,
        guid: &CustomerGuid,
        account: &AccountNumber,
    ) -> Result<Option<NumberConflict>, StorageError>;
}

/// Changing them.
pub trait RecoveryWrites {
    /// Inserts or replaces a recovery. A second open one is refused.
    fn recovery_put(&mut self, recovery: &RecoveryRecord) -> Result<(), StorageError>;

    /// Inserts or replaces a database in a recovery.
    fn hearing_put(&mut self, hearing: &HearingRecord) -> Result<(), StorageError>;

    /// Inserts a promise. A second one to the same customer or of the same number is refused.
    fn promise_insert(&mut self, promise: &Promise) -> Result<(), StorageError>;

    /// Inserts or replaces a conflict.
    fn conflict_put(&mut self, conflict: &NumberConflict) -> Result<(), StorageError>;

    /// Lets the change log go on behind a version; never back.
    fn change_log_raise(&mut self, version: Version) -> Result<(), StorageError>;

    /// Gives customers and all their addresses the next version, so that they are sent again;
    /// nothing for none.
    fn customers_renew(&mut self, guids: &[CustomerGuid]) -> Result<(), StorageError>;

    /// Gives every item and every price the next version and returns it.
    fn items_renew(&mut self) -> Result<Version, StorageError>;
}
