//! A headquarters on its own, for tests of what stands in front of it.

use std::path::Path;
use std::sync::Arc;

use tillsync_domain::clock::Clock;
use tillsync_hq::{Headquarters, PackageStore, Ports};
use tillsync_hq_sqlite::SqliteStorage;

use crate::builders::SeededEntropy;

/// Opens a headquarters in a folder, new or as it was left, at the time of the given clock.
pub fn open_headquarters(folder: &Path, clock: Arc<dyn Clock>) -> Arc<Headquarters> {
    let packages = PackageStore::open_folder(&folder.join("packages")).expect("a folder");
    open_headquarters_over(folder, packages, clock)
}

/// The same with its packages in another place.
pub fn open_headquarters_over(
    folder: &Path,
    packages: PackageStore,
    clock: Arc<dyn Clock>,
) -> Arc<Headquarters> {
    let storage = SqliteStorage::open(&folder.join("hq.db")).expect("a database");
    let hq = Headquarters::new(Ports {
        storage: Arc::new(storage),
        packages,
        work_folder: folder.to_owned(),
        // Identities differ from one opening to the next, as they do in life.
        entropy: Arc::new(SeededEntropy::new(clock.now().as_nanosecond() as u64)),
        clock,
    });
    hq.initialize().expect("a new headquarters");
    Arc::new(hq)
}
