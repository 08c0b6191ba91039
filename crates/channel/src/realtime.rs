//! Calls of the Real-time Service as an edge makes them: its own, and those that a channel passes
//! on for its registers.
//!
//! It must never answer for headquarters, nor count a refusal as a failure of the way to it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use rusqlite::Connection;
use tillsync_domain::ids::CustomerGuid;
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::offline::RegisterLine;
use tillsync_exchange::breaker::{Admission, Breaker, Outcome};
use tillsync_exchange::messages::{DatabaseKind, RefusedField};
use tillsync_exchange::realtime::{CreateCustomerCall, CreatedCustomer};
use uuid::Uuid;

use crate::db::DbError;
use crate::edge::Edge;
use crate::link;
use crate::offline::register_line;
use crate::offline_profile::KeptBack;
use crate::project::{self, Generation};
use crate::upstream::{Upstream, UpstreamError};

/// Why a call brought no customer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// It was not made: the calls before it were not answered.
    #[error("headquarters did not answer the last calls and is not called for a while")]
    Skipped,
    /// It was not answered, or by somebody who cannot answer it now. Whether headquarters carried
    /// it out is not known.
    #[error("headquarters did not answer: {0}")]
    Unanswered(#[source] UpstreamError),
    /// Headquarters says no.
    #[error("{message}")]
    Refused {
        /// What sort of refusal.
        kind: ErrorKind,
        /// In headquarters' words.
        message: String,
        /// The fields that it refused, where it is fields.
        fields: Vec<RefusedField>,
    },
}

impl CallError {
    /// What sort of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            CallError::Skipped | CallError::Unanswered(_) => ErrorKind::Busy,
            CallError::Refused { kind, .. } => *kind,
        }
    }

    /// Only these stand for headquarters' own word. An upstream that is busy, broken or too old to
    /// know the call has not spoken for it (F06, F07).
    fn of(error: UpstreamError) -> Self {
        use ErrorKind::{Conflict, Forbidden, Invalid};
        match error {
            UpstreamError::Refused {
                kind: kind @ (Invalid | Conflict | Forbidden),
                message,
                fields,
                ..
            } => CallError::Refused { kind, message, fields },
            error => CallError::Unanswered(error),
        }
    }
}

/// A breaker of an edge, shared by all calls of a sort.
#[derive(Default)]
pub(crate) struct Line(Mutex<Breaker>);

impl Line {
    pub(crate) fn breaker(&self) -> Breaker {
        *self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, Breaker> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Has a customer created at headquarters, unless calls are known not to be answered.
///
/// # Errors
/// Busy: no answer, or nobody was asked. Otherwise headquarters' refusal.
pub fn call_create_customer(
    edge: &Edge,
    upstream: &dyn Upstream,
    call: &CreateCustomerCall,
    now: Timestamp,
) -> Result<CreatedCustomer, CallError> {
    let asked = call.operations.first().map(|operation| operation.customer);
    ask((edge, &edge.realtime), now, || {
        let answer = upstream.create_customer(call)?;
        if is_about(&answer, asked) { Ok(answer) } else { Err(of_somebody_else()) }
    })
}

/// Makes a call, unless calls of its sort are known not to be answered, and notes how it went.
pub(crate) fn ask<T>(
    (edge, line): (&Edge, &Line),
    now: Timestamp,
    call: impl FnOnce() -> Result<T, UpstreamError>,
) -> Result<T, CallError> {
    if may_not_call(edge) || line.lock().admit(now) == Admission::Skip {
        return Err(CallError::Skipped);
    }
    let answer = call();
    note_at_register(edge, &answer, now);
    let answer = answer.map_err(CallError::of);
    let outcome = match &answer {
        Ok(_) | Err(CallError::Refused { .. }) => Outcome::Answered,
        Err(CallError::Unanswered(_) | CallError::Skipped) => Outcome::Failed,
    };
    line.lock().note(outcome, now);
    answer
}

/// Whether nobody upstream is called now: no till waits for a store that is known to be away.
fn may_not_call(edge: &Edge) -> bool {
    // A database that cannot say how it was switched has other troubles than this call.
    register_line(edge).is_ok_and(RegisterLine::is_offline)
}

/// A call that is not answered takes a register offline. A channel's line is known by its exchange.
fn note_at_register<T>(edge: &Edge, answer: &Result<T, UpstreamError>, now: Timestamp) {
    if edge.identity().kind == DatabaseKind::Register {
        link::note(edge, answer, now);
    }
}

/// The same for a register, whose answer the channel takes over as well, so that the whole store
/// finds the customer at once.
///
/// # Errors
/// As [`call_create_customer`].
pub fn pass_on_create_customer(
    edge: &Edge,
    upstream: &dyn Upstream,
    call: &CreateCustomerCall,
    now: Timestamp,
) -> Result<CreatedCustomer, CallError> {
    let answer = call_create_customer(edge, upstream, call, now)?;
    let taken = answer.clone();
    // The register has its answer in any case; here it comes with 1010 at the latest.
    let written = edge.db.write(move |connection| answer_write(connection, &taken));
    if let Err(error) = written {
        tracing::warn!(%error, "a customer that was created for a register is not here yet");
    }
    Ok(answer)
}

/// Writes the customer that headquarters answered with, as 1010 would. What is kept from this
/// database does not come into it by an answer either; what is here already is brought up to date.
pub(crate) fn answer_write(
    connection: &Connection,
    answer: &CreatedCustomer,
) -> Result<(), DbError> {
    let kept_back = KeptBack::read(connection)?;
    let customer = &answer.customer;
    if !kept_back.customers || is_here(connection, CUSTOMER_IS_HERE, customer.guid.as_uuid())? {
        project::customer_upsert(connection, customer, Generation::NONE)?;
    }
    let mut version = customer.version;
    for address in &answer.addresses {
        let guid = address.guid();
        if !kept_back.addresses || is_here(connection, ADDRESS_IS_HERE, guid.as_uuid())? {
            project::address_upsert(connection, address, Generation::NONE)?;
        }
        version = version.max(address.version);
    }
    connection
        .prepare_cached("UPDATE edge SET answered = max(answered, ?1)")?
        .execute([version])?;
    Ok(())
}

const CUSTOMER_IS_HERE: &str = "SELECT 1 FROM customer WHERE guid = ?1";
const ADDRESS_IS_HERE: &str = "SELECT 1 FROM address WHERE guid = ?1";

fn is_here(connection: &Connection, statement: &str, guid: &Uuid) -> Result<bool, DbError> {
    Ok(connection.prepare_cached(statement)?.exists([guid.as_bytes()])?)
}

/// Whether an answer is about the customer that was asked for, if one was, and has a usable
/// account.
pub(crate) fn is_about(answer: &CreatedCustomer, asked: Option<CustomerGuid>) -> bool {
    let guid = answer.customer.guid;
    asked.is_none_or(|asked| asked == guid)
        && answer.customer.account_number().is_ok()
        && answer.addresses.iter().all(|address| address.customer == guid)
}

/// An answer about somebody else, or without a usable account, is no answer.
pub(crate) fn of_somebody_else() -> UpstreamError {
    UpstreamError::Unreachable("its answer is not about the customer".to_owned())
}
