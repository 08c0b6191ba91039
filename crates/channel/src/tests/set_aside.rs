//! Documents that contradict what the channel has: nobody overwrites them, and headquarters gets
//! to see them.

use tillsync_exchange::rows::log::LogRow;

use super::counter::{coffee, counter, line, numbered, paid};
use super::fake_upstream::FakeUpstream;
use super::register::Lan;
use super::world::Shop;
use crate::inspect::{inspect_database, visit_documents};
use crate::sell::RecordTrade;
use crate::transactions::find_transaction;

/// A channel and its register that both sold under one number.
fn at_odds() -> (Shop, Shop) {
    let (channel, register) = (counter("S1", None, 1), counter("S1.R1", Some("S1"), 30));
    channel.sell(numbered(coffee(), "web-1"));
    let lines = vec![line("tea", "1")];
    let tea = RecordTrade { lines, payments: vec![paid("1", "3.14")], ..RecordTrade::default() };
    register.sell(numbered(tea, "web-1"));
    (channel, register)
}

fn numbers(hq: &FakeUpstream) -> Vec<String> {
    let number = |row: &LogRow| match row {
        LogRow::Document(row) => Some(format!("{} of {}", row.number, row.origin)),
        LogRow::Operation(_) => None,
    };
    hq.lock().inbox.iter().filter_map(number).filter(|text| text.starts_with("web")).collect()
}

#[test]
fn a_registers_sale_under_a_number_that_is_taken_still_reaches_headquarters() {
    let ((channel, register), hq) = (at_odds(), FakeUpstream::default());
    register.upload(&Lan::between(&channel, &register)).expect("uploads");
    channel.upload(&hq).expect("uploads");
    assert_eq!(numbers(&hq), ["web-1 of S1", "web-1 of S1.R1"]);
    assert_eq!(channel.number("SELECT count(*) FROM quarantine"), 1);
}

#[test]
fn what_was_set_aside_is_sent_once_and_shown_nowhere() {
    let ((channel, register), hq) = (at_odds(), FakeUpstream::default());
    let lan = Lan::between(&channel, &register);
    register.upload(&lan).expect("uploads");
    let (manifest, bytes) = lan.sent(0);
    for _ in 0..2 {
        let receipt = lan.send(&manifest, &bytes).expect("is repeated");
        assert_eq!((receipt.inserted, receipt.repeated, receipt.quarantined), (0, 1, 1));
    }
    channel.upload(&hq).expect("uploads");
    assert_eq!(numbers(&hq).len(), 2);
    let number = "web-1".parse().expect("a number");
    let shown = find_transaction(&channel.edge, &number).expect("reads").expect("is there");
    assert_eq!(shown.origin, channel.id());
    assert_eq!(channel.sell(numbered(coffee(), "web-1")), shown, "a repeat is still known");
    let path = channel.edge.db().path();
    let mut seen = 0;
    visit_documents(path, &mut |_| seen += 1).expect("reads");
    let inspection = inspect_database(path).expect("reads");
    assert_eq!((seen, inspection.documents, inspection.quarantined), (3, 3, 1));
}
