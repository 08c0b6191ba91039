//! Opening the headquarters of a data directory, for commands that work on it directly.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tillsync_hq::storage::Storage;
use tillsync_hq::{Headquarters, PackageStore, Ports};
use tillsync_hq_sqlite::SqliteStorage;

use crate::failure::{CommandError, Failure};
use crate::system;

/// Which headquarters a command works on.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Place {
    /// The data directory: that of headquarters, or one that holds headquarters as hq/.
    #[arg(long, value_name = "DIR", env = "TILLSYNC_DATA_DIR")]
    pub(crate) data_dir: PathBuf,
}

impl Place {
    /// The folder that holds hq.db.
    pub(crate) fn folder(&self) -> Result<PathBuf, CommandError> {
        let folders = [self.data_dir.join("hq"), self.data_dir.clone()];
        let found = folders.into_iter().find(|folder| folder.join(DATABASE).is_file());
        found.ok_or_else(|| CommandError::NoHeadquarters(self.data_dir.clone()))
    }

    /// Opens headquarters to look at it; nothing can be changed.
    pub(crate) fn open_to_look(&self) -> Result<Headquarters, Failure> {
        let folder = self.folder()?;
        let storage = SqliteStorage::open_read_only(&folder.join(DATABASE))?;
        assemble(&folder, Arc::new(storage))
    }

    /// Opens headquarters to change it.
    pub(crate) fn open_to_change(&self) -> Result<Headquarters, Failure> {
        open(&self.folder()?)
    }
}

/// Opens the headquarters in a folder, making its database if there is none.
pub(crate) fn open(folder: &Path) -> Result<Headquarters, Failure> {
    make_folder(folder)?;
    let storage = SqliteStorage::open(&folder.join(DATABASE))?;
    assemble(folder, Arc::new(storage))
}

fn assemble(folder: &Path, storage: Arc<dyn Storage>) -> Result<Headquarters, Failure> {
    let work_folder = folder.join("work");
    make_folder(&work_folder)?;
    let packages = PackageStore::open_folder(&folder.join("packages"))?;
    let (clock, entropy) = (system::clock(), system::entropy());
    Ok(Headquarters::new(Ports { storage, packages, work_folder, clock, entropy }))
}

/// Makes a folder with everything above it, unless it is there.
pub(crate) fn make_folder(folder: &Path) -> Result<(), CommandError> {
    std::fs::create_dir_all(folder).map_err(|source| CommandError::File {
        doing: "make the folder",
        path: folder.to_owned(),
        source,
    })
}

/// The name of the database file.
const DATABASE: &str = "hq.db";
