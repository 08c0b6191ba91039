//! Statements over a real database, state by state: what they post, and what stops them.

mod books;
mod drawers;
mod problems;
mod states;

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;
use tillsync_domain::ids::{DatabaseId, StatementId, TransactionNumber};
use tillsync_domain::order::OrderStatus;
use tillsync_domain::shift::{Count, ShiftAct};
use tillsync_domain::statement::StatementKind;
use tillsync_domain::validation::ValidationStatus;
use tillsync_hq::Headquarters;
use tillsync_hq::access::Addition;
use tillsync_hq::check::{CheckDepth, Severity};
use tillsync_hq::statements::{StatementError, StatementSummary};
use tillsync_hq::storage::{
    OperationSource, OrderState, StatementFilter, StatementRecord, TransactionRecord, Verdict,
};
use tillsync_testkit::builders::documents::{DocumentBuilder, document_number, transaction_number};
use tillsync_testkit::builders::{
    PlanBuilder, account, at, database, promotion_at, run_id, upload_at,
};
use tillsync_testkit::headquarters::open_headquarters;
use tillsync_testkit::world::StoryClock;

/// A headquarters of two stores, where customers 1 to 9 have accounts. Customer 9 is the default
/// customer of S1; S2 has none.
struct Books {
    hq: Option<Arc<Headquarters>>,
    clock: Arc<StoryClock>,
    folder: TempDir,
}

impl Books {
    fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Arc::new(StoryClock::default());
        let hq = open(folder.path(), &clock);
        for store in ["S1", "S2"] {
            let group = "default".parse().expect("a group");
            let addition = Addition::Channel { id: database(store), group };
            hq.add_database(&addition).expect("a new store");
        }
        let customers = (1..=9).fold(PlanBuilder::new(), PlanBuilder::promote).build();
        let write = hq.storage().write(|tx| {
            tx.promotion_apply(&customers, &promotion_at(1))?;
            tx.database_default_customer_set(&database("S1"), &account(9))
        });
        write.expect("the books are open");
        Books { hq: Some(hq), clock, folder }
    }

    fn hq(&self) -> &Headquarters {
        self.hq.as_ref().expect("it is running")
    }

    /// Ends the process and starts it again.
    fn restart(&mut self) {
        self.hq = None;
        self.hq = Some(open(self.folder.path(), &self.clock));
    }

    /// A validated document of S1, posted to a customer or to nobody in particular.
    fn receive(&self, document: &DocumentBuilder, customer: Option<u32>) {
        self.receive_at("S1", document, customer);
    }

    fn receive_at(&self, store: &str, document: &DocumentBuilder, customer: Option<u32>) {
        let arriving = document.arriving();
        let number = arriving.row.number.clone();
        let is_order = arriving.row.kind == "customer_order";
        let source = OperationSource { source: database(store), ..upload_at(10) };
        let resolved = customer.map(account);
        let verdict = Verdict {
            number: number.clone(),
            status: ValidationStatus::Successful,
            findings: None,
            account: resolved.clone(),
        };
        let write = self.hq().storage().write(|tx| {
            tx.documents_insert_once(&source, std::slice::from_ref(&arriving))?;
            if is_order {
                tx.order_put(&number, &ordered(&number), resolved.as_ref())?;
            }
            tx.verdicts_put(std::slice::from_ref(&verdict), at(20))
        });
        write.expect("a valid document");
    }

    /// A shift of S1 with its float and its count, which are cash in cents.
    fn shift(&self, n: u32, shift: u32, (float, counted): (Vec<Count>, Option<Vec<Count>>)) {
        let opened = DocumentBuilder::shift(n, shift, ShiftAct::Opened { float }).arriving();
        let closed = counted.map(|counted| {
            DocumentBuilder::shift(n + 1, shift, ShiftAct::Closed { counted }).arriving()
        });
        let steps: Vec<_> = [Some(opened), closed].into_iter().flatten().collect();
        let write =
            self.hq().storage().write(|tx| tx.documents_insert_once(&upload_at(10), &steps));
        write.expect("valid steps");
    }

    fn run(&self, kind: StatementKind) -> Result<StatementSummary, StatementError> {
        self.hq().run_statements(kind, None, run_id(7), &mut || true)
    }

    fn post(&self) -> StatementSummary {
        self.run(StatementKind::Transactional).expect("the database works")
    }

    fn post_financial(&self) -> StatementSummary {
        self.run(StatementKind::Financial).expect("the database works")
    }

    /// Stops a run after so many states.
    fn post_states(&self, states: u32) -> Result<StatementSummary, StatementError> {
        let mut left = states;
        let mut keep_going = || {
            let goes_on = left > 0;
            left = left.saturating_sub(1);
            goes_on
        };
        let kind = StatementKind::Transactional;
        self.hq().run_statements(kind, None, run_id(7), &mut keep_going)
    }

    fn statements(&self) -> Vec<StatementRecord> {
        let filter = StatementFilter { limit: 100, ..StatementFilter::default() };
        let mut statements = self.hq().list_statements(&filter).expect("hq answers");
        statements.reverse();
        statements
    }

    fn last(&self) -> StatementRecord {
        self.statements().pop().expect("there is a statement")
    }

    fn step(&self, id: &StatementId) -> Result<StatementRecord, StatementError> {
        self.hq().step_statement(id)
    }

    fn transaction(&self, n: u32) -> TransactionRecord {
        let number = transaction_number(n);
        let found = self.hq().storage().read(|tx| tx.transaction_get(&number));
        found.expect("hq answers").expect("the transaction is there")
    }

    /// Every voucher, a line each.
    fn ledger(&self) -> String {
        let mut text = String::new();
        for voucher in self.hq().list_vouchers(None, None, 1_000).expect("hq answers") {
            let entries: Vec<_> = voucher
                .entries
                .iter()
                .map(|entry| {
                    let customer = entry.customer.as_ref().map(|c| format!(" {c}"));
                    let amount = voucher.currency.from_minor(entry.amount);
                    format!("{}{} {amount}", entry.account.as_str(), customer.unwrap_or_default())
                })
                .collect();
            let (number, currency) = (voucher.number, voucher.currency);
            writeln!(text, "{number} {currency} {}: {}", voucher.text, entries.join(", "))
                .expect("a text takes everything");
        }
        text
    }

    /// Statements and their states, a line each.
    fn render(&self) -> String {
        let mut text = String::new();
        for s in self.statements() {
            let amounts: Vec<_> =
                s.amounts.iter().map(|(c, a)| format!("{} {c}", c.from_minor(*a))).collect();
            let (kind, state) = (s.kind.as_str(), s.state.as_str());
            let what = format!("{} transactions, {} shifts", s.transactions, s.shifts);
            writeln!(
                text,
                "{} {} {kind}: {state}, {what}, {}",
                s.number,
                s.store,
                amounts.join(" ")
            )
            .expect("a text takes everything");
        }
        text
    }
}

impl Drop for Books {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let report = self.hq().check(CheckDepth::EveryRow).expect("hq answers");
        let errors: Vec<_> =
            report.findings.iter().filter(|f| f.severity == Severity::Error).collect();
        assert!(errors.is_empty(), "the books contradict themselves: {errors:?}");
    }
}

fn open(folder: &Path, clock: &Arc<StoryClock>) -> Arc<Headquarters> {
    open_headquarters(folder, Arc::clone(clock) as Arc<_>)
}

fn ordered(number: &TransactionNumber) -> OrderState {
    OrderState {
        status: OrderStatus::Succeeded,
        error: None,
        tries: 0,
        next_try_at: None,
        modified_at: at(15),
        editor: None,
        status_before: None,
        is_repaired: false,
        sales_order: Some(document_number(&format!("OLD-{}", &number.as_str()[2..]))),
        hold: None,
    }
}

fn store(name: &str) -> DatabaseId {
    database(name)
}
