//! The two ways into the database, a transaction alone or a snapshot, and the one place where a
//! transaction is tried again.

use tillsync_hq::storage::{ReadWork, Storage, StorageError, WriteWork};

use crate::address::Address;
use crate::error::{Failure, Refused, failure, storage_error};
use crate::migrations;
use crate::pool::{Connector, Pool, lend, pool};
use crate::tx::PgTx;

/// How often a transaction is run before the database counts as busy. The second run is alone, so
/// more are needed only when connections get lost.
const ATTEMPTS: u32 = 4;

/// A writer that stands still, on a node that was paused, must not hold up all others: the server
/// ends its transaction before they give up.
macro_rules! writing {
    ($mode:literal) => {
        concat!(
            "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE;
            SET LOCAL lock_timeout = '30s';
            SET LOCAL idle_in_transaction_session_timeout = '15s';
            SET LOCAL statement_timeout = '120s';
            SET LOCAL enable_seqscan = off;
            SET LOCAL jit = off;
            LOCK TABLE write_turn IN ",
            $mode,
            " MODE"
        )
    };
}

/// Several at once. Reading whole tables would make each of them conflict with every other, so
/// they go by indexes even where a table is small. (What that seems to cost would make the server
/// compile each statement first.)
const SHARED: &str = writing!("ROW SHARE");

/// Behind everybody who writes now, before everybody who comes later.
const ALONE: &str = writing!("EXCLUSIVE");

/// What each finding of the check of the database itself is about, and what it says.
const GUARDS: [(&str, &str); 3] = [
    (
        "SELECT tgname || ' of ' || relname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
        WHERE relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'alias'::regclass)
            AND tgenabled NOT IN ('O', 'A')
        ORDER BY relname, tgname",
        "the guard {} is switched off",
    ),
    (
        "SELECT conname || ' of ' || relname
        FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid
        WHERE relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'alias'::regclass)
            AND NOT convalidated
        ORDER BY relname, conname",
        "the rule {} was never checked against the rows that are there",
    ),
    (
        "SELECT relname::text FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
        WHERE relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'alias'::regclass)
            AND NOT (indisvalid AND indisready)
        ORDER BY relname",
        "the index {} is not usable",
    ),
];

/// Long looks are allowed, such as the check of everything, but not for ever: a snapshot keeps the
/// server from cleaning up. A plan is made for each look: one that was kept from when a table was
/// small reads all of it for every key, and takes minutes where it took a moment.
const SNAPSHOT: &str = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;
    SET LOCAL lock_timeout = '30s';
    SET LOCAL idle_in_transaction_session_timeout = '30min';
    SET LOCAL statement_timeout = '30min';
    SET LOCAL plan_cache_mode = force_custom_plan;
    SET LOCAL jit = off";

/// Headquarters' database in PostgreSQL, shared by any number of threads and processes.
pub struct PostgresStorage {
    // There until it is dropped.
    pools: Option<Pools>,
}

/// Transactions and snapshots have connections of their own, so that long snapshots never keep a
/// transaction waiting.
struct Pools {
    readers: Pool,
    writers: Option<Pool>,
}

impl Drop for PostgresStorage {
    fn drop(&mut self) {
        // Connections say goodbye and wait for it, which the driver cannot do on a thread that
        // runs asynchronous tasks.
        let pools = self.pools.take();
        let closing = std::thread::Builder::new().spawn(move || drop(pools));
        // Without a thread the server finds out by itself.
        drop(closing.map(std::thread::JoinHandle::join));
    }
}

impl PostgresStorage {
    /// Connects, and brings the schema up to date. The URL is one of libpq's, either as
    /// `postgres://user@host/database` or as `host=… user=… dbname=…`; what it leaves open, libpq's
    /// environment variables and password file say.
    ///
    /// # Errors
    /// Busy: the server does not answer, is a standby, or another process is changing the schema
    /// for too long. Broken: the URL is none, the server is not trusted, access is denied, the
    /// database is not in UTF-8, holds tables of another program, or was written by a newer version
    /// of this one. [`crate::trouble_of`] tells them apart.
    pub fn open(url: &str) -> Result<Self, StorageError> {
        let connector = connector_to_change(url)?;
        migrations::migrate(&connector)?;
        let (readers, writers) = (pool(&connector), Some(pool(&connector)));
        Ok(PostgresStorage { pools: Some(Pools { readers, writers }) })
    }

    /// Connects to an existing database to look at it, a replica for instance; every write is
    /// refused and no schema is changed.
    ///
    /// # Errors
    /// As [`PostgresStorage::open`]. Broken: its schema is not this program's.
    pub fn open_read_only(url: &str) -> Result<Self, StorageError> {
        let connector = connector(url)?;
        migrations::expect_current(&connector)?;
        Ok(PostgresStorage { pools: Some(Pools { readers: pool(&connector), writers: None }) })
    }

    fn pools(&self) -> &Pools {
        self.pools.as_ref().expect("they are taken when nobody has the storage any more")
    }
}

impl Storage for PostgresStorage {
    fn write_with(&self, work: WriteWork<'_>) -> Result<(), StorageError> {
        let Some(writers) = &self.pools().writers else {
            let source = Box::new(Refused("the database was opened to be read only"));
            return Err(StorageError::Broken { doing: "begin a transaction", source });
        };
        let mut is_alone = false;
        let mut attempts = 1;
        loop {
            let kind = if is_alone { WRITE_ALONE } else { WRITE };
            let Err((error, failure)) = attempt(writers, &kind, &mut |tx| work(tx)) else {
                return Ok(());
            };
            match failure {
                Failure::Final => return Err(error),
                Failure::Taken if is_alone => return Err(error),
                _ if attempts == ATTEMPTS => return Err(error),
                // Whoever runs alone waits in the server's queue: there is no need to pause.
                Failure::Taken | Failure::Conflict => is_alone = true,
                Failure::Lost => {}
            }
            attempts += 1;
        }
    }

    fn read_with(&self, work: ReadWork<'_>) -> Result<(), StorageError> {
        // Only taking the snapshot is tried again: the work may have handed rows over already.
        attempt(&self.pools().readers, &READ, &mut |tx| work(tx)).map_err(|(error, _)| error)
    }

    fn check_integrity(&self) -> Result<Vec<String>, StorageError> {
        let doing = "check the headquarters database";
        let mut findings = Vec::new();
        let looked = attempt(&self.pools().readers, &READ, &mut |tx| {
            for (sql, finding) in GUARDS {
                let names = tx.read_all(sql, &[], doing, |row| row.value::<String>())?;
                findings.extend(names.iter().map(|name| finding.replace("{}", name)));
            }
            Ok(())
        });
        looked.map_err(|(error, _)| error)?;
        Ok(findings)
    }
}

/// A kind of transaction: how it begins and what that is called.
struct Kind {
    settings: &'static str,
    is_writing: bool,
    beginning: &'static str,
}

const WRITE: Kind = Kind { settings: SHARED, is_writing: true, beginning: "begin a transaction" };
const WRITE_ALONE: Kind = Kind { settings: ALONE, ..WRITE };
const READ: Kind = Kind { settings: SNAPSHOT, is_writing: false, beginning: "take a snapshot" };

/// Runs the work once, on a connection that is alive.
fn attempt(
    pool: &Pool,
    kind: &Kind,
    work: &mut dyn FnMut(&mut PgTx<'_>) -> Result<(), StorageError>,
) -> Result<(), (StorageError, Failure)> {
    let mut beginnings = 1;
    // A server that was restarted leaves every kept connection dead: all of them are tried, and one
    // more.
    let beginnings_max = pool.max_size() + 1;
    loop {
        let mut session = lend(pool, kind.beginning).map_err(|error| (error, Failure::Final))?;
        match PgTx::begin(&mut session, kind.settings, kind.is_writing) {
            Ok(tx) => return run(tx, work),
            Err(error) => match failure(&error) {
                Failure::Lost if beginnings < beginnings_max => beginnings += 1,
                failure => return Err((storage_error(kind.beginning, error), failure)),
            },
        }
    }
}

fn run(
    mut tx: PgTx<'_>,
    work: &mut dyn FnMut(&mut PgTx<'_>) -> Result<(), StorageError>,
) -> Result<(), (StorageError, Failure)> {
    let doing = "commit a transaction";
    let done = work(&mut tx);
    match (done, tx.failure()) {
        (Err(error), failure) => Err((error, failure.unwrap_or(Failure::Final))),
        // PostgreSQL would answer the commit and keep nothing.
        (Ok(()), Some(failure)) => {
            let source = Box::new(Refused("a statement of it failed before"));
            Err((StorageError::Broken { doing, source }, failure))
        }
        (Ok(()), None) => tx.commit().map_err(|error| match failure(&error) {
            // Nobody knows whether it is durable, so it must not run again by itself.
            Failure::Lost => (storage_error(doing, error), Failure::Final),
            failure => (storage_error(doing, error), failure),
        }),
    }
}

/// The way to a database to look at it, which any server of it allows.
pub(crate) fn connector(url: &str) -> Result<Connector, StorageError> {
    connector_of(address(url)?)
}

/// The way to a database to change it: to its primary.
pub(crate) fn connector_to_change(url: &str) -> Result<Connector, StorageError> {
    connector_of(address(url)?.into_primary())
}

fn address(url: &str) -> Result<Address, StorageError> {
    let environment = |name: &str| std::env::var(name).ok();
    Address::read(url, &environment).map_err(|source| {
        let doing = "read the URL of the headquarters database";
        StorageError::Broken { doing, source: Box::new(source) }
    })
}

fn connector_of(address: Address) -> Result<Connector, StorageError> {
    Connector::new(address).map_err(|source| {
        let doing = "prepare connections to the headquarters database";
        StorageError::Broken { doing, source: Box::new(source) }
    })
}
