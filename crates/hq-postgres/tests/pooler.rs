//! Every promise of the storage contract, kept through PgBouncer in transaction mode, by sessions
//! that take turns.

use std::sync::OnceLock;

use tillsync_hq::storage::{Storage, StorageError};
use tillsync_hq_postgres::{PostgresStorage, pending_migrations};
use tillsync_testkit::cluster::{PgBouncer, cluster};

/// Sessions of the server for each database: fewer than headquarters has connections to PgBouncer,
/// and more than it reads with at one time.
const SESSIONS: u32 = 9;

fn pooler() -> &'static PgBouncer {
    static POOLER: OnceLock<PgBouncer> = OnceLock::new();
    POOLER.get_or_init(|| PgBouncer::start(cluster(), SESSIONS))
}

fn open() -> ((), Box<dyn Storage>) {
    let url = pooler().url_of(&cluster().new_database());
    assert!(!pending_migrations(&url).expect("an answer").is_empty());
    ((), Box::new(PostgresStorage::open(&url).expect("a new database")))
}

tillsync_testkit::storage_conformance!(open);

#[test]
fn many_writers_and_readers_share_few_sessions_and_leave_nothing_behind() {
    let database = cluster().new_database();
    let url = pooler().url_of(&database);
    let storages = [(); 3].map(|()| PostgresStorage::open(&url).expect("it opens"));
    std::thread::scope(|scope| {
        for storage in storages.iter().cycle().take(12) {
            let storage: &dyn Storage = storage;
            scope.spawn(move || {
                for _ in 0..10 {
                    storage.write(|tx| tx.pull_next()).expect("written");
                    storage.read(|tx| tx.pull_get()).expect("readable");
                }
            });
        }
    });
    let last: Result<_, StorageError> = (&storages[0] as &dyn Storage).read(|tx| tx.pull_get());
    assert_eq!(last.expect("readable"), 120);
    let sql = "SELECT count(*) FROM pg_prepared_statements";
    let through = url.replace(" pooler=transaction", "");
    for _ in 0..SESSIONS {
        // Each time another session answers.
        assert_eq!(cluster().sql(&through, sql).as_deref(), Ok("0"));
    }
}
