//! Recording sales and orders, whether or not anybody upstream can be reached.
//!
//! What is accepted is durable before the answer, keeps every rule of the till, and is never
//! changed again. A customer who is not known here is taken by the key that was given:
//! headquarters judges it, since the customer may come from a till that is cut off.

mod check;
mod intention;
mod repeat;
mod returns;
mod through_headquarters;
mod under_way;

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
use tillsync_domain::profile::NoOrderOffline;
use tillsync_domain::trade::{
    CustomerOrder, Delivery, LineDraft, PaymentDraft, Sale, Trade, TradeDraft, TradeKind,
};
use tillsync_exchange::messages::RefusedField;
use tillsync_exchange::rows::document::DocumentRow;
use tillsync_exchange::rows::log::{LogRow, OversizedEntry};

use crate::create::whole_microseconds;
use crate::db::DbError;
use crate::edge::Edge;
use crate::log::Appended;
use crate::project::documents;
use crate::realtime::CallError;
use crate::sequences::{self, Sequence};
use crate::shifts;
use crate::transactions::{TransactionView, transaction_by_number};
use crate::violations::{EdgeProblem, EdgeViolation, EdgeViolations};

pub use through_headquarters::{order_mode, pass_on_create_order, record_by_mode};
pub(crate) use under_way::UnderWay;

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
    /// The number belongs to an order that headquarters was asked for, and may have.
    #[error(
        "order {0} is still being asked for at headquarters, with other content; repeat it with \
         the same content until it is answered"
    )]
    StillAsked(TransactionNumber),
    /// Another request for the same order waits for headquarters' answer at this moment.
    #[error(
        "order {0} is being asked for at headquarters by another request; repeat this one when \
         that is answered"
    )]
    UnderWay(TransactionNumber),
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
    /// Headquarters would have to be asked, and this till is offline.
    #[error(transparent)]
    Offline(#[from] NoOrderOffline),
    /// Headquarters was asked to take the order and gave no answer.
    #[error(
        "headquarters did not answer, so order {number} is not recorded here; the functionality \
         profile takes orders through headquarters only: repeat the request with Id {number}, \
         which gives one order even if headquarters has it already, or have the profile take \
         orders asynchronously"
    )]
    Unanswered {
        /// The number of the order, to repeat it with.
        number: TransactionNumber,
        /// What came instead of an answer.
        #[source]
        source: Box<CallError>,
    },
    /// Headquarters was asked to take the order, and does not (F49).
    #[error("headquarters refused the order: {message}")]
    Refused {
        /// What sort of refusal.
        kind: ErrorKind,
        /// A stable name of the reason, where it has one.
        code: Option<&'static str>,
        /// In headquarters' words.
        message: String,
        /// The fields that it refused, where it is fields.
        fields: Vec<RefusedField>,
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
            SellError::NumberUsed(_)
            | SellError::StillAsked(_)
            | SellError::NoShift(_)
            | SellError::OtherShift { .. }
            | SellError::Offline(_) => ErrorKind::Conflict,
            SellError::UnderWay(_) => ErrorKind::Busy,
            SellError::Unanswered { source, .. } => source.kind(),
            SellError::Refused { kind, .. } => *kind,
            SellError::Number(_) => ErrorKind::Broken,
            SellError::Db(error) => error.kind(),
        }
    }
}

/// Records a sale or an order here alone: durable and findable when this returns. Tills come by
/// [`record_by_mode`], which may ask headquarters first.
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
    let setting = Setting::of(edge, now);
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

impl Setting {
    fn of(edge: &Edge, now: Timestamp) -> Self {
        Setting {
            database: edge.identity().database.clone(),
            currency_default: edge.currency_default(),
            entry: EntryId::from_uuid(edge.mint(now)),
            now,
        }
    }
}

/// What a request means.
enum Prepared {
    /// What was recorded before.
    Before(Box<TransactionView>),
    /// What headquarters was perhaps asked for before.
    Kept(Box<(DocumentRow, Document)>),
    /// Something new.
    New(Box<(DocumentRow, Document)>),
}

enum Recorded {
    Now(Box<TransactionView>),
    Before(Box<TransactionView>),
}

impl RecordTrade {
    fn write(self, connection: &Connection, setting: Setting) -> Result<Recorded, SellError> {
        match self.prepare(connection, setting)? {
            Prepared::Before(view) => Ok(Recorded::Before(view)),
            Prepared::Kept(entry) | Prepared::New(entry) => {
                let (row, document) = *entry;
                intention::drop_of(connection, &row.number)?;
                document_write(connection, &row, &document)
            }
        }
    }

    /// Finds out what the request means; numbers that it needs are drawn.
    fn prepare(self, connection: &Connection, setting: Setting) -> Result<Prepared, SellError> {
        if let Some(number) = &self.number
            && let Some(before) = self.known(connection, number)?
        {
            return Ok(before);
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
        // The log gives the counter; none is known here.
        let row = DocumentRow::record(&document, Counter::ZERO);
        LogRow::Document(row.clone()).check_size()?;
        Ok(Prepared::New(Box::new((row, document))))
    }

    /// What was recorded under the number, or asked for.
    fn known(
        &self,
        connection: &Connection,
        number: &TransactionNumber,
    ) -> Result<Option<Prepared>, SellError> {
        let used = || SellError::NumberUsed(number.clone());
        if repeat::is_number_used(connection, number)? {
            let known = transaction_by_number(connection, number)?.ok_or_else(used)?;
            return match repeat::is_repeat(connection, self, &known)? {
                true => Ok(Some(Prepared::Before(Box::new(known)))),
                false => Err(used()),
            };
        }
        let Some((row, document)) = intention::find(connection, number)? else { return Ok(None) };
        match repeat::is_repeat(connection, self, &intention::view(&document)?)? {
            true => Ok(Some(Prepared::Kept(Box::new((row, document))))),
            false => Err(SellError::StillAsked(number.clone())),
        }
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
    while repeat::is_number_used(connection, &number)?
        || intention::find(connection, &number)?.is_some()
    {
        number = format!("{first}-{next}").parse()?;
        next += 1;
    }
    Ok(number)
}

fn document_write(
    connection: &Connection,
    row: &DocumentRow,
    document: &Document,
) -> Result<Recorded, SellError> {
    match documents::append(connection, row, Some(document))? {
        Appended::New(_) => {
            let view = transaction_by_number(connection, &row.number)?;
            Ok(Recorded::Now(Box::new(view.ok_or(DbError::Damaged("transaction"))?)))
        }
        // Somebody's repeat was quicker.
        Appended::Repeated => {
            let view = transaction_by_number(connection, &row.number)?;
            Ok(Recorded::Before(Box::new(view.ok_or(DbError::Damaged("transaction"))?)))
        }
        // A number that was chosen or drawn is free; a bug if not.
        Appended::Contradiction => Err(SellError::NumberUsed(row.number.clone())),
    }
}
