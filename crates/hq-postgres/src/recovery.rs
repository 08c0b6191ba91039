//! Recoveries: whom headquarters asks, promises and conflicts of numbers.

use std::collections::{HashMap, HashSet};

use tillsync_domain::ids::{
    AccountNumber, AddressBook, Counter, CustomerGuid, DatabaseId, EpochId, PartyNumber,
    RecoveryId, Version,
};
use tillsync_domain::operation::Watermark;
use tillsync_hq::storage::{
    HearingRecord, NumberConflict, Promise, RecoveryReads, RecoveryRecord, RecoveryWrites,
    StorageError,
};

use crate::columns::{Columns, Read, bounded, micros, storable, storable_or_none};
use crate::tx::{PgTx, Values};

const HEARING: &str = "SELECT recovery, edge_database, customers_after, items_after, page_after,
    told, epoch, counter, heard_at FROM recovery_hearing";
const CONFLICT: &str = "SELECT guid, account, known_account, holder, source, found_at, settled_at,
    settled_by FROM number_conflict";

impl RecoveryReads for PgTx<'_> {
    fn recovery_latest(&mut self) -> Result<Option<RecoveryRecord>, StorageError> {
        let sql = "SELECT number, id, began_at, reason, items_renewed, ended_at, ended_by
            FROM recovery ORDER BY number DESC LIMIT 1";
        self.read_one(sql, &[], "read the latest recovery", |row| {
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
        let sql = format!("{HEARING} WHERE recovery = $1 AND edge_database = $2");
        let key: Values<'_> = &[recovery.as_uuid(), &database.as_str()];
        self.read_one(&sql, key, "read a database of a recovery", hearing)
    }

    fn hearings_list(&mut self, recovery: &RecoveryId) -> Result<Vec<HearingRecord>, StorageError> {
        let sql = format!("{HEARING} WHERE recovery = $1 ORDER BY edge_database");
        self.read_all(&sql, &[recovery.as_uuid()], "read the databases of a recovery", hearing)
    }

    fn account_owners(
        &mut self,
        accounts: &[AccountNumber],
    ) -> Result<HashMap<AccountNumber, CustomerGuid>, StorageError> {
        self.owners("SELECT account, guid FROM alias WHERE account = ANY($1)", accounts)
    }

    fn customers_visible(
        &mut self,
        guids: &[CustomerGuid],
        books: &[AddressBook],
    ) -> Result<HashSet<CustomerGuid>, StorageError> {
        let sql = "SELECT DISTINCT customer FROM customer_address_book
            WHERE customer = ANY($1) AND book = ANY($2)";
        let guids: Vec<_> = guids.iter().map(CustomerGuid::as_uuid).collect();
        let books: Vec<_> = books.iter().map(AddressBook::as_str).collect();
        self.customers(sql, &[&guids, &books])
    }

    fn promises_of(
        &mut self,
        guids: &[CustomerGuid],
    ) -> Result<HashMap<CustomerGuid, Promise>, StorageError> {
        let sql = "SELECT guid, account, party, source, promised_at FROM number_promise
            WHERE guid = ANY($1)";
        let guids: Vec<_> = guids.iter().map(CustomerGuid::as_uuid).collect();
        let promises = self.read_all(sql, &[&guids], "look up promised numbers", promise)?;
        Ok(promises.into_iter().map(|promise| (promise.guid, promise)).collect())
    }

    fn promise_owners(
        &mut self,
        accounts: &[AccountNumber],
    ) -> Result<HashMap<AccountNumber, CustomerGuid>, StorageError> {
        self.owners("SELECT account, guid FROM number_promise WHERE account = ANY($1)", accounts)
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
        let sql = "SELECT account FROM number_promise WHERE account = ANY($1)
            UNION SELECT account FROM number_conflict WHERE account = ANY($1)";
        let accounts: Vec<_> = accounts.iter().map(AccountNumber::as_str).collect();
        let read = |row: &mut Columns<'_>| row.parsed(AccountNumber::parse);
        let found = self.read_all(sql, &[&accounts], "look up reserved numbers", read)?;
        Ok(found.into_iter().collect())
    }

    fn parties_taken(
        &mut self,
        parties: &[PartyNumber],
    ) -> Result<HashSet<PartyNumber>, StorageError> {
        let sql = "SELECT number FROM party WHERE number = ANY($1)
            UNION SELECT party FROM number_promise WHERE party = ANY($1)";
        let parties: Vec<_> = parties.iter().map(PartyNumber::as_str).collect();
        let read = |row: &mut Columns<'_>| row.parsed(AccountNumber::parse);
        let found = self.read_all(sql, &[&parties], "look up party numbers", read)?;
        Ok(found.into_iter().map(PartyNumber::from_sequence).collect())
    }

    fn customers_disputed(
        &mut self,
        guids: &[CustomerGuid],
    ) -> Result<HashSet<CustomerGuid>, StorageError> {
        let sql = "SELECT DISTINCT guid FROM number_conflict
            WHERE guid = ANY($1) AND settled_at IS NULL";
        let guids: Vec<_> = guids.iter().map(CustomerGuid::as_uuid).collect();
        self.customers(sql, &[&guids])
    }

    fn conflicts_open(&mut self, limit: usize) -> Result<Vec<NumberConflict>, StorageError> {
        let sql = format!("{CONFLICT} WHERE settled_at IS NULL ORDER BY guid, account LIMIT $1");
        self.read_all(&sql, &[&bounded(limit)], "list disputed numbers", conflict)
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
        let sql = format!("{CONFLICT} WHERE guid = $1 AND account = $2");
        let key: Values<'_> = &[guid.as_uuid(), &account.as_str()];
        self.read_one(&sql, key, "look up a disputed number", conflict)
    }
}

impl RecoveryWrites for PgTx<'_> {
    fn recovery_put(&mut self, recovery: &RecoveryRecord) -> Result<(), StorageError> {
        let sql = "INSERT INTO recovery
            (number, id, began_at, reason, items_renewed, ended_at, ended_by)
            VALUES ($1, $2, $3, $4, $5, $6, $7)
            ON CONFLICT (number) DO UPDATE SET items_renewed = excluded.items_renewed,
                ended_at = excluded.ended_at, ended_by = excluded.ended_by";
        let values: Values<'_> = &[
            &recovery.number.cast_signed(),
            recovery.id.as_uuid(),
            &recovery.began_at.as_microsecond(),
            &storable(&recovery.reason),
            &recovery.items_renewed.0.cast_signed(),
            &micros(recovery.ended_at),
            &storable_or_none(recovery.ended_by.as_ref()),
        ];
        self.change(sql, values, "store a recovery")?;
        Ok(())
    }

    fn hearing_put(&mut self, hearing: &HearingRecord) -> Result<(), StorageError> {
        let sql = "INSERT INTO recovery_hearing
            (recovery, edge_database, customers_after, items_after, page_after, told, epoch,
             counter, heard_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
            ON CONFLICT (recovery, edge_database) DO UPDATE SET
                customers_after = excluded.customers_after, items_after = excluded.items_after,
                page_after = excluded.page_after, told = excluded.told, epoch = excluded.epoch,
                counter = excluded.counter, heard_at = excluded.heard_at";
        let acknowledged = hearing.acknowledged;
        let values: Values<'_> = &[
            hearing.recovery.as_uuid(),
            &hearing.database.as_str(),
            &hearing.customers_after.0.cast_signed(),
            &hearing.items_after.0.cast_signed(),
            &hearing.page_after.cast_signed(),
            &hearing.told.cast_signed(),
            &acknowledged.map(|watermark| *watermark.epoch.as_uuid()),
            &acknowledged.map(|watermark| watermark.counter.0.cast_signed()),
            &micros(hearing.heard_at),
        ];
        self.change(sql, values, "store a database of a recovery")?;
        Ok(())
    }

    fn promise_insert(&mut self, promise: &Promise) -> Result<(), StorageError> {
        let sql = "INSERT INTO number_promise (guid, account, party, source, promised_at)
            VALUES ($1, $2, $3, $4, $5)";
        let values: Values<'_> = &[
            promise.guid.as_uuid(),
            &promise.account.as_str(),
            &promise.party.as_ref().map(PartyNumber::as_str),
            &promise.source.as_str(),
            &promise.promised_at.as_microsecond(),
        ];
        self.change(sql, values, "promise a number")?;
        Ok(())
    }

    fn conflict_put(&mut self, conflict: &NumberConflict) -> Result<(), StorageError> {
        let sql = "INSERT INTO number_conflict
            (guid, account, known_account, holder, source, found_at, settled_at, settled_by)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            ON CONFLICT (guid, account) DO UPDATE SET known_account = excluded.known_account,
                holder = excluded.holder, source = excluded.source, found_at = excluded.found_at,
                settled_at = excluded.settled_at, settled_by = excluded.settled_by";
        let values: Values<'_> = &[
            conflict.guid.as_uuid(),
            &conflict.account.as_str(),
            &conflict.known_account.as_ref().map(AccountNumber::as_str),
            &conflict.holder.map(|guid| *guid.as_uuid()),
            &conflict.source.as_str(),
            &conflict.found_at.as_microsecond(),
            &micros(conflict.settled_at),
            &storable_or_none(conflict.settled_by.as_ref()),
        ];
        self.change(sql, values, "store a disputed number")?;
        Ok(())
    }

    fn change_log_raise(&mut self, version: Version) -> Result<(), StorageError> {
        let sql = "UPDATE change_log SET version = $1 WHERE version < $1";
        self.change(sql, &[&version.0.cast_signed()], "raise the change log")?;
        Ok(())
    }

    fn customers_renew(&mut self, guids: &[CustomerGuid]) -> Result<(), StorageError> {
        if guids.is_empty() {
            return Ok(());
        }
        let doing = "let customers be sent again";
        let version = self.change_version(true, doing)?.0.cast_signed();
        let guids: Vec<_> = guids.iter().map(CustomerGuid::as_uuid).collect();
        for sql in [
            "UPDATE customer SET version = $2 WHERE guid = ANY($1)",
            "UPDATE address SET version = $2 WHERE customer = ANY($1)",
        ] {
            self.change(sql, &[&guids, &version], doing)?;
        }
        Ok(())
    }

    fn items_renew(&mut self) -> Result<Version, StorageError> {
        let doing = "let items be sent again";
        let version = self.change_version(true, doing)?;
        for sql in ["UPDATE item SET version = $1", "UPDATE price SET version = $1"] {
            self.change(sql, &[&version.0.cast_signed()], doing)?;
        }
        Ok(version)
    }
}

impl PgTx<'_> {
    fn owners(
        &mut self,
        sql: &str,
        accounts: &[AccountNumber],
    ) -> Result<HashMap<AccountNumber, CustomerGuid>, StorageError> {
        let accounts: Vec<_> = accounts.iter().map(AccountNumber::as_str).collect();
        let owners = self.read_all(sql, &[&accounts], "look up whose a number is", |row| {
            Ok((row.parsed(AccountNumber::parse)?, row.id(CustomerGuid::from_uuid)?))
        })?;
        Ok(owners.into_iter().collect())
    }

    fn customers(
        &mut self,
        sql: &str,
        values: Values<'_>,
    ) -> Result<HashSet<CustomerGuid>, StorageError> {
        let read = |row: &mut Columns<'_>| row.id(CustomerGuid::from_uuid);
        Ok(self.read_all(sql, values, "look up customers", read)?.into_iter().collect())
    }
}

fn hearing(row: &mut Columns<'_>) -> Read<HearingRecord> {
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

fn acknowledged(row: &mut Columns<'_>) -> Read<Option<Watermark>> {
    let epoch = row.id_or_none(EpochId::from_uuid)?;
    let counter: Option<i64> = row.value()?;
    Ok(epoch.zip(counter).map(|(epoch, counter)| Watermark {
        counter: Counter(counter.cast_unsigned()),
        ..Watermark::start(epoch)
    }))
}

fn promise(row: &mut Columns<'_>) -> Read<Promise> {
    Ok(Promise {
        guid: row.id(CustomerGuid::from_uuid)?,
        account: row.parsed(AccountNumber::parse)?,
        party: row.parsed_or_none(AccountNumber::parse)?.map(PartyNumber::from_sequence),
        source: row.text()?,
        promised_at: row.time()?,
    })
}

fn conflict(row: &mut Columns<'_>) -> Read<NumberConflict> {
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
