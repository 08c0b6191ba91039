//! Groups, edge databases, credentials, activation codes and operators' tokens.

use jiff::Timestamp;
use rusqlite::params;
use tillsync_domain::ids::{AccountNumber, AddressBook, DatabaseId, GroupId};
use tillsync_exchange::device::SecretHash;
use tillsync_exchange::messages::{DatabaseHealth, DatabaseKind, ExchangeMode};
use tillsync_hq::storage::{
    Activation, DatabaseReads, DatabaseRecord, DatabaseWrites, GroupRecord, NewDatabase,
    OperatorToken, StorageError,
};

use crate::SqliteTx;
use crate::columns::{Columns, change, read_all, read_one, to_json};
use crate::error::refused;

const DATABASE: &str = "SELECT id, kind, channel_group, parent, address_book, created_at,
    enrolled_at, revoked_at, last_seen_at, health, pulled, default_customer FROM edge_database";

const KINDS: [DatabaseKind; 2] = [DatabaseKind::Channel, DatabaseKind::Register];
const MODES: [ExchangeMode; 2] = [ExchangeMode::Live, ExchangeMode::Scheduled];

impl DatabaseReads for SqliteTx<'_> {
    fn group_get(&mut self, group: &GroupId) -> Result<Option<GroupRecord>, StorageError> {
        let sql = "SELECT id, mode FROM channel_group WHERE id = ?1";
        let found = read_one(self.connection, sql, [group.as_str()], "read a group", group_row)?;
        found.map(|group| self.with_books(group)).transpose()
    }

    fn groups_all(&mut self) -> Result<Vec<GroupRecord>, StorageError> {
        let sql = "SELECT id, mode FROM channel_group ORDER BY id";
        let groups = read_all(self.connection, sql, [], "read the groups", group_row)?;
        // SQLite runs inside this process: one look-up a group costs no round trip.
        groups.into_iter().map(|group| self.with_books(group)).collect()
    }

    fn database_get(
        &mut self,
        database: &DatabaseId,
    ) -> Result<Option<DatabaseRecord>, StorageError> {
        let sql = format!("{DATABASE} WHERE id = ?1");
        read_one(self.connection, &sql, [database.as_str()], "read a database's record", record)
    }

    fn database_by_credential(
        &mut self,
        credential: &SecretHash,
    ) -> Result<Option<DatabaseRecord>, StorageError> {
        let sql = format!("{DATABASE} WHERE credential = ?1 AND revoked_at IS NULL");
        read_one(self.connection, &sql, [credential.0], "look up a credential", record)
    }

    fn databases_all(&mut self) -> Result<Vec<DatabaseRecord>, StorageError> {
        let sql = format!("{DATABASE} ORDER BY id");
        read_all(self.connection, &sql, [], "read the databases", record)
    }

    fn revoked_registers(&mut self, channel: &DatabaseId) -> Result<Vec<DatabaseId>, StorageError> {
        let sql = "SELECT id FROM edge_database WHERE parent = ?1 AND revoked_at IS NOT NULL
            ORDER BY id";
        let doing = "read the revoked registers of a channel";
        read_all(self.connection, sql, [channel.as_str()], doing, |row| row.text())
    }

    fn activation_get(&mut self, code: &SecretHash) -> Result<Option<Activation>, StorageError> {
        let sql = "SELECT edge_database, expires_at, redeemed_by FROM activation WHERE code = ?1";
        read_one(self.connection, sql, [code.0], "look up an activation code", |row| {
            Ok(Activation {
                code: *code,
                database: row.text()?,
                expires_at: row.time()?,
                redeemed_by: row.hash_or_none()?,
            })
        })
    }

    fn operator_token_get(
        &mut self,
        hash: &SecretHash,
    ) -> Result<Option<OperatorToken>, StorageError> {
        let sql = "SELECT name, created_at FROM operator_token WHERE hash = ?1";
        read_one(self.connection, sql, [hash.0], "look up an operator's token", |row| {
            Ok(OperatorToken { hash: *hash, name: row.value()?, created_at: row.time()? })
        })
    }
}

impl DatabaseWrites for SqliteTx<'_> {
    fn group_put(&mut self, group: &GroupRecord) -> Result<(), StorageError> {
        let doing = "store a group";
        let id = group.id.as_str();
        let sql = "INSERT INTO channel_group (id, mode) VALUES (?1, ?2)
            ON CONFLICT (id) DO UPDATE SET mode = excluded.mode";
        change(self.connection, sql, params![id, mode_name(group.mode)], doing)?;
        let sql = "DELETE FROM group_address_book WHERE channel_group = ?1";
        change(self.connection, sql, [id], doing)?;
        let sql = "INSERT INTO group_address_book (channel_group, book) VALUES (?1, ?2)
            ON CONFLICT DO NOTHING";
        for book in &group.address_books {
            change(self.connection, sql, [id, book.as_str()], doing)?;
        }
        Ok(())
    }

    fn database_insert_once(&mut self, database: &NewDatabase) -> Result<bool, StorageError> {
        let sql = "INSERT INTO edge_database
            (id, kind, channel_group, parent, address_book, created_at)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (id) DO NOTHING";
        let values = params![
            database.id.as_str(),
            kind_name(database.kind),
            database.group.as_str(),
            database.parent.as_ref().map(DatabaseId::as_str),
            database.address_book.as_str(),
            database.created_at.as_microsecond(),
        ];
        change(self.connection, sql, values, "add a database").map(|rows| rows == 1)
    }

    fn activation_put(&mut self, activation: &Activation) -> Result<(), StorageError> {
        let sql = "INSERT INTO activation (code, edge_database, expires_at, redeemed_by)
            VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT (code) DO UPDATE SET edge_database = excluded.edge_database,
                expires_at = excluded.expires_at, redeemed_by = excluded.redeemed_by";
        let values = params![
            activation.code.0,
            activation.database.as_str(),
            activation.expires_at.as_microsecond(),
            activation.redeemed_by.map(|hash| hash.0),
        ];
        change(self.connection, sql, values, "store an activation code")?;
        Ok(())
    }

    fn database_enrol(
        &mut self,
        database: &DatabaseId,
        credential: &SecretHash,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let sql = "UPDATE edge_database
            SET credential = ?2, enrolled_at = ?3, revoked_at = NULL WHERE id = ?1";
        let values = params![database.as_str(), credential.0, now.as_microsecond()];
        let doing = "enrol a database";
        expect_one(change(self.connection, sql, values, doing)?, doing)
    }

    fn database_revoke(
        &mut self,
        database: &DatabaseId,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let sql = "UPDATE edge_database SET revoked_at = coalesce(revoked_at, ?2) WHERE id = ?1";
        let values = params![database.as_str(), now.as_microsecond()];
        let doing = "revoke a credential";
        expect_one(change(self.connection, sql, values, doing)?, doing)?;
        // An open code would let the revoked device back in.
        let sql = "DELETE FROM activation WHERE edge_database = ?1 AND redeemed_by IS NULL";
        change(self.connection, sql, [database.as_str()], doing)?;
        Ok(())
    }

    fn database_seen(
        &mut self,
        database: &DatabaseId,
        health: &DatabaseHealth,
        pulled: u64,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let doing = "record that a database was seen";
        let sql = "SELECT pulled FROM edge_database WHERE id = ?1";
        let key = [database.as_str()];
        let before = read_one(self.connection, sql, key, doing, |row| row.unsigned())?;
        let pulled = pulled.max(before.unwrap_or(0));
        let sql = "UPDATE edge_database SET health = ?2, pulled = ?3, last_seen_at = ?4
            WHERE id = ?1";
        let values =
            params![database.as_str(), to_json(health), pulled.cast_signed(), now.as_microsecond()];
        expect_one(change(self.connection, sql, values, doing)?, doing)
    }

    fn database_default_customer_set(
        &mut self,
        database: &DatabaseId,
        account: &AccountNumber,
    ) -> Result<(), StorageError> {
        let sql = "UPDATE edge_database SET default_customer = ?2 WHERE id = ?1";
        let values = [database.as_str(), account.as_str()];
        let doing = "set the default customer of a channel";
        expect_one(change(self.connection, sql, values, doing)?, doing)
    }

    fn operator_token_put(&mut self, token: &OperatorToken) -> Result<(), StorageError> {
        let sql = "INSERT INTO operator_token (name, hash, created_at) VALUES (?1, ?2, ?3)
            ON CONFLICT (name) DO UPDATE SET hash = excluded.hash,
                created_at = excluded.created_at";
        let values = params![token.name, token.hash.0, token.created_at.as_microsecond()];
        change(self.connection, sql, values, "store an operator's token")?;
        Ok(())
    }
}

impl SqliteTx<'_> {
    fn with_books(&self, mut group: GroupRecord) -> Result<GroupRecord, StorageError> {
        let sql = "SELECT book FROM group_address_book WHERE channel_group = ?1 ORDER BY book";
        let book = |row: &mut Columns<'_>| row.text::<AddressBook>();
        let doing = "read a group's address books";
        group.address_books = read_all(self.connection, sql, [group.id.as_str()], doing, book)?;
        Ok(group)
    }
}

fn group_row(row: &mut Columns<'_>) -> rusqlite::Result<GroupRecord> {
    Ok(GroupRecord {
        id: row.text()?,
        mode: row.named(&MODES, mode_name)?,
        address_books: Vec::new(),
    })
}

fn record(row: &mut Columns<'_>) -> rusqlite::Result<DatabaseRecord> {
    let database = NewDatabase {
        id: row.text()?,
        kind: row.named(&KINDS, kind_name)?,
        group: row.text()?,
        parent: row.text_or_none()?,
        address_book: row.text()?,
        created_at: row.time()?,
    };
    Ok(DatabaseRecord {
        database,
        enrolled_at: row.time_or_none()?,
        revoked_at: row.time_or_none()?,
        last_seen_at: row.time_or_none()?,
        health: row.json_or_none()?,
        pulled: row.unsigned()?,
        default_customer: row.parsed_or_none(AccountNumber::parse)?,
    })
}

fn kind_name(kind: DatabaseKind) -> &'static str {
    match kind {
        DatabaseKind::Channel => "channel",
        DatabaseKind::Register => "register",
    }
}

fn mode_name(mode: ExchangeMode) -> &'static str {
    match mode {
        ExchangeMode::Live => "live",
        ExchangeMode::Scheduled => "scheduled",
    }
}

fn expect_one(rows: usize, doing: &'static str) -> Result<(), StorageError> {
    if rows == 1 { Ok(()) } else { Err(refused(doing, "there is no database of that name")) }
}
