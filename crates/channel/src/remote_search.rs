//! Searching the customers of all stores (F91), and taking one of them into this store (F92):
//! questions that headquarters alone answers.
//!
//! It must never answer from this database instead: who asks for all stores would take what is here
//! for everything there is.

use jiff::Timestamp;
use tillsync_domain::ids::CustomerKey;
use tillsync_domain::kind::ErrorKind;
use tillsync_exchange::realtime::{
    AddToStoreAnswer, AddToStoreCall, KEYWORD_SIGNS_MIN, SearchAnswer, SearchCall, keyword_signs,
};

use crate::db::DbError;
use crate::edge::Edge;
use crate::find::{CustomerView, answered_view, customer_by_key};
use crate::realtime::{CallError, answer_write, ask, is_about, of_somebody_else};
use crate::upstream::Upstream;

/// Why headquarters' customers were not seen.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// Too little to search everybody for (F91).
    #[error(
        "a search of all stores needs a keyword of at least {KEYWORD_SIGNS_MIN} letters or \
         digits; type more, or search this store alone"
    )]
    TooShort,
    /// Nobody has that key, anywhere.
    #[error("headquarters knows no customer with that key")]
    NoCustomer,
    /// No answer.
    #[error(
        "headquarters did not answer, and it alone knows the customers of all stores; try again, \
         or search this store alone"
    )]
    Unanswered(#[source] CallError),
    /// Headquarters says no.
    #[error("headquarters refused: {message}")]
    Refused {
        /// What sort of refusal.
        kind: ErrorKind,
        /// In headquarters' words.
        message: String,
    },
    /// The database failed.
    #[error("take the customer over")]
    Db(#[from] DbError),
}

impl RemoteError {
    /// What sort of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            RemoteError::TooShort => ErrorKind::Invalid,
            RemoteError::NoCustomer => ErrorKind::NotFound,
            RemoteError::Unanswered(error) => error.kind(),
            RemoteError::Refused { kind, .. } => *kind,
            RemoteError::Db(error) => error.kind(),
        }
    }
}

impl From<CallError> for RemoteError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Refused { kind, message, .. } => RemoteError::Refused { kind, message },
            error @ (CallError::Skipped | CallError::Unanswered(_)) => {
                RemoteError::Unanswered(error)
            }
        }
    }
}

/// Searches the customers of all stores.
///
/// # Errors
/// Invalid: a keyword that is too short, or finds too many. Busy: no answer.
pub fn search_all_stores(
    edge: &Edge,
    upstream: &dyn Upstream,
    call: &SearchCall,
    now: Timestamp,
) -> Result<SearchAnswer, RemoteError> {
    if keyword_signs(call.keyword.trim()) < KEYWORD_SIGNS_MIN {
        return Err(RemoteError::TooShort);
    }
    Ok(pass_on_search(edge, upstream, call, now)?)
}

/// The same for a register.
///
/// # Errors
/// Busy: no answer. Otherwise headquarters' refusal.
pub fn pass_on_search(
    edge: &Edge,
    upstream: &dyn Upstream,
    call: &SearchCall,
    now: Timestamp,
) -> Result<SearchAnswer, CallError> {
    ask((edge, &edge.searches), now, || upstream.search_customers(call))
}

/// Takes a customer of another store into this one, by either key, and shows it. Headquarters is
/// asked although the customer is here: an order may have brought it without the address book, or a
/// restored headquarters forgotten it. One that is pending here is shown as it is.
///
/// # Errors
/// NotFound: nobody has that key. Busy: no answer; a repeat is harmless.
pub fn add_to_store(
    edge: &Edge,
    upstream: &dyn Upstream,
    key: &CustomerKey,
    now: Timestamp,
) -> Result<CustomerView, RemoteError> {
    let here = edge.db.read(|connection| customer_by_key(connection, key))?;
    if let Some(pending) = here.filter(|view| view.account.is_none()) {
        return Ok(pending);
    }
    let call = AddToStoreCall { customer: key.clone() };
    let answer = call_add_to_store(edge, upstream, &call, now)?;
    let customer = answer.customer.ok_or(RemoteError::NoCustomer)?;
    let guid = CustomerKey::Temporary(customer.customer.guid);
    edge.db.write(move |connection| {
        answer_write(connection, &customer)?;
        let kept = customer_by_key(connection, &guid)?;
        Ok(kept.unwrap_or_else(|| answered_view(customer)))
    })
}

/// The same for a register, whose answer the channel takes over as well.
///
/// # Errors
/// Busy: no answer. Otherwise headquarters' refusal.
pub fn pass_on_add_to_store(
    edge: &Edge,
    upstream: &dyn Upstream,
    call: &AddToStoreCall,
    now: Timestamp,
) -> Result<AddToStoreAnswer, CallError> {
    let answer = call_add_to_store(edge, upstream, call, now)?;
    if let Some(customer) = answer.customer.clone() {
        // The register has its answer in any case; here it comes with 1010 at the latest.
        let written = edge.db.write(move |connection| answer_write(connection, &customer));
        if let Err(error) = written {
            tracing::warn!(%error, "a customer that was taken into the store is not here yet");
        }
    }
    Ok(answer)
}

fn call_add_to_store(
    edge: &Edge,
    upstream: &dyn Upstream,
    call: &AddToStoreCall,
    now: Timestamp,
) -> Result<AddToStoreAnswer, CallError> {
    let asked = match &call.customer {
        CustomerKey::Temporary(guid) => Some(*guid),
        CustomerKey::Numbered(_) => None,
    };
    ask((edge, &edge.searches), now, || {
        let answer = upstream.add_to_store(call)?;
        match &answer.customer {
            Some(customer) if !is_about(customer, asked) => Err(of_somebody_else()),
            Some(_) | None => Ok(answer),
        }
    })
}
