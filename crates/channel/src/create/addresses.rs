//! Adding addresses to a customer that is known here.

use jiff::Timestamp;
use rusqlite::Connection;
use tillsync_domain::customer::{AddressDraft, CustomerType};
use tillsync_domain::feature::may_add_address;
use tillsync_domain::ids::{CustomerGuid, CustomerKey, StaffId};
use tillsync_domain::operation::Act;

use super::{
    CreateError, Fingerprint, Keyed, RequestKey, append, check_addresses, fill_country, operations,
    request_once, whole_microseconds,
};
use crate::edge::Edge;
use crate::feature::features_read;
use crate::find::{CustomerView, Revision, customer_by_key};

/// Addresses to add to a customer.
#[derive(Debug, Clone)]
pub struct AddAddresses {
    /// The customer, by either key.
    pub customer: CustomerKey,
    /// The addresses.
    pub addresses: Vec<AddressDraft>,
    /// Who adds them.
    pub staff: Option<StaffId>,
    /// How a repeat is recognised.
    pub request: Option<RequestKey>,
}

/// Adds addresses to a customer, pending or permanent (F25, F26). The one that asks to be primary
/// becomes the customer's one primary address (F29).
///
/// # Errors
/// NotFound: no such customer here. Otherwise as [`create_customer`](super::create_customer).
pub fn add_addresses(
    edge: &Edge,
    request: AddAddresses,
    now: Timestamp,
) -> Result<CustomerView, CreateError> {
    add_addresses_at(edge, request, None, now)
}

/// The same, only while the customer is in the state that the caller insists on. A repeat of a
/// request that was settled is answered in any state.
///
/// # Errors
/// Conflict: it is in another state, too. Otherwise as [`add_addresses`].
pub fn add_addresses_at(
    edge: &Edge,
    request: AddAddresses,
    only_at: Option<Revision>,
    now: Timestamp,
) -> Result<CustomerView, CreateError> {
    let AddAddresses { customer, addresses, staff, request } = request;
    let now = whole_microseconds(now);
    let known = edge.db.read(|connection| customer_by_key(connection, &customer))?;
    let Some(known) = known else { return Err(CreateError::NoCustomer) };
    let guid = known.guid;
    let kind = match known.content.customer_type {
        2 => CustomerType::Organization,
        _ => CustomerType::Person,
    };
    let mut addresses = check_addresses(edge, addresses, kind, now)?;
    let fingerprint = Fingerprint::of("add", Some(guid), None, &addresses);
    fill_country(edge, &mut addresses);
    let acts = addresses.into_iter().map(Box::new).map(Act::AddAddress);
    let operations = operations(edge, guid, acts, staff, now);
    let keyed = request.map(|key| Keyed { key, fingerprint });
    let view = edge.db.write(move |connection| {
        let is_repeat = match &keyed {
            Some(keyed) => request_once(connection, keyed, guid)?.is_some(),
            None => false,
        };
        let key = CustomerKey::Temporary(guid);
        let stored = |connection| customer_by_key(connection, &key)?.ok_or(CreateError::NoCustomer);
        if !is_repeat {
            if let Some(expected) = &only_at
                && stored(connection)?.revision() != *expected
            {
                return Err(CreateError::Changed);
            }
            address_gate(connection, guid)?;
            append(connection, &operations)?;
        }
        stored(connection)
    })?;
    edge.signals.entries_recorded();
    Ok(view)
}

/// Whether the features that hold here let an address be added (F25).
fn address_gate(connection: &Connection, customer: CustomerGuid) -> Result<(), CreateError> {
    let known = customer_by_key(connection, &CustomerKey::Temporary(customer))?;
    let is_pending = known.is_none_or(|customer| customer.account.is_none());
    Ok(may_add_address(&features_read(connection)?.features, is_pending)?)
}
