//! Every promise of the storage contract, kept by PostgreSQL.

use tillsync_hq::storage::Storage;
use tillsync_hq_postgres::PostgresStorage;
use tillsync_testkit::cluster::cluster;

fn open() -> ((), Box<dyn Storage>) {
    let storage = PostgresStorage::open(&cluster().new_database()).expect("a new database");
    ((), Box::new(storage))
}

tillsync_testkit::storage_conformance!(open);
