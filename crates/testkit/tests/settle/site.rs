//! A headquarters with one store, a shift that was opened, and an item.

use std::sync::Arc;

use jiff::SignedDuration;
use tempfile::TempDir;
use tillsync_domain::ids::{AccountNumber, CustomerGuid, CustomerKey};
use tillsync_domain::item::{Item, ItemPrice};
use tillsync_domain::job::JobName;
use tillsync_domain::shift::ShiftAct;
use tillsync_exchange::rows::operation::OperationRow;
use tillsync_hq::Headquarters;
use tillsync_hq::access::Addition;
use tillsync_hq::jobs::JobOptions;
use tillsync_hq::storage::{
    GroupRecord, OperationSource, OrderState, Parameters, RunOutcome, RunRecord, TransactionRecord,
    Trigger,
};
use tillsync_hq::validate::read_findings;
use tillsync_testkit::builders::documents::{
    DocumentBuilder, currency, item_number, transaction_number,
};
use tillsync_testkit::builders::{customer_guid, database, group, upload_at};
use tillsync_testkit::headquarters::open_headquarters;
use tillsync_testkit::world::StoryClock;

pub(crate) struct Site {
    _folder: TempDir,
    clock: Arc<StoryClock>,
    pub(crate) hq: Arc<Headquarters>,
}

impl Site {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let clock = Arc::new(StoryClock::default());
        let shared = Arc::clone(&clock) as Arc<dyn tillsync_domain::clock::Clock>;
        let hq = open_headquarters(folder.path(), shared);
        let site = Site { _folder: folder, clock, hq };
        site.add_store("S1");
        site.hq.put_items(&[item("Coffee")]).expect("an item");
        let opening = ShiftAct::Opened { float: vec![] };
        site.receive(&[DocumentBuilder::shift(900_000, 1, opening)]);
        site
    }

    pub(crate) fn add_store(&self, store: &str) {
        let books = vec!["default".parse().expect("a book")];
        let record =
            GroupRecord { id: group("default"), address_books: books, mode: Default::default() };
        self.hq.put_group(&record).expect("a group");
        let addition = Addition::Channel { id: database(store), group: group("default") };
        self.hq.add_database(&addition).expect("a new store");
    }

    pub(crate) fn receive(&self, documents: &[DocumentBuilder]) {
        self.receive_from("S1", documents);
    }

    pub(crate) fn receive_from(&self, store: &str, documents: &[DocumentBuilder]) {
        let arriving: Vec<_> = documents.iter().map(DocumentBuilder::arriving).collect();
        let source = OperationSource { source: database(store), ..upload_at(1) };
        self.hq
            .storage()
            .write(|tx| tx.documents_insert_once(&source, &arriving))
            .expect("documents arrive");
    }

    pub(crate) fn receive_operations(&self, rows: &[OperationRow]) {
        self.hq
            .storage()
            .write(|tx| tx.operations_insert_once(&upload_at(1), rows))
            .expect("operations arrive");
    }

    pub(crate) fn pass(&self, time: SignedDuration) {
        self.clock.pass(time);
    }

    pub(crate) fn run(&self, job: JobName) -> RunRecord {
        let run = self.hq.run_job(job, Trigger::Manual, JobOptions::default()).expect("it runs");
        assert_ne!(run.outcome, RunOutcome::Failed, "{:?}", run.error);
        run
    }

    pub(crate) fn set(&self, change: impl FnOnce(&mut Parameters)) {
        let mut parameters = self.hq.show_parameters().expect("parameters");
        change(&mut parameters);
        self.hq.change_parameters(&parameters).expect("parameters in range");
    }

    pub(crate) fn transaction(&self, n: u32) -> TransactionRecord {
        let number = transaction_number(n);
        let found = self.hq.storage().read(|tx| tx.transaction_get(&number)).expect("a look");
        found.expect("the transaction has arrived")
    }

    pub(crate) fn order(&self, n: u32) -> OrderState {
        self.transaction(n).order.expect("it is an order")
    }

    pub(crate) fn account_of(&self, n: u32) -> Option<AccountNumber> {
        self.account(customer_guid(n))
    }

    pub(crate) fn account(&self, guid: CustomerGuid) -> Option<AccountNumber> {
        let key = CustomerKey::Temporary(guid);
        let alias = self.hq.storage().read(|tx| tx.alias_get(&key)).expect("a look");
        alias.map(|alias| alias.account)
    }

    /// An order as its list shows it.
    pub(crate) fn shown_order(&self, n: u32) -> String {
        let record = self.transaction(n);
        let order = record.order.expect("it is an order");
        let mut text = order.status.as_str().to_owned();
        for (what, part) in [
            (" ", order.sales_order.map(|number| number.to_string())),
            (" for ", record.account.map(|account| account.to_string())),
            (" on hold ", order.hold),
            (": ", order.error),
        ] {
            text.extend(part.map(|part| format!("{what}{part}")));
        }
        text
    }

    /// A validation as its list shows it.
    pub(crate) fn shown_validation(&self, n: u32) -> String {
        let record = self.transaction(n);
        let mut text = record.validation.as_str().to_owned();
        text.extend(record.account.as_ref().map(|account| format!(" for {account}")));
        for finding in read_findings(&record) {
            let rule = finding.rule.as_deref().unwrap_or("always");
            text.push_str(&format!("\n{rule}: {}", finding.message));
        }
        text
    }
}

pub(crate) fn item(name: &str) -> Item {
    let euro = currency("EUR");
    Item {
        number: item_number(1),
        name: name.to_owned(),
        tax_rate: "25.5".parse().expect("a number"),
        is_active: true,
        prices: vec![ItemPrice { currency: euro, price: euro.from_minor(10_00) }],
    }
}
