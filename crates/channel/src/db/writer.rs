//! The one thread that writes: group commit with one savepoint per request.
//!
//! An answer is never sent before the commit that makes it true has succeeded.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread::{self, JoinHandle};

use rusqlite::Connection;

use super::{DbError, Disk};

/// Requests in one commit: bounds the time the first of them waits.
const BATCH_MAX: usize = 256;
/// Requests that may wait; further callers are held back where they are.
const QUEUE_MAX: usize = 1_024;

type Lost = Arc<rusqlite::Error>;

pub(super) struct Writer {
    queue: Option<SyncSender<Box<dyn Request>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(connection: Connection, disk: Arc<dyn Disk>) -> io::Result<Self> {
        let (queue, requests) = mpsc::sync_channel(QUEUE_MAX);
        let thread = thread::Builder::new()
            .name("db-writer".to_owned())
            .spawn(move || serve(&connection, disk.as_ref(), &requests))?;
        Ok(Writer { queue: Some(queue), thread: Some(thread) })
    }

    pub(super) fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let (answer, answered) = mpsc::sync_channel(1);
        let request = Box::new(Work { work: Some(work), result: None, answer });
        let queue = self.queue.as_ref().expect("present until dropped");
        queue.send(request).map_err(|_| DbError::Closed)?;
        answered.recv().map_err(|_| DbError::BrokeOff)?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            // A request that holds the last handle of the database drops it on this very thread.
            if thread.thread().id() != thread::current().id() {
                let _ = thread.join();
            }
        }
    }
}

/// A request with its types erased.
trait Request: Send {
    /// Does the work and says whether it stays.
    fn run(&mut self, connection: &Connection) -> Outcome;
    /// Sends the answer, once the fate of the transaction is known.
    fn answer(self: Box<Self>, fate: Result<(), Lost>);
}

#[derive(PartialEq, Eq)]
enum Outcome {
    Keep,
    Undo,
}

struct Work<F, T, E> {
    work: Option<F>,
    result: Option<Result<T, E>>,
    answer: SyncSender<Result<T, E>>,
}

impl<F, T, E> Request for Work<F, T, E>
where
    F: FnOnce(&Connection) -> Result<T, E> + Send,
    T: Send,
    E: From<DbError> + Send,
{
    fn run(&mut self, connection: &Connection) -> Outcome {
        let work = self.work.take().expect("a request runs once");
        // A bug in one request must not take the till's only writer down.
        let result = catch_unwind(AssertUnwindSafe(|| work(connection)))
            .unwrap_or_else(|_| Err(DbError::BrokeOff.into()));
        let outcome = if result.is_ok() { Outcome::Keep } else { Outcome::Undo };
        self.result = Some(result);
        outcome
    }

    fn answer(self: Box<Self>, fate: Result<(), Lost>) {
        let answer = match (self.result, fate) {
            (Some(Err(own)), _) => Err(own),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (Some(Ok(_)), Err(lost)) => Err(DbError::Commit(lost).into()),
            (None, Err(lost)) => Err(DbError::Commit(lost).into()),
            (None, Ok(())) => Err(DbError::BrokeOff.into()),
        };
        // The caller may be gone; what it asked for is done or undone all the same.
        let _ = self.answer.send(answer);
    }
}

fn serve(connection: &Connection, disk: &dyn Disk, requests: &Receiver<Box<dyn Request>>) {
    while let Ok(first) = requests.recv() {
        let mut waiting = VecDeque::from([first]);
        waiting.extend(requests.try_iter().take(BATCH_MAX - 1));
        while !waiting.is_empty() {
            commit_together((connection, disk), &mut waiting);
        }
    }
}

/// Runs requests in one transaction; those that it could not reach stay in the queue.
fn commit_together(
    (connection, disk): (&Connection, &dyn Disk),
    waiting: &mut VecDeque<Box<dyn Request>>,
) {
    let mut ran = Vec::with_capacity(waiting.len());
    let mut fate = execute(connection, "BEGIN IMMEDIATE");
    if fate.is_err() {
        ran.extend(waiting.drain(..));
    }
    while let Some(mut request) = waiting.pop_front() {
        fate = run_alone(connection, request.as_mut());
        ran.push(request);
        if fate.is_err() {
            break;
        }
    }
    let fate = fate.and_then(|()| Ok(disk.admit()?));
    let fate = fate.and_then(|()| execute(connection, "COMMIT")).map_err(Arc::new);
    if fate.is_err() && !connection.is_autocommit() {
        // Should even this fail, the next BEGIN fails and says so.
        let _ = execute(connection, "ROLLBACK");
    }
    for request in ran {
        request.answer(fate.clone());
    }
}

/// Runs one request in a savepoint of its own. An error means the whole transaction is lost: on
/// a full disk SQLite gives it up by itself.
fn run_alone(connection: &Connection, request: &mut dyn Request) -> rusqlite::Result<()> {
    execute(connection, "SAVEPOINT request")?;
    let outcome = request.run(connection);
    if connection.is_autocommit() {
        return Err(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL),
            Some("the transaction was given up".to_owned()),
        ));
    }
    if outcome == Outcome::Undo {
        execute(connection, "ROLLBACK TO request")?;
    }
    execute(connection, "RELEASE request")
}

fn execute(connection: &Connection, statement: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(statement)?.execute([]).map(drop)
}

#[cfg(test)]
mod tests;
