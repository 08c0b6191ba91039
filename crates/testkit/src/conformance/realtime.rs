//! Creating customers while a till waits: one account whatever comes first, and nothing at all
//! where it cannot be given.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::value::RawValue;
use tillsync_domain::clock::Clock;
use tillsync_domain::ids::{Counter, CustomerKey};
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::number_sequence::{SequenceChange, SequenceMode};
use tillsync_domain::operation::{OperationStatus, Watermark};
use tillsync_exchange::realtime::{CreateCustomerCall, CreatedCustomer};
use tillsync_exchange::rows::operation::OperationRow;
use tillsync_hq::create_now::CreateNowError;
use tillsync_hq::promote::Whom;
use tillsync_hq::storage::{SequenceName, Storage};
use tillsync_hq::{Headquarters, PackageStore, Ports};

use super::databases::add_register;
use super::{add_channels, inbox};
use crate::builders::{
    Rank, SeededEntropy, addition, at, creation, customer_guid, database, epoch_id, operation_id,
    run_id,
};

/// A clock that stands still: what is the same at another time would be another answer.
struct StillClock;

impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        at(50)
    }
}

/// A headquarters with the channels S1 and S2 and the register R1 of S1.
pub(super) struct Site {
    pub(super) hq: Headquarters,
    _folder: tempfile::TempDir,
}

impl Site {
    pub(super) fn open(storage: Arc<dyn Storage>) -> Site {
        add_channels(&*storage);
        add_register(&*storage, "R1", "S1");
        let folder = tempfile::tempdir().expect("a folder");
        let packages = PackageStore::open_folder(folder.path()).expect("a package store");
        let hq = Headquarters::new(Ports {
            storage,
            packages,
            work_folder: folder.path().to_owned(),
            clock: Arc::new(StillClock),
            entropy: Arc::new(SeededEntropy::new(1)),
        });
        hq.initialize().expect("number sequences");
        Site { hq, _folder: folder }
    }

    fn call(&self, rows: &[OperationRow]) -> Result<CreatedCustomer, CreateNowError> {
        self.call_from("S1", rows)
    }

    fn call_from(
        &self,
        channel: &str,
        rows: &[OperationRow],
    ) -> Result<CreatedCustomer, CreateNowError> {
        let record = self.hq.storage().read(|tx| tx.database_get(&database(channel)));
        let record = record.expect("readable").expect("a channel");
        self.hq.create_now(&record, &CreateCustomerCall { operations: rows.to_vec() })
    }

    pub(super) fn upload(&self, rows: &[OperationRow]) -> (u64, u64, u64) {
        let counts = inbox::insert(self.hq.storage(), 60, rows);
        (counts.inserted, counts.repeated, counts.quarantined)
    }

    pub(super) fn synchronize(&self) {
        self.hq.promote_customers(&Whom::Due, run_id(9), &mut |_| true).expect("a run");
    }

    fn expect_nothing(&self) {
        let storage = self.hq.storage();
        let found = storage.read(|tx| {
            let operations = tx.operations_of(&customer_guid(1))?.len();
            Ok((operations, tx.customers_count()?, tx.aliases_count()?, tx.change_horizon()?.0))
        });
        assert_eq!(found.expect("readable"), (0, 0, 0, 0));
        let next = self.hq.show_sequence(SequenceName::Party).expect("a sequence").next;
        assert_eq!(next, 1, "no number was used up");
    }

    fn expect_one_account(&self, of: &CreatedCustomer) {
        let storage = self.hq.storage();
        let key = CustomerKey::Temporary(customer_guid(1));
        let (alias, count, operations) = storage
            .read(|tx| {
                let alias = tx.alias_get(&key)?;
                Ok((alias, tx.aliases_count()?, tx.operations_of(&customer_guid(1))?))
            })
            .expect("readable");
        assert_eq!(alias.expect("promoted").account.as_str(), of.customer.account);
        assert_eq!(count, 1);
        assert!(operations.iter().all(|it| it.status == OperationStatus::Succeeded));
        assert_eq!(operations.len(), 3);
        assert!(storage.read(|tx| tx.customers_check()).expect("checked").is_empty());
    }
}

/// Customer 1 with two addresses.
fn rows() -> [OperationRow; 3] {
    [creation(1), addition(2, 1, Rank::Other), addition(3, 1, Rank::Primary)]
}

fn with_content(row: OperationRow, content: &str) -> OperationRow {
    let content = RawValue::from_string(content.to_owned()).expect("JSON");
    OperationRow { content, ..row }
}

/// With every address, and in the channel's address book: other stores get it as they get any.
pub fn a_call_gives_an_account_and_answers_as_the_job_would_send(storage: Arc<dyn Storage>) {
    let site = Site::open(storage);
    let created = site.call(&rows()).expect("created");
    site.expect_one_account(&created);
    let key = CustomerKey::Temporary(customer_guid(1));
    let kept = site.hq.storage().read(|tx| tx.customer_get(&key)).expect("readable");
    let kept = kept.expect("a customer");
    assert_eq!((created.customer, created.addresses), (kept.customer, kept.addresses));
    assert_eq!(kept.address_books, [crate::builders::book("north")]);
}

/// An answer that got lost is asked for again.
pub fn a_repeated_call_has_the_same_answer(storage: Arc<dyn Storage>) {
    let site = Site::open(storage);
    let created = site.call(&rows()).expect("created");
    assert_eq!(site.call(&rows()).expect("created"), created);
    let renumbered = rows().map(|row| OperationRow { counter: row.counter + 7, ..row });
    assert_eq!(site.call(&renumbered).expect("created"), created, "counters say nothing");
    site.expect_one_account(&created);
}

/// F06: the till heard no answer and wrote the rows down.
pub fn an_upload_after_a_call_is_a_repeat(storage: Arc<dyn Storage>) {
    let site = Site::open(storage);
    let created = site.call(&rows()).expect("created");
    assert_eq!(site.upload(&rows()), (0, 3, 0));
    site.synchronize();
    site.expect_one_account(&created);
}

/// Whether its job has been there already or not.
pub fn a_call_after_an_upload_finds_the_customer(storage: Arc<dyn Storage>) {
    let site = Site::open(storage);
    assert_eq!(site.upload(&rows()), (3, 0, 0));
    let created = site.call(&rows()).expect("created");
    site.expect_one_account(&created);
    site.synchronize();
    assert_eq!(site.call(&rows()).expect("created"), created);
    site.expect_one_account(&created);
}

/// F17: the same rows by every way there is.
pub fn calls_and_uploads_at_once_give_one_account(storage: Arc<dyn Storage>) {
    let site = Site::open(storage);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| drop(site.call(&rows())));
            scope.spawn(|| site.upload(&rows()));
            scope.spawn(|| {
                // It may find that a call was quicker; the next run finds nothing left.
                drop(site.hq.promote_customers(&Whom::Due, run_id(9), &mut |_| true));
            });
        }
    });
    let created = site.call(&rows()).expect("created");
    site.expect_one_account(&created);
}

/// The second one's identity is another operation's customer.
pub fn two_calls_for_one_customer_cannot_both_succeed(storage: Arc<dyn Storage>) {
    let site = Site::open(storage);
    let other = OperationRow { id: operation_id(9), ..creation(1) };
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let calls = [creation(1), other].map(|row| {
            let site = &site;
            scope.spawn(move || site.call(std::slice::from_ref(&row)))
        });
        calls.into_iter().map(|call| call.join().expect("no panic")).collect()
    });
    let refused: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
    let [refused] = refused.as_slice() else { panic!("one is refused: {outcomes:?}") };
    assert_eq!(refused.kind(), ErrorKind::Conflict, "{refused}");
    let found = site
        .hq
        .storage()
        .read(|tx| Ok((tx.aliases_count()?, tx.operations_of(&customer_guid(1))?.len())));
    assert_eq!(found.expect("readable"), (1, 1));
}

/// F07: nothing of the call is kept, whichever row is at fault.
pub fn what_breaks_a_rule_is_refused_and_leaves_nothing(storage: Arc<dyn Storage>) {
    let site = Site::open(storage);
    let long = format!(r#"{{"customer_type":1,"first_name":"{}"}}"#, "x".repeat(500));
    let refused = site.call(&[with_content(creation(1), &long)]).expect_err("refused");
    assert_eq!(refused.kind(), ErrorKind::Invalid);
    assert_eq!(refused.violations().expect("fields").0[0].path(), "FirstName");
    let [first, second, third] = rows();
    let street = format!(
        r#"{{"guid":"00000002-0000-0000-0000-000000000003","purpose":6,"street":"{}"}}"#,
        "x".repeat(2_000)
    );
    let address = with_content(third.clone(), &street);
    let refused = site.call(&[first.clone(), second.clone(), address]).expect_err("refused");
    assert_eq!(refused.violations().expect("fields").0[0].path(), "Addresses[1].Street");
    let same_address = addition(3, 1, Rank::Other);
    let same_address = with_content(same_address, second.content.get());
    let refused = site.call(&[first.clone(), second.clone(), same_address]);
    let refused = refused.expect_err("two operations add one address");
    assert_eq!(refused.kind(), ErrorKind::Conflict, "{refused}");
    let unreadable = with_content(first.clone(), r#"{"later":1}"#);
    for rows in [
        vec![],
        vec![second.clone()],
        vec![first.clone(), first.clone()],
        vec![first.clone(), second.clone(), second.clone()],
        vec![first.clone(), addition(4, 2, Rank::Other)],
        vec![unreadable],
        std::iter::once(first).chain((2..=52).map(|n| addition(n, 1, Rank::Other))).collect(),
    ] {
        let refused = site.call(&rows).expect_err("refused");
        assert_eq!(refused.kind(), ErrorKind::Invalid, "{refused}");
    }
    site.expect_nothing();
    site.call(&[creation(1), second, third]).expect("nothing stands in the way");
}

/// F112: the till falls back, and promotion goes on when the sequence is extended.
pub fn an_exhausted_sequence_leaves_nothing(storage: Arc<dyn Storage>) {
    let site = Site::open(storage);
    let change = |format: &str| SequenceChange {
        format: Some(format.parse().expect("a format")),
        ..SequenceChange::default()
    };
    let accounts = SequenceName::CustomerAccount;
    site.hq.change_sequence(accounts, &change("C-#")).expect("changed");
    for n in 11..20 {
        site.call(&[creation(n)]).expect("a number is left");
    }
    let refused = site.call(&rows()).expect_err("no number is left");
    assert_eq!(refused.kind(), ErrorKind::Busy, "{refused}");
    let storage = site.hq.storage();
    let operations = storage.read(|tx| tx.operations_of(&customer_guid(1))).expect("readable");
    assert_eq!(operations.len(), 0);
    let parties = site.hq.show_sequence(SequenceName::Party).expect("a sequence");
    assert_eq!(parties.next, 10, "no party was used up");
    site.hq.change_sequence(accounts, &change("C-##")).expect("changed");
    let created = site.call(&rows()).expect("created");
    assert_eq!(created.customer.account, "C-10");
}

/// A block is taken off outside of the transaction, which then begins anew.
pub fn a_sequence_in_blocks_serves_calls(storage: Arc<dyn Storage>) {
    let site = Site::open(storage);
    let mode = Some(SequenceMode::Blocks { size: 5 });
    let change = SequenceChange { mode, ..SequenceChange::default() };
    site.hq.change_sequence(SequenceName::CustomerAccount, &change).expect("changed");
    let mut accounts: Vec<_> =
        (1..=7).map(|n| site.call(&[creation(n)]).expect("created").customer.account).collect();
    accounts.dedup();
    assert_eq!(accounts.len(), 7);
}

/// F64: it must hear first which numbers it gave before.
pub fn a_recovering_headquarters_creates_nobody(storage: Arc<dyn Storage>) {
    let hash = tillsync_exchange::device::Secret::from_random([7; 32]).hash();
    let site = Site::open(storage);
    let storage = site.hq.storage();
    storage.write(|tx| tx.database_enrol(&database("S2"), &hash, at(1))).expect("enrolled");
    site.hq.declare_restored("Ann").expect("declared");
    let refused = site.call(&rows()).expect_err("held");
    assert_eq!(refused.kind(), ErrorKind::Busy, "{refused}");
    site.expect_nothing();
    site.hq.finish_recovery("Ann").expect("finished");
    site.call(&rows()).expect("created");
}

/// A call for another store would put the customer into the wrong address book.
pub fn a_channel_calls_for_itself_and_its_registers(storage: Arc<dyn Storage>) {
    let site = Site::open(storage);
    for (channel, origin) in [("S1", "S2"), ("S2", "S1"), ("S2", "R1"), ("S1", "S9")] {
        let row = OperationRow { origin: database(origin), ..creation(1) };
        let refused = site.call_from(channel, &[row]).expect_err("refused");
        assert_eq!(refused.kind(), ErrorKind::Forbidden, "{channel} for {origin}");
    }
    site.expect_nothing();
    let row = OperationRow { origin: database("R1"), ..creation(1) };
    site.call(&[row]).expect("its own register");
}

/// It is no log entry: the log goes on where it stood.
pub fn a_call_moves_no_watermark(storage: Arc<dyn Storage>) {
    let site = Site::open(storage);
    let storage = site.hq.storage();
    let reached = Watermark { counter: Counter(4), ..Watermark::start(epoch_id(1)) };
    storage.write(|tx| tx.watermark_set(&database("S1"), &reached)).expect("set");
    site.call(&rows()).expect("created");
    let watermarks = storage.read(|tx| tx.watermarks_all()).expect("readable");
    assert_eq!(watermarks, [(database("S1"), reached)]);
    let operations = storage.read(|tx| tx.operations_of(&customer_guid(1))).expect("readable");
    assert!(operations.iter().all(|record| record.row.counter == 0));
    assert_eq!(operations[0].source.source, database("S1"));
}
