//! Items and prices as headquarters sends them: an older version never replaces a newer one.

use rusqlite::{Connection, params};
use tillsync_exchange::rows::item::{ItemRow, PriceRow};

use super::Generation;
use crate::db::DbError;

/// Takes over an item. An older version still proves that headquarters has it: it counts as seen.
pub(crate) fn item_upsert(
    connection: &Connection,
    row: &ItemRow,
    generation: Generation,
) -> Result<(), DbError> {
    connection
        .prepare_cached(
            "INSERT INTO item (number, name, tax_rate, is_active, version, generation)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (number) DO UPDATE SET
                 generation = max(generation, excluded.generation),
                 name = iif(excluded.version >= version, excluded.name, name),
                 tax_rate = iif(excluded.version >= version, excluded.tax_rate, tax_rate),
                 is_active = iif(excluded.version >= version, excluded.is_active, is_active),
                 version = max(version, excluded.version)",
        )?
        .execute(params![
            row.number.as_str(),
            row.name,
            row.tax_rate.to_string(),
            row.is_active,
            row.version,
            generation.0
        ])?;
    Ok(())
}

/// Takes over a price, given in the currency's smallest unit as well.
pub(crate) fn price_upsert(
    connection: &Connection,
    row: &PriceRow,
    minor: Option<i64>,
    generation: Generation,
) -> Result<(), DbError> {
    connection
        .prepare_cached(
            "INSERT INTO price (item, currency, price, version, generation)
             VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (item, currency) DO UPDATE SET
                 generation = max(generation, excluded.generation),
                 price = iif(excluded.version >= version, excluded.price, price),
                 version = max(version, excluded.version)",
        )?
        .execute(params![
            row.item.as_str(),
            row.currency.code(),
            minor,
            row.version,
            generation.0
        ])?;
    Ok(())
}

/// Removes what a complete snapshot did not hold.
pub(crate) fn left_items_remove(
    connection: &Connection,
    generation: Generation,
    to: u64,
) -> Result<(), DbError> {
    for table in ["item", "price"] {
        connection
            .prepare_cached(&format!(
                "DELETE FROM {table} WHERE version <= ?2 AND generation <> ?1"
            ))?
            .execute(params![generation.0, to])?;
    }
    Ok(())
}
