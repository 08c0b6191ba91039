//! The databases of stores and registers that lie in a data directory beside headquarters.
//!
//! It must never change any of them.

use std::fs;
use std::path::{Path, PathBuf};

use tillsync_exchange::messages::DatabaseKind;

/// One edge database found on disk.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FoundDatabase {
    /// The file.
    pub(crate) path: PathBuf,
    /// Where it lies, such as `S1` or `S1, register 2`.
    pub(crate) place: String,
}

/// Every `stores/ID/channel.db` and `stores/ID/registers/N/offline.db`, stores by name, each
/// followed by its registers.
pub(crate) fn find_databases(data_dir: &Path) -> Vec<FoundDatabase> {
    let mut found = Vec::new();
    for store in folders_in(&data_dir.join("stores")) {
        let name = name_of(&store);
        let channel = store.join(database_file(DatabaseKind::Channel));
        found.push(FoundDatabase { path: channel, place: name.clone() });
        for register in folders_in(&store.join("registers")) {
            let place = format!("{name}, register {}", name_of(&register));
            let path = register.join(database_file(DatabaseKind::Register));
            found.push(FoundDatabase { path, place });
        }
    }
    found.retain(|database| database.path.is_file());
    found
}

fn database_file(kind: DatabaseKind) -> &'static str {
    tillsync_channel::identity::database_file(kind)
}

/// The folders in a folder, by name; none when it does not exist.
fn folders_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut folders: Vec<_> =
        entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort_by_key(|path| (path.as_os_str().len(), path.clone()));
    folders
}

fn name_of(folder: &Path) -> String {
    folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stores_are_found_with_their_registers_in_order() {
        let folder = tempfile::tempdir().unwrap();
        for path in ["S10", "S2/registers/2", "S2/registers/10"] {
            let inside = folder.path().join("stores").join(path);
            fs::create_dir_all(&inside).unwrap();
            let file = if path.contains("registers") { "offline.db" } else { "channel.db" };
            fs::write(inside.join(file), "").unwrap();
        }
        let places: Vec<_> =
            find_databases(folder.path()).into_iter().map(|found| found.place).collect();
        assert_eq!(places, ["S2, register 2", "S2, register 10", "S10"]);
    }

    #[test]
    fn a_folder_without_stores_has_none() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(find_databases(folder.path()), []);
    }
}
