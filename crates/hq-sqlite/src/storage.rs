//! Opening the database file, and the two ways into it: a transaction alone, or a snapshot.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use tillsync_hq::storage::{ReadWork, Storage, StorageError, WriteWork};

use crate::SqliteTx;
use crate::error::{Doing, Refused};
use crate::migrations;
use crate::pool::ReaderPool;

/// How long SQLite itself waits for another process before it says "busy".
const BUSY_WAIT: Duration = Duration::from_secs(10);

/// How often a transaction that found the database busy is begun.
const ATTEMPTS: usize = 3;

/// Statements that stay prepared on each connection: more than there are.
const STATEMENTS_KEPT: usize = 256;

/// Page cache of the writer and of each reader, in KiB.
const WRITER_CACHE_KIB: i64 = 32 * 1024;
const READER_CACHE_KIB: i64 = 8 * 1024;

/// Pages in the write-ahead log before it is folded into the database: 32 MiB, since large
/// promotions rewrite the same pages many times.
const CHECKPOINT_PAGES: i64 = 8 * 1024;

/// Headquarters' database in one SQLite file, shared by any number of threads and processes.
pub struct SqliteStorage {
    // Readers are closed first, so that the writer leaves a tidy file behind.
    readers: ReaderPool,
    writer: Option<Mutex<Connection>>,
}

impl SqliteStorage {
    /// Opens the database file, making it (readable by its owner only) if there is none, and
    /// brings its schema up to date.
    ///
    /// # Errors
    /// Busy: another process holds it for too long. Broken: the file cannot be opened, is no
    /// database, or was written by a newer version of this program.
    pub fn open(path: &Path) -> Result<Self, StorageError> {
        let doing = "open the headquarters database";
        create_private(path)
            .map_err(|source| StorageError::Broken { doing, source: Box::new(source) })?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut writer = Connection::open_with_flags(path, flags).doing(doing)?;
        let configured = retry_busy(|| configure_writer(&writer).doing(doing));
        configured?;
        migrations::migrate(&mut writer)?;
        let readers = ReaderPool::new(path.to_owned());
        Ok(SqliteStorage { readers, writer: Some(Mutex::new(writer)) })
    }

    /// Opens an existing database to look at it; every write is refused and no schema is changed.
    ///
    /// # Errors
    /// Broken: there is no such file, it is no database, or its schema is not this program's.
    pub fn open_read_only(path: &Path) -> Result<Self, StorageError> {
        let readers = ReaderPool::new(path.to_owned());
        migrations::expect_current(readers.lend()?.connection())?;
        Ok(SqliteStorage { readers, writer: None })
    }
}

impl Storage for SqliteStorage {
    fn write_with(&self, work: WriteWork<'_>) -> Result<(), StorageError> {
        let Some(writer) = &self.writer else {
            let source = Box::new(Refused("the database was opened to be read only"));
            return Err(StorageError::Broken { doing: "begin a transaction", source });
        };
        // A panic in earlier work has rolled its transaction back; the connection is sound.
        let connection = writer.lock().unwrap_or_else(PoisonError::into_inner);
        retry_busy(|| {
            let tx = begin(&connection, TransactionBehavior::Immediate, "begin a transaction")?;
            work(&mut SqliteTx { connection: &tx })?;
            tx.commit().doing("commit a transaction")
        })
    }

    fn read_with(&self, work: ReadWork<'_>) -> Result<(), StorageError> {
        let reader = self.readers.lend()?;
        // Only taking the snapshot is tried again: the work may have handed rows over already.
        let snapshot = retry_busy(|| {
            let doing = "take a snapshot";
            let tx = begin(reader.connection(), TransactionBehavior::Deferred, doing)?;
            let touch = "SELECT version FROM headquarters";
            tx.prepare_cached(touch)
                .and_then(|mut statement| statement.query_row([], |_| Ok(())))
                .doing(doing)?;
            Ok(tx)
        })?;
        work(&mut SqliteTx { connection: &snapshot })
    }

    fn check_integrity(&self) -> Result<Vec<String>, StorageError> {
        let doing = "check the headquarters database";
        let reader = self.readers.lend()?;
        let connection = reader.connection();
        let mut statement = connection.prepare("PRAGMA integrity_check(100)").doing(doing)?;
        let lines = statement.query_map([], |row| row.get::<_, String>(0)).doing(doing)?;
        let lines: Result<Vec<String>, _> = lines.collect();
        let mut findings: Vec<String> =
            lines.doing(doing)?.into_iter().filter(|line| line != "ok").collect();
        let mut statement = connection.prepare("PRAGMA foreign_key_check").doing(doing)?;
        let mut rows = statement.query([]).doing(doing)?;
        while let Some(row) = rows.next().doing(doing)? {
            let table: String = row.get(0).doing(doing)?;
            let parent: String = row.get(2).doing(doing)?;
            findings.push(format!("a row of {table} names a row of {parent} that does not exist"));
        }
        Ok(findings)
    }
}

/// Opens a connection that can only read.
pub(crate) fn open_reader(path: &Path) -> Result<Connection, StorageError> {
    let doing = "open the headquarters database for reading";
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).doing(doing)?;
    configure(&connection, READER_CACHE_KIB).doing(doing)?;
    Ok(connection)
}

fn configure_writer(connection: &Connection) -> rusqlite::Result<()> {
    configure(connection, WRITER_CACHE_KIB)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    // What a long-lived snapshot made the log grow to is given back afterwards.
    connection.pragma_update(None, "journal_size_limit", 64 << 20)
}

fn configure(connection: &Connection, cache_kib: i64) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_WAIT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    connection.pragma_update(None, "mmap_size", 0)?;
    connection.pragma_update(None, "trusted_schema", "OFF")?;
    connection.pragma_update(None, "cache_size", -cache_kib)
}

/// Every SQLite file beside the database takes over its mode.
fn create_private(path: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        // A new file survives a power cut only when its folder is written too.
        Ok(_) => match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        },
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(e) => Err(e),
    }
}

fn begin<'c>(
    connection: &'c Connection,
    behavior: TransactionBehavior,
    doing: &'static str,
) -> Result<Transaction<'c>, StorageError> {
    if !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK").doing(doing)?;
    }
    Transaction::new_unchecked(connection, behavior).doing(doing)
}

fn retry_busy<T>(mut attempt: impl FnMut() -> Result<T, StorageError>) -> Result<T, StorageError> {
    let mut attempts = 1;
    loop {
        match attempt() {
            Err(StorageError::Busy { .. }) if attempts < ATTEMPTS => attempts += 1,
            outcome => return outcome,
        }
    }
}

#[cfg(test)]
mod tests;
