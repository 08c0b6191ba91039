//! Shifts: opening, blind closing and closing the drawer of this database.
//!
//! One shift at most is open; a blind-closed one may wait beside it for its count. Each step is a
//! document of its own, numbered after the shift, so a repeated step can never count twice.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row};
use rust_decimal::Decimal;
use tillsync_domain::document::{Body, Document};
use tillsync_domain::ids::{
    Counter, DatabaseId, EntryId, ParseIdError, ShiftNumber, StaffId, TransactionNumber,
};
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::money::Currency;
use tillsync_domain::shift::{Count, ShiftAct, ShiftEvent, ShiftStatus};
use tillsync_domain::trade::{AMOUNT_MAX, Tender};
use tillsync_exchange::rows::document::{DocumentRow, read_body};

use crate::create::whole_microseconds;
use crate::db::{DbError, parsed_column, time_column};
use crate::edge::Edge;
use crate::log::Appended;
use crate::project::documents;
use crate::sequences::{self, Sequence};
use crate::violations::{EdgeProblem, EdgeViolation, EdgeViolations};

// What the numbers of a shift's documents end in.
const OPENED: &str = "-opened";
const BLIND_CLOSED: &str = "-blind-closed";
const CLOSED: &str = "-closed";

/// A shift as this database shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShiftView {
    /// Its number.
    pub number: ShiftNumber,
    /// The database whose drawer it is.
    pub origin: DatabaseId,
    /// When it was opened; unknown only for a shift whose opening cannot be read here.
    pub opened_at: Option<Timestamp>,
    /// When it was blind closed.
    pub blind_closed_at: Option<Timestamp>,
    /// When it was counted.
    pub closed_at: Option<Timestamp>,
    /// What lay in the drawer at first.
    pub float: Vec<Count>,
    /// What was counted at the end.
    pub counted: Vec<Count>,
}

impl ShiftView {
    /// How far it has come.
    pub fn status(&self) -> ShiftStatus {
        match (self.blind_closed_at, self.closed_at) {
            (_, Some(_)) => ShiftStatus::Closed,
            (Some(_), None) => ShiftStatus::BlindClosed,
            (None, None) => ShiftStatus::Open,
        }
    }
}

/// An amount as somebody entered it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountDraft {
    /// The tender's `TenderTypeId`; cash when absent.
    pub tender: Option<String>,
    /// The currency; the store's own when absent.
    pub currency: Option<Currency>,
    /// How much.
    pub amount: Decimal,
}

/// A shift to open.
#[derive(Debug, Clone, Default)]
pub struct OpenShift {
    /// What lies in the drawer: cash only.
    pub float: Vec<CountDraft>,
    /// Who answers for it.
    pub staff: Option<StaffId>,
}

/// A shift to close.
#[derive(Debug, Clone)]
pub struct CloseShift {
    /// Which one.
    pub shift: ShiftNumber,
    /// What was counted, the float included: cash and card slips.
    pub counted: Vec<CountDraft>,
    /// Who counted.
    pub staff: Option<StaffId>,
}

/// Why a step was not taken.
#[derive(Debug, thiserror::Error)]
pub enum ShiftError {
    /// Fields break rules.
    #[error("{0}")]
    Rules(#[from] EdgeViolations),
    /// Another shift is open.
    #[error("shift {0} is open; close it, or blind close it and count it later")]
    AnotherOpen(ShiftNumber),
    /// No such shift here.
    #[error("this database knows no shift {0}")]
    NoShift(ShiftNumber),
    /// It is another database's drawer.
    #[error("shift {shift} is of {origin}; close it there")]
    Elsewhere {
        /// The shift.
        shift: ShiftNumber,
        /// Whose it is.
        origin: DatabaseId,
    },
    /// It was counted before, with another result.
    #[error("shift {0} was closed before, with other counts or without being blind closed")]
    ClosedBefore(ShiftNumber),
    /// Something else has the number of the step's document.
    #[error("{0} is the number of another document, so the step cannot be recorded")]
    NumberUsed(TransactionNumber),
    /// A number that was drawn cannot be used: this database's name is too long for it.
    #[error("draw a number")]
    Number(#[from] ParseIdError),
    /// The database failed; nothing was recorded.
    #[error("record the shift")]
    Db(#[from] DbError),
}

impl ShiftError {
    /// What sort of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            ShiftError::Rules(_) => ErrorKind::Invalid,
            ShiftError::NoShift(_) => ErrorKind::NotFound,
            ShiftError::AnotherOpen(_)
            | ShiftError::Elsewhere { .. }
            | ShiftError::ClosedBefore(_)
            | ShiftError::NumberUsed(_) => ErrorKind::Conflict,
            ShiftError::Number(_) => ErrorKind::Broken,
            ShiftError::Db(error) => error.kind(),
        }
    }
}

/// Opens a shift. While one is open, the same request again answers that one.
///
/// # Errors
/// Invalid: every violation at once. Conflict: another shift is open. Busy or Broken: nothing was
/// recorded.
pub fn open_shift(edge: &Edge, open: OpenShift, now: Timestamp) -> Result<ShiftView, ShiftError> {
    let float = check_counts("StartingAmounts", &[Tender::Cash], open.float, edge)?;
    let step = Step::new(edge, open.staff, now);
    take_step(edge, move |connection| {
        if let Some(number) = open_shift_of(connection, &step.database)? {
            let view = shift_by_number(connection, &number)?.ok_or(DbError::Damaged("shift"))?;
            let is_same = is_same_counts(&view.float, &float);
            return if is_same { Ok(view) } else { Err(ShiftError::AnotherOpen(number)) };
        }
        let stamp = sequences::stamp(step.now).parse().unwrap_or(1);
        let drawn = sequences::draw(connection, Sequence::Shift, stamp)?;
        let number: ShiftNumber = format!("{}-S{drawn}", step.database).parse()?;
        step.record(connection, number, ShiftAct::Opened { float })
    })
}

/// Ends the sales of a shift whose drawer is counted later. Twice is the same as once.
///
/// # Errors
/// NotFound: no such shift. Conflict: it is another database's, or was closed before. Busy or
/// Broken: nothing was recorded.
pub fn blind_close_shift(
    edge: &Edge,
    shift: ShiftNumber,
    staff: Option<StaffId>,
    now: Timestamp,
) -> Result<ShiftView, ShiftError> {
    let step = Step::new(edge, staff, now);
    take_step(edge, move |connection| {
        let view = step.own_shift(connection, &shift)?;
        match (view.status(), view.blind_closed_at) {
            (ShiftStatus::Open, _) => step.record(connection, shift, ShiftAct::BlindClosed),
            (ShiftStatus::BlindClosed, _) | (ShiftStatus::Closed, Some(_)) => Ok(view),
            (ShiftStatus::Closed, None) => Err(ShiftError::ClosedBefore(shift)),
        }
    })
}

/// Closes a shift with what was counted. Twice with the same counts is the same as once.
///
/// # Errors
/// Invalid: every violation at once. NotFound: no such shift. Conflict: it is another database's,
/// or was closed with other counts. Busy or Broken: nothing was recorded.
pub fn close_shift(
    edge: &Edge,
    close: CloseShift,
    now: Timestamp,
) -> Result<ShiftView, ShiftError> {
    let CloseShift { shift, counted, staff } = close;
    let counted = check_counts("TenderLines", &[Tender::Cash, Tender::Card], counted, edge)?;
    let step = Step::new(edge, staff, now);
    take_step(edge, move |connection| {
        let view = step.own_shift(connection, &shift)?;
        match view.status() {
            ShiftStatus::Open | ShiftStatus::BlindClosed => {
                step.record(connection, shift, ShiftAct::Closed { counted })
            }
            ShiftStatus::Closed if is_same_counts(&view.counted, &counted) => Ok(view),
            ShiftStatus::Closed => Err(ShiftError::ClosedBefore(shift)),
        }
    })
}

/// Looks a shift up, of this database or of one of its registers.
///
/// # Errors
/// Broken or Busy: the database failed.
pub fn find_shift(edge: &Edge, number: &ShiftNumber) -> Result<Option<ShiftView>, DbError> {
    edge.db.read(|connection| shift_by_number(connection, number))
}

/// The open shift of this database, if there is one.
///
/// # Errors
/// Broken or Busy: the database failed.
pub fn current_shift(edge: &Edge) -> Result<Option<ShiftView>, DbError> {
    edge.db.read(|connection| {
        let open = open_shift_of(connection, &edge.identity().database)?;
        open.map_or(Ok(None), |number| shift_by_number(connection, &number))
    })
}

pub(crate) fn open_shift_of(
    connection: &Connection,
    database: &DatabaseId,
) -> Result<Option<ShiftNumber>, DbError> {
    let open = connection
        .prepare_cached(
            "SELECT number FROM shift
             WHERE origin = ?1 AND blind_closed IS NULL AND closed IS NULL
             ORDER BY number LIMIT 1",
        )?
        .query_row([database.as_str()], |row| parsed_column(row, 0))
        .optional()?;
    Ok(open)
}

/// Whether a number is of the form that documents of shifts have, here or at any database: used
/// for something else, it would keep that shift from ever being closed.
pub(crate) fn is_number_of_step(number: &TransactionNumber) -> bool {
    [OPENED, BLIND_CLOSED, CLOSED].iter().any(|suffix| number.as_str().ends_with(suffix))
}

/// Runs a step in the writer and wakes the upload.
fn take_step<F>(edge: &Edge, step: F) -> Result<ShiftView, ShiftError>
where
    F: FnOnce(&Connection) -> Result<ShiftView, ShiftError> + Send + 'static,
{
    let view = edge.db.write(step)?;
    edge.signals.entries_recorded();
    Ok(view)
}

/// What the document of a step needs besides the act.
struct Step {
    database: DatabaseId,
    entry: EntryId,
    staff: Option<StaffId>,
    now: Timestamp,
}

impl Step {
    fn new(edge: &Edge, staff: Option<StaffId>, now: Timestamp) -> Self {
        let now = whole_microseconds(now);
        let entry = EntryId::from_uuid(edge.mint(now));
        Step { database: edge.identity().database.clone(), entry, staff, now }
    }

    fn own_shift(
        &self,
        connection: &Connection,
        shift: &ShiftNumber,
    ) -> Result<ShiftView, ShiftError> {
        let view = shift_by_number(connection, shift)?;
        let view = view.ok_or_else(|| ShiftError::NoShift(shift.clone()))?;
        if view.origin == self.database {
            return Ok(view);
        }
        Err(ShiftError::Elsewhere { shift: view.number, origin: view.origin })
    }

    fn record(
        self,
        connection: &Connection,
        shift: ShiftNumber,
        act: ShiftAct,
    ) -> Result<ShiftView, ShiftError> {
        let suffix = match act {
            ShiftAct::Opened { .. } => OPENED,
            ShiftAct::BlindClosed => BLIND_CLOSED,
            ShiftAct::Closed { .. } => CLOSED,
        };
        let document = Document {
            id: self.entry,
            number: format!("{shift}{suffix}").parse()?,
            body: Body::Shift(ShiftEvent { shift: shift.clone(), act }),
            created_at: self.now,
            origin: self.database,
            staff: self.staff,
        };
        // The log gives the counter; none is known here.
        let row = DocumentRow::record(&document, Counter::ZERO);
        match documents::append(connection, &row, Some(&document))? {
            Appended::New(_) => {}
            Appended::Repeated | Appended::Contradiction => {
                return Err(ShiftError::NumberUsed(document.number));
            }
        }
        let view = shift_by_number(connection, &shift)?;
        Ok(view.ok_or(DbError::Damaged("shift"))?)
    }
}

/// What may be counted once each, in amounts that can be paid.
fn check_counts(
    path: &str,
    tenders: &[Tender],
    drafts: Vec<CountDraft>,
    edge: &Edge,
) -> Result<Vec<Count>, EdgeViolations> {
    let (mut counts, mut refused): (Vec<Count>, _) = (Vec::new(), Vec::new());
    for (index, draft) in drafts.into_iter().enumerate() {
        let mut refuse = |field: &str, problem| {
            refused.push(EdgeViolation::new(format!("{path}[{index}].{field}"), problem));
        };
        let currency = draft.currency.unwrap_or(edge.currency_default());
        let type_id = draft.tender.as_deref().map_or(Tender::Cash.type_id(), str::trim);
        let tender = tenders.iter().find(|tender| tender.type_id() == type_id);
        if tender.is_none() {
            let expected = match tenders {
                [_] => "1 (cash): nothing else lies in the drawer at first",
                _ => "1 (cash) or 3 (card): nothing else is counted",
            };
            refuse("TenderTypeId", EdgeProblem::Malformed(expected));
        }
        // More may be paid back to cards than was taken, but no drawer holds less than nothing.
        let is_possible = !draft.amount.is_sign_negative() || tender == Some(&Tender::Card);
        let fits = draft.amount.abs() <= AMOUNT_MAX && currency.to_minor(draft.amount).is_ok();
        if !is_possible || !fits {
            let expected = "an amount, no finer than the currency's smallest unit, and from 0 up \
                            unless it is of cards";
            refuse("Amount", EdgeProblem::Malformed(expected));
        }
        let Some(&tender) = tender else { continue };
        if counts.iter().any(|count| count.tender == tender && count.currency == currency) {
            refuse("TenderTypeId", EdgeProblem::CountedTwice(currency));
        }
        counts.push(Count { tender, currency, amount: draft.amount });
    }
    if refused.is_empty() { Ok(counts) } else { Err(EdgeViolations(refused)) }
}

fn is_same_counts(one: &[Count], other: &[Count]) -> bool {
    one.len() == other.len() && one.iter().all(|count| other.contains(count))
}

fn shift_by_number(
    connection: &Connection,
    number: &ShiftNumber,
) -> Result<Option<ShiftView>, DbError> {
    let found = connection
        .prepare_cached(
            "SELECT s.number, s.origin, o.created_at, b.created_at, c.created_at,
                    o.kind, o.content, c.kind, c.content
             FROM shift s LEFT JOIN document o ON o.counter = s.opened
                          LEFT JOIN document b ON b.counter = s.blind_closed
                          LEFT JOIN document c ON c.counter = s.closed
             WHERE s.number = ?1",
        )?
        .query_row([number.as_str()], |row| Ok(shift_view(row)))
        .optional()?;
    found.transpose()
}

fn shift_view(row: &Row<'_>) -> Result<ShiftView, DbError> {
    let time = |index| -> Result<Option<Timestamp>, DbError> {
        let micros: Option<i64> = row.get(index)?;
        Ok(micros.is_some().then(|| time_column(row, index)).transpose()?)
    };
    Ok(ShiftView {
        number: parsed_column(row, 0)?,
        origin: parsed_column(row, 1)?,
        opened_at: time(2)?,
        blind_closed_at: time(3)?,
        closed_at: time(4)?,
        float: counts_of(row, 5)?,
        counted: counts_of(row, 7)?,
    })
}

/// The counts of the document whose kind and content stand at these columns.
fn counts_of(row: &Row<'_>, index: usize) -> Result<Vec<Count>, DbError> {
    let (kind, content): (Option<String>, Option<String>) = (row.get(index)?, row.get(index + 1)?);
    let Some((kind, content)) = kind.zip(content) else { return Ok(Vec::new()) };
    match read_body(&kind, &content) {
        Ok(Body::Shift(ShiftEvent { act, .. })) => Ok(match act {
            ShiftAct::Opened { float } => float,
            ShiftAct::Closed { counted } => counted,
            ShiftAct::BlindClosed => Vec::new(),
        }),
        Ok(_) | Err(_) => Err(DbError::Damaged("shift")),
    }
}
