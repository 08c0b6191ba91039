//! A disk that is small enough to be filled on purpose.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The name of the file that takes all the room.
const BALLAST: &str = "ballast";

/// A small file system in memory; it is gone when this is dropped.
pub(super) struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts one of so many MiB over a folder, which is made.
    pub(super) fn mount(folder: &Path, mib: u32) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
        let options = format!("size={mib}m,mode=0777");
        let mut mount = Command::new("mount");
        let mount = mount.args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(folder);
        if !mount.status().context("start mount")?.success() {
            bail!("a small disk cannot be mounted: run this command as root");
        }
        Ok(SmallDisk(folder.to_owned()))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Takes all the room that is left.
    pub(super) fn fill(&self) -> Result<()> {
        let path = self.0.join(BALLAST);
        let mut ballast = File::options().create(true).append(true).open(path)?;
        for size in [1 << 16, 1 << 10, 1] {
            let block = vec![0; size];
            while ballast.write_all(&block).is_ok() {}
        }
        Ok(())
    }

    /// Gives the room back.
    pub(super) fn free(&self) -> Result<()> {
        Ok(fs::remove_file(self.0.join(BALLAST))?)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Whatever still has a file open there keeps it until it ends.
        drop(Command::new("umount").arg("--lazy").arg(&self.0).status());
    }
}
