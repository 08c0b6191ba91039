//! A small pool of read-only connections.

use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, PoisonError};

use rusqlite::{Connection, OpenFlags};

use super::{DbError, connect};

/// Enough for a shop's screens; more would only compete for the same two cores.
const READERS_MAX: usize = 4;

pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Idle>,
    returned: Condvar,
}

#[derive(Default)]
struct Idle {
    connections: Vec<Connection>,
    opened: usize,
}

impl Readers {
    pub(super) fn new(path: &Path) -> Self {
        let idle = Mutex::new(Idle::default());
        Readers { path: path.to_owned(), idle, returned: Condvar::new() }
    }

    pub(super) fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&Connection) -> Result<T, E>,
        E: From<DbError>,
    {
        let lent = Lent { connection: Some(self.take()?), pool: self };
        let connection = lent.connection.as_ref().expect("present until dropped");
        let snapshot = Snapshot::begin(connection).map_err(DbError::from)?;
        work(snapshot.0)
    }

    fn take(&self) -> Result<Connection, DbError> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(connection) = idle.connections.pop() {
                return Ok(connection);
            }
            if idle.opened < READERS_MAX {
                let connection = open(&self.path)?;
                idle.opened += 1;
                return Ok(connection);
            }
            idle = self.returned.wait(idle).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// One snapshot of the database, until it is dropped. Its statements stay prepared: every request
/// takes a snapshot or two.
struct Snapshot<'a>(&'a Connection);

impl<'a> Snapshot<'a> {
    fn begin(connection: &'a Connection) -> rusqlite::Result<Self> {
        connection.prepare_cached("BEGIN DEFERRED")?.execute([])?;
        Ok(Snapshot(connection))
    }
}

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        // Nothing was written; should this fail, the next BEGIN fails and says so.
        let _ = self.0.prepare_cached("ROLLBACK").and_then(|mut end| end.execute([]));
    }
}

/// Gives the connection back even when the reader's work panics.
struct Lent<'a> {
    connection: Option<Connection>,
    pool: &'a Readers,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let mut idle = self.pool.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.connections.extend(self.connection.take());
        drop(idle);
        self.pool.returned.notify_one();
    }
}

fn open(path: &Path) -> Result<Connection, DbError> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.execute_batch("PRAGMA query_only = ON; PRAGMA cache_size = -8192;")?;
    Ok(connection)
}
