//! Headquarters' database as one node reaches it: others act between two of its transactions, its
//! disk can be full, and the node can die at any commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use tillsync_hq::storage::{ReadWork, Storage, StorageError, WriteWork};

use crate::turns::Turns;

/// How long a node still lives, and how well it goes.
#[derive(Debug)]
pub struct Life {
    commits_left: AtomicI64,
    /// Whether it ends behind its last commit, before anybody hears of it.
    ends_behind: AtomicBool,
    is_over: AtomicBool,
    /// Virtual time in microseconds until which no transaction begins.
    paused_until: AtomicU64,
    /// How much longer than usual a transaction takes, in microseconds.
    slowness: AtomicU64,
}

impl Default for Life {
    fn default() -> Self {
        Life {
            commits_left: AtomicI64::new(i64::MAX),
            ends_behind: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
            paused_until: AtomicU64::new(0),
            slowness: AtomicU64::new(0),
        }
    }
}

impl Life {
    /// Ends it now: nothing is committed or read any more.
    pub fn end(&self) {
        self.is_over.store(true, Ordering::SeqCst);
    }

    /// Lets it end at the commit behind so many more: nothing of that one is left.
    pub fn end_after(&self, commits: i64) {
        self.commits_left.store(commits, Ordering::SeqCst);
        self.ends_behind.store(false, Ordering::SeqCst);
    }

    /// Lets it end right behind so many more commits: the last is durable, and nobody hears of it.
    pub fn end_behind(&self, commits: i64) {
        self.commits_left.store(commits, Ordering::SeqCst);
        self.ends_behind.store(true, Ordering::SeqCst);
    }

    /// Whether it has ended.
    pub fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }

    /// Lets nothing begin before a virtual time: what the node is about to do waits, then goes on
    /// as if nothing had been.
    pub fn pause_until(&self, time: Duration) {
        self.paused_until.store(micros(time), Ordering::SeqCst);
    }

    /// Makes every transaction take so much longer than usual.
    pub fn slow_down(&self, by: Duration) {
        self.slowness.store(micros(by), Ordering::SeqCst);
    }

    fn wait(&self, turns: &Turns, pace: Duration) {
        turns.pause(pace + Duration::from_micros(self.slowness.load(Ordering::SeqCst)));
        let until = Duration::from_micros(self.paused_until.load(Ordering::SeqCst));
        if until > turns.now() {
            turns.pause(until - turns.now());
        }
    }

    /// Asks for one more commit.
    pub fn spend(&self) -> bool {
        if self.commits_left.fetch_sub(1, Ordering::SeqCst) <= 0 {
            self.end();
        }
        !self.is_over()
    }

    /// Whether it goes on behind a commit.
    fn outlives_commit(&self) -> bool {
        let is_last = self.commits_left.load(Ordering::SeqCst) <= 0;
        if is_last && self.ends_behind.load(Ordering::SeqCst) {
            self.end();
        }
        !self.is_over()
    }
}

/// Whether there is room on the disk that all nodes share.
#[derive(Debug, Default)]
pub struct Room(AtomicBool);

impl Room {
    /// Fills the disk, or frees it.
    pub fn set_full(&self, is_full: bool) {
        self.0.store(is_full, Ordering::SeqCst);
    }

    fn is_full(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// One node's way to the database.
pub struct NodeStorage {
    /// The database.
    pub storage: Arc<dyn Storage>,
    /// The node's life.
    pub life: Arc<Life>,
    /// The disk's room.
    pub room: Arc<Room>,
    /// Where others get their turn between two transactions.
    pub turns: Turns,
    /// How long a transaction takes.
    pub pace: Duration,
}

impl Storage for NodeStorage {
    fn write_with(&self, work: WriteWork<'_>) -> Result<(), StorageError> {
        self.life.wait(&self.turns, self.pace);
        if self.life.is_over() {
            return Err(dead("begin a transaction"));
        }
        self.storage.write_with(&mut |tx| {
            work(tx)?;
            if self.room.is_full() {
                return Err(StorageError::Full { doing: "commit", source: "no room".into() });
            }
            // Killed at the last moment: all of it was done, and nothing of it is left.
            if self.life.spend() { Ok(()) } else { Err(dead("commit")) }
        })?;
        if self.life.outlives_commit() { Ok(()) } else { Err(dead("hear of a commit")) }
    }

    fn read_with(&self, work: ReadWork<'_>) -> Result<(), StorageError> {
        if self.life.is_over() {
            return Err(dead("take a snapshot"));
        }
        self.storage.read_with(work)
    }

    fn check_integrity(&self) -> Result<Vec<String>, StorageError> {
        self.storage.check_integrity()
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).expect("a run is shorter than the age of the earth")
}

fn dead(doing: &'static str) -> StorageError {
    StorageError::Broken { doing, source: "the process was killed".into() }
}
