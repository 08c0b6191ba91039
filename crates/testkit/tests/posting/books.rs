//! What the books say: shifts, balances and histories by either key, and the trace.

use expect_test::expect;
use tillsync_domain::ids::{AccountNumber, CustomerKey};
use tillsync_domain::shift::Count;
use tillsync_domain::trade::Tender;
use tillsync_hq::history::HistoryError;
use tillsync_hq::trace::Stage;
use tillsync_testkit::builders::documents::{
    DocumentBuilder, by_account, by_guid, cash, currency, transaction_number,
};
use tillsync_testkit::builders::upload_at;

use super::Books;

fn card(minor: i64, code: &str) -> Count {
    let currency = currency(code);
    Count { tender: Tender::Card, currency, amount: currency.from_minor(minor) }
}

#[test]
fn a_financial_statement_takes_closed_shifts_only_and_posts_what_is_over_or_short() {
    let books = Books::open();
    books.shift(1, 1, (vec![cash(10_000)], Some(vec![cash(12_485), card(5_00, "SEK")])));
    books.shift(3, 2, (vec![cash(50_00)], None));
    books.shift(5, 3, (vec![], Some(vec![])));
    books.receive(&DocumentBuilder::sale(11).in_shift(1), None);
    books.receive(&DocumentBuilder::sale(12).in_shift(2), None);
    let summary = books.post_financial();
    assert_eq!((summary.posted, summary.transactions, summary.shifts), (1, 0, 2));
    expect![[r#"
        V-000000001 EUR Shift SH-1: cash over: cash 1.00, over-short -1.00
        V-000000002 SEK Shift SH-1: cards over: cards 5.00, over-short -5.00
    "#]]
    .assert_eq(&books.ledger());
    assert_eq!(books.post_financial().begun, 0, "an open shift waits");
    assert_eq!(books.post().transactions, 2, "its sales do not");
}

#[test]
fn balance_and_history_are_the_same_by_either_key() {
    let books = Books::open();
    books.receive(&DocumentBuilder::sale(1).to(by_guid(1)), Some(1));
    books.receive(&DocumentBuilder::order(2).to(by_account(1)), Some(1));
    let before = books.hq().customer_balance(&by_guid(1)).expect("it is known");
    assert_eq!(before, books.hq().customer_balance(&by_account(1)).expect("it is known"));
    assert!(before.posted.is_empty());
    let euro = currency("EUR");
    assert_eq!(before.unposted.get(&euro), Some(&-23_85), "the sale is paid, the deposit is ahead");
    assert_eq!(before.unposted_transactions, 2);

    books.post();
    let after = books.hq().customer_balance(&by_guid(1)).expect("it is known");
    assert_eq!(after.posted.get(&euro), Some(&-23_85));
    assert_eq!((after.unposted.is_empty(), after.unposted_transactions), (true, 0));

    for key in [by_guid(1), by_account(1)] {
        let history = books.hq().order_history(&key, None, 10).expect("it is known");
        let numbers: Vec<_> = history.transactions.iter().map(|t| t.row.number.clone()).collect();
        assert_eq!(numbers, [transaction_number(2), transaction_number(1)]);
        let keys: Vec<_> =
            history.transactions.iter().filter_map(|t| t.header.customer.clone()).collect();
        assert_eq!(keys, [by_account(1), by_guid(1)], "each keeps the key it was written with");
        let page = books.hq().order_history(&key, Some(history.transactions[0].position), 10);
        assert_eq!(page.expect("it is known").transactions.len(), 1);
    }
}

#[test]
fn nobody_is_told_from_somebody_who_has_not_arrived() {
    let books = Books::open();
    let stranger = CustomerKey::Numbered(AccountNumber::parse("X-1").expect("a number"));
    for key in [by_guid(77), stranger] {
        let refused = books.hq().customer_balance(&key);
        assert!(matches!(refused, Err(HistoryError::UnknownCustomer(_))), "{refused:?}");
        assert!(books.hq().order_history(&key, None, 1).is_err());
    }
    let sale = DocumentBuilder::sale(1).to(by_guid(77)).arriving();
    let write = books
        .hq()
        .storage()
        .write(|tx| tx.documents_insert_once(&upload_at(10), std::slice::from_ref(&sale)));
    write.expect("stored");
    let history = books.hq().order_history(&by_guid(77), None, 10).expect("its sale is here");
    assert_eq!((history.keys.account, history.transactions.len()), (None, 1));
    let trace = books.hq().trace_customer(&by_guid(77)).expect("its sale is here");
    assert_eq!((trace.stage, trace.transactions), (Stage::Awaited, 1));
}

#[test]
fn a_trace_tells_the_way_of_sales_and_orders() {
    let books = Books::open();
    books.receive(&DocumentBuilder::sale(1).to(by_guid(1)), Some(1));
    books.receive(&DocumentBuilder::order(2).to(by_account(1)), Some(1));
    books.post();
    for key in [by_guid(1), by_account(1)] {
        let trace = books.hq().trace_customer(&key).expect("it is known");
        let told = trace.events.iter().filter(|event| event.what.contains("T-00000"));
        let told: Vec<_> = told.map(|event| format!("{}: {}", event.place, event.what)).collect();
        expect![[r#"
            S1: sale T-000001: recorded under 00000001-0000-0000-0000-000000000001
            S1: customer order T-000002: recorded under C-000001
            headquarters: customer order T-000002: received from S1
            headquarters: sale T-000001: received from S1
            headquarters: customer order T-000002: sales order OLD-000002 created
            headquarters: customer order T-000002: validated, Successful
            headquarters: sale T-000001: validated, Successful
            headquarters: customer order T-000002: posted on account C-000001
            headquarters: sale T-000001: posted on account C-000001 (voucher V-000000001)"#]]
        .assert_eq(&told.join("\n"));
    }
}

#[test]
fn the_report_of_a_day_counts_what_the_ledger_says() {
    let books = Books::open();
    books.receive(&DocumentBuilder::sale(1).to(by_guid(1)), Some(1));
    books.receive(&DocumentBuilder::order(2).to(by_guid(1)), Some(1));
    books.receive_at("S2", &DocumentBuilder::sale(3).to(by_guid(2)).currency("SEK"), Some(2));
    books.post();
    let report = books.hq().posting_report().expect("hq answers");
    assert_eq!((report.orders_created, report.sales_posted), (1, 2));
    assert_eq!((report.statements_posted, report.temporary_ids_in_postings), (2, 0));
    let amounts: Vec<_> = report.amounts_posted.iter().map(|(c, a)| (c.code(), *a)).collect();
    assert_eq!(amounts, [("EUR", 23_85), ("SEK", 23_85)]);
}
