//! Who may talk to this database: programs with a token, and the registers of a channel.
//!
//! Only hashes are kept; a secret is shown once, when it is made.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};
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
        Ok(())
    })
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
