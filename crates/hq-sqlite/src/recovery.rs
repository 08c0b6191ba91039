//! Recoveries: whom headquarters asks, promises and conflicts of numbers.

use std::collections::{HashMap, HashSet};

use rusqlite::{Params, params};
use tillsync_domain::ids::{
    AccountNumber, AddressBook, Counter, CustomerGuid, DatabaseId, EpochId, PartyNumber,
    RecoveryId, Version,
};
use tillsync_domain::operation::Watermark;
use tillsync_hq::storage::{
    HearingRecord, NumberConflict, Promise, RecoveryReads, RecoveryRecord, RecoveryWrites,
    StorageError,
};

use crate::SqliteTx;
use crate::columns::{Columns, bounded, change, read_all, read_one};
use crate::customers::books_json;
use crate::error::Doing;
use crate::promotion::change_version;

const HEARING: &str = "SELECT recovery, edge_database, customers_after, items_after, page_after,
    told, epoch, counter, heard_at FROM recovery_hearing";
const CONFLICT: &str = "SELECT guid, account, known_account, holder, source, found_at, settled_at,
    settled_by FROM number_conflict";

impl RecoveryReads for SqliteTx<'_> {
    fn recovery_latest(&mut self) -> Result<Option<RecoveryRecord>, StorageError> {
        let sql = "SELECT number, id, began_at, reason, items_renewed, ended_at, ended_by
            FROM recovery ORDER BY number DESC LIMIT 1";
        read_one(self.connection, sql, [], "read the latest recovery", |row| {
            Ok(RecoveryRecord {
                number: row.unsigned()?,
                id: row.id(RecoveryId::from_uuid)?,
                began_at: row.time()?,
                reason: row.value()?,
                items_renewed: Version(row.unsigned()?),
                ended_at: row.time_or_none()?,
                ended_by: row.value()?,
            })
        })
    }

    fn hearing_get(
        &mut self,
        recovery: &RecoveryId,
        database: &DatabaseId,
    ) -> Result<Option<HearingRecord>, StorageError> {
        let sql = format!("{HEARING} WHERE recovery = ?1 AND edge_database = ?2");
        let key = params![recovery.as_uuid().as_bytes(), database.as_str()];
        read_one(self.connection, &sql, key, "read a database of a recovery", hearing)
    }

    fn hearings_list(&mut self, recovery: &RecoveryId) -> Result<Vec<HearingRecord>, StorageError> {
        let sql = format!("{HEARING} WHERE recovery = ?1 ORDER BY edge_database");
        let key = [recovery.as_uuid().as_bytes()];
        read_all(self.connection, &sql, key, "read the databases of a recovery", hearing)
    }

    fn account_owners(
        &mut self,
        accounts: &[AccountNumber],
    ) -> Result<HashMap<AccountNumber, CustomerGuid>, StorageError> {
        self.owners("SELECT guid FROM alias WHERE account = ?1", accounts)
    }

    fn customers_visible(
        &mut self,
        guids: &[CustomerGuid],
        books: &[AddressBook],
    ) -> Result<HashSet<CustomerGuid>, StorageError> {
        let books = books_json(books);
        let sql = "SELECT 1 WHERE EXISTS (SELECT 1 FROM customer_address_book
            WHERE customer = ?1 AND book IN (SELECT value FROM json_each(?2)))";
        self.those(guids, |guid| self.is_there(sql, params![guid.as_uuid().as_bytes(), books]))
    }

    fn promises_of(
        &mut self,
        guids: &[CustomerGuid],
    ) -> Result<HashMap<CustomerGuid, Promise>, StorageError> {
        let sql = "SELECT guid, account, party, source, promised_at FROM number_promise
            WHERE guid = ?1";
        let doing = "look up promised numbers";
        let mut promises = HashMap::new();
        for guid in guids {
            let key = [guid.as_uuid().as_bytes()];
            let found = read_one(self.connection, sql, key, doing, promise)?;
            promises.extend(found.map(|promise| (*guid, promise)));
        }
        Ok(promises)
    }

    fn promise_owners(
        &mut self,
        accounts: &[AccountNumber],
    ) -> Result<HashMap<AccountNumber, CustomerGuid>, StorageError> {
        self.owners("SELECT guid FROM number_promise WHERE account = ?1", accounts)
    }

    fn promises_open_count(&mut self) -> Result<u64, StorageError> {
        let sql = "SELECT count(*) FROM number_promise
            WHERE NOT EXISTS (SELECT 1 FROM alias WHERE alias.guid = number_promise.guid)";
        self.count(sql, "count promised numbers")
    }

    fn accounts_reserved(
        &mut self,
        accounts: &[AccountNumber],
    ) -> Result<HashSet<AccountNumber>, StorageError> {
        let sql = "SELECT 1 WHERE EXISTS (SELECT 1 FROM number_promise WHERE account = ?1)
            OR EXISTS (SELECT 1 FROM number_conflict WHERE account = ?1)";
        self.those(accounts, |account| self.is_there(sql, [account.as_str()]))
    }

    fn parties_taken(
        &mut self,
        parties: &[PartyNumber],
    ) -> Result<HashSet<PartyNumber>, StorageError> {
        let sql = "SELECT 1 WHERE EXISTS (SELECT 1 FROM party WHERE number = ?1)
            OR EXISTS (SELECT 1 FROM number_promise WHERE party = ?1)";
        self.those(parties, |party| self.is_there(sql, [party.as_str()]))
    }

    fn customers_disputed(
        &mut self,
        guids: &[CustomerGuid],
    ) -> Result<HashSet<CustomerGuid>, StorageError> {
        let sql = "SELECT 1 FROM number_conflict WHERE guid = ?1 AND settled_at IS NULL LIMIT 1";
        self.those(guids, |guid| self.is_there(sql, [guid.as_uuid().as_bytes()]))
    }

    fn conflicts_open(&mut self, limit: usize) -> Result<Vec<NumberConflict>, StorageError> {
        let sql = format!("{CONFLICT} WHERE settled_at IS NULL ORDER BY guid, account LIMIT ?1");
        read_all(self.connection, &sql, [bounded(limit)], "list disputed numbers", conflict)
    }

    fn conflicts_open_count(&mut self) -> Result<u64, StorageError> {
        let sql = "SELECT count(*) FROM number_conflict WHERE settled_at IS NULL";
        self.count(sql, "count disputed numbers")
    }

    fn conflict_get(
        &mut self,
        guid: &CustomerGuid,
        account: &AccountNumber,
    ) -> Result<Option<NumberConflict>, StorageError> {
        let sql = format!("{CONFLICT} WHERE guid = ?1 AND account = ?2");
        let key = params![guid.as_uuid().as_bytes(), account.as_str()];
        read_one(self.connection, &sql, key, "look up a disputed number", conflict)
    }
}

impl RecoveryWrites for SqliteTx<'_> {
    fn recovery_put(&mut self, recovery: &RecoveryRecord) -> Result<(), StorageError> {
        let sql = "INSERT INTO recovery
            (number, id, began_at, reason, items_renewed, ended_at, ended_by)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
            ON CONFLICT (number) DO UPDATE SET items_renewed = excluded.items_renewed,
                ended_at = excluded.ended_at, ended_by = excluded.ended_by";
        let values = params![
            recovery.number.cast_signed(),
            recovery.id.as_uuid().as_bytes(),
            recovery.began_at.as_microsecond(),
            recovery.reason,
            recovery.items_renewed.0.cast_signed(),
            recovery.ended_at.map(|at| at.as_microsecond()),
            recovery.ended_by,
        ];
        change(self.connection, sql, values, "store a recovery")?;
        Ok(())
    }

    fn hearing_put(&mut self, hearing: &HearingRecord) -> Result<(), StorageError> {
        let sql = "INSERT INTO recovery_hearing
            (recovery, edge_database, customers_after, items_after, page_after, told, epoch,
             counter, heard_at)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
            ON CONFLICT (recovery, edge_database) DO UPDATE SET
                customers_after = excluded.customers_after, items_after = excluded.items_after,
                page_after = excluded.page_after, told = excluded.told, epoch = excluded.epoch,
                counter = excluded.counter, heard_at = excluded.heard_at";
        let acknowledged = hearing.acknowledged;
        let values = params![
            hearing.recovery.as_uuid().as_bytes(),
            hearing.database.as_str(),
            hearing.customers_after.0.cast_signed(),
            hearing.items_after.0.cast_signed(),
            hearing.page_after.cast_signed(),
            hearing.told.cast_signed(),
            acknowledged.as_ref().map(|watermark| watermark.epoch.as_uuid().as_bytes()),
            acknowledged.map(|watermark| watermark.counter.0.cast_signed()),
            hearing.heard_at.map(|at| at.as_microsecond()),
        ];
        change(self.connection, sql, values, "store a database of a recovery")?;
        Ok(())
    }

    fn promise_insert(&mut self, promise: &Promise) -> Result<(), StorageError> {
        let sql = "INSERT INTO number_promise (guid, account, party, source, promised_at)
            VALUES (?1, ?2, ?3, ?4, ?5)";
        let values = params![
            promise.guid.as_uuid().as_bytes(),
            promise.account.as_str(),
            promise.party.as_ref().map(PartyNumber::as_str),
            promise.source.as_str(),
            promise.promised_at.as_microsecond(),
        ];
        change(self.connection, sql, values, "promise a number")?;
        Ok(())
    }

    fn conflict_put(&mut self, conflict: &NumberConflict) -> Result<(), StorageError> {
        let sql = "INSERT INTO number_conflict
            (guid, account, known_account, holder, source, found_at, settled_at, settled_by)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
            ON CONFLICT (guid, account) DO UPDATE SET known_account = excluded.known_account,
                holder = excluded.holder, source = excluded.source, found_at = excluded.found_at,
                settled_at = excluded.settled_at, settled_by = excluded.settled_by";
        let values = params![
            conflict.guid.as_uuid().as_bytes(),
            conflict.account.as_str(),
            conflict.known_account.as_ref().map(AccountNumber::as_str),
            conflict.holder.as_ref().map(|guid| guid.as_uuid().as_bytes()),
            conflict.source.as_str(),
            conflict.found_at.as_microsecond(),
            conflict.settled_at.map(|at| at.as_microsecond()),
            conflict.settled_by,
        ];
        change(self.connection, sql, values, "store a disputed number")?;
        Ok(())
    }

    fn change_log_raise(&mut self, version: Version) -> Result<(), StorageError> {
        let sql = "UPDATE headquarters SET version = ?1 WHERE version < ?1";
        change(self.connection, sql, [version.0.cast_signed()], "raise the change log")?;
        Ok(())
    }

    fn customers_renew(&mut self, guids: &[CustomerGuid]) -> Result<(), StorageError> {
        if guids.is_empty() {
            return Ok(());
        }
        let doing = "let customers be sent again";
        let version = change_version(self.connection, true).doing(doing)?.0.cast_signed();
        for guid in guids {
            let values = params![guid.as_uuid().as_bytes(), version];
            let sql = "UPDATE customer SET version = ?2 WHERE guid = ?1";
            change(self.connection, sql, values, doing)?;
            let sql = "UPDATE address SET version = ?2 WHERE customer = ?1";
            change(self.connection, sql, values, doing)?;
        }
        Ok(())
    }

    fn items_renew(&mut self) -> Result<Version, StorageError> {
        let doing = "let items be sent again";
        let version = change_version(self.connection, true).doing(doing)?;
        for sql in ["UPDATE item SET version = ?1", "UPDATE price SET version = ?1"] {
            change(self.connection, sql, [version.0.cast_signed()], doing)?;
        }
        Ok(version)
    }
}

impl SqliteTx<'_> {
    fn owners(
        &self,
        sql: &str,
        accounts: &[AccountNumber],
    ) -> Result<HashMap<AccountNumber, CustomerGuid>, StorageError> {
        let doing = "look up whose a number is";
        let mut owners = HashMap::new();
        for account in accounts {
            let read = |row: &mut Columns<'_>| row.id(CustomerGuid::from_uuid);
            let owner = read_one(self.connection, sql, [account.as_str()], doing, read)?;
            owners.extend(owner.map(|owner| (account.clone(), owner)));
        }
        Ok(owners)
    }

    fn is_there(&self, sql: &str, key: impl Params) -> Result<bool, StorageError> {
        let found = read_one(self.connection, sql, key, "look up numbers", |_| Ok(()))?;
        Ok(found.is_some())
    }

    /// Those of some keys for which a look-up finds something.
    fn those<K: Clone + Eq + std::hash::Hash>(
        &self,
        keys: &[K],
        is_one: impl Fn(&K) -> Result<bool, StorageError>,
    ) -> Result<HashSet<K>, StorageError> {
        let mut found = HashSet::new();
        for key in keys {
            if is_one(key)? {
                found.insert(key.clone());
            }
        }
        Ok(found)
    }
}

fn hearing(row: &mut Columns<'_>) -> rusqlite::Result<HearingRecord> {
    Ok(HearingRecord {
        recovery: row.id(RecoveryId::from_uuid)?,
        database: row.text::<DatabaseId>()?,
        customers_after: Version(row.unsigned()?),
        items_after: Version(row.unsigned()?),
        page_after: row.unsigned()?,
        told: row.unsigned()?,
        acknowledged: acknowledged(row)?,
        heard_at: row.time_or_none()?,
    })
}

fn acknowledged(row: &mut Columns<'_>) -> rusqlite::Result<Option<Watermark>> {
    let epoch = row.id_or_none(EpochId::from_uuid)?;
    let counter: Option<i64> = row.value()?;
    Ok(epoch.zip(counter).map(|(epoch, counter)| Watermark {
        counter: Counter(counter.cast_unsigned()),
        ..Watermark::start(epoch)
    }))
}

fn promise(row: &mut Columns<'_>) -> rusqlite::Result<Promise> {
    Ok(Promise {
        guid: row.id(CustomerGuid::from_uuid)?,
        account: row.parsed(AccountNumber::parse)?,
        party: row.parsed_or_none(AccountNumber::parse)?.map(PartyNumber::from_sequence),
        source: row.text()?,
        promised_at: row.time()?,
    })
}

fn conflict(row: &mut Columns<'_>) -> rusqlite::Result<NumberConflict> {
    Ok(NumberConflict {
        guid: row.id(CustomerGuid::from_uuid)?,
        account: row.parsed(AccountNumber::parse)?,
        known_account: row.parsed_or_none(AccountNumber::parse)?,
        holder: row.id_or_none(CustomerGuid::from_uuid)?,
        source: row.text()?,
        found_at: row.time()?,
        settled_at: row.time_or_none()?,
        settled_by: row.value()?,
    })
}
