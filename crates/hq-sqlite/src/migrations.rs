//! Bringing a database to the schema of this program, and refusing one that is ahead of it.

use rusqlite::{Connection, OptionalExtension};
use tillsync_hq::storage::StorageError;

use crate::error::Doing;

mod embedded {
    refinery::embed_migrations!("schema");
}

/// Two processes may open a new database at the same moment; the one that comes second finds the
/// work done when it looks again.
const ATTEMPTS: usize = 5;

/// A schema that this program cannot work with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SchemaError {
    #[error(
        "the database has schema {found}, but this program knows only up to {known}: it was \
         written by a newer version; run that version or a later one"
    )]
    Newer { found: i32, known: i32 },
    #[error(
        "the database has schema {found}, but this program needs {known}; start headquarters \
         once with this version, which brings it up to date"
    )]
    Older { found: i32, known: i32 },
}

/// Applies what is missing.
pub(crate) fn migrate(connection: &mut Connection) -> Result<(), StorageError> {
    let doing = "bring the headquarters database to the schema of this program";
    let mut attempt = 1;
    loop {
        let found = schema_version(connection)?;
        if found > known_version() {
            let source = Box::new(SchemaError::Newer { found, known: known_version() });
            return Err(StorageError::Broken { doing, source });
        }
        match embedded::migrations::runner().run(connection) {
            Ok(_) => return Ok(()),
            Err(_) if attempt < ATTEMPTS => attempt += 1,
            Err(source) => return Err(StorageError::Broken { doing, source: Box::new(source) }),
        }
    }
}

/// Checks that the database needs no change.
pub(crate) fn expect_current(connection: &Connection) -> Result<(), StorageError> {
    let (found, known) = (schema_version(connection)?, known_version());
    let error = match found.cmp(&known) {
        std::cmp::Ordering::Equal => return Ok(()),
        std::cmp::Ordering::Greater => SchemaError::Newer { found, known },
        std::cmp::Ordering::Less => SchemaError::Older { found, known },
    };
    let doing = "read the headquarters database without changing it";
    Err(StorageError::Broken { doing, source: Box::new(error) })
}

fn known_version() -> i32 {
    let versions = embedded::migrations::runner();
    versions.get_migrations().iter().map(|migration| migration.version()).max().unwrap_or(0)
}

fn schema_version(connection: &Connection) -> Result<i32, StorageError> {
    let doing = "read the schema version of the headquarters database";
    let table = "SELECT 1 FROM sqlite_schema WHERE name = 'refinery_schema_history'";
    let exists = connection.query_row(table, [], |_| Ok(())).optional().doing(doing)?;
    if exists.is_none() {
        return Ok(0);
    }
    let latest = "SELECT coalesce(max(version), 0) FROM refinery_schema_history";
    connection.query_row(latest, [], |row| row.get(0)).doing(doing)
}
