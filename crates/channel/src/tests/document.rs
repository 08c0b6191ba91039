//! Documents on their way: one counter with customers, relays, restores, contradictions.

use tillsync_domain::ids::CustomerKey;
use tillsync_domain::job::JobName;
use tillsync_domain::kind::ErrorKind;
use tillsync_exchange::package::Scope;
use tillsync_exchange::rows::Table;
use tillsync_exchange::rows::document::DocumentRow;
use tillsync_exchange::rows::item::ItemRow;
use tillsync_exchange::rows::log::LogRow;

use super::counter::{
    Row, apply, coffee, coffee_for, counter, item, line, number, numbered, paid, parsed, promote,
    return_of,
};
use super::fake_upstream::FakeUpstream;
use super::register::{Lan, package_of};
use super::world::{Shop, at, restored_copy, shop, temporary};
use crate::health::read_health;
use crate::history::order_history;
use crate::inspect::{inspect_database, visit_documents};
use crate::search::Page;
use crate::sell::RecordTrade;
use crate::shifts::{CloseShift, close_shift, current_shift, find_shift};
use crate::transactions::find_transaction;

fn kinds(hq: &FakeUpstream) -> Vec<String> {
    let kind = |row: &LogRow| match row {
        LogRow::Operation(row) => row.kind.clone(),
        LogRow::Document(row) => row.kind.clone(),
    };
    hq.lock().inbox.iter().map(kind).collect()
}

fn store() -> (Shop, Shop) {
    (counter("S1", None, 1), counter("S1.R1", Some("S1"), 30))
}

/// The documents of a log, as they would be sent.
pub(super) fn documents(shop: &Shop) -> Vec<DocumentRow> {
    let hq = FakeUpstream::default();
    shop.upload(&hq).expect("uploads");
    let rows = std::mem::take(&mut hq.lock().inbox);
    let document = |row| match row {
        LogRow::Document(row) => Some(row),
        LogRow::Operation(_) => None,
    };
    rows.into_iter().filter_map(document).collect()
}

#[test]
fn customers_and_sales_go_up_in_the_order_in_which_they_were_recorded() {
    let (shop, hq) = (counter("S1", None, 1), FakeUpstream::default());
    let ada = shop.create("Ada");
    shop.sell(coffee_for(&temporary(&ada)));
    shop.create("Byron");
    shop.sell(coffee());
    assert_eq!(read_health(&shop.edge).expect("reads").unsent, 5);
    let sent = shop.upload(&hq).expect("uploads");
    assert_eq!((sent.entries, sent.packages), (5, 1));
    let expected = ["shift_opened", "create_customer", "sale", "create_customer", "sale"];
    assert_eq!(kinds(&hq), expected);
    let counters: Vec<u64> = hq.lock().inbox.iter().map(LogRow::counter).collect();
    assert_eq!(counters, [1, 2, 3, 4, 5]);
    let rows = hq.lock().uploads[0].0.rows.clone();
    assert_eq!((rows[Table::Operation.as_str()], rows[Table::Document.as_str()]), (2, 3));
    assert_eq!(read_health(&shop.edge).expect("reads").unsent, 0);
    shop.sell(coffee());
    assert_eq!(shop.upload(&hq).expect("uploads").new_epoch, None, "its log ends with a sale");
}

#[test]
fn a_database_restored_from_before_its_sales_loses_and_doubles_none() {
    let (original, hq) = (counter("S1", None, 1), FakeUpstream::default());
    let before = original.sell(coffee());
    let restored = restored_copy(&original, 70);
    original.sell(coffee());
    original.create("Lost with the disk");
    original.upload(&hq).expect("uploads");
    drop(original);
    let after = restored.sell(numbered(coffee(), "after"));
    restored.create("After");
    let sent = restored.upload(&hq).expect("uploads");
    assert!(sent.new_epoch.is_some(), "the log holds another entry at the watermark");
    assert_eq!(hq.received(), 6);
    assert_eq!(hq.lock().quarantined.len(), 0);
    assert_eq!(after.trade.receipt.as_str(), "S1-000002", "drawn twice: found by validation");
    assert_ne!(before.number, after.number);
    let later = restored.sell(coffee());
    assert_eq!(later.trade.receipt.as_str(), "S1-000007", "beyond whatever was lost");
}

#[test]
fn the_store_sees_its_registers_sales_and_passes_them_on() {
    let ((channel, register), hq) = (store(), FakeUpstream::default());
    let ada = register.create("Ada");
    let sold = register.sell(coffee_for(&temporary(&ada)));
    let lan = Lan::between(&channel, &register);
    register.upload(&lan).expect("uploads");
    assert_eq!(find_transaction(&channel.edge, &sold.number).expect("reads"), Some(sold.clone()));
    promote(&channel, &ada, "C-00007");
    let account: CustomerKey = parsed("C-00007");
    let page = Page { top: 10, skip: 0 };
    assert_eq!(order_history(&channel.edge, &account, page).expect("reads").len(), 1);
    channel.upload(&hq).expect("uploads");
    assert_eq!(kinds(&hq), ["shift_opened", "shift_opened", "create_customer", "sale"]);
    let state = hq.lock();
    let LogRow::Document(row) = &state.inbox[3] else { panic!("a document") };
    assert_eq!((row.counter, row.origin.as_str(), row.relayed_at), (4, "S1.R1", Some(at(20))));
    drop(state);
    let mut seen = Vec::new();
    visit_documents(channel.edge.db().path(), &mut |document| {
        seen.push((document.kind.clone(), document.total().map(|(total, _)| total)));
    })
    .expect("reads");
    assert_eq!(seen[2], ("sale".to_owned(), Some(number("12.54"))));
    assert_eq!(inspect_database(channel.edge.db().path()).expect("reads").documents, 3);
}

#[test]
fn what_was_sold_at_a_register_can_be_returned_and_repeated_at_the_channel() {
    let (channel, register) = store();
    let sold = register.sell(numbered(coffee(), "till-1"));
    let back = |shop: &Shop| {
        let lines = vec![return_of("coffee", "-1", &sold)];
        shop.try_sell(RecordTrade { lines, payments: vec![paid("1", "-12.54")], ..coffee() })
    };
    register.upload(&Lan::between(&channel, &register)).expect("uploads");
    // The till's answer was lost, it is connected again and asks the channel.
    assert_eq!(channel.sell(numbered(coffee(), "till-1")), sold);
    back(&channel).expect("is returned");
    assert_eq!(back(&channel).expect_err("is refused").kind(), ErrorKind::Invalid);
    // Nobody can stop a till that is cut off from taking it back too: both are kept.
    back(&register).expect("is returned");
    register.upload(&Lan::between(&channel, &register)).expect("uploads");
    assert_eq!(back(&channel).expect_err("is refused").kind(), ErrorKind::Invalid);
    assert_eq!(channel.number("SELECT count(*) FROM returned"), 2);
}

#[test]
fn the_same_number_with_other_content_is_set_aside_word_for_word() {
    let (channel, register) = store();
    let first = channel.sell(numbered(coffee(), "web-1"));
    let lines = vec![line("tea", "1")];
    let tea = RecordTrade { lines, payments: vec![paid("1", "3.14")], ..RecordTrade::default() };
    register.sell(numbered(tea, "web-1"));
    register.sell(numbered(coffee(), "web-2"));
    let lan = Lan::between(&channel, &register);
    register.upload(&lan).expect("uploads");
    assert_eq!(find_transaction(&channel.edge, &first.number).expect("reads"), Some(first));
    let aside = "SELECT count(*) FROM quarantine WHERE number = 'web-1' AND line LIKE '%TEA%'";
    assert_eq!(channel.number(aside), 1);
    let shown = "SELECT count(*) FROM document WHERE kind = 'sale' AND is_set_aside = 0";
    assert_eq!(channel.number(shown), 2);
    let (manifest, bytes) = lan.sent(0);
    let receipt = lan.send(&manifest, &bytes).expect("is repeated");
    assert_eq!((receipt.inserted, receipt.repeated, receipt.quarantined), (0, 2, 1));
    assert_eq!(channel.number("SELECT count(*) FROM quarantine"), 1);
}

#[test]
fn what_the_channel_cannot_read_still_goes_up_and_is_not_shown() {
    let (channel, register) = (counter("S1", None, 1), shop("S1.R1", Some("S1"), 30));
    let lan = Lan::between(&channel, &register);
    let mut rows = documents(&counter("S1.R1", Some("S1"), 40));
    rows[0].kind = "loan".to_owned();
    let (manifest, bytes) = package_of("S1.R1", 1, &[LogRow::Document(rows[0].clone())]);
    assert_eq!(lan.send(&manifest, &bytes).expect("is taken").inserted, 1);
    let hq = FakeUpstream::default();
    channel.upload(&hq).expect("uploads");
    assert_eq!(kinds(&hq), ["shift_opened", "loan"]);
    assert_eq!(find_transaction(&channel.edge, &rows[0].number).expect("reads"), None);
}

#[test]
fn a_register_cannot_close_the_channels_shift() {
    let (channel, register) = store();
    let ours = current_shift(&channel.edge).expect("reads").expect("is open").number;
    let theirs = current_shift(&register.edge).expect("reads").expect("is open").number;
    let lan = Lan::between(&channel, &register);
    let close = CloseShift { shift: theirs.clone(), counted: vec![], staff: None };
    close_shift(&register.edge, close, at(80)).expect("closes");
    let mut rows = documents(&register);
    rows[1].content = rows[1].content.get().replace(theirs.as_str(), ours.as_str()).parse_raw();
    let rows: Vec<LogRow> = rows.into_iter().map(LogRow::Document).collect();
    let (manifest, bytes) = package_of("S1.R1", 1, &rows);
    lan.send(&manifest, &bytes).expect("is taken");
    assert!(current_shift(&channel.edge).expect("reads").is_some_and(|view| view.number == ours));
    let shown = find_shift(&channel.edge, &theirs).expect("reads").expect("is shown");
    assert_eq!(shown.origin, register.id());
    let close = CloseShift { shift: theirs, counted: vec![], staff: None };
    let error = close_shift(&channel.edge, close, at(80)).expect_err("is refused");
    assert_eq!(error.kind(), ErrorKind::Conflict);
}

#[test]
fn large_documents_are_spread_over_packages_that_fit() {
    let (shop, hq) = (counter("S1", None, 1), FakeUpstream::default());
    let Row::Item(long) = item("coffee", 9) else { panic!("an item") };
    let long = Row::Item(ItemRow { name: "x".repeat(500), ..long });
    apply(&shop, (JobName::Products1040, Scope::Delta, 9), &[long]).expect("is applied");
    let lines = vec![line("coffee", "1"); tillsync_domain::trade::LINES_MAX];
    let payments = vec![paid("1", "6270.00")];
    let sale = RecordTrade { lines, payments, ..RecordTrade::default() };
    for _ in 0..45 {
        shop.sell(sale.clone());
    }
    let sent = shop.upload(&hq).expect("uploads");
    assert_eq!((sent.entries, hq.received()), (46, 46));
    assert!(sent.packages >= 2, "{sent:?}");
    let largest = hq.lock().uploads.iter().map(|(manifest, _)| manifest.plain_bytes).max();
    assert!(largest < Some(tillsync_exchange::package::UPLOAD_BYTES_MAX), "{largest:?}");
}

pub(super) trait ParseRaw {
    fn parse_raw(self) -> Box<serde_json::value::RawValue>;
}

impl ParseRaw for String {
    fn parse_raw(self) -> Box<serde_json::value::RawValue> {
        serde_json::value::RawValue::from_string(self).expect("JSON")
    }
}
