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

#[cfg(test)]
mod tests {
    use refinery::Target;

    use super::*;

    #[test]
    fn a_statement_on_its_way_gets_its_default_account_from_its_sums() {
        let mut connection = Connection::open_in_memory().expect("a database");
        let before = embedded::migrations::runner().set_target(Target::Version(2));
        before.run(&mut connection).expect("the schema of that time");
        let filled = "PRAGMA foreign_keys = OFF;
            WITH given (n, state) AS
                (VALUES (1, 'Aggregated'), (2, 'PaymentsPosted'), (3, 'Posted'))
            INSERT INTO statement (id, number, store, kind, state, failures, transactions, shifts,
                amounts, run, created_at, updated_at)
            SELECT unhex(printf('%032d', n)), n, 'S1', 'transactional', state, 0, 3, 0, '{}',
                zeroblob(16), 0, 0 FROM given;
            WITH given (statement, account, currency, transactions) AS (VALUES (1, 'C-1', 'EUR', 1),
                (1, 'C-9', 'EUR', 2), (1, 'C-9', 'SEK', 1), (2, 'C-1', 'EUR', 3),
                (3, 'C-9', 'EUR', 3))
            INSERT INTO aggregate (statement, account, currency, transactions, net, discount, tax,
                payments)
            SELECT unhex(printf('%032d', statement)), account, currency, transactions, 0, 0, 0, '{}'
            FROM given;
            WITH given (position, statement, account) AS (VALUES (1, 1, 'C-1'), (2, 1, 'C-9'),
                (3, 1, NULL), (4, 1, NULL), (5, 2, 'C-1'), (6, 2, 'C-1'), (7, 2, 'C-1'),
                (8, 3, NULL))
            INSERT INTO transaction_state (position, number, kind, store, received_at, is_voided,
                validation, account, statement)
            SELECT position, position, 'sale', 'S1', 0, 0, 'Successful', account,
                unhex(printf('%032d', statement)) FROM given;";
        connection.execute_batch(filled).expect("rows of that time");
        migrate(&mut connection).expect("the schema of today");
        let sql = "SELECT default_account FROM statement ORDER BY ordinal";
        let mut statement = connection.prepare(sql).expect("SQL");
        let found = statement.query_map([], |row| row.get(0)).expect("rows");
        let found: Vec<Option<String>> = found.collect::<Result<_, _>>().expect("texts");
        assert_eq!(found, [Some("C-9".to_owned()), None, None], "a posted one never changes");
    }
}
