//! Sales, orders and steps of shifts for tests. Document 7 has number `T-000007` and receipt
//! `R-000007`; unless told otherwise it sells two of item `I-001` at 10.00 EUR less 1.00, which
//! comes to 23.85 with tax, for cash, in shift `SH-1` at S1.

use tillsync_domain::document::{Body, Document};
use tillsync_domain::ids::{
    AddressGuid, Counter, CustomerKey, DatabaseId, DocumentNumber, EntryId, ItemNumber,
    ReceiptNumber, ShiftNumber, StatementId, TransactionNumber,
};
use tillsync_domain::money::Currency;
use tillsync_domain::shift::{Count, ShiftAct, ShiftEvent};
use tillsync_domain::trade::amounts::{line_net, line_tax};
use tillsync_domain::trade::{CustomerOrder, Delivery, Line, Payment, Sale, Tender, Trade};
use tillsync_exchange::rows::document::DocumentRow;
use tillsync_hq::storage::{ArrivingContent, ArrivingDocument, TransactionHeader};
use uuid::Uuid;

use super::{account, at, customer_guid, database};

numbered_ids! {
    /// Log entry `n`, as documents have them.
    entry_id -> EntryId, 0x08;
    /// Statement `n`.
    statement_id -> StatementId, 0x09;
}

/// The currency of a code.
pub fn currency(code: &str) -> Currency {
    code.parse().expect("a currency")
}

/// Transaction number `n`.
pub fn transaction_number(n: u32) -> TransactionNumber {
    format!("T-{n:06}").parse().expect("a transaction number")
}

/// Receipt number `n`.
pub fn receipt_number(n: u32) -> ReceiptNumber {
    format!("R-{n:06}").parse().expect("a receipt number")
}

/// Shift number `n`.
pub fn shift_number(n: u32) -> ShiftNumber {
    format!("SH-{n}").parse().expect("a shift number")
}

/// Item number `n`.
pub fn item_number(n: u32) -> ItemNumber {
    format!("I-{n:03}").parse().expect("an item number")
}

/// A number out of a sequence.
pub fn document_number(text: &str) -> DocumentNumber {
    text.parse().expect("a document number")
}

/// Customer `n` by its GUID.
pub fn by_guid(n: u32) -> CustomerKey {
    CustomerKey::Temporary(customer_guid(n))
}

/// Customer `n` by its account.
pub fn by_account(n: u32) -> CustomerKey {
    CustomerKey::Numbered(account(n))
}

/// An amount of cash in euros, in cents.
pub fn cash(minor: i64) -> Count {
    let euro = currency("EUR");
    Count { tender: Tender::Cash, currency: euro, amount: euro.from_minor(minor) }
}

/// Puts a document together by small numbers.
#[derive(Debug, Clone)]
pub struct DocumentBuilder {
    document: Document,
}

impl DocumentBuilder {
    /// Document `n`, a cash-and-carry sale to nobody in particular.
    pub fn sale(n: u32) -> Self {
        Self::with(n, Body::Sale(Box::new(Sale { trade: trade(n), is_voided: false })))
    }

    /// Document `n`, a sale that was voided before it was finished.
    pub fn voided(n: u32) -> Self {
        Self::with(n, Body::Sale(Box::new(Sale { trade: trade(n), is_voided: true })))
    }

    /// Document `n`, an order that nobody in particular comes for.
    pub fn order(n: u32) -> Self {
        let order = CustomerOrder { trade: trade(n), delivery: Delivery::Pickup };
        Self::with(n, Body::Order(Box::new(order)))
    }

    /// Document `n`, a step of a shift.
    pub fn shift(n: u32, shift: u32, act: ShiftAct) -> Self {
        Self::with(n, Body::Shift(ShiftEvent { shift: shift_number(shift), act }))
    }

    fn with(n: u32, body: Body) -> Self {
        let document = Document {
            id: entry_id(n),
            number: transaction_number(n),
            body,
            created_at: at(i64::from(n)),
            origin: database("S1"),
            staff: None,
        };
        DocumentBuilder { document }
    }

    /// For this customer.
    pub fn to(self, customer: CustomerKey) -> Self {
        self.traded(|trade| trade.customer = Some(customer))
    }

    /// In this shift.
    pub fn in_shift(self, shift: u32) -> Self {
        self.traded(|trade| trade.shift = shift_number(shift))
    }

    /// With the receipt number of another document.
    pub fn receipt(self, n: u32) -> Self {
        self.traded(|trade| trade.receipt = receipt_number(n))
    }

    /// In another currency, at the same figures.
    pub fn currency(self, code: &str) -> Self {
        self.traded(|trade| trade.currency = currency(code))
    }

    /// At another price of one, in cents.
    pub fn price(self, minor: i64) -> Self {
        self.traded(|trade| sell(trade, minor))
    }

    /// Sent to an address of the customer.
    pub fn ship_to(mut self, address: AddressGuid) -> Self {
        let Body::Order(order) = &mut self.document.body else { panic!("only orders are sent") };
        order.delivery = Delivery::Ship(address);
        self
    }

    /// Recorded at another database.
    pub fn origin(mut self, origin: DatabaseId) -> Self {
        self.document.origin = origin;
        self
    }

    fn traded(mut self, change: impl FnOnce(&mut Trade)) -> Self {
        match &mut self.document.body {
            Body::Sale(sale) => change(&mut sale.trade),
            Body::Order(order) => change(&mut order.trade),
            Body::Shift(_) => panic!("nothing is traded in a step of a shift"),
        }
        self
    }

    /// The document itself.
    pub fn document(self) -> Document {
        self.document
    }

    /// The row of the document, under the counter of its number.
    pub fn row(&self) -> DocumentRow {
        let n = self.document.id.as_uuid().as_u128() as u32;
        DocumentRow::record(&self.document, Counter(u64::from(n)))
    }

    /// What headquarters looks up about it.
    pub fn header(&self) -> TransactionHeader {
        let body = &self.document.body;
        let trade = body.trade().expect("a step of a shift has no header");
        let ship_to = match body {
            Body::Order(order) => match order.delivery {
                Delivery::Ship(address) => Some(address),
                Delivery::Pickup => None,
            },
            _ => None,
        };
        let minor = trade.currency.to_minor(trade.total).expect("whole cents");
        TransactionHeader {
            kind: body.kind(),
            customer: trade.customer.clone(),
            ship_to,
            shift: Some(trade.shift.clone()),
            receipt: Some(trade.receipt.clone()),
            total: Some((trade.currency, minor)),
            is_voided: matches!(body, Body::Sale(sale) if sale.is_voided),
        }
    }

    /// The document as it arrives.
    pub fn arriving(&self) -> ArrivingDocument {
        let content = match &self.document.body {
            Body::Shift(event) => ArrivingContent::Shift(event.clone()),
            Body::Sale(_) | Body::Order(_) => ArrivingContent::Transaction(self.header()),
        };
        ArrivingDocument { row: self.row(), content }
    }
}

fn trade(n: u32) -> Trade {
    let mut trade = Trade {
        customer: None,
        shift: shift_number(1),
        receipt: receipt_number(n),
        currency: currency("EUR"),
        lines: Vec::new(),
        payments: Vec::new(),
        total: 0.into(),
    };
    sell(&mut trade, 10_00);
    trade
}

fn sell(trade: &mut Trade, price: i64) {
    let currency = trade.currency;
    let (quantity, discount) = (2.into(), currency.from_minor(1_00));
    let price = currency.from_minor(price);
    let tax_rate = "25.5".parse().expect("a number");
    let net = line_net(currency, quantity, price, discount);
    let line = Line {
        number: 1,
        item: item_number(1),
        name: Some("Coffee".into()),
        quantity,
        price,
        discount,
        net,
        tax_rate,
        tax: line_tax(currency, net, tax_rate),
        is_voided: false,
        returns: None,
    };
    trade.total = line.total();
    trade.lines = vec![line];
    trade.payments = vec![Payment { tender: Tender::Cash, amount: trade.total }];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_read_back_as_what_they_say() {
        for builder in [
            DocumentBuilder::sale(1).to(by_guid(3)).in_shift(2).price(3_33),
            DocumentBuilder::voided(2).currency("SEK"),
            DocumentBuilder::order(3).to(by_account(3)).ship_to(super::super::address_guid(4)),
            DocumentBuilder::shift(4, 1, ShiftAct::Closed { counted: vec![cash(5)] }),
        ] {
            assert_eq!(builder.row().document(), Ok(builder.document()));
        }
    }

    #[test]
    fn a_sale_comes_to_what_is_said_above() {
        let header = DocumentBuilder::sale(1).header();
        assert_eq!(header.total, Some((currency("EUR"), 23_85)));
    }
}
