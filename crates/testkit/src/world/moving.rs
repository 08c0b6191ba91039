//! Headquarters that goes on with another database, or with an older copy of its own.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tillsync_domain::clock::Clock;
use tillsync_hq::Headquarters;
use tillsync_hq::storage::Storage;
use tillsync_hq_sqlite::SqliteStorage;

use super::{World, headquarters_over, open_headquarters};

impl World {
    /// Stops headquarters, lets the story do something to its database, given its file, and starts
    /// it again with the database that the story yields. Packages stay where they are.
    pub fn move_headquarters(&mut self, moved: impl FnOnce(&Path) -> Box<dyn Storage>) {
        let elsewhere = self.folder.path().join("elsewhere");
        let nobody = open_headquarters(&elsewhere, &self.clock, &self.entropy, &self.life);
        self.replace_headquarters(nobody);
        let storage = moved(&self.folder.path().join("hq/hq.db"));
        let folder = self.folder.path();
        let hq = headquarters_over(storage, folder, &self.clock, &self.entropy, &self.life);
        hq.initialize().expect("it has all that a headquarters needs");
        hq.look_back().expect("the package store can be read");
        self.replace_headquarters(Arc::new(hq));
    }

    /// Copies headquarters' database as a backup would.
    pub fn back_up_headquarters(&mut self) -> PathBuf {
        let name = format!("hq-backup-{}", self.clock.now().as_microsecond());
        let copy = self.folder.path().join(name);
        self.move_headquarters(|file| {
            fs::copy(file, &copy).expect("a copy");
            Box::new(SqliteStorage::open(file).expect("opens"))
        });
        for (location, bytes) in self.packages() {
            let beside = packages_of(&copy).join(location);
            fs::create_dir_all(beside.parent().expect("a folder")).expect("a folder");
            fs::write(beside, bytes).expect("a copy");
        }
        copy
    }

    /// Puts headquarters' database back to a copy. Packages stay where they are.
    pub fn restore_headquarters(&mut self, copy: &Path) {
        self.move_headquarters(|file| {
            for suffix in ["-wal", "-shm"] {
                let beside = PathBuf::from(format!("{}{suffix}", file.display()));
                if beside.exists() {
                    fs::remove_file(beside).expect("removed");
                }
            }
            fs::copy(copy, file).expect("a copy");
            Box::new(SqliteStorage::open(file).expect("opens"))
        });
    }

    /// Loses the packages that were made after a copy of headquarters.
    pub fn lose_packages_since(&self, copy: &Path) {
        let is_younger = |location: &String| !packages_of(copy).join(location).exists();
        let younger: Vec<_> = self.packages().into_keys().filter(is_younger).collect();
        self.hq.packages().delete_objects(&younger).expect("deleted");
    }

    fn packages(&self) -> BTreeMap<String, Vec<u8>> {
        let packages = self.hq.packages();
        let objects = packages.list_objects().expect("the package store can be read");
        let read = |location: String| {
            let mut bytes = Vec::new();
            packages.read_object(&location, &mut bytes).expect("it is there");
            (location, bytes)
        };
        objects.into_iter().map(|object| read(object.location)).collect()
    }

    fn replace_headquarters(&mut self, hq: Arc<Headquarters>) {
        for node in self.nodes.values() {
            node.line.lead_to_headquarters(&hq);
        }
        let old = std::mem::replace(&mut self.hq, hq);
        assert!(Arc::into_inner(old).is_some(), "somebody still holds headquarters");
    }
}

/// Where the packages of a copy of headquarters lie.
fn packages_of(copy: &Path) -> PathBuf {
    copy.with_extension("packages")
}
