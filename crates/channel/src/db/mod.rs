//! The SQLite database of a channel or register: one writer that commits waiting requests
//! together, a few readers, numbered migrations.
//!
//! It must never know what a customer or a package is; statements stand where they are used.

mod columns;
mod disk;
mod readers;
mod writer;

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};
use tillsync_domain::kind::ErrorKind;

pub(crate) use columns::{digest_column, parsed_account, parsed_column, time_column, uuid_column};
pub use disk::{Disk, DiskRefusal, RealDisk};
use readers::Readers;
use writer::Writer;

mod schema {
    //! The numbered migrations.
    refinery::embed_migrations!("src/db/schema");
}

/// How long a statement waits for another process that writes to the same file.
const BUSY_WAIT: Duration = Duration::from_secs(5);
/// Prepared statements kept per connection.
const STATEMENTS_KEPT: usize = 96;

/// Why the database did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// The file could not be made or opened.
    #[error("open the database {}", path.display())]
    OpenFile {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The file is not a usable database.
    #[error("open the database {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: rusqlite::Error,
    },
    /// The tables could not be brought up to date; a newer version may have made them.
    #[error("bring the tables of {} up to date", path.display())]
    Migrate {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: refinery::Error,
    },
    /// No room left; nothing of the request was written.
    #[error("the disk of the database is full: nothing was written; free space, then try again")]
    DiskFull(#[source] rusqlite::Error),
    /// A statement failed; nothing of the request was written.
    #[error("the database refused a statement")]
    Statement(#[source] rusqlite::Error),
    /// The transaction that held the request was lost; nothing of it was written.
    #[error("the database could not commit: nothing was written; try again")]
    Commit(#[source] Arc<rusqlite::Error>),
    /// The request stopped with a bug; nothing of it was written.
    #[error("the request broke off inside the database's writer; nothing was written")]
    BrokeOff,
    /// The database is closing.
    #[error("the database is closed")]
    Closed,
    /// Something stored cannot be read back.
    #[error("the database holds a damaged {0}; run `tillsync doctor`")]
    Damaged(&'static str),
}

impl From<rusqlite::Error> for DbError {
    fn from(source: rusqlite::Error) -> Self {
        match source.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => DbError::DiskFull(source),
            _ => DbError::Statement(source),
        }
    }
}

impl DbError {
    /// What sort of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            DbError::DiskFull(_) | DbError::Commit(_) | DbError::Closed => ErrorKind::Busy,
            DbError::Statement(source)
                if source.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) =>
            {
                ErrorKind::Busy
            }
            DbError::OpenFile { .. }
            | DbError::Open { .. }
            | DbError::Migrate { .. }
            | DbError::Statement(_)
            | DbError::BrokeOff
            | DbError::Damaged(_) => ErrorKind::Broken,
        }
    }
}

/// An open database.
pub struct Db {
    path: PathBuf,
    writer: Writer,
    readers: Readers,
}

impl Db {
    /// Opens the file, making it when it is not there, and brings its tables up to date.
    ///
    /// # Errors
    /// Broken: the file cannot be used.
    pub fn open(path: &Path) -> Result<Self, DbError> {
        Db::open_on(path, Arc::new(RealDisk))
    }

    /// The same on a disk that may refuse.
    ///
    /// # Errors
    /// Broken: the file cannot be used.
    pub fn open_on(path: &Path, disk: Arc<dyn Disk>) -> Result<Self, DbError> {
        create_private(path)
            .map_err(|source| DbError::OpenFile { path: path.to_owned(), source })?;
        let opened = |source| DbError::Open { path: path.to_owned(), source };
        let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(opened)?;
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
                 PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -16384;
                 PRAGMA temp_store = MEMORY;",
            )
            .map_err(opened)?;
        schema::migrations::runner()
            .run(&mut connection)
            .map_err(|source| DbError::Migrate { path: path.to_owned(), source })?;
        let writer = Writer::start(connection, disk)
            .map_err(|source| DbError::OpenFile { path: path.to_owned(), source })?;
        Ok(Db { path: path.to_owned(), writer, readers: Readers::new(path) })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs a request in the writer and returns once it is durable.
    ///
    /// Requests that wait together share one commit; each is undone alone when it fails.
    pub(crate) fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        self.writer.write(work)
    }

    /// Runs a request on a reader; all its statements see one state of the database.
    pub(crate) fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&Connection) -> Result<T, E>,
        E: From<DbError>,
    {
        self.readers.read(work)
    }

    /// Folds the write-ahead log into the file, so that the file alone is a whole copy.
    ///
    /// # Errors
    /// Busy or Broken: it stays in the log, where it is just as durable.
    pub fn checkpoint(&self) -> Result<(), DbError> {
        let connection = connect(&self.path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        Ok(())
    }
}

/// Opens one more connection with the settings that all share.
pub(crate) fn connect(path: &Path, access: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_WAIT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    Ok(connection)
}

/// Makes a file as an older version of this program left it.
#[cfg(test)]
pub(crate) fn schema_of_version(path: &Path, version: i32) -> Connection {
    let mut connection = Connection::open(path).expect("opens");
    let target = refinery::Target::Version(version);
    schema::migrations::runner().set_target(target).run(&mut connection).expect("migrates");
    connection
}

/// The file holds a credential and personal data: nobody but its owner may read it. SQLite gives
/// its side files the same permission.
fn create_private(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true).read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path).map(drop)
}
