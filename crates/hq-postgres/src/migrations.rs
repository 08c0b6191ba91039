//! Bringing a database to the schema of this program, and refusing one that is ahead of it.
//!
//! A change of the schema must be one that processes of the version before can live with: first a
//! version that adds, and when nobody is left who needs the old, a later one that removes.

use postgres::{Client, Transaction};
use tillsync_hq::storage::StorageError;

use crate::error::{Refused, storage_error};
use crate::pool::{Connector, Session};

mod embedded {
    refinery::embed_migrations!("schema");
}

/// One process at a time changes the schema. The lock belongs to a transaction of its own, so that
/// it is gone when its process is, and works through a pooler too.
const LOCK: &str = "SET LOCAL lock_timeout = '120s';
    SELECT pg_advisory_xact_lock(7264509212837)";

/// Whether this program has made a schema here. The search path may lead to other schemas, too,
/// perhaps with a headquarters of their own: only the one in which tables are made counts.
const IS_OURS: &str = "SELECT count(*) FROM pg_class
    WHERE relname = 'refinery_schema_history' AND relnamespace = (
        SELECT oid FROM pg_namespace WHERE nspname = current_schema()
    )";

/// What was done to the schema, if it was done by this program.
const HISTORY: &str = "SELECT coalesce(max(version), 0),
        count(*) FILTER (WHERE version = 1 AND name <> 'headquarters')
    FROM refinery_schema_history";

/// Tables of somebody else: anywhere, or in the schema that is made for headquarters alone. What
/// belongs to an extension belongs to the server.
const OTHERS: &str = "SELECT format('%I.%I', nspname, relname)
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
        AND nspname <> 'information_schema' AND nspname NOT LIKE 'pg\\_%'
        AND (coalesce(current_schema(), 'public') = 'public' OR nspname = current_schema())
        AND relname <> 'refinery_schema_history'
        AND NOT EXISTS (
            SELECT FROM pg_depend
            WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e'
        )
    ORDER BY 1";

/// A setting, whether its value will do, and what to do when it will not.
type Setting = (&'static str, fn(&str) -> bool, &'static str);

const SETTINGS: [Setting; 2] = [
    (
        "server_encoding",
        |value| value == "UTF8",
        "the database is not in UTF-8; make one with ENCODING 'UTF8' TEMPLATE template0",
    ),
    (
        "synchronous_commit",
        |value| value != "off",
        "synchronous_commit is off: what was answered could be lost in a crash; switch it on, \
         with ALTER DATABASE … SET synchronous_commit = on for this database alone",
    ),
];

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
    #[error(
        "the database holds no headquarters, but tables, views or sequences of another program: \
         {count} in all, such as {example}"
    )]
    Foreign { count: usize, example: String },
    #[error("the schema of the database was made by another program that keeps the same history")]
    ForeignHistory,
}

/// Names the changes that opening the database would make, oldest first, and makes none.
///
/// # Errors
/// Busy: the server does not answer. Broken: the URL is none, or access is denied.
pub fn pending_migrations(url: &str) -> Result<Vec<String>, StorageError> {
    let connector = crate::storage::connector(url)?;
    let mut session = connect(&connector)?;
    is_current(&mut session.client)?;
    let found = schema_version(&mut session.client)?;
    let runner = embedded::migrations::runner();
    let mut pending: Vec<_> =
        runner.get_migrations().iter().filter(|change| change.version() > found).collect();
    pending.sort_by_key(|change| change.version());
    Ok(pending.iter().map(|change| change.to_string()).collect())
}

/// Applies what is missing.
pub(crate) fn migrate(connector: &Connector) -> Result<(), StorageError> {
    let doing = "bring the headquarters database to the schema of this program";
    let mut session = connect(connector)?;
    expect_settings(&mut session.client)?;
    // Who finds nothing to do needs no lock: many nodes start while others serve.
    if is_current(&mut session.client)? {
        return Ok(());
    }
    let mut keeper = connect(connector)?;
    let driver = |error| storage_error(doing, error);
    let mut lock = keeper.client.transaction().map_err(driver)?;
    lock.batch_execute(LOCK).map_err(driver)?;
    if !is_current(&mut session.client)? {
        embedded::migrations::runner()
            .run(&mut session.client)
            .map_err(|source| StorageError::Broken { doing, source: Box::new(source) })?;
    }
    lock.commit().map_err(driver)
}

/// Checks that the database needs no change.
pub(crate) fn expect_current(connector: &Connector) -> Result<(), StorageError> {
    let mut session = connect(connector)?;
    if is_current(&mut session.client)? {
        return Ok(());
    }
    let (found, known) = (schema_version(&mut session.client)?, known_version());
    let doing = "read the headquarters database without changing it";
    let source = Box::new(SchemaError::Older { found, known });
    Err(StorageError::Broken { doing, source })
}

fn connect(connector: &Connector) -> Result<Session, StorageError> {
    connector.open().map_err(|error| storage_error("connect to the headquarters database", error))
}

/// Whether nothing is missing; a schema that is ahead of this program is an error.
fn is_current(client: &mut Client) -> Result<bool, StorageError> {
    let (found, known) = (schema_version(client)?, known_version());
    if found > known {
        let doing = "bring the headquarters database to the schema of this program";
        let source = Box::new(SchemaError::Newer { found, known });
        return Err(StorageError::Broken { doing, source });
    }
    Ok(found == known)
}

fn known_version() -> i32 {
    let versions = embedded::migrations::runner();
    versions.get_migrations().iter().map(|migration| migration.version()).max().unwrap_or(0)
}

/// The schema that is there, 0 when none is; that of another program is an error.
fn schema_version(client: &mut Client) -> Result<i32, StorageError> {
    let doing = "read the schema version of the headquarters database";
    let driver = |error| storage_error(doing, error);
    let refused = |source: SchemaError| StorageError::Broken { doing, source: Box::new(source) };
    // Whoever stands in between may keep no more than a transaction together.
    let mut tx = client.transaction().map_err(driver)?;
    let is_ours: i64 = tx.query_one(IS_OURS, &[]).map_err(driver)?.get(0);
    let found = if is_ours == 0 {
        0
    } else {
        let history = tx.query_one(HISTORY, &[]).map_err(driver)?;
        if history.get::<_, i64>(1) > 0 {
            return Err(refused(SchemaError::ForeignHistory));
        }
        history.get(0)
    };
    if found == 0 {
        expect_empty(&mut tx).map_err(driver)?.map_err(refused)?;
    }
    tx.commit().map_err(driver)?;
    Ok(found)
}

fn expect_empty(tx: &mut Transaction<'_>) -> Result<Result<(), SchemaError>, postgres::Error> {
    let others = tx.query(OTHERS, &[])?;
    let Some(first) = others.first() else { return Ok(Ok(())) };
    Ok(Err(SchemaError::Foreign { count: others.len(), example: first.get(0) }))
}

/// Settings of the server under which this program cannot keep its promises.
fn expect_settings(client: &mut Client) -> Result<(), StorageError> {
    let doing = "look at the settings of the headquarters database";
    let mut tx = client.transaction().map_err(|error| storage_error(doing, error))?;
    for (name, is_fit, reason) in SETTINGS {
        let row = tx.query_one("SELECT current_setting($1)", &[&name]);
        let row = row.map_err(|error| storage_error(doing, error))?;
        if !is_fit(row.get(0)) {
            return Err(StorageError::Broken { doing, source: Box::new(Refused(reason)) });
        }
    }
    tx.commit().map_err(|error| storage_error(doing, error))
}
