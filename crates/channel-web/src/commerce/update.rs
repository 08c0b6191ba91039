//! `PATCH /Commerce/Customers('KEY')` and `POST …/UpdateEntity`: so far, adding addresses.
//!
//! Programs send back what they read, with an address more. What is sent back unchanged is left
//! alone; a change of anything else is refused, never ignored.

use axum::http::StatusCode;
use axum::http::header::IF_MATCH;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Map, Value};
use tillsync_channel::create::{AddAddresses, add_addresses_at};
use tillsync_channel::find::{CustomerView, Revision, find_customer};
use tillsync_domain::customer::AddressDraft;
use tillsync_domain::kind::ErrorKind;

use super::input::{Fields, is_empty, read_address, says_nothing};
use super::keyed::KeyedCall;
use super::output::{CustomerJson, customer_answer, etag_of};
use super::{read_json, request_key, requests};
use crate::app::App;
use crate::odata::{Detail, ODataError, ODataErrorJson, customer_key};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wrapped {
    #[serde(rename = "updatedEntity")]
    updated_entity: Fields,
}

/// The changed customer is the body.
#[utoipa::path(patch, path = "/Commerce/Customers('{key}')", tag = "customers",
    params(("key" = String, Path, min_length = 1, pattern = "^[^'/]+$",
        description = "an account or a GUID"),
        ("If-Match" = Option<String>, Header,
        description = "the `ETag` of the state that is to be changed, or `*`"),
        ("Idempotency-Key" = Option<String>, Header, max_length = 100,
        pattern = "^[!-~]([ -~]*[!-~])?$",
        description = "the same key with the same request is the same request")),
    request_body = requests::ChangedCustomer,
    responses((status = 200, body = CustomerJson,
        headers(("ETag" = String, description = "the state of the customer"))),
        (status = 412, body = ODataErrorJson, description = "it was changed since it was read")))]
pub(crate) fn update_customer(app: &App, call: &KeyedCall) -> Result<Response, ODataError> {
    update(app, call, read_json(&call.body)?)
}

/// The changed customer is the body's `updatedEntity`.
#[utoipa::path(post, path = "/Commerce/Customers('{key}')/UpdateEntity", tag = "customers",
    params(("key" = String, Path, min_length = 1, pattern = "^[^'/]+$",
        description = "an account or a GUID"),
        ("If-Match" = Option<String>, Header,
        description = "the `ETag` of the state that is to be changed, or `*`"),
        ("Idempotency-Key" = Option<String>, Header, max_length = 100,
        pattern = "^[!-~]([ -~]*[!-~])?$",
        description = "the same key with the same request is the same request")),
    request_body = requests::UpdateCustomerEntity,
    responses((status = 200, body = CustomerJson,
        headers(("ETag" = String, description = "the state of the customer"))),
        (status = 412, body = ODataErrorJson, description = "it was changed since it was read")))]
pub(crate) fn update_entity(app: &App, call: &KeyedCall) -> Result<Response, ODataError> {
    let Wrapped { updated_entity } = read_json(&call.body)?;
    update(app, call, updated_entity)
}

fn update(app: &App, call: &KeyedCall, mut fields: Fields) -> Result<Response, ODataError> {
    let request = request_key(&call.headers, &call.client)?;
    let key = customer_key(&call.key)?;
    let view = find_customer(&app.edge, &key)?.ok_or_else(ODataError::no_customer)?;
    let only_at = expected(call, &view)?;
    let stored = object(&CustomerJson::from(view.clone()));
    let sent_addresses = fields.remove("Addresses").unwrap_or(Value::Null);
    let mut refused = changed(&stored, &fields, "");
    let mut drafts = Vec::new();
    match sent_addresses {
        Value::Null => {}
        Value::Array(sent) => {
            let known = stored.get("Addresses").and_then(Value::as_array);
            let known = known.map(Vec::as_slice).unwrap_or_default();
            for (index, address) in sent.into_iter().enumerate() {
                match new_address(known, index, address) {
                    Ok(draft) => drafts.extend(draft),
                    Err(found) => refused.extend(found),
                }
            }
        }
        _ => refused.push(Detail::invalid("Addresses", "must be a list")),
    }
    if !refused.is_empty() {
        return Err(ODataError::fields(refused));
    }
    if drafts.is_empty() {
        return Ok(customer_answer(StatusCode::OK, view));
    }
    let add = AddAddresses {
        customer: key,
        addresses: drafts,
        staff: call.client.acting(None)?,
        request,
    };
    let view = add_addresses_at(&app.edge, add, only_at, app.now())?;
    Ok(customer_answer(StatusCode::OK, view))
}

/// The state that the caller insists on with `If-Match`; nothing when any will do.
fn expected(call: &KeyedCall, view: &CustomerView) -> Result<Option<Revision>, ODataError> {
    let mut is_given = false;
    let known = etag_of(view);
    for header in call.headers.get_all(IF_MATCH) {
        is_given = true;
        for tag in header.to_str().unwrap_or_default().split(',').map(str::trim) {
            if tag == "*" {
                return Ok(None);
            }
            if tag == known {
                return Ok(Some(view.revision()));
            }
        }
    }
    if is_given { Err(ODataError::changed_meanwhile()) } else { Ok(None) }
}

/// The address as a draft when it is not stored yet.
fn new_address(
    known: &[Value],
    index: usize,
    sent: Value,
) -> Result<Option<AddressDraft>, Vec<Detail>> {
    let prefix = format!("Addresses[{index}].");
    let Value::Object(fields) = &sent else {
        return Err(vec![Detail::invalid(&format!("Addresses[{index}]"), "must be an object")]);
    };
    let id = fields.get("AddressId").filter(|id| !is_empty(id));
    let mut known = known.iter().filter_map(Value::as_object);
    if let Some(id) = id {
        let Some(stored) = known.find(|stored| stored.get("AddressId") == Some(id)) else {
            let message = "the customer has no address with this id";
            return Err(vec![Detail::invalid(&format!("{prefix}AddressId"), message)]);
        };
        let changed = changed(stored, fields, &prefix);
        return if changed.is_empty() { Ok(None) } else { Err(changed) };
    }
    // A repeat of a request whose answer was lost carries no id either.
    let says_something = fields.values().any(|value| !is_empty(value));
    if says_something && known.any(|stored| is_same_address(stored, fields)) {
        return Ok(None);
    }
    let draft = read_address(index, sent).map_err(ODataError::into_details)?;
    Ok(Some(draft))
}

/// Whether the address is stored already: the same in every field that says something, and
/// nothing stored beyond them but what this node filled in itself.
fn is_same_address(stored: &Map<String, Value>, sent: &Fields) -> bool {
    const FILLED_IN: [&str; 5] =
        ["AddressId", "AddressTypeValue", "IsPrimary", "Deactivate", "ThreeLetterISORegionName"];
    stored.iter().all(|(name, value)| match sent.get(name).filter(|sent| !is_empty(sent)) {
        // An address can be primary without having asked for it.
        Some(Value::Bool(false)) if name == "IsPrimary" => true,
        Some(sent) => sent == value,
        None => is_empty(value) || FILLED_IN.contains(&name.as_str()),
    }) && sent.iter().all(|(name, value)| is_empty(value) || stored.contains_key(name))
}

/// The fields that say something else than what is stored.
fn changed(stored: &Map<String, Value>, sent: &Fields, prefix: &str) -> Vec<Detail> {
    let mut refused = Vec::new();
    for (name, value) in sent.iter().filter(|(name, _)| !name.contains("@odata.")) {
        let path = format!("{prefix}{name}");
        match stored.get(name) {
            Some(known) if known == value || (is_empty(known) && is_empty(value)) => {}
            // A null says nothing about the field.
            _ if value.is_null() => {}
            Some(_) => refused.push(Detail::new(
                ErrorKind::Conflict,
                &path,
                format!("editing {name} is not enabled"),
            )),
            None if says_nothing(name, value) => {}
            None => refused.push(Detail::invalid(&path, "is not a field that can be kept")),
        }
    }
    refused
}

fn object(customer: &CustomerJson) -> Map<String, Value> {
    match serde_json::to_value(customer).expect("a customer is plain JSON") {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}
