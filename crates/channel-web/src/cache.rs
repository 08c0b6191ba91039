//! Packages that this channel's registers fetch, kept so that they travel from headquarters once.
//!
//! A file is named by the SHA-256 of its bytes. It must never hold bytes that are not those.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use tillsync_channel::upstream::UpstreamError;
use tillsync_domain::kind::ErrorKind;
use tillsync_exchange::package::{CheckedSink, Manifest};

/// Files kept; the oldest go first. Registers fetch within seconds of each other.
const FILES_MAX: usize = 16;

/// The cache of one channel.
pub(crate) struct PackageCache {
    dir: PathBuf,
    /// One fetch at a time: the second register finds what the first one brought.
    fetching: Mutex<u64>,
}

impl PackageCache {
    /// A cache in a folder; what an interrupted fetch left there goes.
    pub(crate) fn open(dir: &Path) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        for entry in fs::read_dir(dir)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "part") {
                fs::remove_file(path)?;
            }
        }
        Ok(PackageCache { dir: dir.to_owned(), fetching: Mutex::new(0) })
    }

    /// The package as an open file, fetched when it is not here.
    pub(crate) fn open_package(
        &self,
        manifest: &Manifest,
        fetch: impl FnOnce(&mut dyn Write) -> Result<(), UpstreamError>,
    ) -> Result<File, UpstreamError> {
        let Some(path) = self.path_of(manifest) else {
            return Err(refused("the package's digest is no SHA-256"));
        };
        if let Ok(file) = File::open(&path) {
            return Ok(file);
        }
        let mut number = self.fetching.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(file) = File::open(&path) {
            return Ok(file);
        }
        *number += 1;
        let part = self.dir.join(format!("{number}.part"));
        let brought = bring(&part, manifest, fetch)
            .and_then(|()| fs::rename(&part, &path).map_err(UpstreamError::Sink));
        if brought.is_err() {
            // It may not even exist; what stays is removed at the next start.
            let _ = fs::remove_file(&part);
        }
        brought?;
        // Opened before the sweep, which may take the newest as well when clocks go backwards.
        let file = File::open(&path).map_err(UpstreamError::Sink)?;
        if let Err(error) = self.sweep() {
            tracing::warn!(%error, "old packages cannot be removed");
        }
        Ok(file)
    }

    /// A file that nobody else sees and that goes when it is closed.
    pub(crate) fn scratch_file(&self) -> io::Result<File> {
        let mut number = self.fetching.lock().unwrap_or_else(PoisonError::into_inner);
        *number += 1;
        let path = self.dir.join(format!("{number}.part"));
        let file =
            File::options().read(true).write(true).create(true).truncate(true).open(&path)?;
        // An unlinked file lives as long as it is open.
        fs::remove_file(&path)?;
        Ok(file)
    }

    fn path_of(&self, manifest: &Manifest) -> Option<PathBuf> {
        let digest = &manifest.sha256;
        let is_digest = digest.len() == 64 && digest.bytes().all(|b| b.is_ascii_hexdigit());
        is_digest.then(|| self.dir.join(format!("{digest}.zst")))
    }

    fn sweep(&self) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            let at = entry.metadata()?.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            files.push((at, entry.path()));
        }
        files.sort();
        let surplus = files.len().saturating_sub(FILES_MAX);
        files.into_iter().take(surplus).try_for_each(|(_, path)| fs::remove_file(path))
    }
}

fn bring(
    part: &Path,
    manifest: &Manifest,
    fetch: impl FnOnce(&mut dyn Write) -> Result<(), UpstreamError>,
) -> Result<(), UpstreamError> {
    let damaged = |error: tillsync_exchange::package::PackageError| refused(&error.to_string());
    let sink = BufWriter::new(File::create(part).map_err(UpstreamError::Sink)?);
    let mut sink = CheckedSink::new(sink, manifest).map_err(damaged)?;
    fetch(&mut sink)?;
    let sink = sink.finish(manifest).map_err(damaged)?;
    // Under its final name the file is believed for ever: it must survive a power cut whole.
    sink.get_ref().sync_all().map_err(UpstreamError::Sink)
}

fn refused(message: &str) -> UpstreamError {
    let message = message.to_owned();
    let (kind, fields) = (ErrorKind::Broken, Vec::new());
    UpstreamError::Refused { kind, message, watermark: None, fields }
}
