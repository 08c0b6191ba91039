//! The Real-time Service: searching the customers of all stores (F91), and taking one into the
//! address book of a store (F92).
//!
//! The words that customers are found by are made of them here, before a search is answered: a
//! search sees whoever was promoted before it. A search that would have to make too many first is
//! told to come back, and the next one goes on.

use tillsync_domain::ids::{CustomerGuid, CustomerKey, Version};
use tillsync_domain::kind::ErrorKind;
use tillsync_exchange::realtime::{
    AddToStoreAnswer, AddToStoreCall, CreatedCustomer, FOUND_MAX, FoundCustomer, KEYWORD_CHARS_MAX,
    KEYWORD_SIGNS_MIN, SearchAnswer, SearchCall, keyword_signs,
};
use tillsync_exchange::words::{Keyword, WORDS_VERSION, index_words};
use uuid::Uuid;

use crate::headquarters::Headquarters;
use crate::storage::{
    CustomerRecord, DatabaseRecord, ReadTx, SearchPosition, StorageError, WriteTx,
};

/// The most customers that one keyword may find: whoever finds more has to say more.
pub const MATCHES_MAX: usize = 200;
/// Customers that get their words in one transaction.
const BATCH_CUSTOMERS: usize = 1_000;
/// Transactions that one search makes words in before it gives up.
const BATCHES_MAX: usize = 10;

/// Why a search of all stores has no answer.
#[derive(Debug, thiserror::Error)]
pub enum RemoteSearchError {
    /// Too little to search everybody for (F91).
    #[error(
        "a search of all stores needs a keyword of at least {KEYWORD_SIGNS_MIN} letters or \
         digits, not {0}"
    )]
    TooShort(usize),
    /// Nobody is called that.
    #[error("the keyword is longer than {KEYWORD_CHARS_MAX} characters")]
    TooLong,
    /// Nobody types that, and some databases cannot hold it.
    #[error("Keyword: holds a control character; a name, phone number, e-mail or account has none")]
    ControlCharacter,
    /// A page that is too large.
    #[error("a page of a search of all stores holds at most {FOUND_MAX} customers, not {0}")]
    Page(u32),
    /// Nobody looks through so many.
    #[error(
        "more than {MATCHES_MAX} customers of all stores match; type more of the name, or another \
         word"
    )]
    TooMany,
    /// The words of customers are not made yet.
    #[error("headquarters is still indexing its customers; search again in a moment")]
    Indexing,
    /// The database failed.
    #[error("search the customers of all stores")]
    Storage(#[from] StorageError),
}

impl RemoteSearchError {
    /// What sort of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            RemoteSearchError::TooShort(_)
            | RemoteSearchError::TooLong
            | RemoteSearchError::ControlCharacter
            | RemoteSearchError::Page(_)
            | RemoteSearchError::TooMany => ErrorKind::Invalid,
            RemoteSearchError::Indexing => ErrorKind::Busy,
            RemoteSearchError::Storage(error) => error.kind(),
        }
    }
}

impl Headquarters {
    /// Finds customers of all stores, by account: by GUID or account, by the beginning of an
    /// account that has a digit in it, of a phone number or of an e-mail address, and by the
    /// beginnings of words of the name, all of which must match.
    ///
    /// # Errors
    /// Invalid: a keyword that is too short or too long, holds a control character, or finds too
    /// many. Busy: the customers are still being indexed.
    pub fn search_all_stores(
        &self,
        channel: &DatabaseRecord,
        call: &SearchCall,
    ) -> Result<SearchAnswer, RemoteSearchError> {
        let keyword = call.keyword.trim();
        if keyword.chars().any(char::is_control) {
            return Err(RemoteSearchError::ControlCharacter);
        }
        let signs = keyword_signs(keyword);
        if signs < KEYWORD_SIGNS_MIN {
            return Err(RemoteSearchError::TooShort(signs));
        }
        if keyword.chars().count() > KEYWORD_CHARS_MAX {
            return Err(RemoteSearchError::TooLong);
        }
        if call.top > FOUND_MAX {
            return Err(RemoteSearchError::Page(call.top));
        }
        self.index_customers()?;
        let found = self.storage.read(|tx| found(tx, channel, keyword))?;
        let mut found = found.ok_or(RemoteSearchError::TooMany)?;
        found.sort_by(|a, b| a.customer.account.cmp(&b.customer.account));
        let customers = found.into_iter().skip(call.skip as usize).take(call.top as usize);
        Ok(SearchAnswer { customers: customers.collect() })
    }

    /// Puts a customer into the address book of a channel, once, and answers with it. Job 1010
    /// brings it to the others of the group.
    ///
    /// # Errors
    /// Busy, Broken: the database failed.
    pub fn add_to_store(
        &self,
        channel: &DatabaseRecord,
        call: &AddToStoreCall,
    ) -> Result<AddToStoreAnswer, StorageError> {
        let now = self.now();
        let book = &channel.database.address_book;
        let (record, is_new) = self.storage.write(|tx| {
            let Some(record) = tx.customer_get(&call.customer)? else { return Ok((None, false)) };
            if tx.address_book_add(&record.customer.guid, book)?.is_none() {
                return Ok((Some(record), false));
            }
            Ok((tx.customer_get(&call.customer)?, true))
        })?;
        if is_new {
            self.signals().customers_changed();
        }
        let customer = record.map(|CustomerRecord { customer, addresses, .. }| CreatedCustomer {
            customer,
            addresses,
            now,
        });
        Ok(AddToStoreAnswer { customer })
    }

    /// Gives words to the customers that have changed since the last search.
    fn index_customers(&self) -> Result<(), RemoteSearchError> {
        let is_behind = |tx: &mut dyn ReadTx| {
            let position = tx.search_position()?.filter(|position| position.made == WORDS_VERSION);
            let position = position.unwrap_or_else(beginning);
            Ok(!tx.customers_after(&position, 1)?.is_empty())
        };
        for _ in 0..BATCHES_MAX {
            if !self.storage.read(is_behind)? {
                return Ok(());
            }
            if self.storage.write(index_batch)? < BATCH_CUSTOMERS {
                return Ok(());
            }
        }
        Err(RemoteSearchError::Indexing)
    }
}

fn beginning() -> SearchPosition {
    let customer = CustomerGuid::from_uuid(Uuid::nil());
    SearchPosition { made: WORDS_VERSION, version: Version(0), customer }
}

/// Gives words to one batch, and says how many it were.
fn index_batch(tx: &mut dyn WriteTx) -> Result<usize, StorageError> {
    let position = match tx.search_position()? {
        Some(position) if position.made == WORDS_VERSION => position,
        Some(_) => {
            tx.search_words_forget()?;
            beginning()
        }
        None => beginning(),
    };
    let rows = tx.customers_after(&position, BATCH_CUSTOMERS)?;
    let Some(last) = rows.last() else { return Ok(0) };
    let position =
        SearchPosition { made: WORDS_VERSION, version: Version(last.version), customer: last.guid };
    let words = |text: String| text.split(' ').map(str::to_owned).collect();
    let words: Vec<_> =
        rows.iter().map(|row| (row.guid, words(index_words(&row.content)))).collect();
    tx.search_words_put(&words, &position)?;
    Ok(rows.len())
}

/// Whom a keyword finds, each once; nothing when there are too many.
fn found(
    tx: &mut dyn ReadTx,
    channel: &DatabaseRecord,
    keyword: &str,
) -> Result<Option<Vec<FoundCustomer>>, StorageError> {
    let group = tx.group_get(&channel.database.group)?;
    let books = group.map(|group| group.address_books).unwrap_or_default();
    let seen = |record: CustomerRecord| FoundCustomer {
        is_in_store: record.address_books.iter().any(|book| books.contains(book)),
        customer: record.customer,
    };
    // Whoever types a whole key means nobody else.
    if let Ok(key) = keyword.parse::<CustomerKey>()
        && let Some(record) = tx.customer_get(&key)?
    {
        return Ok(Some(vec![seen(record)]));
    }
    let limit = MATCHES_MAX + 1;
    let Keyword { phone, email, mut words, .. } = Keyword::read(keyword);
    // The longest is the rarest, as far as one can tell: it is looked up, the others are compared.
    words.sort_by_key(|forms| std::cmp::Reverse(forms.iter().map(String::len).max()));
    let mut guids = tx.customers_with_words(&words, limit)?;
    for form in [phone, email].into_iter().flatten() {
        guids.extend(tx.customers_with_words(&[vec![form]], limit)?);
    }
    if keyword.chars().any(|c| c.is_ascii_digit()) {
        guids.extend(tx.customers_with_account(keyword, limit)?);
    }
    guids.sort_unstable();
    guids.dedup();
    if guids.len() > MATCHES_MAX {
        return Ok(None);
    }
    let mut customers = Vec::with_capacity(guids.len());
    for guid in guids {
        customers.extend(tx.customer_get(&CustomerKey::Temporary(guid))?.map(seen));
    }
    Ok(Some(customers))
}
