//! Requests to a store node: what is taken is taken whole, and headquarters reads the same.

use std::sync::LazyLock;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::Value;
use tillsync_channel::identity::{Identity, UpstreamUrl};
use tillsync_channel::sell::{RecordTrade, What};
use tillsync_channel_web::bodies::{read_address, read_customer, read_trade};
use tillsync_domain::customer::{AddressDraft, CustomerDraft, Field};
use tillsync_domain::document::{Body, Document};
use tillsync_domain::ids::{AddressGuid, Counter, CustomerGuid, EntryId, OperationId};
use tillsync_domain::operation::{Act, Operation};
use tillsync_domain::trade::{
    AMOUNT_MAX, CatalogItem, CustomerOrder, LINES_MAX, PAYMENTS_MAX, Sale, TradeDraft, TradeKind,
};
use tillsync_exchange::device::Secret;
use tillsync_exchange::messages::DatabaseKind;
use tillsync_exchange::rows::document::DocumentRow;
use tillsync_exchange::rows::log::LogRow;
use tillsync_exchange::rows::operation::OperationRow;
use uuid::Uuid;

use crate::lossless::{object, texts};

/// A customer or an address, as programs send them.
pub(crate) fn customer(input: &[u8]) {
    if let Ok((draft, addresses)) = read_customer(input) {
        assert_nothing_dropped(input, &format!("{draft:?}{addresses:?}"));
        assert_customer_arrives(draft, addresses);
    }
    if let Ok(address) = read_address(input) {
        assert_nothing_dropped(input, &format!("{address:?}"));
    }
}

/// A sale or an order, as programs send them.
pub(crate) fn trade(input: &[u8]) {
    let Ok(record) = read_trade(&HERE, input) else { return };
    assert_amounts_exact(input, &record);
    assert_trade_arrives(record);
}

static HERE: LazyLock<Identity> = LazyLock::new(|| Identity {
    database: "S1.R1".parse().expect("a database id"),
    kind: DatabaseKind::Register,
    group: "G1".parse().expect("a group"),
    parent: Some("S1".parse().expect("a database id")),
    upstream: UpstreamUrl::parse("http://localhost:1").expect("a URL"),
    credential: Secret::from_random([7; 32]),
});

/// Every text of a body that was taken stands in what was read.
fn assert_nothing_dropped(input: &[u8], read: &str) {
    // A field given twice counts as its last, as everywhere in this format.
    let Some(fields) = object(input) else { return };
    for (name, text) in texts(&Value::Object(fields)) {
        let is_kept = read.contains(&format!("{text:?}"));
        assert!(is_kept, "{name} was dropped: {text:?}");
    }
}

/// What keeps the rules at the edge keeps them at headquarters, and fits there.
fn assert_customer_arrives(draft: CustomerDraft, addresses: Vec<AddressDraft>) {
    let Ok(customer) = draft.check() else { return };
    let customer_type = customer.name.customer_type();
    assert!(customer.name.full().chars().count() <= Field::Name.chars_max());
    assert_operation(Act::CreateCustomer(Box::new(customer)));
    let addresses = AddressDraft::check_all(addresses, customer_type, guid);
    for address in addresses.unwrap_or_default() {
        assert_operation(Act::AddAddress(Box::new(address)));
    }
}

fn guid() -> AddressGuid {
    AddressGuid::from_uuid(Uuid::from_u128(3))
}

fn assert_operation(act: Act) {
    let operation = Operation {
        id: OperationId::from_uuid(Uuid::from_u128(1)),
        customer: CustomerGuid::from_uuid(Uuid::from_u128(2)),
        act,
        created_at: Timestamp::UNIX_EPOCH,
        origin: "S1".parse().expect("a database id"),
        staff: None,
    };
    let row = OperationRow::record(&operation, Counter(1));
    assert_eq!(row.operation().as_ref(), Ok(&operation), "headquarters reads something else");
    LogRow::Operation(row).check_size().expect("what the edge takes can be sent");
}

/// Amounts are taken digit by digit: those that were sent are those that were read.
fn assert_amounts_exact(input: &[u8], record: &RecordTrade) {
    let Some(fields) = object(input) else { return };
    let sent = fields.get("TotalAmount").and_then(Value::as_str);
    let sent = sent.and_then(|sent| Decimal::from_str_exact(sent.trim()).ok());
    if let (Some(sent), Some(read)) = (sent, record.total) {
        assert_eq!(sent, read);
    }
}

fn assert_trade_arrives(record: RecordTrade) {
    let euro = "EUR".parse().expect("a currency");
    let kind = match record.what {
        What::Sale => TradeKind::Sale,
        What::VoidedSale => TradeKind::VoidedSale,
        What::Order(_) => TradeKind::Order,
    };
    let draft = TradeDraft {
        customer: record.customer,
        shift: record.shift.unwrap_or_else(|| "S1.R1-S1".parse().expect("a shift")),
        receipt: "S1.R1-000001".parse().expect("a receipt"),
        currency: record.currency.unwrap_or(euro),
        lines: record.lines,
        payments: record.payments,
        total: record.total,
    };
    let item = CatalogItem {
        name: "Coffee".to_owned(),
        tax_rate: Decimal::new(14, 0),
        price: Some(Decimal::new(250, 2)),
    };
    let Ok(trade) = draft.check(kind, |_| Some(item.clone())) else { return };
    assert!(trade.lines.len() <= LINES_MAX && trade.payments.len() <= PAYMENTS_MAX);
    assert!(trade.total.abs() <= AMOUNT_MAX, "a total beyond any till: {}", trade.total);
    let body = match record.what {
        What::Order(delivery) => Body::Order(Box::new(CustomerOrder { trade, delivery })),
        What::Sale => Body::Sale(Box::new(Sale { trade, is_voided: false })),
        What::VoidedSale => Body::Sale(Box::new(Sale { trade, is_voided: true })),
    };
    let document = Document {
        id: EntryId::from_uuid(Uuid::from_u128(1)),
        number: record.number.unwrap_or_else(|| "S1.R1-1".parse().expect("a number")),
        body,
        created_at: Timestamp::UNIX_EPOCH,
        origin: "S1.R1".parse().expect("a database id"),
        staff: record.staff,
    };
    let row = DocumentRow::record(&document, Counter(1));
    assert_eq!(row.document().as_ref(), Ok(&document), "headquarters reads something else");
    LogRow::Document(row).check_size().expect("what the edge takes can be sent");
}
