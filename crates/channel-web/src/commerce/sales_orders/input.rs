//! Reading a sale or an order out of a request, field by field.
//!
//! Nothing is dropped silently: a field that cannot be kept is refused by name, unless it is
//! empty. Amounts and rules are the domain's business.

use std::fmt::Display;
use std::str::FromStr;

use serde_json::Value;
use serde_json::value::RawValue;
use tillsync_channel::identity::Identity;
use tillsync_channel::sell::{LineClaim, RecordTrade, What};
use tillsync_domain::ids::AddressGuid;
use tillsync_domain::trade::{Delivery, LineDraft, PaymentDraft, ReturnOf};

use super::super::amount::RawFields;
use super::super::input::{Reader, is_empty};
use crate::odata::{Detail, ODataError};

/// `TransactionTypeValue` of a cash-and-carry sale.
pub(super) const TYPE_SALE: u32 = 2;
/// `TransactionTypeValue` of a customer order.
pub(super) const TYPE_ORDER: u32 = 14;
/// `DeliveryMode` of an order that the customer comes for.
pub(super) const PICKUP: &str = "Pickup";
/// `DeliveryMode` of an order that is sent.
pub(super) const SHIP: &str = "Ship";

/// Fields of the interface that this node gives itself; a creation leaves them empty.
const GIVEN: [&str; 3] = ["ReceiptId", "SalesId", "CreatedDateTime"];
/// Parts of a transaction that cannot be kept yet.
const PARTS: [&str; 6] = [
    "AttributeValues",
    "ChargeLines",
    "ReasonCodeLines",
    "AffiliationLoyaltyTierLines",
    "Comment",
    "ExtensionProperties",
];

/// Reads a sale or an order.
pub(in super::super) fn read_order(
    here: &Identity,
    entity: &RawValue,
) -> Result<RecordTrade, ODataError> {
    let Some(mut fields) = RawFields::of(entity) else {
        let refused = Detail::invalid("entity", "must be an object");
        return Err(ODataError::fields(vec![refused]));
    };
    let mut reader = Reader::default();
    let delivery = read_delivery(&mut reader, &mut fields);
    let is_order = read_kind(&mut reader, &mut fields, delivery.is_some());
    let lines = fields.objects(&mut reader, "SalesLines");
    let (lines, claims) =
        lines.into_iter().map(|(prefix, line)| read_line(&mut reader, &prefix, line)).unzip();
    let payments = fields.objects(&mut reader, "TenderLines");
    let payments = payments
        .into_iter()
        .filter_map(|(prefix, payment)| read_payment(&mut reader, &prefix, payment))
        .collect();
    let is_voided = reader.flag("IsVoided", fields.take("IsVoided")).unwrap_or(false);
    if is_order && is_voided {
        reader.refuse("IsVoided", "an order is not voided before it was made");
    }
    let what = match (is_order, is_voided) {
        (true, _) => What::Order(delivery.unwrap_or(Delivery::Pickup)),
        (false, true) => What::VoidedSale,
        (false, false) => What::Sale,
    };
    let trade = RecordTrade {
        number: identity(&mut reader, &mut fields, "Id"),
        customer: identity(&mut reader, &mut fields, "CustomerId"),
        lines,
        claims,
        payments,
        currency: identity(&mut reader, &mut fields, "CurrencyCode"),
        total: fields.amount(&mut reader, "", "TotalAmount"),
        shift: identity(&mut reader, &mut fields, "ShiftId"),
        staff: identity(&mut reader, &mut fields, "StaffId"),
        what,
    };
    read_store(here, &mut reader, &mut fields);
    for name in GIVEN {
        if fields.take(name).is_some_and(|value| !is_empty(&value)) {
            reader.refuse(name, "is given by this node and cannot be chosen");
        }
    }
    for name in PARTS {
        if fields.take(name).is_some_and(|value| !is_empty(&value)) {
            reader.refuse(name, "cannot be kept by this version");
        }
    }
    fields.finish(&mut reader, "");
    reader.finish(trade)
}

/// Whether it is an order: by its type, else by its having a delivery.
fn read_kind(reader: &mut Reader, fields: &mut RawFields, is_delivered: bool) -> bool {
    let name = "TransactionTypeValue";
    match reader.number(name, fields.take(name)) {
        None => is_delivered,
        Some(TYPE_ORDER) => true,
        Some(TYPE_SALE) => {
            if is_delivered {
                reader.refuse("DeliveryMode", "a sale is taken away at once; an order is type 14");
            }
            false
        }
        Some(_) => {
            reader.refuse(name, "must be 2 (sale) or 14 (customer order)");
            false
        }
    }
}

fn read_delivery(reader: &mut Reader, fields: &mut RawFields) -> Option<Delivery> {
    let mode = reader.text("DeliveryMode", fields.take("DeliveryMode"));
    let mode = mode.filter(|mode| !mode.trim().is_empty());
    let address = match fields.take_raw("ShippingAddress").map(|raw| RawFields::of(&raw)) {
        None => None,
        Some(None) => {
            reader.refuse("ShippingAddress", "must be an object");
            None
        }
        Some(Some(mut address)) => {
            let id = address.take("AddressId").filter(|value| !is_empty(value));
            // An order keeps the identity only: the address itself belongs to the customer.
            address.finish(reader, "ShippingAddress.");
            parsed::<AddressGuid>(reader, "ShippingAddress.AddressId", id)
        }
    };
    match mode?.trim() {
        PICKUP => {
            if address.is_some() {
                reader.refuse("ShippingAddress", "an order that is picked up goes nowhere");
            }
            Some(Delivery::Pickup)
        }
        SHIP => {
            if address.is_none() {
                let message = "required: the AddressId of one of the customer's addresses";
                reader.refuse("ShippingAddress.AddressId", message);
            }
            address.map(Delivery::Ship)
        }
        _ => {
            reader.refuse("DeliveryMode", "must be Pickup or Ship");
            None
        }
    }
}

/// A program may say where it believes to be.
fn read_store(here: &Identity, reader: &mut Reader, fields: &mut RawFields) {
    let store = here.parent.as_ref().unwrap_or(&here.database);
    for (name, ours) in [("StoreId", store), ("TerminalId", &here.database)] {
        let given = reader.text(name, fields.take(name)).filter(|given| !given.trim().is_empty());
        if given.is_some_and(|given| given.trim() != ours.as_str()) {
            reader.refuse(name, &format!("this is {ours}"));
        }
    }
}

fn read_line(
    reader: &mut Reader,
    prefix: &str,
    fields: Option<RawFields>,
) -> (LineDraft, LineClaim) {
    let Some(mut fields) = fields else { return Default::default() };
    let path = |name: &str| format!("{prefix}{name}");
    let item = reader.text(&path("ItemId"), fields.take("ItemId")).unwrap_or_default();
    let draft = LineDraft {
        item: item.trim().to_owned(),
        quantity: fields.amount(reader, prefix, "Quantity"),
        price: fields.amount(reader, prefix, "Price"),
        discount: fields.amount(reader, prefix, "DiscountAmount"),
        tax: fields.amount(reader, prefix, "TaxAmount"),
        is_voided: reader.flag(&path("IsVoided"), fields.take("IsVoided")).unwrap_or(false),
        returns: read_return(reader, prefix, &mut fields),
    };
    let claim = LineClaim {
        tax_rate: fields.amount(reader, prefix, "TaxRatePercent"),
        total: fields.amount(reader, prefix, "TotalAmount"),
    };
    fields.finish(reader, prefix);
    (draft, claim)
}

fn read_return(reader: &mut Reader, prefix: &str, fields: &mut RawFields) -> Option<ReturnOf> {
    let (sale, line) = ("ReturnTransactionId", "ReturnLineNumber");
    let number = fields.take(line).filter(|value| !is_empty(value));
    let number = reader.number(&format!("{prefix}{line}"), number);
    let given = fields.take(sale).filter(|value| !is_empty(value));
    let is_given = given.is_some();
    let transaction = parsed(reader, &format!("{prefix}{sale}"), given);
    if is_given != number.is_some() {
        let (missing, other) = if is_given { (line, sale) } else { (sale, line) };
        reader.refuse(&format!("{prefix}{missing}"), &format!("required together with {other}"));
    }
    Some(ReturnOf { transaction: transaction?, line: number? })
}

fn read_payment(
    reader: &mut Reader,
    prefix: &str,
    fields: Option<RawFields>,
) -> Option<PaymentDraft> {
    let mut fields = fields?;
    let path = |name: &str| format!("{prefix}{name}");
    let tender = tender_text(fields.take("TenderTypeId"));
    let tender = reader.text(&path("TenderTypeId"), tender).unwrap_or_default();
    let amount = fields.amount_required(reader, prefix, "Amount");
    fields.finish(reader, prefix);
    Some(PaymentDraft { tender, amount: amount? })
}

/// Programs write the type of a tender as a text or as a number.
pub(in super::super) fn tender_text(value: Option<Value>) -> Option<Value> {
    match value {
        Some(Value::Number(number)) => Some(Value::String(number.to_string())),
        other => other,
    }
}

/// Takes out a field that holds an identity, or nothing when it is blank.
fn identity<T: FromStr<Err: Display>>(
    reader: &mut Reader,
    fields: &mut RawFields,
    name: &str,
) -> Option<T> {
    parsed(reader, name, fields.take(name).filter(|value| !is_empty(value)))
}

pub(in super::super) fn parsed<T: FromStr<Err: Display>>(
    reader: &mut Reader,
    path: &str,
    value: Option<Value>,
) -> Option<T> {
    let text = reader.text(path, value)?;
    match text.trim().parse() {
        Ok(identity) => Some(identity),
        Err(error) => {
            reader.refuse(path, &error.to_string());
            None
        }
    }
}
