//! Opening the headquarters of a data directory, for commands that work on it directly.

pub(crate) mod database;
pub(crate) mod packages;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tillsync_fleet::DatabaseUrl;
use tillsync_hq::storage::Storage;
use tillsync_hq::{Headquarters, Ports};
use tillsync_hq_sqlite::SqliteStorage;

use self::database::DatabaseArgument;
use self::packages::PackagesArgument;
use crate::failure::{CommandError, Failure};
use crate::system;

/// Which headquarters a command works on.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Place {
    /// The data directory: that of headquarters, or one that holds headquarters as hq/.
    #[arg(long, value_name = "DIR", env = "TILLSYNC_DATA_DIR")]
    pub(crate) data_dir: PathBuf,
    #[command(flatten)]
    pub(crate) database: DatabaseArgument,
    #[command(flatten)]
    pub(crate) packages: PackagesArgument,
}

impl Place {
    /// Opens headquarters to look at it; nothing can be changed.
    pub(crate) fn open_to_look(&self) -> Result<Headquarters, Failure> {
        let folder = self.folder()?;
        let storage: Arc<dyn Storage> = match &self.database.url {
            None => Arc::new(SqliteStorage::open_read_only(&folder.join(DATABASE))?),
            Some(url) => database::open_to_look(url)?,
        };
        assemble(&folder, storage, &self.packages)
    }

    /// Opens headquarters to change it.
    pub(crate) fn open_to_change(&self) -> Result<Headquarters, Failure> {
        let folder = self.folder()?;
        let storage: Arc<dyn Storage> = match &self.database.url {
            None => Arc::new(SqliteStorage::open(&folder.join(DATABASE))?),
            Some(url) => database::open_to_change(url)?,
        };
        assemble(&folder, storage, &self.packages)
    }

    /// The folder of headquarters: with the database file, or else at least with packages.
    fn folder(&self) -> Result<PathBuf, CommandError> {
        let is_file = self.database.url.is_none();
        let folders = [self.data_dir.join("hq"), self.data_dir.clone()];
        let found = folders.into_iter().find(|folder| match is_file {
            true => folder.join(DATABASE).is_file(),
            false => self.packages.are_in(folder),
        });
        let data_dir = self.data_dir.clone();
        found.ok_or(match is_file {
            true => CommandError::NoHeadquarters(data_dir),
            false => CommandError::NoPackages(data_dir),
        })
    }
}

/// Opens headquarters to serve from a folder, making what is missing.
pub(crate) fn open_to_serve(
    folder: &Path,
    database: Option<&DatabaseUrl>,
    packages: &PackagesArgument,
) -> Result<Headquarters, Failure> {
    make_folder(folder)?;
    packages.remember(folder)?;
    let storage: Arc<dyn Storage> = match database {
        None => Arc::new(SqliteStorage::open(&folder.join(DATABASE))?),
        Some(url) => database::open_to_serve(url)?,
    };
    assemble(folder, storage, packages)
}

fn assemble(
    folder: &Path,
    storage: Arc<dyn Storage>,
    packages: &PackagesArgument,
) -> Result<Headquarters, Failure> {
    let work_folder = folder.join("work");
    make_folder(&work_folder)?;
    let packages = packages.open(folder)?;
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
