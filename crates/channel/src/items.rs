//! What this database can sell, as job 1040 brought it.

use rusqlite::{Connection, OptionalExtension, Row, params};
use rust_decimal::Decimal;
use tillsync_domain::ids::ItemNumber;
use tillsync_domain::item::{Item, ItemPrice};
use tillsync_domain::money::Currency;
use tillsync_domain::trade::CatalogItem;

use crate::db::{DbError, parsed_column};
use crate::edge::Edge;
use crate::search::{PAGE_MAX, Page};

/// Finds items that may be sold by the beginning of their number or a part of their name; all of
/// them for a blank text. By number.
///
/// # Errors
/// Broken or Busy: the database failed.
pub fn find_items(edge: &Edge, text: &str, page: Page) -> Result<Vec<Item>, DbError> {
    let text = text.trim();
    edge.db.read(|connection| {
        let mut statement = connection.prepare_cached(
            "SELECT number, name, tax_rate, is_active FROM item
             WHERE is_active AND (?1 = '' OR instr(lower(name), lower(?1)) > 0
                                  OR lower(substr(number, 1, length(?1))) = lower(?1))
             ORDER BY number LIMIT ?2 OFFSET ?3",
        )?;
        let limits = (page.top.min(PAGE_MAX), page.skip);
        let rows = statement.query_map(params![text, limits.0, limits.1], item_row)?;
        let mut items: Vec<Item> = rows.collect::<Result<_, _>>()?;
        for item in &mut items {
            item.prices = prices_read(connection, &item.number)?;
        }
        Ok(items)
    })
}

/// Which items a line may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offered {
    /// Those that may be sold.
    Sold,
    /// Any: what was sold once can be brought back.
    Returned,
}

/// An item with its price in one currency.
pub(crate) fn catalog_item(
    connection: &Connection,
    number: &ItemNumber,
    currency: Currency,
    offered: Offered,
) -> Result<Option<CatalogItem>, DbError> {
    let found = connection
        .prepare_cached(
            "SELECT name, tax_rate, price FROM item
             LEFT JOIN price ON price.item = item.number AND currency = ?2
             WHERE number = ?1 AND (is_active OR ?3)",
        )?
        .query_row(params![number.as_str(), currency.code(), offered == Offered::Returned], |row| {
            let price: Option<i64> = row.get(2)?;
            Ok(CatalogItem {
                name: row.get(0)?,
                tax_rate: parsed_column(row, 1)?,
                price: price.map(|minor| currency.from_minor(minor)),
            })
        })
        .optional()?;
    Ok(found)
}

fn item_row(row: &Row<'_>) -> rusqlite::Result<Item> {
    Ok(Item {
        number: parsed_column(row, 0)?,
        name: row.get(1)?,
        tax_rate: parsed_column::<Decimal>(row, 2)?,
        is_active: row.get(3)?,
        prices: Vec::new(),
    })
}

fn prices_read(connection: &Connection, item: &ItemNumber) -> Result<Vec<ItemPrice>, DbError> {
    let mut statement = connection.prepare_cached(
        "SELECT currency, price FROM price WHERE item = ?1 AND price IS NOT NULL
         ORDER BY currency",
    )?;
    let rows = statement.query_map([item.as_str()], |row| {
        let currency: Currency = parsed_column(row, 0)?;
        Ok(ItemPrice { currency, price: currency.from_minor(row.get(1)?) })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
