//! Customers, their addresses, and the aliases that are never deleted.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use tillsync_domain::ids::{
    AccountNumber, AddressBook, AddressGuid, CustomerGuid, CustomerKey, DatabaseId, RunId, Version,
};
use tillsync_domain::promotion::{KnownCustomer, PromotionPlan};
use tillsync_exchange::rows::download::{AddressRow, CustomerRow};

use super::StorageError;

/// The durable receipt of one promotion: which GUID became which account, when, in which run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AliasRecord {
    /// The temporary account.
    pub guid: CustomerGuid,
    /// The permanent one.
    pub account: AccountNumber,
    /// When it was given.
    pub promoted_at: Timestamp,
    /// The run that gave it.
    pub run: RunId,
    /// The version of the change log in which it first appeared.
    pub version: Version,
}

/// A customer with everything it carries, as headquarters sends it down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerRecord {
    /// The customer.
    pub customer: CustomerRow,
    /// Its addresses, primary first, then by creation and GUID.
    pub addresses: Vec<AddressRow>,
    /// The address books it is in, by name.
    pub address_books: Vec<AddressBook>,
}

/// What a promotion transaction needs besides its plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromotionContext {
    /// When.
    pub now: Timestamp,
    /// In which run.
    pub run: RunId,
    /// The address book that customers of each source get.
    pub address_books: HashMap<DatabaseId, AddressBook>,
}

/// Reading customers.
pub trait CustomerReads {
    /// Those of the given GUIDs that have an account.
    fn customers_known(
        &mut self,
        guids: &[CustomerGuid],
    ) -> Result<HashMap<CustomerGuid, KnownCustomer>, StorageError>;

    /// The owners of those of the given addresses that exist.
    fn address_owners(
        &mut self,
        addresses: &[AddressGuid],
    ) -> Result<HashMap<AddressGuid, CustomerGuid>, StorageError>;

    /// Those of the given accounts that are in use.
    fn accounts_taken(
        &mut self,
        accounts: &[AccountNumber],
    ) -> Result<HashSet<AccountNumber>, StorageError>;

    /// The receipt behind either key.
    fn alias_get(&mut self, key: &CustomerKey) -> Result<Option<AliasRecord>, StorageError>;

    /// The customer behind either key.
    fn customer_get(&mut self, key: &CustomerKey) -> Result<Option<CustomerRecord>, StorageError>;

    /// Customers whose name, e-mail, phone or account contains the text, by account behind the
    /// given one.
    fn customers_find(
        &mut self,
        text: &str,
        after: Option<&AccountNumber>,
        limit: usize,
    ) -> Result<Vec<CustomerRow>, StorageError>;

    /// How many customers there are.
    fn customers_count(&mut self) -> Result<u64, StorageError>;

    /// How many customers are in at least one of the address books.
    fn customers_in_books_count(&mut self, books: &[AddressBook]) -> Result<u64, StorageError>;

    /// How many aliases there are.
    fn aliases_count(&mut self) -> Result<u64, StorageError>;

    /// Contradictions between aliases, customers, addresses and operations, each a sentence with
    /// ids; empty when all is well. At most 100.
    fn customers_check(&mut self) -> Result<Vec<String>, StorageError>;
}

/// Promoting.
pub trait CustomerWrites {
    /// Applies a whole plan: parties, customers, aliases, addresses, address books, completion of
    /// operations. Gives everything that changes the next version of the change log and returns
    /// it. An address that becomes primary takes that from the customer's other addresses.
    ///
    /// Failed and waiting operations of the plan are not touched here.
    fn promotion_apply(
        &mut self,
        plan: &PromotionPlan,
        context: &PromotionContext,
    ) -> Result<Version, StorageError>;
}
