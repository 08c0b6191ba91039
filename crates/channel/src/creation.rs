//! Creating a customer in the way that the functionality profile and the line ask for
//! (`domain.md` 6.1): through headquarters, or here alone.
//!
//! What is asked for under a request key is written down before headquarters is asked, so that a
//! repeat after a crash asks for the very same customer. It must never hold the database while it
//! waits for an answer.

use jiff::Timestamp;
use tillsync_domain::ids::CustomerKey;
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::offline::RegisterLine;
use tillsync_domain::profile::{Creation, Line, NotHere, creation};
use tillsync_exchange::realtime::CreateCustomerCall;

use crate::create::{CreateCustomer, CreateError, Keyed, Prepared, request_find, settle};
use crate::db::DbError;
use crate::edge::Edge;
use crate::find::{CustomerView, customer_by_key};
use crate::intention;
use crate::offline::register_line;
use crate::offline_profile::effective_offline_profile;
use crate::profile::effective_profile;
use crate::realtime::{CallError, call_create_customer};
use crate::upstream::Upstream;

/// How a customer would come into being here now.
///
/// # Errors
/// Busy or Broken: the database failed.
pub fn creation_mode(edge: &Edge) -> Result<Creation, DbError> {
    Ok(creation(&effective_profile(edge)?.options, line(edge)?))
}

/// Creates a customer with its addresses. It has an account when headquarters was asked and
/// answered; otherwise it is pending, as [`crate::create::create_customer`] leaves it.
///
/// A request whose key was used before for the same content gets the customer that was created
/// then, whatever the mode is now.
///
/// # Errors
/// Invalid, Conflict or Forbidden: this database or headquarters refused, or the profile forbids
/// it; nothing was created. Busy or Broken: the database failed; a repeat under the same key is
/// harmless.
pub fn create_by_mode(
    edge: &Edge,
    upstream: &dyn Upstream,
    request: CreateCustomer,
    now: Timestamp,
) -> Result<CustomerView, CreateError> {
    let prepared = Prepared::new(edge, request, now)?;
    match creation_mode(edge)? {
        Creation::Asynchronous => settle(edge, prepared, None),
        Creation::Synchronous => through_headquarters(edge, upstream, prepared, now),
        Creation::Refused(not_here) => refused_unless_known(edge, &prepared, not_here),
    }
}

fn refused_unless_known(
    edge: &Edge,
    prepared: &Prepared,
    not_here: NotHere,
) -> Result<CustomerView, CreateError> {
    match known(edge, prepared.keyed.as_ref())? {
        Some(view) => Ok(view),
        None => Err(not_here.into()),
    }
}

/// Whether the one who creates can reach those whom it has to ask. A store is always online here:
/// its call may fail.
pub(crate) fn line(edge: &Edge) -> Result<Line, DbError> {
    Ok(match register_line(edge)? {
        RegisterLine::Offline { .. } => {
            let is_filtered = effective_offline_profile(edge)?.customer_data_is_filtered;
            Line::Offline { is_filtered }
        }
        RegisterLine::Online => Line::Online,
    })
}

fn through_headquarters(
    edge: &Edge,
    upstream: &dyn Upstream,
    prepared: Prepared,
    now: Timestamp,
) -> Result<CustomerView, CreateError> {
    let prepared = match intend(edge, prepared)? {
        Intended::Settled(view) => return Ok(*view),
        Intended::Ask(prepared) => *prepared,
    };
    let call = CreateCustomerCall { operations: prepared.rows() };
    match call_create_customer(edge, upstream, &call, now) {
        Ok(answer) => settle(edge, prepared, Some(answer)),
        Err(error @ (CallError::Skipped | CallError::Unanswered(_))) => {
            // Whoever is found to be offline by this call creates as somebody who is. What was
            // written down stays: headquarters may have heard the call.
            if let Creation::Refused(not_here) = creation_mode(edge)? {
                return refused_unless_known(edge, &prepared, not_here);
            }
            tracing::info!(%error, "a customer is created here alone");
            settle(edge, prepared, None)
        }
        Err(CallError::Refused { kind, message, fields }) => {
            let refused = CreateError::Refused { kind, message, fields };
            withdraw(edge, prepared.keyed, refused)
        }
    }
}

enum Intended {
    Settled(Box<CustomerView>),
    Ask(Box<Prepared>),
}

/// Writes down what headquarters is going to be asked for, if it has a key; takes what was written
/// down before instead, if there is something.
fn intend(edge: &Edge, prepared: Prepared) -> Result<Intended, CreateError> {
    if prepared.keyed.is_none() {
        return Ok(Intended::Ask(Box::new(prepared)));
    }
    edge.db.write(move |connection| {
        let keyed = prepared.keyed.as_ref().expect("checked above");
        if let Some(first) = request_find(connection, keyed)? {
            let view = customer_by_key(connection, &CustomerKey::Temporary(first))?;
            let view = view.ok_or(CreateError::NoCustomer)?;
            return Ok(Intended::Settled(Box::new(view)));
        }
        let kept = intention::keep(connection, keyed, &prepared)?;
        Ok(Intended::Ask(Box::new(prepared.with(kept)?)))
    })
}

/// Nothing is created. The key is free again, unless somebody else's repeat was luckier, or the
/// refusal is not about the customer, so that headquarters may know it from before.
fn withdraw(
    edge: &Edge,
    keyed: Option<Keyed>,
    refused: CreateError,
) -> Result<CustomerView, CreateError> {
    if let Some(view) = known(edge, keyed.as_ref())? {
        return Ok(view);
    }
    if let Some(keyed) = keyed.filter(|_| refused.kind() != ErrorKind::Forbidden) {
        edge.db.write(move |connection| intention::drop_of(connection, &keyed))?;
    }
    Err(refused)
}

/// The customer of a settled request.
fn known(edge: &Edge, keyed: Option<&Keyed>) -> Result<Option<CustomerView>, CreateError> {
    let Some(keyed) = keyed else { return Ok(None) };
    edge.db.read(|connection| {
        let Some(first) = request_find(connection, keyed)? else { return Ok(None) };
        Ok(customer_by_key(connection, &CustomerKey::Temporary(first))?)
    })
}
