//! What this database has learnt from headquarters, told to a headquarters that was restored from a
//! backup and asks for it (F64).
//!
//! It keeps nothing of the asking: headquarters says where each page begins.

use rusqlite::Connection;
use tillsync_domain::ids::{Counter, CustomerGuid, EntryId, EpochId};
use tillsync_domain::operation::Watermark;
use tillsync_exchange::messages::{
    DatabaseKind, TESTIMONY_CUSTOMERS_MAX, TestifiedCustomer, Testify, Testimony, WatermarkMessage,
};

use crate::db::{DbError, uuid_column};
use crate::identity::Identity;

/// The highest version that was applied, or named in an answer to a call.
pub(crate) fn learnt(connection: &Connection) -> Result<u64, DbError> {
    let sql = "SELECT max((SELECT coalesce(max(version), 0) FROM applied),
                          (SELECT answered FROM edge))";
    Ok(connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
}

/// How far upstream has said to have received the present epoch.
pub(crate) fn acknowledged(connection: &Connection) -> Result<WatermarkMessage, DbError> {
    let sql = "SELECT epoch, sent_counter, sent_entry FROM edge";
    let watermark = connection.prepare_cached(sql)?.query_row([], |row| {
        let entry: Option<[u8; 16]> = row.get(2)?;
        Ok(Watermark {
            epoch: EpochId::from_uuid(uuid_column(row, 0)?),
            counter: Counter(row.get(1)?),
            entry: entry.map(|bytes| EntryId::from_uuid(uuid::Uuid::from_bytes(bytes))),
        })
    })?;
    Ok(watermark.into())
}

/// The page that is asked for: customers in the order in which they came here first.
pub(crate) fn page(
    connection: &Connection,
    identity: &Identity,
    asked: Testify,
) -> Result<Testimony, DbError> {
    let mut rows = connection.prepare_cached(
        "SELECT row, guid, account, party_number, version FROM customer
         WHERE row > ?1 AND version > ?2 AND account IS NOT NULL ORDER BY row LIMIT ?3",
    )?;
    let limits = [asked.page_after, asked.versions_after, TESTIMONY_CUSTOMERS_MAX as u64];
    let found = rows.query_map(limits, |row| {
        let customer = TestifiedCustomer {
            guid: CustomerGuid::from_uuid(uuid_column(row, 1)?),
            account: row.get(2)?,
            party_number: row.get(3)?,
            version: row.get(4)?,
        };
        Ok((row.get::<_, u64>(0)?, customer))
    })?;
    let (numbers, customers): (Vec<_>, Vec<_>) =
        found.collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
    let is_full = customers.len() == TESTIMONY_CUSTOMERS_MAX;
    let highest = |sql: &str| -> Result<u64, DbError> {
        Ok(connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
    };
    // Packages that were applied in part have left rows without saying so elsewhere.
    Ok(Testimony {
        asked,
        next_after: numbers.last().copied().filter(|_| is_full),
        customers,
        customers_version: highest(
            "SELECT max((SELECT coalesce(max(version), 0) FROM customer),
                        (SELECT coalesce(max(version), 0) FROM address),
                        (SELECT coalesce(max(version), 0) FROM applied))",
        )?,
        items_version: highest(
            "SELECT max((SELECT coalesce(max(version), 0) FROM item),
                        (SELECT coalesce(max(version), 0) FROM price),
                        (SELECT coalesce(max(version), 0) FROM feature),
                        (SELECT coalesce(max(version), 0) FROM register_setup),
                        (SELECT coalesce(max(version), 0) FROM register_setup),
                        (SELECT coalesce(max(version), 0) FROM staff),
                        (SELECT coalesce(max(version), 0) FROM profile))",
        )?,
        // A register's log is received by its channel.
        acknowledged: match identity.kind {
            DatabaseKind::Channel => Some(acknowledged(connection)?),
            DatabaseKind::Register => None,
        },
    })
}
