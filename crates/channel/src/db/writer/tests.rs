//! Group commit: neighbours are not disturbed, answers come after the commit.

use std::sync::{Barrier, mpsc};
use std::thread;

use rusqlite::Connection;

use crate::db::{Db, DbError, DiskRefusal};

fn open() -> (tempfile::TempDir, Db) {
    let dir = tempfile::tempdir().expect("a directory");
    let db = Db::open(&dir.path().join("channel.db")).expect("opens");
    (dir, db)
}

fn insert(connection: &Connection, job: &str) -> Result<(), DbError> {
    connection.execute("INSERT INTO applied (job, version, at) VALUES (?1, 1, 0)", [job])?;
    Ok(())
}

fn jobs(db: &Db) -> Vec<String> {
    let read = |connection: &Connection| -> Result<Vec<String>, DbError> {
        let mut statement = connection.prepare("SELECT job FROM applied ORDER BY job")?;
        let rows = statement.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    };
    db.read(read).expect("reads")
}

/// Runs requests that wait together: the writer is held up until all are on their way.
fn together(db: &Db, requests: &'static [&'static str]) -> Vec<Result<(), DbError>> {
    let (held, hold) = (Barrier::new(requests.len() + 1), mpsc::channel::<()>());
    let (release, released) = hold;
    thread::scope(|scope| {
        let held = &held;
        let first = scope.spawn(move || {
            db.write(move |_| -> Result<(), DbError> {
                released.recv().expect("is released");
                Ok(())
            })
        });
        let waiting: Vec<_> = requests
            .iter()
            .map(|request| {
                scope.spawn(move || {
                    held.wait();
                    db.write(move |connection| match *request {
                        "bad" => {
                            insert(connection, "half-done")?;
                            insert(connection, "half-done")
                        }
                        "bug" => {
                            insert(connection, "half-done")?;
                            panic!("a bug in one request")
                        }
                        name => insert(connection, name),
                    })
                })
            })
            .collect();
        held.wait();
        release.send(()).expect("the writer waits");
        first.join().expect("no panic").expect("is written");
        waiting.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    })
}

#[test]
fn one_bad_request_does_not_disturb_its_neighbours() {
    let (_dir, db) = open();
    let results = together(&db, &["a", "bad", "b", "bug", "c"]);
    let went_well: Vec<_> = results.iter().map(Result::is_ok).collect();
    assert_eq!(went_well, [true, false, true, false, true]);
    assert!(matches!(results[3], Err(DbError::BrokeOff)));
    assert_eq!(jobs(&db), ["a", "b", "c"]);
}

#[test]
fn a_commit_that_fails_fails_every_request_of_its_batch() {
    let (_dir, db) = open();
    let lost = db.write(|connection| -> Result<(), DbError> {
        insert(connection, "lost")?;
        // As SQLite does by itself when the disk is full.
        connection.execute_batch("ROLLBACK")?;
        Ok(())
    });
    assert!(matches!(lost, Err(DbError::Commit(_))), "{lost:?}");
    assert_eq!(jobs(&db), [""; 0]);
    db.write(|connection| insert(connection, "later")).expect("the writer goes on");
    assert_eq!(jobs(&db), ["later"]);
}

#[test]
fn what_was_answered_is_there_after_reopening() {
    let (dir, db) = open();
    db.write(|connection| insert(connection, "kept")).expect("is written");
    drop(db);
    let db = Db::open(&dir.path().join("channel.db")).expect("opens again");
    assert_eq!(jobs(&db), ["kept"]);
}

/// A disk that refuses its second commit.
struct RefusesOnce(std::sync::atomic::AtomicU32);

impl crate::db::Disk for RefusesOnce {
    fn admit(&self) -> Result<(), DiskRefusal> {
        match self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
            1 => Err(DiskRefusal::Full),
            _ => Ok(()),
        }
    }
}

#[test]
fn a_commit_that_the_disk_refuses_leaves_nothing_and_the_next_one_goes_through() {
    let dir = tempfile::tempdir().expect("a directory");
    let disk = std::sync::Arc::new(RefusesOnce(0.into()));
    let db = Db::open_on(&dir.path().join("channel.db"), disk).expect("opens");
    let insert_one = |job: &'static str| db.write(move |connection| insert(connection, job));
    insert_one("first").expect("the disk takes it");
    let refused = insert_one("second").expect_err("the disk is full");
    assert!(matches!(refused, DbError::Commit(_)), "{refused:?}");
    insert_one("third").expect("there is room again");
    assert_eq!(jobs(&db), ["first", "third"]);
}
