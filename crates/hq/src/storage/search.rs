//! The words that customers of all stores are found by: made of the customers when somebody
//! searches, so that promoting costs nothing for them.

use tillsync_domain::ids::{AddressBook, CustomerGuid, Version};
use tillsync_exchange::rows::download::CustomerRow;

use super::StorageError;

/// How far the customers have words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SearchPosition {
    /// The way in which the words were made.
    pub made: i64,
    /// The version of the last customer that has words.
    pub version: Version,
    /// Its GUID.
    pub customer: CustomerGuid,
}

/// Reading the words of customers.
pub trait SearchReads {
    /// How far the customers have words; nothing before the first ones.
    fn search_position(&mut self) -> Result<Option<SearchPosition>, StorageError>;

    /// Customers behind a position, by version and GUID.
    fn customers_after(
        &mut self,
        position: &SearchPosition,
        limit: usize,
    ) -> Result<Vec<CustomerRow>, StorageError>;

    /// Customers that have, for each of the given words, a word that begins like one of its forms;
    /// by GUID. Nobody without words.
    fn customers_with_words(
        &mut self,
        words: &[Vec<String>],
        limit: usize,
    ) -> Result<Vec<CustomerGuid>, StorageError>;

    /// Customers whose account begins like this, by account.
    fn customers_with_account(
        &mut self,
        beginning: &str,
        limit: usize,
    ) -> Result<Vec<CustomerGuid>, StorageError>;
}

/// Writing the words of customers.
pub trait SearchWrites {
    /// Replaces the words of these customers, and moves the position. A word is kept once.
    fn search_words_put(
        &mut self,
        words: &[(CustomerGuid, Vec<String>)],
        position: &SearchPosition,
    ) -> Result<(), StorageError>;

    /// Forgets all words.
    fn search_words_forget(&mut self) -> Result<(), StorageError>;

    /// Puts a customer into an address book and gives it the next version of the change log, which
    /// is returned; nothing when it is there already. A customer that does not exist is refused
    /// (Constraint).
    fn address_book_add(
        &mut self,
        customer: &CustomerGuid,
        book: &AddressBook,
    ) -> Result<Option<Version>, StorageError>;
}
