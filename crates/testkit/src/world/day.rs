//! Headquarters' side of a day: orders, validation, statements, and what came of them.

use std::sync::Arc;

use serde_json::Value;
use tillsync_domain::ids::{
    AccountNumber, DatabaseId, DocumentNumber, StatementId, TransactionNumber,
};
use tillsync_domain::job::JobName;
use tillsync_domain::money::Currency;
use tillsync_domain::order::OrderStatus;
use tillsync_domain::statement::{LedgerAccount, PostingMode, StatementKind};
use tillsync_domain::validation::ValidationStatus;
use tillsync_hq::repair_transactions::{FieldChange, RepairError};
use tillsync_hq::storage::{
    OrderState, Parameters, RunOutcome, StatementRecord, TransactionRecord, Voucher,
};

use super::{Buyer, World, open_headquarters};
use crate::books;

impl World {
    /// Makes sales orders of the orders that are due; says what the run did.
    pub fn synchronize_orders(&self) -> Value {
        self.work(JobName::SynchronizeOrders)
    }

    /// Validates what is new or waits; says what the run did.
    pub fn validate(&self) -> Value {
        self.work(JobName::ValidateTransactions)
    }

    /// Posts statements of a kind; says what the run did.
    pub fn statements(&self, kind: StatementKind) -> Value {
        self.work(match kind {
            StatementKind::Transactional => JobName::TransactionalStatements,
            StatementKind::Financial => JobName::FinancialStatements,
            StatementKind::Classic => JobName::ClassicStatements,
        })
    }

    fn work(&self, job: JobName) -> Value {
        let run = self.run(job);
        assert_ne!(run.outcome, RunOutcome::Failed, "{job}: {:?}", run.error);
        run.detail
    }

    /// Uploads from every edge that can be reached, then runs the jobs of a day to the statements
    /// of the posting mode that headquarters is in.
    pub fn end_of_day(&mut self) {
        for at in self.edges() {
            self.upload(&at).ok();
        }
        self.work(JobName::SynchronizeCustomers);
        self.synchronize_orders();
        self.validate();
        match self.hq().show_parameters().expect("hq answers").posting_mode {
            PostingMode::TrickleFeed => {
                self.statements(StatementKind::Transactional);
                self.statements(StatementKind::Financial);
            }
            PostingMode::Classic => {
                self.statements(StatementKind::Classic);
            }
        }
    }

    /// Creates the customer that unnamed sales of a store are posted to.
    pub fn default_customer(&self, store: &str) -> AccountNumber {
        let channel: DatabaseId = store.parse().expect("a database id");
        let name = format!("Counter sales {store}");
        self.hq().create_default_customer(&channel, &name).expect("the store has none yet")
    }

    /// Changes parameters of headquarters.
    pub fn change_parameters(&self, change: impl FnOnce(&mut Parameters)) {
        let mut parameters = self.hq().show_parameters().expect("hq answers");
        change(&mut parameters);
        self.hq().change_parameters(&parameters).expect("good parameters");
    }

    /// A sale or an order as headquarters has it.
    pub fn transaction(&self, number: &TransactionNumber) -> TransactionRecord {
        self.received(number).expect("it has arrived")
    }

    pub(super) fn received(&self, number: &TransactionNumber) -> Option<TransactionRecord> {
        self.hq().storage().read(|tx| tx.transaction_get(number)).expect("hq answers")
    }

    /// Where the synchronization of an order stands.
    pub fn order_state(&self, number: &TransactionNumber) -> OrderState {
        self.transaction(number).order.expect("an order")
    }

    /// The status of an order, and what is wrong with it or what it waits for.
    pub fn order_status(&self, number: &TransactionNumber) -> (OrderStatus, Option<String>) {
        let OrderState { status, error, .. } = self.order_state(number);
        (status, error)
    }

    /// Where the validation of a sale or an order stands, with its findings as they are kept.
    pub fn validation(&self, number: &TransactionNumber) -> (ValidationStatus, String) {
        let record = self.transaction(number);
        (record.validation, record.findings.unwrap_or_default())
    }

    /// The statement that posted a sale or an order.
    pub fn posted_in(&self, number: &TransactionNumber) -> Option<DocumentNumber> {
        let record = self.transaction(number);
        record.posted_at?;
        let id = record.statement.expect("what is posted is in a statement");
        Some(self.statement(&id).number)
    }

    /// Sets one field of a sale or an order, as an operator.
    ///
    /// # Errors
    /// What headquarters made of it.
    pub fn repair(
        &self,
        number: &TransactionNumber,
        field: &str,
        value: impl Into<Value>,
    ) -> Result<TransactionRecord, RepairError> {
        let change = FieldChange { pointer: field.to_owned(), value: Some(value.into()) };
        self.hq().repair_transaction(number, "olga", &[change])
    }

    /// A statement.
    pub fn statement(&self, id: &StatementId) -> StatementRecord {
        let found = self.hq().storage().read(|tx| tx.statement_get(id)).expect("hq answers");
        found.expect("a known statement")
    }

    /// Every statement, oldest first.
    pub fn all_statements(&self) -> Vec<StatementRecord> {
        books::all_statements(self.hq().storage())
    }

    /// Every sale and order at headquarters, in order of arrival.
    pub fn all_transactions(&self) -> Vec<TransactionRecord> {
        books::all_transactions(self.hq().storage())
    }

    /// Every voucher, by number.
    pub fn all_vouchers(&self) -> Vec<Voucher> {
        books::all_vouchers(self.hq().storage())
    }

    /// What the ledger of a store says of an account, in cents.
    pub fn booked(&self, store: &str, account: LedgerAccount) -> i64 {
        let store: DatabaseId = store.parse().expect("a database id");
        let euro: Currency = "EUR".parse().expect("a currency");
        let balances = self.hq().trial_balances(Some(&store)).expect("hq answers");
        let balance = balances.into_iter().find(|balance| balance.currency == euro);
        balance.and_then(|balance| balance.accounts.get(&account).copied()).unwrap_or(0)
    }

    /// What a customer owes by the ledger, in cents, by either key.
    pub fn owes(&self, buyer: impl Buyer) -> i64 {
        let euro: Currency = "EUR".parse().expect("a currency");
        let balance = self.hq().customer_balance(&buyer.key()).expect("a known customer");
        balance.posted.get(&euro).copied().unwrap_or(0)
    }

    /// Lets headquarters commit so many transactions more; then it is killed, and commits nothing
    /// until it is started anew.
    pub fn kill_headquarters_after(&self, commits: i64) {
        self.life.limit(commits);
    }

    /// Whether headquarters was killed.
    pub fn is_headquarters_dead(&self) -> bool {
        self.life.is_over()
    }

    /// Starts headquarters anew over what it has stored.
    pub fn restart_headquarters(&mut self) {
        self.life = super::mortal::Life::endless();
        let hq = open_headquarters(self.folder.path(), &self.clock, &self.entropy, &self.life);
        for node in self.nodes.values() {
            node.line.lead_to_headquarters(&hq);
        }
        let old = std::mem::replace(&mut self.hq, hq);
        assert!(Arc::into_inner(old).is_some(), "somebody still holds headquarters");
    }
}
