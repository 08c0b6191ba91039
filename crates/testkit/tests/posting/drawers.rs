//! Drawers, and who has no business in them.

use expect_test::expect;
use jiff::Timestamp;
use rust_decimal::Decimal;
use tillsync_domain::shift::{Count, ShiftAct, ShiftStatus};
use tillsync_exchange::messages::UploadReceipt;
use tillsync_exchange::package::{Manifest, PackageWriter, Span};
use tillsync_exchange::rows::Table;
use tillsync_hq::repair_transactions::{FieldChange, RepairError};
use tillsync_hq::storage::ShiftRecord;
use tillsync_testkit::builders::documents::{
    DocumentBuilder, cash, shift_number, transaction_number,
};
use tillsync_testkit::builders::{account, database, epoch_id, package_id};

use super::Books;

/// Sends documents up as a store does, and says what headquarters made of the package.
fn upload(books: &Books, store: &str, documents: &[DocumentBuilder]) -> UploadReceipt {
    let mut writer = PackageWriter::new(Vec::new()).expect("a vector takes everything");
    for (document, counter) in documents.iter().zip(1..) {
        let mut row = document.row();
        row.counter = counter;
        writer.row(Table::Document, &row).expect("a vector takes everything");
    }
    let (bytes, contents) = writer.finish().expect("a vector takes everything");
    let last = documents.len() as u64;
    let span = Span::Upload { source: database(store), epoch: epoch_id(1), first: 1, last };
    let manifest = Manifest::new(package_id(1), Timestamp::UNIX_EPOCH, span, contents);
    let database = books.hq().storage().read(|tx| tx.database_get(&database(store)));
    let database = database.expect("hq answers").expect("a store");
    books.hq().receive_upload(&database, &manifest, &bytes).expect("it is taken in")
}

fn shift(books: &Books, n: u32) -> ShiftRecord {
    let found = books.hq().storage().read(|tx| tx.shift_get(&shift_number(n)));
    found.expect("hq answers").expect("the shift is known")
}

fn opened(n: u32, shift: u32, float: Vec<Count>) -> DocumentBuilder {
    DocumentBuilder::shift(n, shift, ShiftAct::Opened { float })
}

fn closed(n: u32, shift: u32, counted: Vec<Count>) -> DocumentBuilder {
    DocumentBuilder::shift(n, shift, ShiftAct::Closed { counted })
}

fn unknown(books: &Books) -> u64 {
    books.hq().storage().read(|tx| tx.transaction_counts()).expect("hq answers").unknown
}

#[test]
fn no_store_closes_the_shift_of_another_one() {
    let books = Books::open();
    upload(&books, "S1", &[opened(1, 1, vec![cash(50_00)])]);
    let receipt = upload(&books, "S2", &[closed(2, 1, vec![cash(0)])]);
    assert_eq!(receipt.inserted, 1, "it is kept");
    assert_eq!(shift(&books, 1).status, ShiftStatus::Open);
    assert_eq!(unknown(&books), 1, "and somebody hears of it");
    assert_eq!(upload(&books, "S2", &[closed(2, 1, vec![cash(0)])]).repeated, 1);
}

#[test]
fn what_another_store_sells_is_in_no_drawer_of_this_one() {
    let books = Books::open();
    books.shift(1, 1, (vec![cash(50_00)], Some(vec![cash(73_85)])));
    books.receive_at("S1", &DocumentBuilder::sale(3).in_shift(1), None);
    books.receive_at("S2", &DocumentBuilder::sale(4).in_shift(1), None);
    assert_eq!(books.post_financial().shifts, 1);
    expect![""].assert_eq(&books.ledger());
}

#[test]
fn a_count_that_is_no_money_holds_up_nothing_but_its_own_shift() {
    let books = Books::open();
    let dust = Count { amount: Decimal::new(1, 3), ..cash(0) };
    let much = Count { amount: Decimal::new(1_000_000_000_000, 0), ..cash(0) };
    let documents = [
        opened(1, 1, vec![dust.clone()]),
        closed(2, 1, vec![]),
        opened(3, 2, vec![]),
        closed(4, 2, vec![dust]),
        opened(5, 3, vec![much; 100_000 / 50]),
        opened(6, 4, vec![cash(10_00)]),
        closed(7, 4, vec![cash(11_00)]),
    ];
    upload(&books, "S1", &documents);
    let summary = books.post_financial();
    assert_eq!((summary.posted, summary.failed), (1, 0), "{:?}", books.statements());
    assert_eq!(unknown(&books), 2, "a large sum is still one");
    expect![[r#"
        V-000000001 EUR Shift SH-4: cash over: cash 1.00, over-short -1.00
    "#]]
    .assert_eq(&books.ledger());
}

#[test]
fn a_shift_whose_opening_is_not_here_waits_for_it() {
    let books = Books::open();
    upload(&books, "S1", &[closed(2, 1, vec![cash(50_00)])]);
    assert_eq!(books.post_financial().begun, 0, "its float would be posted as income");
    books.shift(3, 1, (vec![cash(50_00)], None));
    assert_eq!(books.post_financial().shifts, 1);
    assert_eq!(books.ledger(), "");
}

#[test]
fn the_money_of_a_drawer_that_is_posted_is_not_repaired_away() {
    let books = Books::open();
    books.shift(1, 1, (vec![], Some(vec![cash(23_85)])));
    books.shift(5, 2, (vec![], None));
    books.receive(&DocumentBuilder::sale(3).in_shift(1), None);
    let set = |pointer: &str, value: &str| {
        let change = FieldChange { pointer: pointer.to_owned(), value: Some(value.into()) };
        books.hq().repair_transaction(&transaction_number(3), "eva", &[change]).map(drop)
    };
    set("/trade/payments/0/amount", "20.00").expect("nothing of its drawer is posted");
    set("/trade/payments/0/amount", "23.85").expect("nor now");
    assert_eq!(books.post_financial().shifts, 1);
    for (pointer, value) in [
        ("/trade/payments/0/amount", "20.00"),
        ("/trade/payments/0/tender", "gift_card"),
        ("/trade/shift", "SH-2"),
        ("/trade/currency", "SEK"),
    ] {
        let refused = set(pointer, value);
        assert!(matches!(refused, Err(RepairError::DrawerPosted { .. })), "{pointer}: {refused:?}");
    }
    let void = FieldChange { pointer: "/is_voided".into(), value: Some(true.into()) };
    let refused = books.hq().repair_transaction(&transaction_number(3), "eva", &[void]);
    assert!(matches!(refused, Err(RepairError::DrawerPosted { .. })));
    set("/trade/customer", account(1).as_str()).expect("whose money it is can be put right");
    books.receive(&DocumentBuilder::sale(4).in_shift(2), None);
    let change = FieldChange { pointer: "/trade/shift".into(), value: Some("SH-1".into()) };
    let moved = books.hq().repair_transaction(&transaction_number(4), "eva", &[change]);
    assert!(matches!(moved, Err(RepairError::DrawerPosted { .. })), "nor is any put in");
}
