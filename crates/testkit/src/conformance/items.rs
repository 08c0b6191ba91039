//! Items, prices, and the parameters of headquarters.

use std::collections::BTreeSet;

use tillsync_domain::ids::Version;
use tillsync_domain::item::{Item, ItemPrice};
use tillsync_domain::statement::PostingMode;
use tillsync_domain::validation::Rule;
use tillsync_hq::storage::{Parameters, ProductRow, Storage, StorageError};

use super::promotion::apply;
use crate::builders::PlanBuilder;
use crate::builders::documents::{currency, item_number};

/// Item `n` of a name with its prices, in the smallest units.
fn item(n: u32, name: &str, prices: &[(&str, i64)]) -> Item {
    let price = |(code, minor): &(&str, i64)| {
        let currency = currency(code);
        ItemPrice { currency, price: currency.from_minor(*minor) }
    };
    Item {
        number: item_number(n),
        name: name.into(),
        tax_rate: "25.5".parse().expect("a number"),
        is_active: true,
        prices: prices.iter().map(price).collect(),
    }
}

fn put(storage: &dyn Storage, items: &[Item]) -> Option<u64> {
    storage.write(|tx| tx.items_put(items)).expect("stored").map(|version| version.0)
}

fn found(storage: &dyn Storage, text: &str, after: Option<u32>) -> Vec<Item> {
    let after = after.map(item_number);
    storage.read(|tx| tx.items_find(text, after.as_ref(), 2)).expect("readable")
}

/// The stream as text, a row a line.
fn streamed(storage: &dyn Storage, after: u64, up_to: Option<u64>) -> Vec<String> {
    let mut rows = Vec::new();
    let mut take = |row: ProductRow<'_>| {
        rows.push(match row {
            ProductRow::Item(row) => format!("{} {} {}", row.version, row.number, row.name),
            ProductRow::Price(row) => {
                let price = row.price.map_or("none".to_owned(), |price| price.to_string());
                format!("{} {} {} {price}", row.version, row.item, row.currency)
            }
        });
        Ok(())
    };
    let up_to = up_to.map(Version);
    let outcome = storage.read(|tx| tx.products_stream(Version(after), up_to, &mut take));
    outcome.expect("streamed");
    rows
}

/// With every price, and nothing else of the item either.
pub fn items_come_back_as_they_were_put(storage: &dyn Storage) {
    let coffee = item(2, "Coffee", &[("EUR", 9_95), ("JPY", 1_500), ("KWD", 1)]);
    let tea = Item { is_active: false, ..item(1, "Tea, green", &[]) };
    put(storage, &[coffee.clone(), tea.clone()]);
    assert_eq!(found(storage, "", None), [tea.clone(), coffee]);
    let dearer = item(2, "Coffee", &[("EUR", 10_95)]);
    let renamed = Item { name: "Tea".into(), is_active: true, ..tea };
    put(storage, &[dearer.clone(), renamed.clone()]);
    assert_eq!(found(storage, "", None), [renamed, dearer], "a price left out is gone");
    let count = storage.read(|tx| tx.items_count()).expect("counted");
    assert_eq!(count, 2);
}

/// By number and name, capital letters or not, in pages; no letter is special.
pub fn items_are_found_by_number_and_name(storage: &dyn Storage) {
    let items = [item(1, "Tea", &[("EUR", 1)]), item(2, "Green TEA", &[]), item(3, "Ärsyke", &[])];
    put(storage, &items);
    assert_eq!(found(storage, "tea", None), items[..2]);
    assert_eq!(found(storage, "i-003", None), items[2..]);
    assert_eq!(found(storage, "ä", None), items[2..]);
    assert_eq!(found(storage, "", Some(2)), items[2..]);
    assert_eq!(found(storage, "%", None), []);
    let wanted = [1, 3, 9].map(item_number);
    let known = storage.read(|tx| tx.items_known(&wanted)).expect("readable");
    let known: BTreeSet<_> = known.into_iter().collect();
    assert_eq!(known, BTreeSet::from([item_number(1), item_number(3)]));
}

/// One version for all that one call changes, from the same change log as customers.
pub fn only_what_changes_gets_a_new_version(storage: &dyn Storage) {
    let (coffee, tea) = (item(2, "Coffee", &[("EUR", 9_95)]), item(1, "Tea", &[("EUR", 2_00)]));
    assert_eq!(put(storage, &[]), None);
    assert_eq!(put(storage, &[coffee.clone(), tea.clone()]), Some(1));
    let same = Item { tax_rate: "25.50".parse().expect("a number"), ..coffee.clone() };
    assert_eq!(put(storage, &[same, tea.clone()]), None);
    apply(storage, PlanBuilder::new().promote(1));
    let two = item(2, "Coffee", &[("EUR", 9_95), ("SEK", 99_00)]);
    assert_eq!(put(storage, &[two, tea]), Some(3));
    assert_eq!(storage.read(|tx| tx.change_horizon()).expect("readable"), Version(3));
    assert_eq!(streamed(storage, 2, None), ["3 I-002 SEK 99.00"]);
}

/// By version and number, an item before its prices; a price that is gone says so.
pub fn products_are_streamed_by_version_and_number(storage: &dyn Storage) {
    let (coffee, tea) = (item(2, "Coffee", &[("SEK", 99_00), ("EUR", 9_95)]), item(1, "Tea", &[]));
    put(storage, &[coffee, tea]);
    put(storage, &[Item { name: "Strong coffee".into(), ..item(2, "", &[("EUR", 9_95)]) }]);
    let all = ["1 I-001 Tea", "1 I-002 EUR 9.95", "2 I-002 Strong coffee", "2 I-002 SEK none"];
    assert_eq!(streamed(storage, 0, None), all);
    assert_eq!(streamed(storage, 0, Some(1)), all[..2], "the end is included");
    assert_eq!(streamed(storage, 1, None), all[2..], "the start is not");
    assert_eq!(streamed(storage, 2, Some(9)), [""; 0]);
    let mut seen = 0;
    let stopped = storage.read(|tx| {
        tx.products_stream(Version(0), None, &mut |_| {
            seen += 1;
            Err(StorageError::Corrupt { doing: "stop", value: "here".into() })
        })
    });
    assert!(matches!(stopped, Err(StorageError::Corrupt { doing: "stop", .. })), "{stopped:?}");
    assert_eq!(seen, 1);
}

/// Rolled back with everything beside it.
pub fn a_price_finer_than_its_currency_is_refused(storage: &dyn Storage) {
    let mut bad = item(2, "Coffee", &[("JPY", 1)]);
    bad.prices[0].price = "0.5".parse().expect("a number");
    let outcome = storage.write(|tx| tx.items_put(&[item(1, "Tea", &[]), bad.clone()]));
    assert!(matches!(outcome, Err(StorageError::Constraint { .. })), "{outcome:?}");
    assert_eq!(found(storage, "", None), []);
}

/// Of those asked for; a price that was left out is none any more.
pub fn a_currency_is_sold_where_an_active_item_has_a_price(storage: &dyn Storage) {
    let sold = |codes: &[&str]| {
        let wanted = codes.iter().map(|code| currency(code)).collect();
        let sold = storage.read(|tx| tx.currencies_sold(&wanted)).expect("readable");
        sold.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(sold(&["EUR"]), [""; 0], "there is nothing to sell");
    let given_up = Item { is_active: false, ..item(2, "Tea", &[("SEK", 5), ("NOK", 5)]) };
    put(storage, &[item(1, "Coffee", &[("EUR", 5), ("USD", 5)]), given_up]);
    put(storage, &[item(3, "Cocoa", &[("NOK", 7)])]);
    assert_eq!(sold(&["EUR", "SEK", "NOK", "USD", "JPY"]), ["EUR", "NOK", "USD"]);
    put(storage, &[item(1, "Coffee", &[("EUR", 5)])]);
    assert_eq!(sold(&["USD", "EUR"]), ["EUR"]);
    assert_eq!(sold(&[]), [""; 0]);
}

/// The defaults where nobody changed them.
pub fn parameters_are_replaced_as_a_whole(storage: &dyn Storage) {
    let get = || storage.read(|tx| tx.parameters_get()).expect("readable");
    assert_eq!(get(), Parameters::default());
    let changed = Parameters {
        rules_off: Rule::ALL.into_iter().collect(),
        posting_mode: PostingMode::Classic,
        order_hold_code: None,
        order_tries_max: 0,
        order_workers: u32::MAX,
    };
    for stored in
        [changed, Parameters { order_hold_code: Some("\"X\"".into()), ..Default::default() }]
    {
        storage.write(|tx| tx.parameters_put(&stored)).expect("stored");
        assert_eq!(get(), stored);
    }
}
