//! Where packages lie: a local folder by default, any object store by the same calls.
//!
//! Objects are written once and never changed.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;

use futures_util::TryStreamExt;
use object_store::local::LocalFileSystem;
use object_store::{ObjectStore, ObjectStoreExt, WriteMultipart};
use tillsync_domain::kind::ErrorKind;
use tokio::runtime::Runtime;

/// Bytes per part of a large object.
const PART_BYTES: usize = 8 << 20;

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
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// One object cannot be read.
    #[error("read {location} from the package store")]
    Read {
        /// The object.
        location: String,
        /// What the store said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// One object cannot be written or deleted.
    #[error("write {location} to the package store")]
    Write {
        /// The object.
        location: String,
        /// What the store said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl PackageStoreError {
    /// A store that fails now may work later.
    pub fn kind(&self) -> ErrorKind {
        match self {
            PackageStoreError::Open { .. } => ErrorKind::Broken,
            PackageStoreError::Read { .. } | PackageStoreError::Write { .. } => ErrorKind::Busy,
        }
    }
}

/// A package store, with the one bridge from synchronous code to its asynchronous driver.
#[derive(Debug)]
pub struct PackageStore {
    objects: Arc<dyn ObjectStore>,
    runtime: Option<Runtime>,
}

impl PackageStore {
    /// Opens a folder, making it if needed. Every write is flushed to disk before it counts.
    ///
    /// # Errors
    /// Broken: the folder cannot be made or used.
    pub fn open_folder(folder: &Path) -> Result<Self, PackageStoreError> {
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| PackageStoreError::Open {
            place: folder.display().to_string(),
            source,
        };
        std::fs::create_dir_all(folder).map_err(|e| failed(e.into()))?;
        let files = LocalFileSystem::new_with_prefix(folder).map_err(|e| failed(e.into()))?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("package-store")
            .enable_all()
            .build()
            .map_err(|e| failed(e.into()))?;
        let objects = Arc::new(files.with_fsync(true));
        Ok(PackageStore { objects, runtime: Some(runtime) })
    }

    /// Writes one object from a reader, in parts, so that memory stays bounded.
    ///
    /// # Errors
    /// Busy: the store did not take it; nothing is visible under the location.
    pub fn write_object(
        &self,
        location: &str,
        mut bytes: impl Read,
    ) -> Result<(), PackageStoreError> {
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| PackageStoreError::Write {
            location: location.to_owned(),
            source,
        };
        let path = object_store::path::Path::from(location);
        let mut first = Vec::new();
        (&mut bytes)
            .take(PART_BYTES as u64)
            .read_to_end(&mut first)
            .map_err(|e| failed(e.into()))?;
        self.runtime()
            .block_on(async {
                if first.len() < PART_BYTES {
                    return self.objects.put(&path, first.into()).await.map(drop);
                }
                let upload = self.objects.put_multipart(&path).await?;
                let mut parts = WriteMultipart::new_with_chunk_size(upload, PART_BYTES);
                let mut part = first;
                while !part.is_empty() {
                    parts.wait_for_capacity(1).await?;
                    parts.put(part.into());
                    part = Vec::new();
                    (&mut bytes).take(PART_BYTES as u64).read_to_end(&mut part).map_err(
                        |source| object_store::Error::Generic {
                            store: "package file",
                            source: source.into(),
                        },
                    )?;
                }
                parts.finish().await.map(drop)
            })
            .map_err(|e| failed(e.into()))
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
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| PackageStoreError::Read {
            location: location.to_owned(),
            source,
        };
        let path = object_store::path::Path::from(location);
        self.runtime().block_on(async {
            let object = self.objects.get(&path).await.map_err(|e| failed(e.into()))?;
            let mut parts = object.into_stream();
            while let Some(part) = parts.try_next().await.map_err(|e| failed(e.into()))? {
                sink.write_all(&part).map_err(|e| failed(e.into()))?;
            }
            Ok(())
        })
    }

    /// Deletes objects; those that are gone already count as deleted.
    ///
    /// # Errors
    /// Busy: the store failed; deleting again is harmless.
    pub fn delete_objects(&self, locations: &[String]) -> Result<(), PackageStoreError> {
        for location in locations {
            let path = object_store::path::Path::from(location.as_str());
            match self.runtime().block_on(self.objects.delete(&path)) {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(source) => {
                    let (location, source) = (location.clone(), source.into());
                    return Err(PackageStoreError::Write { location, source });
                }
            }
        }
        Ok(())
    }

    /// The store itself, for servers that stream objects to their clients.
    pub fn objects(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.objects)
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
}
