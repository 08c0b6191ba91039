//! Items and prices, with the version at which each row was last true.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use rust_decimal::Decimal;
use tillsync_domain::ids::{ItemNumber, Version};
use tillsync_domain::item::{Item, ItemPrice};
use tillsync_domain::money::Currency;
use tillsync_exchange::rows::item::{ItemRow, PriceRow};
use tillsync_hq::storage::{ItemReads, ItemWrites, ProductRow, StorageError};

use crate::columns::{Columns, Read, bounded, corrupt, storable};
use crate::error::refused;
use crate::tx::{PgTx, Values};

const DOING: &str = "store items";

const ITEMS: &str = "INSERT INTO item (number, name, tax_rate, is_active, version, search)
    SELECT number, name, tax_rate, is_active, $6, search
    FROM unnest($1::text[], $2::text[], $3::text[], $4::boolean[], $5::text[])
        AS given (number, name, tax_rate, is_active, search)
    ON CONFLICT (number) DO UPDATE SET name = excluded.name, tax_rate = excluded.tax_rate,
        is_active = excluded.is_active, version = excluded.version, search = excluded.search
    WHERE (item.name, item.tax_rate, item.is_active)
        <> (excluded.name, excluded.tax_rate, excluded.is_active)";
const PRICES: &str = "INSERT INTO price (item, currency, amount, version)
    SELECT item, currency, amount, $4
    FROM unnest($1::text[], $2::text[], $3::bigint[]) AS given (item, currency, amount)
    ON CONFLICT (item, currency) DO UPDATE SET amount = excluded.amount,
        version = excluded.version
    WHERE price.amount IS DISTINCT FROM excluded.amount";
/// Takes the items, and the prices that are not left out as lists of items and currencies.
const PRICES_LEFT_OUT: &str = "UPDATE price SET amount = NULL, version = $4
    WHERE item = ANY($1) AND amount IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM unnest($2::text[], $3::text[]) AS kept (item, currency)
        WHERE kept.item = price.item AND kept.currency = price.currency)";

/// Takes a list of currencies. Whether a currency is sold is known at the first active item.
const SOLD: &str = "SELECT currency FROM unnest($1::text[]) AS wanted (currency) WHERE EXISTS (
        SELECT 1 FROM price JOIN item ON item.number = price.item
        WHERE price.currency = wanted.currency AND price.amount IS NOT NULL AND item.is_active)";

/// Each table in the order of its index, merged: no sorting of everything.
pub(crate) const STREAM: &str = "SELECT version, number AS item, NULL AS currency, name, tax_rate,
        is_active, NULL::bigint AS amount
    FROM item WHERE version > $1 AND version <= $2
    UNION ALL
    SELECT version, item, currency, NULL, NULL, NULL, amount
    FROM price WHERE version > $1 AND version <= $2
    ORDER BY 1, 2, 3 NULLS FIRST";

enum Product {
    Item(ItemRow),
    Price(PriceRow),
}

impl ItemReads for PgTx<'_> {
    fn items_known(&mut self, items: &[ItemNumber]) -> Result<HashSet<ItemNumber>, StorageError> {
        let sql = "SELECT number FROM item WHERE number = ANY($1)";
        let wanted: Vec<_> = items.iter().map(ItemNumber::as_str).collect();
        let known = self.read_all(sql, &[&wanted], "look up items", |row| row.text())?;
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
            WHERE number > $1 AND strpos(search, $2) > 0 ORDER BY number LIMIT $3";
        let after = after.map_or("", ItemNumber::as_str);
        let text = text.to_lowercase();
        let values: Values<'_> = &[&after, &storable(&text), &bounded(limit)];
        let mut items = self.read_all(sql, values, doing, item)?;
        let sql = "SELECT item, currency, amount FROM price
            WHERE item = ANY($1) AND amount IS NOT NULL
            ORDER BY item, currency";
        let wanted: Vec<_> = items.iter().map(|item| item.number.as_str().to_owned()).collect();
        let mut prices: HashMap<ItemNumber, Vec<ItemPrice>> = HashMap::new();
        let found = self.read_all(sql, &[&wanted], doing, |row| {
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
        let wanted: Vec<_> = currencies.iter().map(|currency| currency.code()).collect();
        let doing = "look up which currencies items are sold in";
        let sold = self.read_all(SOLD, &[&wanted], doing, |row| row.text())?;
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
        let window: Values<'_> = &[&bounded(after.0), &up_to];
        let read = ("read items for a package", product);
        self.visit_all(STREAM, window, read, &mut |found| match &found {
            Product::Item(item) => sink(ProductRow::Item(item)),
            Product::Price(price) => sink(ProductRow::Price(price)),
        })
    }
}

impl ItemWrites for PgTx<'_> {
    fn items_put(&mut self, items: &[Item]) -> Result<Option<Version>, StorageError> {
        // Two rows of one statement may not be the same: of several the last one counts.
        let last: BTreeMap<_, _> = items.iter().map(|item| (&item.number, item)).collect();
        let items: Vec<&Item> = last.into_values().collect();
        let prices = last_prices(&items)?;
        let locked = "SELECT version FROM change_log FOR UPDATE";
        let next = Version(self.count(locked, DOING)? + 1);
        let changed =
            self.items_change(&items, next)? + self.prices_change(&items, &prices, next)?;
        if changed == 0 {
            return Ok(None);
        }
        self.change_version(true, DOING).map(Some)
    }
}

/// The price of an item in a currency, in its smallest units.
type Price<'i> = ((&'i str, &'static str), i64);

fn last_prices<'i>(items: &[&'i Item]) -> Result<Vec<Price<'i>>, StorageError> {
    let mut prices = BTreeMap::new();
    for item in items {
        for ItemPrice { currency, price } in &item.prices {
            let amount = currency.to_minor(*price).map_err(|_| {
                refused(DOING, "a price is finer than the smallest unit of its currency")
            })?;
            prices.insert((item.number.as_str(), currency.code()), amount);
        }
    }
    Ok(prices.into_iter().collect())
}

impl PgTx<'_> {
    /// How many items changed.
    fn items_change(&mut self, items: &[&Item], version: Version) -> Result<u64, StorageError> {
        let all = || items.iter();
        let search = |item: &&Item| format!("{}\n{}", item.number, item.name).to_lowercase();
        // Written in one way only, so that 25.5 and 25.50 are no change.
        let tax_rate = |item: &&Item| item.tax_rate.normalize().to_string();
        let values: Values<'_> = &[
            &all().map(|item| item.number.as_str()).collect::<Vec<_>>(),
            &all().map(|item| item.name.as_str()).collect::<Vec<_>>(),
            &all().map(tax_rate).collect::<Vec<_>>(),
            &all().map(|item| item.is_active).collect::<Vec<_>>(),
            &all().map(search).collect::<Vec<_>>(),
            &version.0.cast_signed(),
        ];
        self.change(ITEMS, values, DOING)
    }

    /// How many prices changed, those included that were left out.
    fn prices_change(
        &mut self,
        items: &[&Item],
        prices: &[Price<'_>],
        version: Version,
    ) -> Result<u64, StorageError> {
        let version = version.0.cast_signed();
        let numbers: Vec<_> = items.iter().map(|item| item.number.as_str()).collect();
        let priced: Vec<_> = prices.iter().map(|((item, _), _)| *item).collect();
        let currencies: Vec<_> = prices.iter().map(|((_, currency), _)| *currency).collect();
        let amounts: Vec<_> = prices.iter().map(|(_, amount)| *amount).collect();
        let put = self.change(PRICES, &[&priced, &currencies, &amounts, &version], DOING)?;
        let kept: Values<'_> = &[&numbers, &priced, &currencies, &version];
        Ok(put + self.change(PRICES_LEFT_OUT, kept, DOING)?)
    }
}

fn item(row: &mut Columns<'_>) -> Read<Item> {
    Ok(Item {
        number: row.text()?,
        name: row.value()?,
        tax_rate: row.text::<Decimal>()?,
        is_active: row.value()?,
        prices: Vec::new(),
    })
}

fn product(row: &mut Columns<'_>) -> Read<Product> {
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
        return Err(corrupt(&number));
    };
    Ok(Product::Item(ItemRow { number, name, tax_rate, is_active, version }))
}
