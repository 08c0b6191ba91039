//! A disk that is small enough to be filled on purpose.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{is_root, run};

const NOT_ROOT: &str = "a small disk is mounted by root only: run this test as root";

/// The name of the file that takes all the room.
const BALLAST: &str = "ballast";

/// A small file system in memory; it is gone when this is dropped.
pub struct SmallDisk {
    folder: PathBuf,
}

impl SmallDisk {
    /// Mounts one of so many MiB.
    pub fn mount(mib: u32) -> Self {
        assert!(is_root(), "{NOT_ROOT}");
        let folder = tempfile::Builder::new().prefix("tillsync-disk-").tempdir().expect("a folder");
        let folder = folder.keep();
        run(Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={mib}m,mode=0777"), "tmpfs"])
            .arg(&folder));
        SmallDisk { folder }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// Takes all the room that is left.
    pub fn fill(&self) {
        let mut ballast = File::options()
            .create(true)
            .append(true)
            .open(self.folder.join(BALLAST))
            .expect("a file");
        for size in [1 << 16, 1 << 10, 1] {
            let block = vec![0; size];
            while ballast.write_all(&block).is_ok() {}
        }
    }

    /// Gives the room back.
    pub fn free(&self) {
        fs::remove_file(self.folder.join(BALLAST)).expect("it was filled");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Whatever still has a file open there keeps it until it ends.
        drop(Command::new("umount").arg("--lazy").arg(&self.folder).status());
        drop(fs::remove_dir(&self.folder));
    }
}
