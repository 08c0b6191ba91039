//! A document as it travels and as both ends store it.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use tillsync_domain::document::{Body, Document, DocumentKind};
use tillsync_domain::ids::{
    AddressGuid, Counter, CustomerKey, DatabaseId, EntryId, ItemNumber, ReceiptNumber, ShiftNumber,
    StaffId, TransactionNumber,
};
use tillsync_domain::money::Currency;
use tillsync_domain::shift::{Count, ShiftAct, ShiftEvent};
use tillsync_domain::trade::{
    AMOUNT_MAX, CustomerOrder, Delivery, Line, Payment, ReturnOf, Sale, Tender, Trade,
};

use super::{ContentHash, exact, is_object};
use crate::text;

/// The largest content of a document, in bytes: the most lines and payments fit.
pub const DOCUMENT_BYTES_MAX: usize = 512 << 10;

/// One row of the `document` table.
///
/// The content stays raw JSON: a document that headquarters cannot read still arrives, is kept
/// word for word, and waits alone for a repair or an upgrade.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DocumentRow {
    /// Its identity in the log.
    #[serde(with = "text")]
    pub id: EntryId,
    /// The sender's counter; not part of the content hash, since a channel renumbers.
    pub counter: u64,
    /// Its number, one document's in the whole chain.
    #[serde(with = "text")]
    pub number: TransactionNumber,
    /// The kind of document; a text, since a newer sender may know more kinds.
    pub kind: String,
    /// When it was recorded.
    pub created_at: Timestamp,
    /// Where it was first recorded.
    #[serde(with = "text")]
    pub origin: DatabaseId,
    /// Who recorded it.
    #[serde(with = "text::option", default, skip_serializing_if = "Option::is_none")]
    pub staff: Option<StaffId>,
    /// When the channel took it over from a register; not part of the content hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relayed_at: Option<Timestamp>,
    /// What it says, by kind.
    pub content: Box<RawValue>,
}

/// Content that this version cannot read as a document of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the document cannot be read: {0}")]
pub struct UnreadableDocument(pub String);

impl DocumentRow {
    /// Writes a document down under a counter.
    pub fn record(document: &Document, counter: Counter) -> Self {
        DocumentRow {
            id: document.id,
            counter: counter.0,
            number: document.number.clone(),
            kind: document.body.kind().as_str().to_owned(),
            created_at: document.created_at,
            origin: document.origin.clone(),
            staff: document.staff.clone(),
            relayed_at: None,
            content: body_content(&document.body),
        }
    }

    /// What makes two rows with one number the same document or a contradiction (F115). The id is
    /// part of it: the same words recorded twice are two documents.
    pub fn content_hash(&self) -> ContentHash {
        let mut hasher = Sha256::new();
        hasher.update(self.id.as_uuid().as_bytes());
        // Each part ends with a byte that no part contains, so that parts cannot run together.
        for part in [
            self.number.as_str(),
            self.kind.as_str(),
            &self.created_at.as_microsecond().to_string(),
            self.origin.as_str(),
            self.staff.as_ref().map_or("", StaffId::as_str),
            self.content.get(),
        ] {
            hasher.update(part.as_bytes());
            hasher.update([0xff]);
        }
        ContentHash(hasher.finalize().into())
    }

    /// Reads the row as a document. Its amounts need not agree: that is for validation to say.
    ///
    /// # Errors
    /// Invalid: the kind or content is not known to this version.
    pub fn document(&self) -> Result<Document, UnreadableDocument> {
        Ok(Document {
            id: self.id,
            number: self.number.clone(),
            body: read_body(&self.kind, self.content.get())?,
            created_at: self.created_at,
            origin: self.origin.clone(),
            staff: self.staff.clone(),
        })
    }
}

/// Reads content as a document of a kind.
///
/// # Errors
/// Invalid: the kind or content is not known to this version.
pub fn read_body(kind: &str, content: &str) -> Result<Body, UnreadableDocument> {
    let Some(kind) = DocumentKind::ALL.into_iter().find(|known| known.as_str() == kind) else {
        return Err(UnreadableDocument(format!("unknown kind {kind:?}")));
    };
    match kind {
        DocumentKind::Sale => {
            let SaleContent { trade, is_voided } = parse(content)?;
            check_numbers(trade.numbers())?;
            Ok(Body::Sale(Box::new(Sale { trade: trade.into(), is_voided })))
        }
        DocumentKind::Order => {
            let OrderContent { trade, ship_to } = parse(content)?;
            check_numbers(trade.numbers())?;
            let delivery = ship_to.map_or(Delivery::Pickup, Delivery::Ship);
            Ok(Body::Order(Box::new(CustomerOrder { trade: trade.into(), delivery })))
        }
        DocumentKind::ShiftOpened | DocumentKind::ShiftBlindClosed | DocumentKind::ShiftClosed => {
            let ShiftContent { shift, counts } = parse(content)?;
            check_numbers(counts.iter().map(|count| count.amount))?;
            if kind == DocumentKind::ShiftBlindClosed && !counts.is_empty() {
                return Err(UnreadableDocument("a blind close counts nothing".to_owned()));
            }
            let counts = counts.into_iter().map(Count::from).collect();
            let act = match kind {
                DocumentKind::ShiftOpened => ShiftAct::Opened { float: counts },
                DocumentKind::ShiftClosed => ShiftAct::Closed { counted: counts },
                _ => ShiftAct::BlindClosed,
            };
            Ok(Body::Shift(ShiftEvent { shift, act }))
        }
    }
}

/// Refuses numbers that arithmetic could break on. Everything else about them is for validation.
fn check_numbers(numbers: impl IntoIterator<Item = Decimal>) -> Result<(), UnreadableDocument> {
    match numbers.into_iter().find(|number| number.abs() > AMOUNT_MAX) {
        Some(number) => Err(UnreadableDocument(format!("{number} is beyond any till"))),
        None => Ok(()),
    }
}

/// Writes down what a document says.
pub fn body_content(body: &Body) -> Box<RawValue> {
    match body {
        Body::Sale(sale) => {
            raw(&SaleContent { trade: (&sale.trade).into(), is_voided: sale.is_voided })
        }
        Body::Order(order) => {
            let ship_to = match order.delivery {
                Delivery::Pickup => None,
                Delivery::Ship(address) => Some(address),
            };
            raw(&OrderContent { trade: (&order.trade).into(), ship_to })
        }
        Body::Shift(ShiftEvent { shift, act }) => {
            let counts = match act {
                ShiftAct::Opened { float } => float.as_slice(),
                ShiftAct::BlindClosed => &[],
                ShiftAct::Closed { counted } => counted,
            };
            let counts = counts.iter().map(CountContent::from).collect();
            raw(&ShiftContent { shift: shift.clone(), counts })
        }
    }
}

fn parse<'a, T: Deserialize<'a>>(content: &'a str) -> Result<T, UnreadableDocument> {
    if !is_object(content) {
        return Err(UnreadableDocument("it is no JSON object".to_owned()));
    }
    serde_json::from_str(content).map_err(|error| UnreadableDocument(in_our_words(&error)))
}

/// What is wrong and where, without the value: the text stands on pages and may reach a log.
fn in_our_words(error: &serde_json::Error) -> String {
    let text = error.to_string();
    if ["missing field", "unknown field", "duplicate field"].iter().any(|t| text.starts_with(t)) {
        return text;
    }
    let what = if error.is_data() { "a value is not what belongs there" } else { "it is no JSON" };
    format!("{what}, line {} column {}", error.line(), error.column())
}

fn raw<T: Serialize>(content: &T) -> Box<RawValue> {
    serde_json::value::to_raw_value(content).expect("contents are plain structs of texts")
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The content of `sale`. Unknown fields are refused: dropping them would lose data.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SaleContent {
    trade: TradeContent,
    #[serde(default, skip_serializing_if = "is_default")]
    is_voided: bool,
}

/// The content of `customer_order`; picked up when it names no address.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OrderContent {
    trade: TradeContent,
    #[serde(with = "text::option", default, skip_serializing_if = "Option::is_none")]
    ship_to: Option<AddressGuid>,
}

/// The content of the three kinds of shift documents.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ShiftContent {
    #[serde(with = "text")]
    shift: ShiftNumber,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    counts: Vec<CountContent>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TradeContent {
    #[serde(with = "text::option", default, skip_serializing_if = "Option::is_none")]
    customer: Option<CustomerKey>,
    #[serde(with = "text")]
    shift: ShiftNumber,
    #[serde(with = "text")]
    receipt: ReceiptNumber,
    #[serde(with = "text")]
    currency: Currency,
    lines: Vec<LineContent>,
    #[serde(default)]
    payments: Vec<PaymentContent>,
    #[serde(with = "exact")]
    total: Decimal,
}

impl TradeContent {
    fn numbers(&self) -> impl Iterator<Item = Decimal> + '_ {
        let of_line = |line: &LineContent| {
            [line.quantity, line.price, line.discount, line.net, line.tax_rate, line.tax]
        };
        let of_payments = self.payments.iter().map(|payment| payment.amount);
        self.lines.iter().flat_map(of_line).chain(of_payments).chain([self.total])
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LineContent {
    number: u32,
    #[serde(with = "text")]
    item: ItemNumber,
    #[serde(default, skip_serializing_if = "is_default")]
    name: Option<String>,
    #[serde(with = "exact")]
    quantity: Decimal,
    #[serde(with = "exact")]
    price: Decimal,
    #[serde(with = "exact", default, skip_serializing_if = "is_default")]
    discount: Decimal,
    #[serde(with = "exact")]
    net: Decimal,
    #[serde(with = "exact")]
    tax_rate: Decimal,
    #[serde(with = "exact")]
    tax: Decimal,
    #[serde(default, skip_serializing_if = "is_default")]
    is_voided: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    returns: Option<ReturnContent>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReturnContent {
    #[serde(with = "text")]
    transaction: TransactionNumber,
    line: u32,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PaymentContent {
    tender: TenderName,
    #[serde(with = "exact")]
    amount: Decimal,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CountContent {
    tender: TenderName,
    #[serde(with = "text")]
    currency: Currency,
    #[serde(with = "exact")]
    amount: Decimal,
}

/// A tender by its name in documents.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum TenderName {
    Cash,
    Card,
    CustomerAccount,
    GiftCard,
}

impl From<Tender> for TenderName {
    fn from(tender: Tender) -> Self {
        match tender {
            Tender::Cash => TenderName::Cash,
            Tender::Card => TenderName::Card,
            Tender::CustomerAccount => TenderName::CustomerAccount,
            Tender::GiftCard => TenderName::GiftCard,
        }
    }
}

impl From<TenderName> for Tender {
    fn from(name: TenderName) -> Self {
        match name {
            TenderName::Cash => Tender::Cash,
            TenderName::Card => Tender::Card,
            TenderName::CustomerAccount => Tender::CustomerAccount,
            TenderName::GiftCard => Tender::GiftCard,
        }
    }
}

impl From<&Count> for CountContent {
    fn from(count: &Count) -> Self {
        let Count { tender, currency, amount } = *count;
        CountContent { tender: tender.into(), currency, amount }
    }
}

impl From<CountContent> for Count {
    fn from(content: CountContent) -> Self {
        let CountContent { tender, currency, amount } = content;
        Count { tender: tender.into(), currency, amount }
    }
}

impl From<&Trade> for TradeContent {
    fn from(trade: &Trade) -> Self {
        let payment = |p: &Payment| PaymentContent { tender: p.tender.into(), amount: p.amount };
        TradeContent {
            customer: trade.customer.clone(),
            shift: trade.shift.clone(),
            receipt: trade.receipt.clone(),
            currency: trade.currency,
            lines: trade.lines.iter().map(LineContent::from).collect(),
            payments: trade.payments.iter().map(payment).collect(),
            total: trade.total,
        }
    }
}

impl From<TradeContent> for Trade {
    fn from(content: TradeContent) -> Self {
        let payment = |p: PaymentContent| Payment { tender: p.tender.into(), amount: p.amount };
        Trade {
            customer: content.customer,
            shift: content.shift,
            receipt: content.receipt,
            currency: content.currency,
            lines: content.lines.into_iter().map(Line::from).collect(),
            payments: content.payments.into_iter().map(payment).collect(),
            total: content.total,
        }
    }
}

impl From<&Line> for LineContent {
    fn from(line: &Line) -> Self {
        let returns =
            |of: &ReturnOf| ReturnContent { transaction: of.transaction.clone(), line: of.line };
        LineContent {
            number: line.number,
            item: line.item.clone(),
            name: line.name.clone(),
            quantity: line.quantity,
            price: line.price,
            discount: line.discount,
            net: line.net,
            tax_rate: line.tax_rate,
            tax: line.tax,
            is_voided: line.is_voided,
            returns: line.returns.as_ref().map(returns),
        }
    }
}

impl From<LineContent> for Line {
    fn from(content: LineContent) -> Self {
        let returns = |of: ReturnContent| ReturnOf { transaction: of.transaction, line: of.line };
        Line {
            number: content.number,
            item: content.item,
            name: content.name,
            quantity: content.quantity,
            price: content.price,
            discount: content.discount,
            net: content.net,
            tax_rate: content.tax_rate,
            tax: content.tax,
            is_voided: content.is_voided,
            returns: content.returns.map(returns),
        }
    }
}

#[cfg(test)]
mod tests;
