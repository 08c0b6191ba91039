//! Recording sales and orders, whether or not anybody upstream can be reached.
//!
//! What is accepted is durable before the answer, keeps every rule of the till, and is never
//! changed again. A customer who is not known here is taken by the key that was given:
//! headquarters judges it, since the customer may come from a till that is cut off.

mod check;
mod repeat;
mod returns;

use jiff::Timestamp;
use rusqlite::Connection;
use rust_decimal::Decimal;
use tillsync_domain::document::{Body, Document};
use tillsync_domain::ids::{
    Counter, CustomerKey, DatabaseId, EntryId, ParseIdError, ReceiptNumber, ShiftNumber, StaffId,
    TransactionNumber,
};
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::money::Currency;
use tillsync_domain::trade::{
    CustomerOrder, Delivery, LineDraft, PaymentDraft, Sale, Trade, TradeDraft, TradeKind,
};
use tillsync_exchange::rows::document::DocumentRow;
use tillsync_exchange::rows::log::{LogRow, OversizedEntry};

use crate::create::whole_microseconds;
use crate::db::DbError;
use crate::edge::Edge;
use crate::log::Appended;
use crate::project::documents;
use crate::sequences::{self, Sequence};
use crate::shifts;
use crate::transactions::{TransactionView, transaction_by_number};
use crate::violations::{EdgeProblem, EdgeViolation, EdgeViolations};

/// A sale or a customer order to record.
#[derive(Debug, Clone, Default)]
pub struct RecordTrade {
    /// Its number, when the program chooses it: then the same request may be repeated.
    pub number: Option<TransactionNumber>,
    /// Who buys, by either key; an order is always somebody's.
    pub customer: Option<CustomerKey>,
    /// What is sold, returned or ordered.
    pub lines: Vec<LineDraft>,
    /// What the program computed, line by line as far as it says so.
    pub claims: Vec<LineClaim>,
    /// How it is paid; the deposits of an order.
    pub payments: Vec<PaymentDraft>,
    /// The currency; the store's own when absent.
    pub currency: Option<Currency>,
    /// What the program thinks it comes to, if it says so.
    pub total: Option<Decimal>,
    /// The shift, if the program says it: it must be the open one.
    pub shift: Option<ShiftNumber>,
    /// Who sells or takes the order.
    pub staff: Option<StaffId>,
    /// What becomes of it.
    pub what: What,
}

/// What a trade is recorded as.
#[derive(Debug, Clone, Default)]
pub enum What {
    /// A cash-and-carry sale.
    #[default]
    Sale,
    /// A sale that was voided before it was finished.
    VoidedSale,
    /// A customer order, and how it reaches the customer.
    Order(Delivery),
}

/// What a program computed for a line itself; what it says must agree with this database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LineClaim {
    /// The sales tax in percent.
    pub tax_rate: Option<Decimal>,
    /// What the line comes to, tax included.
    pub total: Option<Decimal>,
}

/// Why nothing was recorded.
#[derive(Debug, thiserror::Error)]
pub enum SellError {
    /// Fields break rules.
    #[error("{0}")]
    Rules(#[from] EdgeViolations),
    /// The number belongs to something else.
    #[error(
        "{0} was recorded before, with other content; what was recorded is never changed, so \
         draw another number"
    )]
    NumberUsed(TransactionNumber),
    /// Nobody answers for the drawer.
    #[error("no shift is open at {0}; open one, then try again")]
    NoShift(DatabaseId),
    /// The shift that was named is not the open one.
    #[error("shift {named} is not open at this database; the open one is {open}")]
    OtherShift {
        /// Which one the request named.
        named: ShiftNumber,
        /// Which one is open.
        open: ShiftNumber,
    },
    /// It could not be sent upstream.
    #[error("the transaction is too large to be sent to headquarters; split it")]
    Oversized(#[from] OversizedEntry),
    /// A number that was drawn cannot be used: this database's name is too long for it.
    #[error("draw a number")]
    Number(#[from] ParseIdError),
    /// The database failed; nothing was recorded.
    #[error("record the transaction")]
    Db(#[from] DbError),
}

impl SellError {
    /// What sort of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            SellError::Rules(_) | SellError::Oversized(_) => ErrorKind::Invalid,
            SellError::NumberUsed(_) | SellError::NoShift(_) | SellError::OtherShift { .. } => {
                ErrorKind::Conflict
            }
            SellError::Number(_) => ErrorKind::Broken,
            SellError::Db(error) => error.kind(),
        }
    }
}

/// Records a sale or an order: durable and findable when this returns.
///
/// A request whose number was recorded before with the same content answers what was recorded
/// then.
///
/// # Errors
/// Invalid: every violation at once. Conflict: no open shift, or the number was used for
/// something else. Busy or Broken: nothing was recorded.
pub fn record_trade(
    edge: &Edge,
    trade: RecordTrade,
    now: Timestamp,
) -> Result<TransactionView, SellError> {
    let now = whole_microseconds(now);
    let setting = Setting {
        database: edge.identity().database.clone(),
        currency_default: edge.currency_default(),
        entry: EntryId::from_uuid(edge.mint(now)),
        now,
    };
    // All of it in the writer: between a look and a write another till could take the number, the
    // shift or the goods that are returned.
    let recorded = edge.db.write(move |connection| trade.write(connection, setting))?;
    match recorded {
        Recorded::Now(view) => {
            edge.signals.entries_recorded();
            Ok(*view)
        }
        Recorded::Before(view) => Ok(*view),
    }
}

impl What {
    fn kind(&self) -> TradeKind {
        match self {
            What::Sale => TradeKind::Sale,
            What::VoidedSale => TradeKind::VoidedSale,
            What::Order(_) => TradeKind::Order,
        }
    }

    fn body(self, trade: Trade) -> Body {
        match self {
            What::Sale => Body::Sale(Box::new(Sale { trade, is_voided: false })),
            What::VoidedSale => Body::Sale(Box::new(Sale { trade, is_voided: true })),
            What::Order(delivery) => Body::Order(Box::new(CustomerOrder { trade, delivery })),
        }
    }
}

/// What the database gives to a transaction besides its numbers.
struct Setting {
    database: DatabaseId,
    currency_default: Currency,
    entry: EntryId,
    now: Timestamp,
}

enum Recorded {
    Now(Box<TransactionView>),
    Before(Box<TransactionView>),
}

impl RecordTrade {
    fn write(self, connection: &Connection, setting: Setting) -> Result<Recorded, SellError> {
        if let Some(number) = &self.number
            && repeat::is_number_used(connection, number)?
        {
            let known = transaction_by_number(connection, number)?;
            return match known {
                Some(view) if repeat::is_repeat(connection, &self, &view)? => {
                    Ok(Recorded::Before(Box::new(view)))
                }
                Some(_) | None => Err(SellError::NumberUsed(number.clone())),
            };
        }
        if self.number.as_ref().is_some_and(shifts::is_number_of_step) {
            let expected = "a number that does not end as those of shifts do: -opened, \
                            -blind-closed or -closed";
            let violation = EdgeViolation::new("Id", EdgeProblem::Malformed(expected));
            return Err(EdgeViolations(vec![violation]).into());
        }
        let shift = self.open_shift(connection, &setting.database)?;
        let drawn = sequences::draw(connection, Sequence::Receipt, 1)?;
        let receipt: ReceiptNumber = format!("{}-{drawn:06}", setting.database).parse()?;
        let number = match self.number {
            Some(number) => number,
            None => mint_number(connection, &receipt, setting.now)?,
        };
        let RecordTrade { customer, lines, claims, payments, total, what, .. } = self;
        let currency = self.currency.unwrap_or(setting.currency_default);
        let draft = TradeDraft { customer, shift, receipt, currency, lines, payments, total };
        let trade = check::check(connection, draft, &claims, &what)?;
        let body = what.body(trade);
        let document = Document {
            id: setting.entry,
            number,
            body,
            created_at: setting.now,
            origin: setting.database,
            staff: self.staff,
        };
        document_write(connection, &document)?;
        let view = transaction_by_number(connection, &document.number)?;
        let view = view.ok_or(DbError::Damaged("transaction"))?;
        Ok(Recorded::Now(Box::new(view)))
    }

    fn open_shift(
        &self,
        connection: &Connection,
        database: &DatabaseId,
    ) -> Result<ShiftNumber, SellError> {
        let open = shifts::open_shift_of(connection, database)?;
        let open = open.ok_or_else(|| SellError::NoShift(database.clone()))?;
        match &self.shift {
            Some(named) if *named != open => {
                Err(SellError::OtherShift { named: named.clone(), open })
            }
            Some(_) | None => Ok(open),
        }
    }
}

fn mint_number(
    connection: &Connection,
    receipt: &ReceiptNumber,
    now: Timestamp,
) -> Result<TransactionNumber, SellError> {
    // The time keeps a database restored from an older copy from drawing it twice.
    let first = format!("{receipt}-{}", sequences::stamp(now));
    let mut number: TransactionNumber = first.parse()?;
    let mut next = 2;
    // Somebody chose the very number: no till that chooses none must suffer from it.
    while repeat::is_number_used(connection, &number)? {
        number = format!("{first}-{next}").parse()?;
        next += 1;
    }
    Ok(number)
}

fn document_write(connection: &Connection, document: &Document) -> Result<(), SellError> {
    // The log gives the counter; none is known here.
    let row = DocumentRow::record(document, Counter::ZERO);
    LogRow::Document(row.clone()).check_size()?;
    match documents::append(connection, &row, Some(document))? {
        Appended::New(_) => Ok(()),
        // A number that was chosen or drawn is free; a bug if not.
        Appended::Repeated | Appended::Contradiction => {
            Err(SellError::NumberUsed(document.number.clone()))
        }
    }
}
