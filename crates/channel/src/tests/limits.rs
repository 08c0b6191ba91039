//! Amounts and numbers at their edges: what a document can hold, what a return can pay back.

use expect_test::expect;
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::trade::{Delivery, LineDraft, TradeKind};

use tillsync_domain::job::JobName;
use tillsync_exchange::package::Scope;
use tillsync_exchange::rows::item::ItemRow;
use tillsync_exchange::rows::log::LogRow;

use super::counter::{
    Row, apply, coffee, counter, item, line, number, numbered, paid, parsed, price, return_of,
};
use super::document::{ParseRaw, documents};
use super::register::{Lan, package_of};
use super::sell::refused;
use super::world::{Shop, at};
use crate::receipts::receipt_text;
use crate::sell::{RecordTrade, What, record_trade};
use crate::shifts::{CloseShift, CountDraft, ShiftError, close_shift, current_shift};
use crate::transactions::{TransactionView, find_transaction};

fn priced(item: &str, quantity: &str, price: &str) -> LineDraft {
    LineDraft { price: Some(number(price)), ..line(item, quantity) }
}

/// Takes back so much of the first line of a sale, for whatever it comes to.
fn take_back(shop: &Shop, sold: &TransactionView, quantity: &str) -> TransactionView {
    let lines = vec![return_of("coffee", quantity, sold)];
    let try_for = |amount: &str| {
        let sale = RecordTrade { lines: lines.clone(), ..RecordTrade::default() };
        shop.try_sell(RecordTrade { payments: vec![paid("1", amount)], ..sale })
    };
    let error = try_for("-0.01").expect_err("is not what is due").to_string();
    let due = error.split(' ').nth(1).expect("names what is due");
    try_for(due).expect("is returned")
}

#[test]
fn amounts_that_no_document_can_hold_are_refused_where_they_are_entered() {
    let shop = counter("S1", None, 1);
    let order = |lines: Vec<LineDraft>| {
        let (customer, what) = (Some(parsed("C-1")), What::Order(Delivery::Pickup));
        let order = RecordTrade { customer, lines, what, ..RecordTrade::default() };
        record_trade(&shop.edge, order, at(60))
    };
    refused(
        order(vec![priced("coffee", "1000000000", "1000000000")]),
        expect!["SalesLines[0].Quantity: must be less: the line comes to more than any till sells"],
    );
    let most = priced("coffee", "1000", "700000000");
    refused(
        order(vec![most.clone(), most.clone()]),
        expect!["SalesLines: must be less: it comes to more than any till sells"],
    );
    assert_eq!(order(vec![most]).expect("is ordered").kind, TradeKind::Order);
    let shift = current_shift(&shop.edge).expect("reads").expect("is open").number;
    let amount = number("10000000000000");
    let counted = vec![CountDraft { tender: None, currency: None, amount }];
    let close = CloseShift { shift, counted, staff: None };
    let error = close_shift(&shop.edge, close, at(70)).expect_err("is refused");
    assert!(matches!(error, ShiftError::Rules(_)), "{error}");
}

#[test]
fn what_is_sold_in_one_currency_is_not_returned_in_another() {
    let shop = counter("S1", None, 1);
    let lines = vec![priced("coffee", "1", "500")];
    let payments = vec![paid("1", "628")];
    let yen = RecordTrade { lines, payments, currency: Some(parsed("JPY")), ..coffee() };
    let sold = shop.sell(yen);
    let lines = vec![return_of("coffee", "-1", &sold)];
    let payments = vec![paid("1", "-12.54")];
    refused(
        shop.try_sell(RecordTrade { lines, payments, ..RecordTrade::default() }),
        expect!["SalesLines[0].ReturnTransactionId: the sale was in JPY, so it is returned in JPY"],
    );
}

#[test]
fn parts_that_are_returned_come_to_what_the_line_came_to() {
    for (quantity, price, discount, part, parts) in [
        ("3", "9.99", "1.00", "-1", 3),
        ("3", "9.99", "2.00", "-1", 3),
        ("7", "0.10", "0.70", "-1", 7),
        ("1.5", "0.99", "0", "-0.5", 3),
        ("0.9", "0.49", "0.01", "-0.3", 3),
    ] {
        let shop = counter("S1", None, 1);
        let discounted =
            LineDraft { discount: Some(number(discount)), ..priced("coffee", quantity, price) };
        let sale = RecordTrade { lines: vec![discounted], payments: vec![], ..coffee() };
        let sold = match shop.try_sell(sale.clone()) {
            Ok(free) => free,
            Err(error) => {
                let text = error.to_string();
                let payments = vec![paid("1", text.split(' ').nth(1).expect("the due amount"))];
                shop.sell(RecordTrade { payments, ..sale })
            }
        };
        let mut net = sold.trade.lines[0].net;
        for _ in 0..parts {
            let lines = vec![return_of("coffee", part, &sold)];
            let nothing = RecordTrade { lines, ..RecordTrade::default() };
            net += match shop.try_sell(nothing) {
                Ok(free) => free.trade.lines[0].net,
                Err(_) => take_back(&shop, &sold, part).trade.lines[0].net,
            };
        }
        assert!(net.is_zero(), "{quantity} x {price} - {discount}: {net} is left");
    }
}

#[test]
fn a_return_that_names_its_sale_pays_back_no_more_than_was_paid() {
    let shop = counter("S1", None, 1);
    let halved = LineDraft { discount: Some(number("9.99")), ..line("coffee", "2") };
    let sold = shop.sell(RecordTrade { lines: vec![halved], ..coffee() });
    let back = |price: Option<&str>, discount: Option<&str>, amount: &str| {
        let (price, discount) = (price.map(number), discount.map(number));
        let lines = vec![LineDraft { price, discount, ..return_of("coffee", "-1", &sold) }];
        shop.try_sell(RecordTrade { lines, payments: vec![paid("1", amount)], ..coffee() })
    };
    for (price, discount, amount) in [
        (Some("999"), None, "-1253.75"),
        (None, Some("0"), "-12.54"),
        (Some("9.99"), Some("1"), "-11.28"),
    ] {
        let error = back(price, discount, amount).expect_err("is refused");
        let expected = "SalesLines[0].Price: the line was sold for less: at most 4.99 can be paid \
                        back for this quantity, tax not included";
        assert_eq!(error.to_string(), expected);
    }
    // The price that the line has anyway says nothing about the discount.
    let view = back(Some("9.99"), None, "-6.26").expect("is returned");
    assert_eq!(view.trade.lines[0].discount, number("-5.00"));
    back(Some("1.00"), None, "-1.26").expect("less may be paid back");
}

#[test]
fn no_name_steers_the_printer() {
    let shop = counter("S1", None, 1);
    let name = "Mocha\n\u{1b}p0TOTAL".to_owned();
    let Row::Item(row) = item("mocha", 9) else { panic!("an item") };
    let rows = [Row::Item(ItemRow { name, ..row }), price("mocha", Some("9.99"), 9)];
    apply(&shop, (JobName::Products1040, Scope::Delta, 9), &rows).expect("is applied");
    let view = shop.sell(RecordTrade { lines: vec![line("mocha", "1")], ..coffee() });
    let text = receipt_text(&view);
    assert!(text.contains("\nMocha  p0TOTAL\n"), "{text}");
}

#[test]
fn nobody_takes_the_number_that_a_step_of_a_shift_will_have() {
    let shop = counter("S1", None, 1);
    let shift = current_shift(&shop.edge).expect("reads").expect("is open").number;
    for step in ["opened", "blind-closed", "closed"] {
        let error = shop.try_sell(numbered(coffee(), &format!("S2-S1-{step}")));
        let error = error.expect_err("is refused");
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        assert!(error.to_string().starts_with("Id: "), "{error}");
    }
    assert!(shop.try_sell(numbered(coffee(), &format!("{shift}-closed"))).is_err());
    let close = CloseShift { shift, counted: vec![], staff: None };
    close_shift(&shop.edge, close, at(70)).expect("closes");
    assert!(shop.try_sell(numbered(coffee(), "now-closed-2")).is_err(), "no shift is open");
}

#[test]
fn whoever_took_the_number_that_would_be_drawn_stops_no_till() {
    let shop = counter("S1", None, 1);
    shop.sell(numbered(coffee(), "S1-000002-231114221420"));
    let drawn: Vec<_> = (0..2).map(|_| shop.sell(coffee())).collect();
    let receipts: Vec<_> = drawn.iter().map(|view| view.trade.receipt.as_str()).collect();
    assert_eq!(receipts, ["S1-000002", "S1-000003"], "without a gap");
    assert_eq!(drawn[0].number.as_str(), "S1-000002-231114221420-2");
}

#[test]
fn a_registers_nonsense_can_be_asked_back_without_breaking_anything() {
    let (channel, register) = (counter("S1", None, 1), counter("S1.R1", Some("S1"), 30));
    let sold = register.sell(coffee());
    let mut rows = documents(&register);
    for (ours, nonsense) in [
        ("\"price\":\"9.99\"", "\"price\":\"-1000000000000\""),
        ("\"tax_rate\":\"25.5\"", "\"tax_rate\":\"999999999999\""),
        ("\"quantity\":\"1\"", "\"quantity\":\"999999999999.0000000000000001\""),
    ] {
        let content = rows[1].content.get();
        assert!(content.contains(ours), "{content}");
        rows[1].content = content.replace(ours, nonsense).parse_raw();
    }
    let rows: Vec<LogRow> = rows.into_iter().map(LogRow::Document).collect();
    let (manifest, bytes) = package_of("S1.R1", 1, &rows);
    let lan = Lan::between(&channel, &register);
    assert_eq!(lan.send(&manifest, &bytes).expect("is taken").inserted, 2);
    for price in [None, Some(number("1000000000"))] {
        let line = LineDraft { price, ..return_of("coffee", "-1000000000", &sold) };
        let error = channel.try_sell(RecordTrade { lines: vec![line], ..coffee() });
        assert_eq!(error.expect_err("is refused").kind(), ErrorKind::Invalid);
    }
    receipt_text(&find_transaction(&channel.edge, &sold.number).expect("reads").expect("is there"));
}
