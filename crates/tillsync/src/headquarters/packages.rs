//! Headquarters' package store: which one, and opening it.
//!
//! A data directory remembers the store it was served with: a command that was told nothing must
//! not put packages where no server looks for them.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tillsync_hq::{PackageStore, PackageUrl};
use tillsync_hq_web::PackageLinks;

use crate::failure::{CommandError, Failure};

/// The name of the folder of packages.
const FOLDER: &str = "packages";

/// The name of the file that remembers the URL.
const REMEMBERED: &str = "packages.url";

/// Which package store, when it is no folder of the data directory.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct PackagesArgument {
    /// Package store of headquarters, and of no other: file:///FOLDER, s3://BUCKET/PATH (any
    /// service that speaks like S3), gs://BUCKET/PATH or az://CONTAINER/PATH. Credentials come
    /// from the environment (AWS_ACCESS_KEY_ID, AWS_ENDPOINT, GOOGLE_…, AZURE_…). Without it, the
    /// store that headquarters was last served with, or else packages/ in the data directory.
    // Any text, so that none is quoted as wrong: it may hold a password by mistake.
    #[arg(
        id = "packages-url",
        long = "packages",
        value_name = "URL",
        env = tillsync_fleet::PACKAGES_VARIABLE,
        hide_env_values = true
    )]
    url: Option<String>,
}

/// How channels get packages out of a bucket.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LinksArgument {
    /// Headquarters reads them and sends them on.
    #[default]
    ThroughHeadquarters,
    /// From the bucket itself, by links that are valid for five minutes.
    Direct,
}

impl From<LinksArgument> for PackageLinks {
    fn from(links: LinksArgument) -> Self {
        match links {
            LinksArgument::ThroughHeadquarters => PackageLinks::ThroughHeadquarters,
            LinksArgument::Direct => PackageLinks::Direct,
        }
    }
}

impl PackagesArgument {
    /// Opens the store of the headquarters in a folder.
    pub(crate) fn open(&self, folder: &Path) -> Result<PackageStore, Failure> {
        let Some(url) = self.given()?.map_or_else(|| remembered(folder), |url| Ok(Some(url)))?
        else {
            return Ok(PackageStore::open_folder(&folder.join(FOLDER))?);
        };
        // What is no text is no setting of a driver either.
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        Ok(PackageStore::open(&url, variables)?)
    }

    /// Keeps for other commands what this one was given.
    pub(crate) fn remember(&self, folder: &Path) -> Result<(), Failure> {
        let Some(url) = self.given()? else { return Ok(()) };
        let path = folder.join(REMEMBERED);
        let write = || -> io::Result<()> {
            let mut draft = tempfile::NamedTempFile::new_in(folder)?;
            writeln!(draft, "{url}")?;
            draft.as_file().sync_all()?;
            draft.persist(&path)?;
            Ok(())
        };
        write().map_err(|source| file_error("write", &path, source).into())
    }

    /// Whether the folder is one that a headquarters with its database elsewhere has used.
    pub(crate) fn are_in(&self, folder: &Path) -> bool {
        folder.join(FOLDER).is_dir() || folder.join(REMEMBERED).is_file()
    }

    fn given(&self) -> Result<Option<PackageUrl>, CommandError> {
        // An empty variable means that there is none.
        let text = self.url.as_deref().filter(|text| !text.is_empty());
        text.map(parse).transpose()
    }
}

fn remembered(folder: &Path) -> Result<Option<PackageUrl>, CommandError> {
    let path = folder.join(REMEMBERED);
    match std::fs::read_to_string(&path) {
        Ok(text) => parse(text.trim()).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(file_error("read", &path, source)),
    }
}

fn parse(text: &str) -> Result<PackageUrl, CommandError> {
    text.parse().map_err(|error: tillsync_hq::BadPackageUrl| CommandError::Usage(error.to_string()))
}

fn file_error(doing: &'static str, path: &Path, source: io::Error) -> CommandError {
    CommandError::File { doing, path: PathBuf::from(path), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(url: &str) -> PackagesArgument {
        PackagesArgument { url: Some(url.to_owned()) }
    }

    #[test]
    fn a_store_that_was_served_is_remembered_until_another_is_given() {
        let folder = tempfile::tempdir().unwrap();
        let none = PackagesArgument::default();
        none.remember(folder.path()).unwrap();
        none.open(folder.path()).unwrap();
        assert!(folder.path().join(FOLDER).is_dir());
        let elsewhere = folder.path().join("elsewhere");
        given(&format!("file://{}", elsewhere.display())).remember(folder.path()).unwrap();
        none.open(folder.path()).unwrap();
        assert!(elsewhere.is_dir(), "another command finds it");
        let other = folder.path().join("other");
        given(&format!("file://{}", other.display())).open(folder.path()).unwrap();
        assert!(other.is_dir(), "unless it is told otherwise");
    }

    #[test]
    fn a_password_in_the_url_is_refused_and_kept_nowhere() {
        let folder = tempfile::tempdir().unwrap();
        let argument = given("s3://ann:geheim@chain/hq");
        let report = argument.remember(folder.path()).unwrap_err().report();
        assert!(report.contains("holds no credentials") && !report.contains("geheim"), "{report}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
