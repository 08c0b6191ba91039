//! Items and prices as job 1040 brings them.

use tillsync_domain::job::JobName;
use tillsync_domain::kind::ErrorKind;
use tillsync_exchange::package::Scope;
use tillsync_exchange::rows::item::ItemRow;

use super::counter::{Row, apply, coffee, counter, item, number, price, promote, return_of};
use super::counter::{line, paid};
use super::world::{Shop, shop};
use crate::items::find_items;
use crate::search::Page;
use crate::sell::{RecordTrade, SellError};

const ALL: Page = Page { top: 100, skip: 0 };

fn shown(shop: &Shop, text: &str) -> Vec<(String, Option<String>)> {
    let items = find_items(&shop.edge, text, ALL).expect("finds");
    let price = |item: &tillsync_domain::item::Item| {
        item.prices.first().map(|price| price.price.to_string())
    };
    items.iter().map(|item| (item.number.to_string(), price(item))).collect()
}

fn withdrawn(name: &str, version: u64) -> Row {
    let Row::Item(row) = item(name, version) else { panic!("an item") };
    Row::Item(ItemRow { is_active: false, ..row })
}

const DELTA: (JobName, Scope, u64) = (JobName::Products1040, Scope::Delta, 9);

#[test]
fn items_are_found_by_number_and_name() {
    let shop = counter("S1", None, 1);
    let both = ["coffee", "tea"].map(str::to_owned);
    let numbers = |text: &str| -> Vec<String> {
        shown(&shop, text).into_iter().map(|(number, _)| number).collect()
    };
    assert_eq!(numbers(" "), both);
    assert_eq!(numbers("COF"), ["coffee"]);
    assert_eq!(numbers("fee"), ["coffee"]);
    assert_eq!(numbers("%"), [""; 0]);
    let page = Page { top: 1, skip: 1 };
    assert_eq!(find_items(&shop.edge, "", page).expect("finds")[0].number.as_str(), "tea");
}

#[test]
fn an_older_version_never_replaces_a_newer_one() {
    let shop = shop("S1", None, 1);
    apply(&shop, DELTA, &[item("coffee", 5), price("coffee", Some("9.99"), 5)]).expect("applies");
    let older = [withdrawn("coffee", 4), price("coffee", Some("1.00"), 4)];
    apply(&shop, DELTA, &older).expect("applies");
    assert_eq!(shown(&shop, ""), [("coffee".to_owned(), Some("9.99".to_owned()))]);
    apply(&shop, DELTA, &[price("coffee", None, 6)]).expect("applies");
    assert_eq!(shown(&shop, ""), [("coffee".to_owned(), None)]);
}

#[test]
fn a_snapshot_removes_the_items_that_left_and_touches_no_customer() {
    let shop = counter("S1", None, 1);
    let ada = shop.create("Ada");
    promote(&shop, &ada, "C-00007");
    let snapshot = (JobName::Products1040, Scope::Snapshot, 50);
    apply(&shop, snapshot, &[item("tea", 2), price("tea", Some("2.50"), 2)]).expect("applies");
    assert_eq!(shown(&shop, ""), [("tea".to_owned(), Some("2.50".to_owned()))]);
    assert_eq!(shop.number("SELECT count(*) FROM price"), 1);
    assert_eq!(shop.number("SELECT count(*) FROM customer"), 1);
    let snapshot = (JobName::Customers1010, Scope::Snapshot, 50);
    apply(&shop, snapshot, &[]).expect("applies");
    assert_eq!(shop.number("SELECT count(*) FROM customer"), 0);
    assert_eq!(shown(&shop, "").len(), 1, "a snapshot of customers removes no item");
}

#[test]
fn a_withdrawn_item_is_not_sold_but_taken_back() {
    let shop = counter("S1", None, 1);
    let sold = shop.sell(coffee());
    let mut rows = vec![withdrawn("coffee", 9)];
    apply(&shop, DELTA, &rows).expect("applies");
    assert!(matches!(shop.try_sell(coffee()), Err(SellError::Rules(_))));
    let payments = vec![paid("1", "-12.54")];
    let lines = vec![return_of("coffee", "-1", &sold)];
    shop.sell(RecordTrade { lines, payments: payments.clone(), ..coffee() });
    shop.sell(RecordTrade { lines: vec![line("coffee", "-1")], payments, ..coffee() });
    // Its tax changed since: what is returned is taxed as it was sold.
    let sold = {
        rows = vec![item("coffee", 10)];
        apply(&shop, DELTA, &rows).expect("applies");
        shop.sell(coffee())
    };
    let Row::Item(row) = item("coffee", 11) else { panic!("an item") };
    let taxed = Row::Item(ItemRow { tax_rate: number("10"), ..row });
    apply(&shop, DELTA, &[taxed, price("coffee", Some("1.00"), 11)]).expect("applies");
    let lines = vec![return_of("coffee", "-1", &sold)];
    let back = shop.sell(RecordTrade { lines, payments: vec![paid("1", "-12.54")], ..coffee() });
    assert_eq!(back.trade.lines[0].tax_rate, number("25.5"));
}

#[test]
fn rows_of_another_job_and_prices_that_nobody_can_pay_are_refused() {
    let shop = shop("S1", None, 1);
    let customers = (JobName::Customers1010, Scope::Delta, 9);
    for (cover, row) in [(customers, item("coffee", 1)), (DELTA, price("tea", Some("0.001"), 1))] {
        let error = apply(&shop, cover, &[row]).expect_err("is refused");
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    }
    assert_eq!(shop.number("SELECT count(*) FROM item"), 0);
}
