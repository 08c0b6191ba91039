//! Staff and their address books.

use tillsync_domain::ids::{AddressBook, StaffId, Version};
use tillsync_domain::staff::{StaffName, StaffRole};
use tillsync_exchange::pin::PinHash;
use tillsync_exchange::rows::staff::StaffRow;
use tillsync_hq::storage::{
    StaffReads, StaffRecord, StaffSelection, StaffWrites, StorageError, staff_row,
};

use crate::columns::{Columns, Read, bounded};
use crate::tx::{PgTx, Values};

const STAFF: &str = "SELECT id, first_name, last_name, role, pin, is_active, changed_at,
    changed_by, version FROM staff";

/// Who was in one of the books comes, too: its databases must hear that they are out.
const FOR_PACKAGE: &str = "SELECT id, first_name, last_name, role, pin, is_active, changed_at,
        changed_by, version, bool_or(is_member)
    FROM staff JOIN staff_address_book AS entry ON entry.staff = staff.id
    WHERE version > $1 AND version <= $2 AND entry.book = ANY ($3)
    GROUP BY id ORDER BY version, id";

const READING: &str = "read staff";

impl StaffReads for PgTx<'_> {
    fn staff_get(&mut self, staff: &StaffId) -> Result<Option<StaffRecord>, StorageError> {
        let sql = format!("{STAFF} WHERE id = $1");
        let Some(mut found) = self.read_one(&sql, &[&staff.as_str()], READING, record)? else {
            return Ok(None);
        };
        let sql =
            "SELECT book FROM staff_address_book WHERE staff = $1 AND is_member ORDER BY book";
        found.address_books = self.read_all(sql, &[&staff.as_str()], READING, |row| row.text())?;
        Ok(Some(found))
    }

    fn staff_all(&mut self) -> Result<Vec<StaffRecord>, StorageError> {
        let mut all = self.read_all(&format!("{STAFF} ORDER BY id"), &[], READING, record)?;
        let sql = "SELECT staff, book FROM staff_address_book WHERE is_member ORDER BY staff, book";
        let entries = self.read_all(sql, &[], READING, |row| {
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
        self.count("SELECT count(*) FROM staff", "count staff")
    }

    fn staff_rows(&mut self, selection: &StaffSelection) -> Result<Vec<StaffRow>, StorageError> {
        let up_to = selection.up_to.map_or(i64::MAX, |version| bounded(version.0));
        let books: Vec<_> = selection.address_books.iter().map(AddressBook::as_str).collect();
        let values: Values<'_> = &[&bounded(selection.after.0), &up_to, &books];
        self.read_all(FOR_PACKAGE, values, "read staff for a package", |row| {
            let record = record(row)?;
            Ok(staff_row(record, row.value()?))
        })
    }
}

impl StaffWrites for PgTx<'_> {
    fn staff_put(&mut self, record: &StaffRecord) -> Result<Version, StorageError> {
        let doing = "store a member of staff";
        let version = self.change_version(true, doing)?;
        let sql = "INSERT INTO staff (id, first_name, last_name, role, pin, is_active, changed_at,
                changed_by, version)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
            ON CONFLICT (id) DO UPDATE SET first_name = excluded.first_name,
                last_name = excluded.last_name, role = excluded.role, pin = excluded.pin,
                is_active = excluded.is_active, changed_at = excluded.changed_at,
                changed_by = excluded.changed_by, version = excluded.version";
        let id = record.id.as_str();
        let values: Values<'_> = &[
            &id,
            &record.name.first,
            &record.name.last,
            &record.role.as_str(),
            &record.pin.as_ref().map(PinHash::as_str),
            &record.is_active,
            &record.changed_at.as_microsecond(),
            &record.changed_by,
            &version.0.cast_signed(),
        ];
        self.change(sql, values, doing)?;
        let sql = "UPDATE staff_address_book SET is_member = false WHERE staff = $1";
        self.change(sql, &[&id], doing)?;
        let sql = "INSERT INTO staff_address_book (staff, book, is_member)
            SELECT $1, book, true FROM unnest($2::text[]) AS given (book)
            ON CONFLICT (staff, book) DO UPDATE SET is_member = true";
        let books: Vec<_> = record.address_books.iter().map(AddressBook::as_str).collect();
        self.change(sql, &[&id, &books], doing)?;
        Ok(version)
    }

    fn staff_renew(&mut self) -> Result<(), StorageError> {
        let doing = "let staff be sent again";
        let next = self.next_version(doing)?;
        if self.change("UPDATE staff SET version = $1", &[&next], doing)? > 0 {
            self.change_version(true, doing)?;
        }
        Ok(())
    }
}

fn record(row: &mut Columns<'_>) -> Read<StaffRecord> {
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
