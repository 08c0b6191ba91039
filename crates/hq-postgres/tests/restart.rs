//! A server that is restarted under load. It stands alone: its cluster is nobody else's.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tillsync_hq::storage::{Storage, StorageError};
use tillsync_hq_postgres::PostgresStorage;
use tillsync_testkit::cluster::cluster;

/// What a writer does that may not lose anything: it tries again for as long as it is told that the
/// database is busy.
fn pull(storage: &dyn Storage) -> u64 {
    loop {
        match storage.write(|tx| tx.pull_next()) {
            Ok(number) => return number,
            Err(StorageError::Busy { .. }) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
}

#[test]
fn a_server_that_is_restarted_loses_nothing_that_was_answered() {
    const WRITERS: u64 = 4;
    const EACH: u64 = 60;
    let url = cluster().new_database();
    let storage: Arc<dyn Storage> = Arc::new(PostgresStorage::open(&url).expect("it opens"));
    let answered = AtomicU64::new(0);
    let numbers = std::thread::scope(|scope| {
        let write = || {
            (0..EACH)
                .map(|_| {
                    let number = pull(&*storage);
                    answered.fetch_add(1, Ordering::SeqCst);
                    number
                })
                .collect::<Vec<_>>()
        };
        let writers: Vec<_> = (0..WRITERS).map(|_| scope.spawn(write)).collect();
        for restart in 1..=2 {
            while answered.load(Ordering::SeqCst) < restart * WRITERS * EACH / 4 {
                std::thread::yield_now();
            }
            cluster().restart();
        }
        let numbers = writers.into_iter().flat_map(|writer| writer.join().expect("no panic"));
        numbers.collect::<Vec<_>>()
    });
    let mut distinct = numbers.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len() as u64, WRITERS * EACH, "no number was answered twice");
    let last = storage.read(|tx| tx.pull_get()).expect("readable");
    // A commit whose answer was lost took a number that nobody heard of: one a writer and restart.
    assert!((WRITERS * EACH..=WRITERS * EACH + 2 * WRITERS).contains(&last), "{last}");
}
