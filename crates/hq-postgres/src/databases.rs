//! Groups, edge databases, credentials, activation codes and operators' tokens.

use std::collections::HashMap;

use jiff::Timestamp;
use tillsync_domain::ids::{AccountNumber, AddressBook, DatabaseId, GroupId};
use tillsync_exchange::device::SecretHash;
use tillsync_exchange::messages::{DatabaseHealth, DatabaseKind, ExchangeMode};
use tillsync_hq::storage::{
    Activation, DatabaseReads, DatabaseRecord, DatabaseWrites, GroupRecord, NewDatabase,
    OperatorToken, StorageError,
};

use crate::columns::{Columns, Read, storable, to_json};
use crate::error::refused;
use crate::tx::{PgTx, Values};

const DATABASE: &str = "SELECT id, kind, channel_group, parent, address_book, created_at,
    enrolled_at, revoked_at, last_seen_at, health, pulled, default_customer FROM edge_database";

const KINDS: [DatabaseKind; 2] = [DatabaseKind::Channel, DatabaseKind::Register];
const MODES: [ExchangeMode; 2] = [ExchangeMode::Live, ExchangeMode::Scheduled];

impl DatabaseReads for PgTx<'_> {
    fn group_get(&mut self, group: &GroupId) -> Result<Option<GroupRecord>, StorageError> {
        let sql = "SELECT id, mode FROM channel_group WHERE id = $1";
        let found = self.read_one(sql, &[&group.as_str()], "read a group", group_row)?;
        Ok(self.with_books(found.into_iter().collect())?.pop())
    }

    fn groups_all(&mut self) -> Result<Vec<GroupRecord>, StorageError> {
        let sql = "SELECT id, mode FROM channel_group ORDER BY id";
        let groups = self.read_all(sql, &[], "read the groups", group_row)?;
        self.with_books(groups)
    }

    fn database_get(
        &mut self,
        database: &DatabaseId,
    ) -> Result<Option<DatabaseRecord>, StorageError> {
        let sql = format!("{DATABASE} WHERE id = $1");
        self.read_one(&sql, &[&database.as_str()], "read a database's record", record)
    }

    fn database_by_credential(
        &mut self,
        credential: &SecretHash,
    ) -> Result<Option<DatabaseRecord>, StorageError> {
        let sql = format!("{DATABASE} WHERE credential = $1 AND revoked_at IS NULL");
        self.read_one(&sql, &[&credential.0.as_slice()], "look up a credential", record)
    }

    fn databases_all(&mut self) -> Result<Vec<DatabaseRecord>, StorageError> {
        let sql = format!("{DATABASE} ORDER BY id");
        self.read_all(&sql, &[], "read the databases", record)
    }

    fn revoked_registers(&mut self, channel: &DatabaseId) -> Result<Vec<DatabaseId>, StorageError> {
        let sql = "SELECT id FROM edge_database WHERE parent = $1 AND revoked_at IS NOT NULL
            ORDER BY id";
        let doing = "read the revoked registers of a channel";
        self.read_all(sql, &[&channel.as_str()], doing, |row| row.text())
    }

    fn activation_get(&mut self, code: &SecretHash) -> Result<Option<Activation>, StorageError> {
        let sql = "SELECT edge_database, expires_at, redeemed_by FROM activation WHERE code = $1";
        self.read_one(sql, &[&code.0.as_slice()], "look up an activation code", |row| {
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
        let sql = "SELECT name, created_at FROM operator_token WHERE hash = $1";
        self.read_one(sql, &[&hash.0.as_slice()], "look up an operator's token", |row| {
            Ok(OperatorToken { hash: *hash, name: row.value()?, created_at: row.time()? })
        })
    }
}

impl DatabaseWrites for PgTx<'_> {
    fn group_put(&mut self, group: &GroupRecord) -> Result<(), StorageError> {
        let doing = "store a group";
        let id = group.id.as_str();
        let sql = "INSERT INTO channel_group (id, mode) VALUES ($1, $2)
            ON CONFLICT (id) DO UPDATE SET mode = excluded.mode";
        self.change(sql, &[&id, &mode_name(group.mode)], doing)?;
        let sql = "DELETE FROM group_address_book WHERE channel_group = $1";
        self.change(sql, &[&id], doing)?;
        let sql = "INSERT INTO group_address_book (channel_group, book)
            SELECT $1, book FROM unnest($2::text[]) AS given (book) ON CONFLICT DO NOTHING";
        let books: Vec<_> = group.address_books.iter().map(AddressBook::as_str).collect();
        self.change(sql, &[&id, &books], doing)?;
        Ok(())
    }

    fn database_insert_once(&mut self, database: &NewDatabase) -> Result<bool, StorageError> {
        let sql = "INSERT INTO edge_database
            (id, kind, channel_group, parent, address_book, created_at)
            VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING";
        let values: Values<'_> = &[
            &database.id.as_str(),
            &kind_name(database.kind),
            &database.group.as_str(),
            &database.parent.as_ref().map(DatabaseId::as_str),
            &database.address_book.as_str(),
            &database.created_at.as_microsecond(),
        ];
        self.change(sql, values, "add a database").map(|rows| rows == 1)
    }

    fn activation_put(&mut self, activation: &Activation) -> Result<(), StorageError> {
        let sql = "INSERT INTO activation (code, edge_database, expires_at, redeemed_by)
            VALUES ($1, $2, $3, $4)
            ON CONFLICT (code) DO UPDATE SET edge_database = excluded.edge_database,
                expires_at = excluded.expires_at, redeemed_by = excluded.redeemed_by";
        let values: Values<'_> = &[
            &activation.code.0.as_slice(),
            &activation.database.as_str(),
            &activation.expires_at.as_microsecond(),
            &activation.redeemed_by.as_ref().map(|hash| hash.0.as_slice()),
        ];
        self.change(sql, values, "store an activation code")?;
        Ok(())
    }

    fn database_enrol(
        &mut self,
        database: &DatabaseId,
        credential: &SecretHash,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let sql = "UPDATE edge_database
            SET credential = $2, enrolled_at = $3, revoked_at = NULL WHERE id = $1";
        let values: Values<'_> =
            &[&database.as_str(), &credential.0.as_slice(), &now.as_microsecond()];
        let doing = "enrol a database";
        expect_one(self.change(sql, values, doing)?, doing)
    }

    fn database_revoke(
        &mut self,
        database: &DatabaseId,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let sql = "UPDATE edge_database SET revoked_at = coalesce(revoked_at, $2) WHERE id = $1";
        let values: Values<'_> = &[&database.as_str(), &now.as_microsecond()];
        let doing = "revoke a credential";
        expect_one(self.change(sql, values, doing)?, doing)?;
        // An open code would let the revoked device back in.
        let sql = "DELETE FROM activation WHERE edge_database = $1 AND redeemed_by IS NULL";
        self.change(sql, &[&database.as_str()], doing)?;
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
        let sql = "SELECT pulled FROM edge_database WHERE id = $1";
        let key: Values<'_> = &[&database.as_str()];
        let before = self.read_one(sql, key, doing, |row| row.unsigned())?;
        let pulled = pulled.max(before.unwrap_or(0));
        let sql = "UPDATE edge_database SET health = $2, pulled = $3, last_seen_at = $4
            WHERE id = $1";
        let values: Values<'_> =
            &[&database.as_str(), &to_json(health), &pulled.cast_signed(), &now.as_microsecond()];
        expect_one(self.change(sql, values, doing)?, doing)
    }

    fn database_default_customer_set(
        &mut self,
        database: &DatabaseId,
        account: &AccountNumber,
    ) -> Result<(), StorageError> {
        let sql = "UPDATE edge_database SET default_customer = $2 WHERE id = $1";
        let values: Values<'_> = &[&database.as_str(), &account.as_str()];
        let doing = "set the default customer of a channel";
        expect_one(self.change(sql, values, doing)?, doing)
    }

    fn operator_token_put(&mut self, token: &OperatorToken) -> Result<(), StorageError> {
        let sql = "INSERT INTO operator_token (name, hash, created_at) VALUES ($1, $2, $3)
            ON CONFLICT (name) DO UPDATE SET hash = excluded.hash,
                created_at = excluded.created_at";
        let values: Values<'_> =
            &[&storable(&token.name), &token.hash.0.as_slice(), &token.created_at.as_microsecond()];
        self.change(sql, values, "store an operator's token")?;
        Ok(())
    }
}

impl PgTx<'_> {
    fn with_books(
        &mut self,
        mut groups: Vec<GroupRecord>,
    ) -> Result<Vec<GroupRecord>, StorageError> {
        let sql = "SELECT channel_group, book FROM group_address_book
            WHERE channel_group = ANY($1) ORDER BY channel_group, book";
        let ids: Vec<_> = groups.iter().map(|group| group.id.as_str()).collect();
        let found = self.read_all(sql, &[&ids], "read the address books of groups", |row| {
            Ok((row.text::<GroupId>()?, row.text::<AddressBook>()?))
        })?;
        let mut books: HashMap<_, Vec<_>> = HashMap::new();
        for (group, book) in found {
            books.entry(group).or_default().push(book);
        }
        for group in &mut groups {
            group.address_books = books.remove(&group.id).unwrap_or_default();
        }
        Ok(groups)
    }
}

fn group_row(row: &mut Columns<'_>) -> Read<GroupRecord> {
    Ok(GroupRecord {
        id: row.text()?,
        mode: row.named(&MODES, mode_name)?,
        address_books: Vec::new(),
    })
}

fn record(row: &mut Columns<'_>) -> Read<DatabaseRecord> {
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

fn expect_one(rows: u64, doing: &'static str) -> Result<(), StorageError> {
    if rows == 1 { Ok(()) } else { Err(refused(doing, "there is no database of that name")) }
}
