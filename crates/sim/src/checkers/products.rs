//! At rest every store and every register has the items and prices that headquarters has.

use std::collections::BTreeMap;

use rusqlite::Connection;
use rust_decimal::Decimal;

use super::scene::{rows, text};
use super::{Checker, Scene};

#[derive(Default)]
pub(super) struct Products;

impl Checker for Products {
    fn name(&self) -> &'static str {
        "products"
    }

    fn look(&mut self, _scene: &Scene<'_>) -> Vec<String> {
        vec![]
    }

    fn look_at_rest(&mut self, scene: &Scene<'_>) -> Vec<String> {
        let there = products(&scene.hq(), "amount");
        let sql = "SELECT id FROM edge_database WHERE revoked_at IS NOT NULL";
        let revoked = rows(&scene.hq(), sql, [], |row| text(row, 0));
        let mut findings = Vec::new();
        for site in scene.sites().iter().filter(|site| !revoked.contains(&site.id.to_string())) {
            let here = products(&scene.edge(site), "price");
            let names = there.keys().chain(here.keys());
            let mut differs: Vec<_> =
                names.filter(|name| there.get(*name) != here.get(*name)).collect();
            differs.dedup();
            for name in differs {
                let (here, there) = (here.get(name), there.get(name));
                let id = &site.id;
                findings.push(format!("{id} has {name} as {here:?}, headquarters as {there:?}"));
            }
        }
        findings
    }
}

/// Items and prices as words, by name. A price that is not valid any more is none.
fn products(connection: &Connection, price: &str) -> BTreeMap<String, String> {
    let sql = "SELECT number, name, tax_rate, is_active FROM item";
    let item = |row: &rusqlite::Row<'_>| {
        let tax: Decimal = text(row, 2).parse().expect("a tax rate");
        let is_active: bool = row.get(3).expect("active or not");
        (
            format!("item {}", text(row, 0)),
            format!("{} {} {is_active}", text(row, 1), tax.normalize()),
        )
    };
    let mut found: BTreeMap<_, _> = rows(connection, sql, [], item).into_iter().collect();
    let sql = format!("SELECT item, currency, {price} FROM price WHERE {price} IS NOT NULL");
    found.extend(rows(connection, &sql, [], |row| {
        let amount: i64 = row.get(2).expect("an amount");
        (format!("price of {} in {}", text(row, 0), text(row, 1)), amount.to_string())
    }));
    found
}

#[cfg(test)]
mod tests {
    use super::super::small::Small;
    use super::*;

    #[test]
    fn an_item_or_a_price_that_an_edge_has_otherwise_is_found_at_rest() {
        let small = Small::new();
        small.settle();
        small.assert_rests::<Products>();
        small.harm_edge("S1", "UPDATE price SET price = 999 WHERE item = 'gum'");
        small.assert_unrest::<Products>("S1 has price of gum in EUR as Some(\"999\")");
        small.harm_edge("S1.1", "DELETE FROM item WHERE number = 'tea'");
        small.assert_unrest::<Products>("S1.1 has item tea as None");
    }
}
