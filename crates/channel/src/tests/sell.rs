//! Selling and ordering: numbers, repeats, customers by either key, returns, receipts.

use std::thread;

use expect_test::{Expect, expect};
use tillsync_domain::customer::AddressDraft;
use tillsync_domain::ids::{AddressGuid, CustomerGuid, CustomerKey};
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::trade::{Delivery, LineDraft, ReturnOf, TradeKind};
use uuid::Uuid;

use super::counter::{
    coffee, coffee_for, counter, line, number, numbered, paid, parsed, promote, return_of, stock,
};
use super::world::{Shop, at, draft, shop, street, temporary};
use crate::create::{CreateCustomer, create_customer};
use crate::db::DbError;
use crate::history::order_history;
use crate::receipts::receipt_text;
use crate::search::Page;
use crate::sell::{RecordTrade, SellError, What, record_trade};
use crate::transactions::{
    TransactionCriteria, TransactionView, find_transaction, search_transactions,
};

const ALL: Page = Page { top: 1_000, skip: 0 };

pub(super) fn refused(result: Result<TransactionView, SellError>, expected: Expect) {
    let error = result.expect_err("is refused");
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    let SellError::Rules(violations) = error else { panic!("{error}") };
    let lines: Vec<String> = violations.0.iter().map(ToString::to_string).collect();
    expected.assert_eq(&lines.join("\n"));
}

fn history(shop: &Shop, key: &CustomerKey) -> Vec<String> {
    let found = order_history(&shop.edge, key, ALL).expect("reads");
    found.into_iter().map(|view| view.number.to_string()).collect()
}

#[test]
fn a_sale_is_computed_numbered_and_found_again() {
    let shop = counter("S1", None, 1);
    let mut discounted = line("coffee", "3");
    discounted.discount = Some(number("2.50"));
    let sale = RecordTrade {
        lines: vec![discounted, LineDraft { is_voided: true, ..line("tea", "1") }],
        payments: vec![paid("1", "50"), paid("1", "-15.53")],
        staff: Some(parsed("anna")),
        ..RecordTrade::default()
    };
    let view = shop.sell(sale);
    assert_eq!(view.kind, TradeKind::Sale);
    assert_eq!(view.trade.total, number("34.47"));
    assert_eq!(view.trade.receipt.as_str(), "S1-000001");
    assert_eq!(view.number.as_str(), "S1-000001-231114221420");
    assert_eq!(find_transaction(&shop.edge, &view.number).expect("reads"), Some(view.clone()));
    let criteria =
        TransactionCriteria { receipt: Some(view.trade.receipt.clone()), ..Default::default() };
    let found = search_transactions(&shop.edge, &criteria, ALL).expect("searches");
    assert_eq!(found, [view]);
    let later = TransactionCriteria { from: Some(at(61)), ..Default::default() };
    assert_eq!(search_transactions(&shop.edge, &later, ALL).expect("searches"), []);
}

#[test]
fn receipts_follow_each_other_without_gaps_even_after_refusals() {
    let shop = counter("S1", None, 1);
    let mut receipts = Vec::new();
    for _ in 0..3 {
        let unpaid = RecordTrade { payments: vec![], ..coffee() };
        refused(shop.try_sell(unpaid), expect!["TenderLines: 12.54 is due, but 0 was paid"]);
        receipts.push(shop.sell(coffee()).trade.receipt.to_string());
    }
    assert_eq!(receipts, ["S1-000001", "S1-000002", "S1-000003"]);
}

#[test]
fn the_same_number_with_the_same_content_answers_what_was_recorded_first() {
    let shop = counter("S1", None, 1);
    let first = shop.sell(numbered(coffee(), "web-7"));
    // The price changes in between, and the repeat says more than the first request did.
    let rows = [super::counter::price("coffee", Some("1.00"), 9)];
    let cover =
        (tillsync_domain::job::JobName::Products1040, tillsync_exchange::package::Scope::Delta, 9);
    super::counter::apply(&shop, cover, &rows).expect("is applied");
    let mut repeat = numbered(coffee(), "web-7");
    repeat.total = Some(number("12.540"));
    repeat.shift = Some(first.trade.shift.clone());
    assert_eq!(shop.sell(repeat), first);
    assert_eq!(shop.number("SELECT count(*) FROM document WHERE kind = 'sale'"), 1);
    assert_eq!(shop.number("SELECT last FROM sequence WHERE name = 'receipt'"), 1);
}

#[test]
fn the_same_number_with_other_content_is_refused() {
    let shop = counter("S1", None, 1);
    let customer = temporary(&shop.create("Ada"));
    let first = shop.sell(numbered(coffee(), "web-7"));
    let voided = RecordTrade { what: What::VoidedSale, payments: vec![], ..coffee() };
    let card = RecordTrade { payments: vec![paid("3", "12.54")], ..coffee() };
    let two = RecordTrade { lines: vec![line("coffee", "2")], ..coffee() };
    let staffed = RecordTrade { staff: Some(parsed("anna")), ..coffee() };
    for other in [voided, card, two, staffed, coffee_for(&customer)] {
        let error = shop.try_sell(numbered(other, "web-7")).expect_err("is refused");
        assert!(matches!(error, SellError::NumberUsed(_)), "{error}");
        assert_eq!(error.kind(), ErrorKind::Conflict);
    }
    let order = RecordTrade {
        number: Some(parsed("web-7")),
        customer: Some(customer),
        lines: vec![line("coffee", "1")],
        what: What::Order(Delivery::Pickup),
        ..RecordTrade::default()
    };
    assert!(matches!(record_trade(&shop.edge, order, at(61)), Err(SellError::NumberUsed(_))));
    let shift_document = numbered(coffee(), &format!("{}-opened", first.trade.shift));
    assert!(matches!(shop.try_sell(shift_document), Err(SellError::NumberUsed(_))));
    assert_eq!(find_transaction(&shop.edge, &first.number).expect("reads"), Some(first));
}

#[test]
fn one_number_sent_by_many_at_once_is_one_sale() {
    let shop = counter("S1", None, 1);
    let views: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> =
            (0..16).map(|_| scope.spawn(|| shop.sell(numbered(coffee(), "once")))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    assert!(views.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(shop.number("SELECT count(*) FROM document WHERE kind = 'sale'"), 1);
}

#[test]
fn nothing_is_sold_without_an_open_shift_or_in_another_one() {
    let shop = shop("S1", None, 1);
    stock(&shop);
    let error = shop.try_sell(coffee()).expect_err("is refused");
    assert!(matches!(error, SellError::NoShift(_)), "{error}");
    assert_eq!(error.kind(), ErrorKind::Conflict);
    let open = super::counter::start_shift(&shop);
    let elsewhere = RecordTrade { shift: Some(parsed("S1-S1")), ..coffee() };
    let error = shop.try_sell(elsewhere).expect_err("is refused");
    assert!(matches!(error, SellError::OtherShift { .. }), "{error}");
    let here = RecordTrade { shift: Some(open.clone()), ..coffee() };
    assert_eq!(shop.sell(here).trade.shift, open);
}

#[test]
fn every_violation_is_named_at_once_whoever_finds_it() {
    let shop = counter("S1", None, 1);
    let customer = temporary(&shop.create("Ada"));
    let sold = shop.sell(coffee());
    let sale = RecordTrade {
        lines: vec![line("beer", "1"), return_of("tea", "-1", &sold)],
        payments: vec![paid("4", "1.00")],
        ..coffee_for(&customer)
    };
    let SellError::Rules(found) = shop.try_sell(sale).expect_err("is refused") else {
        panic!("rules")
    };
    let paths: Vec<&str> = found.0.iter().map(|violation| violation.path.as_str()).collect();
    let expected = ["SalesLines[0].ItemId", "SalesLines[1].ItemId", "TenderLines[0].TenderTypeId"];
    assert_eq!(paths, expected);
    assert_eq!(found.0[1].problem.to_string(), "the line sold item coffee");
}

#[test]
fn a_customer_pays_on_account_once_it_has_one_here() {
    let shop = counter("S1", None, 1);
    let view = shop.create("Ada");
    let on_account =
        |key: &CustomerKey| RecordTrade { payments: vec![paid("4", "12.54")], ..coffee_for(key) };
    let account: CustomerKey = parsed("C-00007");
    for key in [temporary(&view), account.clone()] {
        assert!(shop.try_sell(on_account(&key)).is_err(), "{key} has no account here");
    }
    promote(&shop, &view, "C-00007");
    for key in [temporary(&view), account] {
        shop.sell(on_account(&key));
    }
}

#[test]
fn an_unknown_customer_is_taken_by_the_key_that_was_given() {
    let shop = counter("S1", None, 1);
    let guid = CustomerGuid::from_uuid(Uuid::from_u128(77));
    let view = shop.sell(coffee_for(&CustomerKey::Temporary(guid)));
    assert!(!view.is_customer_known);
    assert_eq!(view.account_for_people(), Some("Pending sync"));
    let view = shop.sell(coffee_for(&parsed("C-404")));
    assert!(!view.is_customer_known);
    assert_eq!(view.account_for_people(), Some("C-404"));
    let unnamed = shop.sell(coffee());
    assert!(unnamed.is_customer_known);
    assert_eq!(unnamed.account_for_people(), None);
}

#[test]
fn a_sale_keeps_the_guid_and_shows_the_account_once_there_is_one() {
    let shop = counter("S1", None, 1);
    let customer = shop.create("Ada");
    let guid = temporary(&customer);
    let before = shop.sell(coffee_for(&guid));
    assert!(before.is_customer_known);
    let other = shop.sell(coffee_for(&temporary(&shop.create("Byron"))));
    promote(&shop, &customer, "C-00007");
    let account: CustomerKey = parsed("C-00007");
    let after = shop.sell(coffee_for(&account));
    let shown = find_transaction(&shop.edge, &before.number).expect("reads").expect("is there");
    assert_eq!(shown.trade.customer, Some(guid.clone()), "as it was written");
    assert_eq!(shown.account_for_people(), Some("C-00007"));
    for key in [&guid, &account] {
        let numbers = [after.number.to_string(), before.number.to_string()];
        assert_eq!(history(&shop, key), numbers, "{key}");
    }
    assert_eq!(history(&shop, other.trade.customer.as_ref().expect("named")).len(), 1);
    let page = Page { top: 1, skip: 1 };
    assert_eq!(order_history(&shop.edge, &guid, page).expect("reads"), [shown]);
}

#[test]
fn a_repeat_that_names_the_customer_by_its_account_meanwhile_is_the_same_sale() {
    let shop = counter("S1", None, 1);
    let customer = shop.create("Ada");
    let first = shop.sell(numbered(coffee_for(&temporary(&customer)), "web-1"));
    promote(&shop, &customer, "C-00007");
    let again = shop.sell(numbered(coffee_for(&parsed("C-00007")), "web-1"));
    assert_eq!(again.trade, first.trade);
}

#[test]
fn an_order_is_somebodys_and_goes_to_an_address_of_theirs() {
    let shop = counter("S1", None, 1);
    let with_address = |name: &str| {
        let addresses = vec![AddressDraft { is_primary: true, ..street("Main") }];
        create_customer(&shop.edge, CreateCustomer { addresses, ..draft(name) }, at(0))
            .expect("is created")
    };
    let (ada, byron) = (with_address("Ada"), with_address("Byron"));
    promote(&shop, &ada, "C-00007");
    let order = |customer: Option<CustomerKey>, delivery: Delivery| {
        let order = RecordTrade {
            customer,
            lines: vec![line("coffee", "2")],
            payments: vec![paid("1", "5")],
            what: What::Order(delivery),
            ..RecordTrade::default()
        };
        record_trade(&shop.edge, order, at(60))
    };
    let (own, others) = (ada.addresses[0].content.guid, byron.addresses[0].content.guid);
    let unknown = AddressGuid::from_uuid(Uuid::from_u128(5));
    refused(order(None, Delivery::Pickup), expect!["CustomerId: required, but none was given"]);
    for key in [temporary(&ada), parsed("C-00007")] {
        for address in [own, unknown] {
            let view = order(Some(key.clone()), Delivery::Ship(address)).expect("is ordered");
            assert_eq!(
                (view.kind, view.delivery),
                (TradeKind::Order, Some(Delivery::Ship(address)))
            );
        }
        refused(
            order(Some(key), Delivery::Ship(others)),
            expect!["ShippingAddress.AddressId: the address belongs to another customer"],
        );
    }
    let stranger = Some(parsed("C-404"));
    assert!(order(stranger, Delivery::Ship(own)).is_ok(), "headquarters judges what is unknown");
}

#[test]
fn no_more_is_returned_than_was_sold_and_not_returned_yet() {
    let shop = counter("S1", None, 1);
    let mut discounted = line("coffee", "4");
    discounted.discount = Some(number("8.00"));
    let payments = vec![paid("1", "40.11")];
    let sold = shop.sell(RecordTrade { lines: vec![discounted], payments, ..coffee() });
    let back = |quantities: &[&str], amount: &str| RecordTrade {
        lines: quantities.iter().map(|quantity| return_of("coffee", quantity, &sold)).collect(),
        payments: vec![paid("1", amount)],
        ..RecordTrade::default()
    };
    // 9.99 less its share of the discount, 2.00, with 25.5 % tax.
    let returned = shop.sell(back(&["-1"], "-10.03"));
    assert_eq!(returned.trade.lines[0].discount, number("-2.00"));
    let left =
        expect!["SalesLines[1].Quantity: only 1 of what the line sold can still be returned"];
    refused(shop.try_sell(back(&["-2", "-2"], "-40.10")), left);
    shop.sell(back(&["-2", "-1"], "-30.08"));
    let none =
        expect!["SalesLines[0].Quantity: only 0 of what the line sold can still be returned"];
    refused(shop.try_sell(back(&["-0.5"], "-5.02")), none);
}

#[test]
fn a_return_names_a_line_that_was_sold() {
    let shop = counter("S1", None, 1);
    let voided_line = LineDraft { is_voided: true, ..line("tea", "1") };
    let lines = vec![line("coffee", "1"), voided_line];
    let sold = shop.sell(RecordTrade { lines, ..coffee() });
    let voided = shop.sell(RecordTrade { what: What::VoidedSale, payments: vec![], ..coffee() });
    let back = |transaction: &str, line_number: u32, quantity: &str| {
        let returns = Some(ReturnOf { transaction: parsed(transaction), line: line_number });
        let lines = vec![LineDraft { returns, ..line("coffee", quantity) }];
        let payments = vec![paid("1", "-12.54")];
        shop.try_sell(RecordTrade { lines, payments, ..RecordTrade::default() })
    };
    let sale = sold.number.as_str();
    for number in [2, 3] {
        let error = back(sale, number, "-1").expect_err("is refused");
        assert!(error.to_string().contains("SalesLines[0].ReturnLineNumber"), "{error}");
    }
    let open = format!("{}-opened", sold.trade.shift);
    for number in [voided.number.as_str(), &open] {
        let error = back(number, 1, "-1").expect_err("is refused");
        assert!(error.to_string().contains("SalesLines[0].ReturnTransactionId"), "{error}");
    }
    let error = back(sale, 1, "1").expect_err("is refused");
    assert!(error.to_string().contains("SalesLines[0].Quantity: must be negative"), "{error}");
    back(sale, 1, "-1").expect("is returned");
    back("sold-elsewhere", 9, "-1").expect("is returned: another store may have sold it");
}

#[test]
fn recorded_documents_cannot_be_changed_or_removed() {
    let shop = counter("S1", None, 1);
    shop.sell(coffee());
    for statement in ["UPDATE document SET total = 0", "DELETE FROM document"] {
        let changed = shop.edge.db.write(move |connection| -> Result<(), DbError> {
            Ok(connection.execute_batch(statement)?)
        });
        assert!(changed.expect_err("is refused").kind() == ErrorKind::Broken);
    }
    assert_eq!(shop.number("SELECT total FROM document WHERE kind = 'sale'"), 1_254);
}

#[test]
fn a_receipt_shows_the_account_or_that_it_is_pending_and_never_the_guid() {
    let shop = counter("S1", None, 1);
    let customer = shop.create("Ada");
    let mut discounted = line("tea", "2");
    discounted.discount = Some(number("1"));
    let sale = RecordTrade {
        lines: vec![
            line("coffee", "1"),
            discounted,
            LineDraft { is_voided: true, ..line("tea", "1") },
        ],
        payments: vec![paid("3", "17.56")],
        ..coffee_for(&temporary(&customer))
    };
    let view = shop.sell(sale);
    expect![[r#"
        Receipt S1-000001
        2023-11-14 22:14 UTC
        Shift S1-S231114221320
        Customer: Pending sync
        ------------------------------------------
        COFFEE
          1 x 9.99                            9.99
          Tax 25.5 %                          2.55
        TEA
          2 x 2.50                            5.00
          Discount                           -1.00
          Tax 25.5 %                          1.02
        TEA (voided)
        ------------------------------------------
        TOTAL EUR                            17.56
          of which tax                        3.57
        Card                                 17.56
    "#]]
    .assert_eq(&receipt_text(&view));
    let address = AddressGuid::from_uuid(Uuid::from_u128(9));
    let order = RecordTrade {
        customer: Some(temporary(&customer)),
        lines: vec![line("coffee", "1")],
        payments: vec![paid("1", "2.54")],
        what: What::Order(Delivery::Ship(address)),
        ..RecordTrade::default()
    };
    let ordered = record_trade(&shop.edge, order, at(60)).expect("is ordered");
    let text = receipt_text(&ordered);
    assert!(text.contains("Still to pay                         10.00"), "{text}");
    for guid in [customer.guid.to_string(), address.to_string()] {
        assert!(!text.contains(&guid), "{text}");
    }
    promote(&shop, &customer, "C-00007");
    let view = find_transaction(&shop.edge, &view.number).expect("reads").expect("is there");
    assert!(receipt_text(&view).contains("Customer: C-00007\n"));
}
