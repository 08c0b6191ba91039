//! Reader connections: opened when needed, kept, and never more than a few.

use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::Connection;
use tillsync_hq::storage::StorageError;

use crate::error::Refused;
use crate::storage::open_reader;

/// The most snapshots at one time.
const READERS_MAX: usize = 8;

/// How long a reader waits for its turn.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// The reader connections of one database.
pub(crate) struct ReaderPool {
    path: PathBuf,
    state: Mutex<State>,
    returned: Condvar,
}

#[derive(Default)]
struct State {
    idle: Vec<Connection>,
    lent: usize,
}

/// A connection on loan; goes back when dropped, after a panic too.
pub(crate) struct Reader<'p> {
    pool: &'p ReaderPool,
    connection: Option<Connection>,
}

impl ReaderPool {
    /// A pool over the database file.
    pub(crate) fn new(path: PathBuf) -> Self {
        ReaderPool { path, state: Mutex::default(), returned: Condvar::new() }
    }

    /// Lends a connection, waiting for one if all are out.
    pub(crate) fn lend(&self) -> Result<Reader<'_>, StorageError> {
        let is_full = |state: &mut State| state.lent >= READERS_MAX;
        let (mut state, waited) = self
            .returned
            .wait_timeout_while(self.lock(), WAIT_MAX, is_full)
            .unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            let source = Box::new(Refused("every reader connection was in use for too long"));
            return Err(StorageError::Busy { doing: "take a snapshot", source });
        }
        state.lent += 1;
        let idle = state.idle.pop();
        drop(state);
        let mut reader = Reader { pool: self, connection: idle };
        if reader.connection.is_none() {
            reader.connection = Some(open_reader(&self.path)?);
        }
        Ok(reader)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reader<'_> {
    /// The connection.
    pub(crate) fn connection(&self) -> &Connection {
        self.connection.as_ref().expect("a reader has its connection until it is dropped")
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        let mut state = self.pool.lock();
        state.lent -= 1;
        // A connection that is still inside a transaction would show an old snapshot for ever.
        state.idle.extend(self.connection.take().filter(Connection::is_autocommit));
        drop(state);
        self.pool.returned.notify_one();
    }
}
