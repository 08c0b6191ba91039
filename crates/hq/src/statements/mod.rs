//! Statements: the end of the day, from validated transactions to vouchers (F99 to F103).
//!
//! A statement belongs to one store. Each of its states is reached in one database transaction
//! that writes the state and everything it stands for, so after a crash it goes on from the last
//! state it reached. What stops one statement stands on it and stops no other.
//!
//! - `begin.rs`: which stores get a new statement; one open statement per store and kind.
//! - `calculate.rs`: what the statement takes up, and what it comes to.
//! - `post.rs`: aggregates, sales orders, invoices, vouchers; `shifts.rs`: drawers.

mod begin;
mod calculate;
mod numbers;
mod post;
mod problem;
mod shifts;

use std::collections::HashSet;

use jiff::Timestamp;
use tillsync_domain::ids::{DatabaseId, DocumentNumber, RunId, StatementId};
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::statement::{PostingMode, StatementKind, StatementState};

use crate::headquarters::Headquarters;
use crate::storage::{StatementFilter, StatementRecord, StorageError, WriteTx};

pub use problem::StatementProblem;

/// Open statements read at once.
const OPEN_PAGE: usize = 1_000;

/// Why statements were not run, or one did not go on.
#[derive(Debug, thiserror::Error)]
pub enum StatementError {
    /// Trickle feed and classic posting are never mixed (F103).
    #[error(
        "{} statements do not fit the posting mode {}; a headquarters posts by trickle feed \
         (transactional and financial statements) or classic, never both",
        kind.as_str(), mode.as_str()
    )]
    WrongMode {
        /// What was asked for.
        kind: StatementKind,
        /// The mode that headquarters is in.
        mode: PostingMode,
    },
    /// A store that is not there, or a register.
    #[error("there is no channel {0}; statements are made per channel, never per register")]
    UnknownStore(DatabaseId),
    /// No such statement.
    #[error("there is no statement {0}")]
    Unknown(String),
    /// A statement that stopped on its way to its next state.
    #[error(
        "statement {number} of {store} cannot reach the state \"{}\"; it stays where it is and \
         goes on from there when it is run again", state.as_str()
    )]
    Stopped {
        /// Which statement.
        number: DocumentNumber,
        /// Its store.
        store: DatabaseId,
        /// The state that it did not reach.
        state: StatementState,
        /// Why not.
        #[source]
        problem: Box<StatementProblem>,
    },
    /// A statement that has posted something cannot be given up.
    #[error(
        "statement {number} has reached the state \"{}\" and has posted: it can only be posted to \
         its end", state.as_str()
    )]
    Irreversible {
        /// Which statement.
        number: DocumentNumber,
        /// The state it has reached.
        state: StatementState,
    },
    /// No statement could be begun.
    #[error("begin a statement")]
    Begin(#[source] Box<StatementProblem>),
    /// Another run holds the lease now.
    #[error("the run lost its lease, or its process ends; another one goes on with the work")]
    LeaseLost,
    /// The database failed.
    #[error("run statements")]
    Storage(#[from] StorageError),
}

impl StatementError {
    /// What sort of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            StatementError::UnknownStore(_) | StatementError::Unknown(_) => ErrorKind::NotFound,
            StatementError::WrongMode { .. } | StatementError::Irreversible { .. } => {
                ErrorKind::Conflict
            }
            StatementError::Stopped { problem, .. } | StatementError::Begin(problem) => {
                problem.kind()
            }
            StatementError::LeaseLost => ErrorKind::Busy,
            StatementError::Storage(error) => error.kind(),
        }
    }
}

/// What a run of statements did.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct StatementSummary {
    /// Statements begun in this run.
    pub begun: u64,
    /// Statements posted in this run, resumed ones included.
    pub posted: u64,
    /// Transactions in those.
    pub transactions: u64,
    /// Shifts in those.
    pub shifts: u64,
    /// Statements that stopped; why stands on each of them.
    pub failed: u64,
}

/// What one transaction came to.
enum Stepped {
    /// The statement stands at its next state, or was at the last one already.
    Reached(StatementRecord),
    /// Nothing was written: this is in the way.
    Stopped(StatementRecord, StatementProblem),
    /// There is no such statement.
    Unknown,
}

impl Headquarters {
    /// Resumes the open statements of a kind, oldest first, then begins new ones until nothing is
    /// ready.
    ///
    /// A store whose statement stops gets no further one of that kind until it is posted or
    /// released. `keep_going` is asked before each state; false stops the run.
    ///
    /// # Errors
    /// Conflict: the kind does not fit the posting mode. NotFound: there is no such store. Busy:
    /// the lease was lost, or the database is busy. What stops a statement is no error here: it
    /// stands on the statement.
    pub fn run_statements(
        &self,
        kind: StatementKind,
        store: Option<&DatabaseId>,
        run: RunId,
        keep_going: &mut dyn FnMut() -> bool,
    ) -> Result<StatementSummary, StatementError> {
        let mut stores = self.stores_to_post(kind, store)?;
        let mut summary = StatementSummary::default();
        let mut open = self.open_statements(kind, store)?;
        loop {
            let mut finished = HashSet::new();
            for statement in open {
                match self.post_statement(statement, keep_going)? {
                    // One that found nothing to post would find nothing again.
                    Some(posted) if posted.transactions + posted.shifts == 0 => {
                        finished.insert(posted.store);
                        summary.posted += 1;
                    }
                    Some(posted) => {
                        summary.posted += 1;
                        summary.transactions += posted.transactions;
                        summary.shifts += posted.shifts;
                    }
                    None => summary.failed += 1,
                }
            }
            stores.retain(|store| !finished.contains(store));
            open = self.begin_statements(kind, &stores, run)?;
            if open.is_empty() {
                return Ok(summary);
            }
            summary.begun += open.len() as u64;
        }
    }

    /// Takes one statement one state further: one database transaction. A posted statement stays
    /// as it is.
    ///
    /// # Errors
    /// NotFound: there is no such statement. Stopped: something is in the way; it is noted on the
    /// statement, which stays at its state. Busy: the database is busy, and nothing is noted.
    pub fn step_statement(&self, id: &StatementId) -> Result<StatementRecord, StatementError> {
        let now = self.now();
        let before = self.storage.read(|tx| tx.statement_get(id))?;
        let (before, problem) = match self.storage.write(|tx| step_in(tx, id, now)) {
            Ok(Stepped::Reached(statement)) => return Ok(statement),
            Ok(Stepped::Unknown) => return Err(StatementError::Unknown(id.to_string())),
            Ok(Stepped::Stopped(before, problem)) => (before, problem),
            Err(error) => match before {
                // Busy and full pass by themselves: they are no failure of the statement.
                Some(before) if error.kind() != ErrorKind::Busy => (before, error.into()),
                _ => return Err(error.into()),
            },
        };
        self.storage.write(|tx| note_problem(tx, &before, &problem, now))?;
        let StatementRecord { number, store, state, .. } = before;
        let state = state.next().expect("a posted statement has no next state to stop at");
        Err(StatementError::Stopped { number, store, state, problem: Box::new(problem) })
    }

    /// Takes a statement up at the state where it stands and posts it to its end.
    ///
    /// # Errors
    /// As [`Headquarters::step_statement`].
    pub fn retry_statement(&self, id: &StatementId) -> Result<StatementRecord, StatementError> {
        loop {
            let statement = self.step_statement(id)?;
            if statement.state == StatementState::Posted {
                return Ok(statement);
            }
        }
    }

    /// Gives up a statement that has posted nothing: what it took up is free again, its number and
    /// those of its sales orders are lost.
    ///
    /// # Errors
    /// NotFound: there is no such statement. Conflict: it has posted something.
    pub fn release_statement(&self, id: &StatementId) -> Result<StatementRecord, StatementError> {
        self.storage.write(|tx| {
            let Some(statement) = tx.statement_get(id)? else {
                return Ok(Err(StatementError::Unknown(id.to_string())));
            };
            if !statement.state.is_reversible() {
                let StatementRecord { number, state, .. } = statement;
                return Ok(Err(StatementError::Irreversible { number, state }));
            }
            tx.statement_remove(id)?;
            Ok(Ok(statement))
        })?
    }

    /// Posts one statement to its end; nothing when something is in its way.
    fn post_statement(
        &self,
        id: StatementId,
        keep_going: &mut dyn FnMut() -> bool,
    ) -> Result<Option<StatementRecord>, StatementError> {
        loop {
            if !keep_going() {
                return Err(StatementError::LeaseLost);
            }
            match self.step_statement(&id) {
                Ok(statement) if statement.state == StatementState::Posted => {
                    return Ok(Some(statement));
                }
                Ok(_) => {}
                // Somebody released it meanwhile, or something is in its way.
                Err(StatementError::Stopped { .. } | StatementError::Unknown(_)) => {
                    return Ok(None);
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn open_statements(
        &self,
        kind: StatementKind,
        store: Option<&DatabaseId>,
    ) -> Result<Vec<StatementId>, StatementError> {
        let mut filter = StatementFilter {
            store: store.cloned(),
            kind: Some(kind),
            is_open: true,
            limit: OPEN_PAGE,
            ..StatementFilter::default()
        };
        let mut open = Vec::new();
        loop {
            let page = self.storage.read(|tx| tx.statements_list(&filter))?;
            filter.before = page.last().map(|statement| statement.id);
            open.extend(page.iter().map(|statement| statement.id));
            if page.len() < OPEN_PAGE {
                open.reverse();
                return Ok(open);
            }
        }
    }
}

/// The body of one step: one state, one transaction. A step that stops has written nothing: each
/// decides everything before it writes anything.
fn step_in(
    tx: &mut dyn WriteTx,
    id: &StatementId,
    now: Timestamp,
) -> Result<Stepped, StorageError> {
    let Some(mut statement) = tx.statement_get(id)? else {
        return Ok(Stepped::Unknown);
    };
    let Some(next) = statement.state.next() else {
        return Ok(Stepped::Reached(statement));
    };
    let step = match next {
        StatementState::Started => unreachable!("no state comes before the first"),
        StatementState::Marked => calculate::step_to_marked(tx, &mut statement)?,
        StatementState::Calculated => calculate::step_to_calculated(tx, &mut statement)?,
        StatementState::Checked => calculate::step_to_checked(tx, &mut statement, now)?,
        StatementState::Aggregated => post::step_to_aggregated(tx, &mut statement)?,
        StatementState::CustomerOrderCreated => post::step_to_order_created(tx, &statement)?,
        StatementState::CustomerOrderInvoiced => post::step_to_invoiced(tx, &statement, now)?,
        StatementState::DiscountsPosted
        | StatementState::PaymentsPosted
        | StatementState::GiftCardsPosted => post::step_to_vouchers(tx, &statement, next, now)?,
        StatementState::IncomeExpensePosted => post::step_to_income_expense(tx, &statement, now)?,
        StatementState::VouchersLinked => post::step_to_linked(tx, &statement)?,
        StatementState::Posted => post::step_to_posted(tx, &statement, now)?,
    };
    if let Err(problem) = step {
        return Ok(Stepped::Stopped(statement, problem));
    }
    let reached =
        StatementRecord { state: next, error: None, failures: 0, updated_at: now, ..statement };
    tx.statement_put(&reached)?;
    Ok(Stepped::Reached(reached))
}

/// Notes on a statement what is in its way, unless it has gone on meanwhile.
fn note_problem(
    tx: &mut dyn WriteTx,
    before: &StatementRecord,
    problem: &StatementProblem,
    now: Timestamp,
) -> Result<(), StorageError> {
    let Some(statement) = tx.statement_get(&before.id)? else { return Ok(()) };
    if statement.state != before.state {
        return Ok(());
    }
    tx.statement_put(&StatementRecord {
        error: Some(problem.describe()),
        failures: statement.failures.saturating_add(1),
        updated_at: now,
        ..statement
    })
}
