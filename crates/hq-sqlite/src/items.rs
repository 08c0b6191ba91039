//! Items and prices, with the version at which each row was last true.

use std::collections::{BTreeSet, HashMap, HashSet};

use rusqlite::params;
use rust_decimal::Decimal;
use tillsync_domain::ids::{ItemNumber, Version};
use tillsync_domain::item::{Item, ItemPrice};
use tillsync_domain::money::Currency;
use tillsync_exchange::rows::item::{ItemRow, PriceRow};
use tillsync_hq::storage::{ItemReads, ItemWrites, ProductRow, StorageError};

use crate::SqliteTx;
use crate::columns::{Columns, bounded, read_all, text_list, visit_all};
use crate::error::{Doing, refused};
use crate::promotion::change_version;

const DOING: &str = "store items";

const ITEM: &str = "INSERT INTO item (number, name, tax_rate, is_active, version, search)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6)
    ON CONFLICT (number) DO UPDATE SET name = excluded.name, tax_rate = excluded.tax_rate,
        is_active = excluded.is_active, version = excluded.version, search = excluded.search
    WHERE name <> excluded.name OR tax_rate <> excluded.tax_rate
        OR is_active <> excluded.is_active";
const PRICE: &str = "INSERT INTO price (item, currency, amount, version)
    VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (item, currency) DO UPDATE SET amount = excluded.amount,
        version = excluded.version
    WHERE amount IS NOT excluded.amount";
const PRICES_LEFT_OUT: &str = "UPDATE price SET amount = NULL, version = ?3
    WHERE item = ?1 AND amount IS NOT NULL
        AND currency NOT IN (SELECT value FROM json_each(?2))";

/// Takes a list of currencies. Whether a currency is sold is known at the first active item.
pub(crate) const SOLD: &str = "SELECT value FROM json_each(?1) WHERE EXISTS (
        SELECT 1 FROM price INDEXED BY price_currency
        CROSS JOIN item ON item.number = price.item
        WHERE price.currency = value AND price.amount IS NOT NULL AND item.is_active = 1)";

/// Each table in the order of its index, merged: no sorting of everything.
pub(crate) const STREAM: &str = "SELECT version, number AS item, NULL AS currency, name, tax_rate,
        is_active, NULL AS amount
    FROM item WHERE version > ?1 AND version <= ?2
    UNION ALL
    SELECT version, item, currency, NULL, NULL, NULL, amount
    FROM price WHERE version > ?1 AND version <= ?2
    ORDER BY 1, 2, 3";

enum Product {
    Item(ItemRow),
    Price(PriceRow),
}

impl ItemReads for SqliteTx<'_> {
    fn items_known(&mut self, items: &[ItemNumber]) -> Result<HashSet<ItemNumber>, StorageError> {
        let sql = "SELECT number FROM item WHERE number IN (SELECT value FROM json_each(?1))";
        let wanted = text_list(items.iter().map(ItemNumber::as_str));
        let known = read_all(self.connection, sql, [wanted], "look up items", |row| row.text())?;
        Ok(known.into_iter().collect())
    }

    fn items_find(
        &mut self,
        text: &str,
        after: Option<&ItemNumber>,
        limit: usize,
    ) -> Result<Vec<Item>, StorageError> {
        let doing = "find items";
        let sql = "SELECT number, name, tax_rate, is_active FROM item
            WHERE number > ?1 AND instr(search, ?2) > 0 ORDER BY number LIMIT ?3";
        let after = after.map_or("", ItemNumber::as_str);
        let values = params![after, text.to_lowercase(), bounded(limit)];
        let mut items = read_all(self.connection, sql, values, doing, item)?;
        let sql = "SELECT item, currency, amount FROM price
            WHERE item IN (SELECT value FROM json_each(?1)) AND amount IS NOT NULL
            ORDER BY item, currency";
        let wanted = text_list(items.iter().map(|item| item.number.as_str()));
        let mut prices: HashMap<ItemNumber, Vec<ItemPrice>> = HashMap::new();
        let found = read_all(self.connection, sql, [wanted], doing, |row| {
            let (item, currency): (ItemNumber, Currency) = (row.text()?, row.text()?);
            Ok((item, ItemPrice { currency, price: currency.from_minor(row.value()?) }))
        })?;
        for (item, price) in found {
            prices.entry(item).or_default().push(price);
        }
        for item in &mut items {
            item.prices = prices.remove(&item.number).unwrap_or_default();
        }
        Ok(items)
    }

    fn currencies_sold(
        &mut self,
        currencies: &BTreeSet<Currency>,
    ) -> Result<BTreeSet<Currency>, StorageError> {
        let wanted = text_list(currencies.iter().map(|currency| currency.code()));
        let doing = "look up which currencies items are sold in";
        let sold = read_all(self.connection, SOLD, [wanted], doing, |row| row.text())?;
        Ok(sold.into_iter().collect())
    }

    fn items_count(&mut self) -> Result<u64, StorageError> {
        self.count("SELECT count(*) FROM item", "count items")
    }

    fn products_stream(
        &mut self,
        after: Version,
        up_to: Option<Version>,
        sink: &mut dyn FnMut(ProductRow<'_>) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        let up_to = up_to.map_or(i64::MAX, |version| bounded(version.0));
        let window = params![bounded(after.0), up_to];
        let read = ("read items for a package", product);
        visit_all(self.connection, STREAM, window, read, &mut |found| match &found {
            Product::Item(item) => sink(ProductRow::Item(item)),
            Product::Price(price) => sink(ProductRow::Price(price)),
        })
    }
}

impl ItemWrites for SqliteTx<'_> {
    fn items_put(&mut self, items: &[Item]) -> Result<Option<Version>, StorageError> {
        let next = Version(change_version(self.connection, false).doing(DOING)?.0 + 1);
        let mut changed = 0;
        for item in items {
            changed += self.item_put(item, next)?;
        }
        if changed == 0 {
            return Ok(None);
        }
        change_version(self.connection, true).doing(DOING).map(Some)
    }
}

impl SqliteTx<'_> {
    /// How many rows changed.
    fn item_put(&self, item: &Item, version: Version) -> Result<usize, StorageError> {
        let (number, version) = (item.number.as_str(), version.0.cast_signed());
        let search = format!("{number}\n{}", item.name).to_lowercase();
        // Written in one way only, so that 25.5 and 25.50 are no change.
        let tax_rate = item.tax_rate.normalize().to_string();
        let values = params![number, item.name, tax_rate, item.is_active, version, search];
        let prepare = |sql| self.connection.prepare_cached(sql).doing(DOING);
        let mut changed = prepare(ITEM)?.execute(values).doing(DOING)?;
        let mut put = prepare(PRICE)?;
        for ItemPrice { currency, price } in &item.prices {
            let amount = currency.to_minor(*price).map_err(|_| {
                refused(DOING, "a price is finer than the smallest unit of its currency")
            })?;
            let values = params![number, currency.code(), amount, version];
            changed += put.execute(values).doing(DOING)?;
        }
        let kept = text_list(item.prices.iter().map(|price| price.currency.code()));
        let values = params![number, kept, version];
        changed += prepare(PRICES_LEFT_OUT)?.execute(values).doing(DOING)?;
        Ok(changed)
    }
}

fn item(row: &mut Columns<'_>) -> rusqlite::Result<Item> {
    Ok(Item {
        number: row.text()?,
        name: row.value()?,
        tax_rate: row.text::<Decimal>()?,
        is_active: row.value()?,
        prices: Vec::new(),
    })
}

fn product(row: &mut Columns<'_>) -> rusqlite::Result<Product> {
    let (version, number) = (row.unsigned()?, row.text()?);
    let currency: Option<Currency> = row.text_or_none()?;
    let name: Option<String> = row.value()?;
    let tax_rate: Option<Decimal> = row.text_or_none()?;
    let is_active: Option<bool> = row.value()?;
    let amount: Option<i64> = row.value()?;
    if let Some(currency) = currency {
        let price = amount.map(|amount| currency.from_minor(amount));
        return Ok(Product::Price(PriceRow { item: number, currency, price, version }));
    }
    let (Some(name), Some(tax_rate), Some(is_active)) = (name, tax_rate, is_active) else {
        return Err(row.corrupt(&number));
    };
    Ok(Product::Item(ItemRow { number, name, tax_rate, is_active, version }))
}
