//! Staff and their address books.

use rusqlite::params;
use tillsync_domain::ids::{AddressBook, StaffId, Version};
use tillsync_domain::staff::{StaffName, StaffRole};
use tillsync_exchange::pin::PinHash;
use tillsync_exchange::rows::staff::StaffRow;
use tillsync_hq::storage::{
    StaffReads, StaffRecord, StaffSelection, StaffWrites, StorageError, staff_row,
};

use crate::SqliteTx;
use crate::columns::{Columns, bounded, change, read_all, read_one};
use crate::customers::books_json;
use crate::error::Doing;
use crate::promotion::change_version;

const STAFF: &str = "SELECT id, first_name, last_name, role, pin, is_active, changed_at,
    changed_by, version FROM staff";

/// Who was in one of the books comes, too: its databases must hear that they are out.
const FOR_PACKAGE: &str = "SELECT id, first_name, last_name, role, pin, is_active, changed_at,
        changed_by, version, max(is_member)
    FROM staff JOIN staff_address_book AS entry ON entry.staff = staff.id
    WHERE version > ?1 AND version <= ?2 AND entry.book IN (SELECT value FROM json_each(?3))
    GROUP BY id ORDER BY version, id";

const READING: &str = "read staff";

impl StaffReads for SqliteTx<'_> {
    fn staff_get(&mut self, staff: &StaffId) -> Result<Option<StaffRecord>, StorageError> {
        let sql = format!("{STAFF} WHERE id = ?1");
        let found = read_one(self.connection, &sql, [staff.as_str()], READING, record)?;
        let Some(mut found) = found else { return Ok(None) };
        let sql =
            "SELECT book FROM staff_address_book WHERE staff = ?1 AND is_member ORDER BY book";
        let book = |row: &mut Columns<'_>| row.text();
        found.address_books = read_all(self.connection, sql, [staff.as_str()], READING, book)?;
        Ok(Some(found))
    }

    fn staff_all(&mut self) -> Result<Vec<StaffRecord>, StorageError> {
        let sql = format!("{STAFF} ORDER BY id");
        let mut all = read_all(self.connection, &sql, [], READING, record)?;
        let sql = "SELECT staff, book FROM staff_address_book WHERE is_member ORDER BY staff, book";
        let entries = read_all(self.connection, sql, [], READING, |row| {
            Ok((row.text::<StaffId>()?, row.text::<AddressBook>()?))
        })?;
        for (staff, book) in entries {
            if let Ok(at) = all.binary_search_by(|record| record.id.cmp(&staff)) {
                all[at].address_books.push(book);
            }
        }
        Ok(all)
    }

    fn staff_count(&mut self) -> Result<u64, StorageError> {
        let sql = "SELECT count(*) FROM staff";
        let found = read_one(self.connection, sql, [], "count staff", |row| row.unsigned())?;
        Ok(found.unwrap_or_default())
    }

    fn staff_rows(&mut self, selection: &StaffSelection) -> Result<Vec<StaffRow>, StorageError> {
        let up_to = selection.up_to.map_or(i64::MAX, |version| bounded(version.0));
        let books = books_json(&selection.address_books);
        let values = params![bounded(selection.after.0), up_to, books];
        read_all(self.connection, FOR_PACKAGE, values, "read staff for a package", |row| {
            let record = record(row)?;
            Ok(staff_row(record, row.value()?))
        })
    }
}

impl StaffWrites for SqliteTx<'_> {
    fn staff_put(&mut self, record: &StaffRecord) -> Result<Version, StorageError> {
        let doing = "store a member of staff";
        let version = change_version(self.connection, true).doing(doing)?;
        let sql = "INSERT INTO staff (id, first_name, last_name, role, pin, is_active, changed_at,
                changed_by, version)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
            ON CONFLICT (id) DO UPDATE SET first_name = excluded.first_name,
                last_name = excluded.last_name, role = excluded.role, pin = excluded.pin,
                is_active = excluded.is_active, changed_at = excluded.changed_at,
                changed_by = excluded.changed_by, version = excluded.version";
        let values = params![
            record.id.as_str(),
            record.name.first,
            record.name.last,
            record.role.as_str(),
            record.pin.as_ref().map(PinHash::as_str),
            record.is_active,
            record.changed_at.as_microsecond(),
            record.changed_by,
            version.0.cast_signed(),
        ];
        change(self.connection, sql, values, doing)?;
        let sql = "UPDATE staff_address_book SET is_member = 0 WHERE staff = ?1";
        change(self.connection, sql, [record.id.as_str()], doing)?;
        let sql = "INSERT INTO staff_address_book (staff, book, is_member)
            SELECT ?1, value, 1 FROM json_each(?2) WHERE true
            ON CONFLICT (staff, book) DO UPDATE SET is_member = 1";
        let books = books_json(&record.address_books);
        change(self.connection, sql, params![record.id.as_str(), books], doing)?;
        Ok(version)
    }

    fn staff_renew(&mut self) -> Result<(), StorageError> {
        let doing = "let staff be sent again";
        let next = change_version(self.connection, false).doing(doing)?.0 + 1;
        let sql = "UPDATE staff SET version = ?1";
        if change(self.connection, sql, [next.cast_signed()], doing)? > 0 {
            change_version(self.connection, true).doing(doing)?;
        }
        Ok(())
    }
}

fn record(row: &mut Columns<'_>) -> rusqlite::Result<StaffRecord> {
    Ok(StaffRecord {
        id: row.text()?,
        name: StaffName { first: row.value()?, last: row.value()? },
        role: row.named(&StaffRole::ALL, StaffRole::as_str)?,
        pin: row.value::<Option<String>>()?.map(PinHash::stored),
        is_active: row.value()?,
        changed_at: row.time()?,
        changed_by: row.value()?,
        version: Version(row.unsigned()?),
        address_books: Vec::new(),
    })
}
