//! A shop counter: items on the shelf, an open shift, short ways to write sales down.

use rust_decimal::Decimal;
use tillsync_domain::ids::{CustomerKey, SessionId, ShiftNumber};
use tillsync_domain::job::JobName;
use tillsync_domain::trade::{LineDraft, PaymentDraft, ReturnOf};
use tillsync_exchange::messages::Offer;
use tillsync_exchange::package::{Manifest, PackageWriter, Scope, Span};
use tillsync_exchange::rows::Table;
use tillsync_exchange::rows::download::CustomerRow;
use tillsync_exchange::rows::feature::FeatureRow;
use tillsync_exchange::rows::item::{ItemRow, PriceRow};
use tillsync_exchange::rows::profile::ProfileRow;
use tillsync_exchange::rows::staff::StaffRow;
use uuid::Uuid;

use super::world::{Shop, at, shop};
use crate::apply::{ApplyError, apply_package};
use crate::find::CustomerView;
use crate::sell::{RecordTrade, SellError, record_trade};
use crate::shifts::{CountDraft, OpenShift, open_shift};
use crate::transactions::TransactionView;

pub(super) fn number(text: &str) -> Decimal {
    text.parse().expect("a number")
}

pub(super) fn parsed<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("keeps its form")
}

pub(super) enum Row {
    Item(ItemRow),
    Price(PriceRow),
    Customer(Box<CustomerRow>),
    Profile(ProfileRow),
    Feature(FeatureRow),
    Staff(StaffRow),
}

pub(super) fn item(name: &str, version: u64) -> Row {
    Row::Item(ItemRow {
        number: parsed(name),
        name: name.to_uppercase(),
        tax_rate: number("25.5"),
        is_active: true,
        version,
    })
}

pub(super) fn price(item: &str, price: Option<&str>, version: u64) -> Row {
    let (item, currency, price) = (parsed(item), parsed("EUR"), price.map(number));
    Row::Price(PriceRow { item, currency, price, version })
}

/// Applies a package of a job, as if it had been offered.
pub(super) fn apply(
    shop: &Shop,
    (job, scope, to): (JobName, Scope, u64),
    rows: &[Row],
) -> Result<(), ApplyError> {
    let mut writer = PackageWriter::new(Vec::new()).expect("a writer");
    for row in rows {
        match row {
            Row::Item(row) => writer.row(Table::Item, row),
            Row::Price(row) => writer.row(Table::Price, row),
            Row::Customer(row) => writer.row(Table::Customer, row),
            Row::Profile(row) => writer.row(Table::Profile, row),
            Row::Feature(row) => writer.row(Table::Feature, row),
            Row::Staff(row) => writer.row(Table::Staff, row),
        }
        .expect("a row");
    }
    let (bytes, contents) = writer.finish().expect("a package");
    let span = Span::Download { group: parsed("shops"), job, scope, from: 0, to };
    let id = tillsync_domain::ids::PackageId::from_uuid(Uuid::from_u128(u128::from(to)));
    let manifest = Manifest::new(id, at(0), span, contents);
    let offer =
        Offer { session: SessionId::from_uuid(Uuid::from_u128(9)), manifest, sequence: None };
    apply_package(&shop.edge, &offer, &bytes[..], at(3))
}

/// Headquarters gives a pending customer its account, and it comes down.
pub(super) fn promote(shop: &Shop, view: &CustomerView, account: &str) {
    let row = Row::Customer(Box::new(CustomerRow {
        guid: view.guid,
        account: account.to_owned(),
        party_number: "P-1".to_owned(),
        created_at: view.created_at,
        version: 5,
        content: view.content.clone(),
    }));
    apply(shop, (JobName::Customers1010, Scope::Delta, 5), &[row]).expect("is applied");
}

/// Coffee at 9.99 and tea at 2.50 without tax.
pub(super) fn stock(shop: &Shop) {
    let rows = [
        item("coffee", 1),
        price("coffee", Some("9.99"), 1),
        item("tea", 2),
        price("tea", Some("2.50"), 2),
    ];
    apply(shop, (JobName::Products1040, Scope::Delta, 2), &rows).expect("is applied");
}

pub(super) fn start_shift(shop: &Shop) -> ShiftNumber {
    let float = vec![CountDraft { tender: None, currency: None, amount: number("100") }];
    open_shift(&shop.edge, OpenShift { float, staff: None }, at(0)).expect("opens").number
}

/// A channel, or a register when it has a parent, that can sell.
pub(super) fn counter(name: &str, parent: Option<&str>, seed: u64) -> Shop {
    let shop = shop(name, parent, seed);
    stock(&shop);
    start_shift(&shop);
    shop
}

pub(super) fn line(item: &str, quantity: &str) -> LineDraft {
    LineDraft { item: item.into(), quantity: Some(number(quantity)), ..LineDraft::default() }
}

pub(super) fn return_of(item: &str, quantity: &str, of: &TransactionView) -> LineDraft {
    let returns = Some(ReturnOf { transaction: of.number.clone(), line: 1 });
    LineDraft { returns, ..line(item, quantity) }
}

pub(super) fn paid(tender: &str, amount: &str) -> PaymentDraft {
    PaymentDraft { tender: tender.into(), amount: number(amount) }
}

/// One coffee for 12.54, paid in cash.
pub(super) fn coffee() -> RecordTrade {
    RecordTrade {
        lines: vec![line("coffee", "1")],
        payments: vec![paid("1", "12.54")],
        ..RecordTrade::default()
    }
}

pub(super) fn coffee_for(customer: &CustomerKey) -> RecordTrade {
    RecordTrade { customer: Some(customer.clone()), ..coffee() }
}

pub(super) fn numbered(sale: RecordTrade, number: &str) -> RecordTrade {
    RecordTrade { number: Some(parsed(number)), ..sale }
}

impl Shop {
    pub(super) fn try_sell(&self, sale: RecordTrade) -> Result<TransactionView, SellError> {
        record_trade(&self.edge, sale, at(60))
    }

    pub(super) fn sell(&self, sale: RecordTrade) -> TransactionView {
        self.try_sell(sale).expect("is sold")
    }
}
