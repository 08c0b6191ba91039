//! Who may talk to this database: programs with a token, and the registers of a channel.
//!
//! Only hashes are kept; a secret is shown once, when it is made.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use tillsync_domain::entropy::Entropy;
use tillsync_domain::ids::DatabaseId;
use tillsync_domain::kind::ErrorKind;
use tillsync_exchange::device::{Secret, SecretHash};

use crate::db::{Db, DbError, parsed_column};

/// The name of a program that uses the customer interface, such as "pos" or "web-shop".
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClientName(String);

/// A text that cannot name a program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a program's name has 1 to 60 printable characters")]
pub struct BadClientName;

impl BadClientName {
    /// What sort of failure this is.
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }
}

impl ClientName {
    /// Accepts 1 to 60 printable characters.
    ///
    /// # Errors
    /// Invalid: anything else.
    pub fn parse(text: &str) -> Result<Self, BadClientName> {
        let fits = (1..=60).contains(&text.chars().count()) && !text.trim().is_empty();
        if fits && !text.chars().any(char::is_control) {
            Ok(ClientName(text.to_owned()))
        } else {
            Err(BadClientName)
        }
    }

    /// The name of a token that was made here.
    pub(crate) fn stored(name: String) -> Self {
        ClientName(name)
    }

    /// The name as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Makes a token for a program. It is not stored and cannot be shown again.
///
/// # Errors
/// Busy or Broken: the database failed.
pub fn create_api_token(
    db: &Db,
    name: &ClientName,
    entropy: &dyn Entropy,
    now: Timestamp,
) -> Result<Secret, DbError> {
    let mut random = [0; 32];
    entropy.fill(&mut random);
    let secret = Secret::from_random(random);
    let (hash, name) = (secret.hash(), name.clone());
    db.write(move |connection| -> Result<(), DbError> {
        connection.execute(
            "INSERT INTO api_token (hash, name, created_at) VALUES (?1, ?2, ?3)",
            params![hash.0, name.as_str(), now.as_microsecond()],
        )?;
        Ok(())
    })?;
    Ok(secret)
}

/// Revokes every token of a program, and signs out whoever uses it; says how many there were.
///
/// # Errors
/// Busy or Broken: the database failed.
pub fn revoke_api_tokens(db: &Db, name: &ClientName) -> Result<usize, DbError> {
    let name = name.clone();
    db.write(move |connection| -> Result<usize, DbError> {
        let revoked =
            connection.execute("DELETE FROM api_token WHERE name = ?1", [name.as_str()])?;
        connection
            .execute("DELETE FROM sign_in WHERE client NOT IN (SELECT hash FROM api_token)", [])?;
        Ok(revoked)
    })
}

/// The program that holds a token, if any does.
///
/// # Errors
/// Busy or Broken: the database failed.
pub fn find_client(db: &Db, token: SecretHash) -> Result<Option<ClientName>, DbError> {
    db.read(|connection| {
        let name: Option<String> = connection
            .prepare_cached("SELECT name FROM api_token WHERE hash = ?1")?
            .query_row([token.0], |row| row.get(0))
            .optional()?;
        Ok(name.map(ClientName))
    })
}

/// Remembers a register whose enrolment headquarters accepted; a later one replaces the
/// credential.
///
/// # Errors
/// Busy or Broken: the database failed.
pub fn remember_register(
    db: &Db,
    register: &DatabaseId,
    credential: SecretHash,
    now: Timestamp,
) -> Result<(), DbError> {
    let register = register.clone();
    db.write(move |connection| -> Result<(), DbError> {
        connection.execute(
            "INSERT INTO register (database_id, credential_hash, enrolled_at) VALUES (?1, ?2, ?3)
             ON CONFLICT (database_id) DO UPDATE SET credential_hash = excluded.credential_hash,
                 enrolled_at = excluded.enrolled_at",
            params![register.as_str(), credential.0, now.as_microsecond()],
        )?;
        // Headquarters has just taken it back; the next poll says so, too.
        let sql = "DELETE FROM revoked_register WHERE database_id = ?1";
        connection.execute(sql, [register.as_str()])?;
        Ok(())
    })
}

/// Whether headquarters has revoked a register, as far as this channel has heard.
pub(crate) fn is_revoked(connection: &Connection, register: &DatabaseId) -> Result<bool, DbError> {
    let found = connection
        .prepare_cached("SELECT 1 FROM revoked_register WHERE database_id = ?1")?
        .query_row([register.as_str()], |_| Ok(()))
        .optional()?;
    Ok(found.is_some())
}

/// The registers of this channel that headquarters has revoked, by name.
pub(crate) fn revoked_read(connection: &Connection) -> Result<Vec<DatabaseId>, DbError> {
    let mut statement = connection
        .prepare_cached("SELECT database_id FROM revoked_register ORDER BY database_id")?;
    let rows = statement.query_map([], |row| parsed_column(row, 0))?;
    Ok(rows.collect::<Result<Vec<_>, _>>()?)
}

/// What a channel knows of its registers; it changes whenever one is enrolled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KnownRegisters {
    revoked: Vec<DatabaseId>,
    credentials: Vec<(DatabaseId, [u8; 32])>,
}

/// What is known of registers now.
pub(crate) fn known_registers(connection: &Connection) -> Result<KnownRegisters, DbError> {
    let mut statement = connection
        .prepare_cached("SELECT database_id, credential_hash FROM register ORDER BY database_id")?;
    let rows = statement.query_map([], |row| Ok((parsed_column(row, 0)?, row.get(1)?)))?;
    let credentials = rows.collect::<Result<Vec<_>, _>>()?;
    Ok(KnownRegisters { revoked: revoked_read(connection)?, credentials })
}

/// Takes over which registers headquarters has revoked, these and no others, if nothing has
/// changed since it was asked: a later answer tells the rest. Says whether it did.
///
/// A register that is revoked no longer was enrolled again. If that went unheard here, only a
/// credential of before is known, which may be in a thief's hands: it is forgotten.
pub(crate) fn revoked_write(
    connection: &Connection,
    asked: &KnownRegisters,
    revoked: &[DatabaseId],
) -> Result<bool, DbError> {
    if known_registers(connection)? != *asked {
        return Ok(false);
    }
    let mut forget = connection.prepare_cached("DELETE FROM register WHERE database_id = ?1")?;
    for register in asked.revoked.iter().filter(|register| !revoked.contains(register)) {
        forget.execute([register.as_str()])?;
    }
    connection.prepare_cached("DELETE FROM revoked_register")?.execute([])?;
    let mut insert =
        connection.prepare_cached("INSERT INTO revoked_register (database_id) VALUES (?1)")?;
    for register in revoked {
        insert.execute([register.as_str()])?;
    }
    Ok(true)
}

/// The register that holds a credential, if any does.
///
/// # Errors
/// Busy or Broken: the database failed.
pub fn find_register(db: &Db, credential: SecretHash) -> Result<Option<DatabaseId>, DbError> {
    db.read(|connection| {
        let register = connection
            .prepare_cached("SELECT database_id FROM register WHERE credential_hash = ?1")?
            .query_row([credential.0], |row| parsed_column(row, 0))
            .optional()?;
        Ok(register)
    })
}
