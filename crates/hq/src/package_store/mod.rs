//! Where packages lie: a local folder by default, any object store by the same calls.
//!
//! Objects are written once and never changed. Nothing here tells anybody a credential: errors name
//! the location and what sort of trouble it is, the driver's own words go to the log.

mod link;
mod location;
mod open;
mod patience;

pub use link::PackageLink;
pub use location::{BadPackageUrl, PackageUrl};

use std::error::Error;
use std::fmt;
use std::io::{Read, Write};
use std::sync::Arc;

use futures_util::TryStreamExt;
use jiff::Timestamp;
use object_store::signer::Signer;
use object_store::{GetResult, ObjectStore, ObjectStoreExt, WriteMultipart};
use tillsync_domain::kind::ErrorKind;
use tokio::runtime::Runtime;

use patience::{Patience, within};

/// Bytes per part of a large object.
const PART_BYTES: usize = 8 << 20;

/// What a driver or a disk said.
type Said = Box<dyn Error + Send + Sync>;

/// Why the package store failed.
#[derive(Debug, thiserror::Error)]
pub enum PackageStoreError {
    /// The store cannot be opened.
    #[error("open the package store at {place}")]
    Open {
        /// The folder or URL.
        place: String,
        /// What the store said.
        #[source]
        source: Said,
    },
    /// One object cannot be read.
    #[error("read {location} from the package store: {trouble}")]
    Read {
        /// The object.
        location: String,
        /// What sort of trouble.
        trouble: Trouble,
        /// What the store said.
        #[source]
        source: Said,
    },
    /// One object cannot be written or deleted.
    #[error("write {location} to the package store: {trouble}")]
    Write {
        /// The object.
        location: String,
        /// What sort of trouble.
        trouble: Trouble,
        /// What the store said.
        #[source]
        source: Said,
    },
    /// What is there cannot be listed.
    #[error("list the package store: {trouble}")]
    List {
        /// What sort of trouble.
        trouble: Trouble,
        /// What the store said.
        #[source]
        source: Said,
    },
}

/// What sort of trouble a store is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Trouble {
    /// No such object, folder or bucket.
    Missing,
    /// The credentials do not allow it.
    Refused,
    /// No answer, a slow one, or a failure that may pass.
    Away,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Trouble::Missing => "there is no such object, or no such bucket",
            Trouble::Refused => {
                "it refuses the credentials in the environment of headquarters, or lets them do \
                 less than read, write, list and delete"
            }
            Trouble::Away => "it fails or does not answer in time; this is tried again",
        })
    }
}

impl Trouble {
    fn of(error: &object_store::Error) -> Self {
        match error {
            object_store::Error::NotFound { .. } => Trouble::Missing,
            object_store::Error::PermissionDenied { .. }
            | object_store::Error::Unauthenticated { .. } => Trouble::Refused,
            _ => Trouble::Away,
        }
    }
}

impl PackageStoreError {
    /// A store that fails now may work later.
    pub fn kind(&self) -> ErrorKind {
        match self {
            PackageStoreError::Open { .. } => ErrorKind::Broken,
            PackageStoreError::Read { .. }
            | PackageStoreError::Write { .. }
            | PackageStoreError::List { .. } => ErrorKind::Busy,
        }
    }

    /// What sort of trouble the store is in; nothing when it cannot even be opened.
    pub fn trouble(&self) -> Option<Trouble> {
        match self {
            PackageStoreError::Open { .. } => None,
            PackageStoreError::Read { trouble, .. }
            | PackageStoreError::Write { trouble, .. }
            | PackageStoreError::List { trouble, .. } => Some(*trouble),
        }
    }

    fn read(location: &str, source: object_store::Error) -> Self {
        let trouble = Trouble::of(&source);
        log(location, &source);
        PackageStoreError::Read { location: location.to_owned(), trouble, source: source.into() }
    }

    fn write(location: &str, source: object_store::Error) -> Self {
        let trouble = Trouble::of(&source);
        log(location, &source);
        PackageStoreError::Write { location: location.to_owned(), trouble, source: source.into() }
    }
}

/// The answer of a request names only this class of failure; why stands in the log.
fn log(location: &str, error: &object_store::Error) {
    if !matches!(error, object_store::Error::NotFound { .. }) {
        tracing::warn!(%location, %error, "the package store failed");
    }
}

/// An object that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredObject {
    /// Where.
    pub location: String,
    /// When it was written, by the clock of the store.
    pub written_at: Timestamp,
}

/// A package store, with the one bridge from synchronous code to its asynchronous driver.
#[derive(Debug)]
pub struct PackageStore {
    objects: Arc<dyn ObjectStore>,
    /// Who makes links to objects, when there can be any.
    signer: Option<Arc<dyn Signer>>,
    patience: Patience,
    runtime: Option<Runtime>,
}

impl PackageStore {
    /// Writes one object from a reader, in parts, so that memory stays bounded.
    ///
    /// # Errors
    /// Busy: the store did not take it; nothing is visible under the location.
    pub fn write_object(
        &self,
        location: &str,
        mut bytes: impl Read,
    ) -> Result<(), PackageStoreError> {
        let path = object_store::path::Path::from(location);
        self.runtime()
            .block_on(async {
                let first = read_part(&mut bytes)?;
                if first.len() < PART_BYTES {
                    let put = self.objects.put(&path, first.into());
                    return within(self.patience.part, put).await.map(drop);
                }
                self.write_parts(&path, first, &mut bytes).await
            })
            .map_err(|error| PackageStoreError::write(location, error))
    }

    /// Gives up the parts that are there already when a later one fails: a store would keep and
    /// charge for them without ever listing them.
    async fn write_parts(
        &self,
        path: &object_store::path::Path,
        first: Vec<u8>,
        bytes: &mut impl Read,
    ) -> object_store::Result<()> {
        let (begin_max, part_max) = (self.patience.begin, self.patience.part);
        let upload = within(begin_max, self.objects.put_multipart(path)).await?;
        let mut parts = WriteMultipart::new_with_chunk_size(upload, PART_BYTES);
        let mut part = first;
        while !part.is_empty() {
            let next = match within(part_max, parts.wait_for_capacity(1)).await {
                Ok(()) => {
                    parts.put(part.into());
                    read_part(bytes)
                }
                Err(error) => Err(error),
            };
            match next {
                Ok(next) => part = next,
                Err(error) => {
                    if let Err(second) = within(begin_max, parts.abort()).await {
                        tracing::warn!(%path, error = %second, "give up a half-written object");
                    }
                    return Err(error);
                }
            }
        }
        within(2 * part_max, parts.finish()).await.map(drop)
    }

    /// Reads one object into a sink, in parts.
    ///
    /// # Errors
    /// Busy: the store or the sink failed, or the object is gone.
    pub fn read_object(
        &self,
        location: &str,
        sink: &mut dyn Write,
    ) -> Result<(), PackageStoreError> {
        self.runtime().block_on(async {
            let failed = |error| PackageStoreError::read(location, error);
            let mut parts = self.open_object(location).await?.into_stream();
            while let Some(part) = parts.try_next().await.map_err(failed)? {
                sink.write_all(&part).map_err(|error| failed(on_disk(error)))?;
            }
            Ok(())
        })
    }

    /// Begins to read one object, for servers that stream it to their clients.
    ///
    /// # Errors
    /// Busy: the store failed, or the object is gone.
    pub async fn open_object(&self, location: &str) -> Result<GetResult, PackageStoreError> {
        let path = object_store::path::Path::from(location);
        let opened = within(self.patience.begin, self.objects.get(&path)).await;
        opened.map_err(|error| PackageStoreError::read(location, error))
    }

    /// Everything that is there, whoever wrote it.
    ///
    /// # Errors
    /// Busy: the store failed.
    pub fn list_objects(&self) -> Result<Vec<StoredObject>, PackageStoreError> {
        let listing = self.objects.list(None).try_collect::<Vec<_>>();
        let listed = self.runtime().block_on(within(self.patience.part, listing));
        let listed = listed.map_err(|source| {
            log("", &source);
            PackageStoreError::List { trouble: Trouble::of(&source), source: source.into() }
        })?;
        let objects = listed.into_iter().map(|meta| {
            let written_at = Timestamp::from_microsecond(meta.last_modified.timestamp_micros());
            // A time that no calendar holds says nothing of its age: it counts as new.
            let written_at = written_at.unwrap_or(Timestamp::MAX);
            StoredObject { location: meta.location.to_string(), written_at }
        });
        Ok(objects.collect())
    }

    /// Deletes objects; those that are gone already count as deleted.
    ///
    /// # Errors
    /// Busy: the store failed; deleting again is harmless.
    pub fn delete_objects(&self, locations: &[String]) -> Result<(), PackageStoreError> {
        for location in locations {
            let path = object_store::path::Path::from(location.as_str());
            let deleted = within(self.patience.begin, self.objects.delete(&path));
            match self.runtime().block_on(deleted) {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(PackageStoreError::write(location, error)),
            }
        }
        Ok(())
    }

    fn runtime(&self) -> &Runtime {
        self.runtime.as_ref().expect("only the drop takes it")
    }
}

impl Drop for PackageStore {
    fn drop(&mut self) {
        // A server may let go of its last handle inside a task, where waiting is not allowed.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// The next bytes of a package, none at its end.
fn read_part(bytes: &mut impl Read) -> object_store::Result<Vec<u8>> {
    let mut part = Vec::new();
    bytes.take(PART_BYTES as u64).read_to_end(&mut part).map_err(on_disk)?;
    Ok(part)
}

fn on_disk(source: std::io::Error) -> object_store::Error {
    object_store::Error::Generic { store: "package file", source: source.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(store: &PackageStore, location: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        store.read_object(location, &mut bytes).expect("it was written");
        bytes
    }

    #[test]
    fn objects_of_any_size_come_back_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = PackageStore::open_folder(folder.path()).expect("a store");
        for size in [0, 1, PART_BYTES - 1, PART_BYTES, 2 * PART_BYTES + 5] {
            let bytes: Vec<u8> = (0..size).map(|n| (n % 251) as u8).collect();
            let location = format!("1010/retail/{size}.ndjson.zst");
            store.write_object(&location, bytes.as_slice()).expect("written");
            assert!(read(&store, &location) == bytes, "{size} bytes");
            store.delete_objects(&[location.clone(), location]).expect("deleted twice");
        }
    }

    /// Fails after the first part.
    struct TornFile(usize);

    impl Read for TornFile {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let given = buffer.len().min(self.0);
            self.0 -= given;
            if given == 0 { Err(std::io::ErrorKind::BrokenPipe.into()) } else { Ok(given) }
        }
    }

    #[test]
    fn of_an_object_that_breaks_off_nothing_is_left() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = PackageStore::open_folder(folder.path()).expect("a store");
        for size in [5, PART_BYTES + 5] {
            let torn = store.write_object("1010/retail/a", TornFile(size)).expect_err("torn");
            assert_eq!(torn.kind(), ErrorKind::Busy);
        }
        assert_eq!(store.list_objects().expect("listed"), []);
        let folders = std::fs::read_dir(folder.path().join("1010/retail"));
        assert_eq!(folders.map_or(0, Iterator::count), 0, "no half-written file either");
    }

    #[test]
    fn a_missing_object_is_told_from_a_store_that_is_away() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = PackageStore::open_folder(folder.path()).expect("a store");
        let missing = store.read_object("1010/a", &mut Vec::new()).expect_err("nothing there");
        assert_eq!(missing.trouble(), Some(Trouble::Missing));
        let nowhere: PackageUrl = "s3://packages/hq".parse().expect("a URL");
        let environment = [
            ("AWS_ENDPOINT", "http://127.0.0.1:1"),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_ACCESS_KEY_ID", "ann"),
            ("AWS_SECRET_ACCESS_KEY", "geheim"),
        ];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let away = PackageStore::open(&nowhere, environment).expect("opening asks nobody");
        let error = away.write_object("1010/a", [1].as_slice()).expect_err("nobody listens");
        assert_eq!(
            (error.kind(), error.trouble(), error.to_string().as_str()),
            (
                ErrorKind::Busy,
                Some(Trouble::Away),
                "write 1010/a to the package store: it fails or does not answer in time; this is \
                 tried again"
            )
        );
        assert!(!format!("{error:?} {away:?}").contains("geheim"), "{error:?} {away:?}");
    }

    #[test]
    fn a_store_that_takes_connections_and_says_nothing_holds_nobody() {
        let silent = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0));
        let silent = silent.expect("a port");
        let endpoint = format!("http://{}", silent.local_addr().expect("an address"));
        let url: PackageUrl = "s3://packages/hq".parse().expect("a URL");
        let environment = [
            ("AWS_ENDPOINT", endpoint.as_str()),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_ACCESS_KEY_ID", "ann"),
            ("AWS_SECRET_ACCESS_KEY", "geheim"),
        ];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut store = PackageStore::open(&url, environment).expect("opening asks nobody");
        let moment = std::time::Duration::from_millis(50);
        store.patience = Patience { begin: moment, part: moment };
        let location = "1010/a".to_owned();
        let large = vec![0; 2 * PART_BYTES];
        for asked in [
            store.read_object(&location, &mut Vec::new()),
            store.write_object(&location, [1].as_slice()),
            store.write_object(&location, large.as_slice()),
            store.delete_objects(std::slice::from_ref(&location)),
            store.list_objects().map(drop),
        ] {
            assert_eq!(asked.expect_err("no answer").trouble(), Some(Trouble::Away));
        }
    }
}
