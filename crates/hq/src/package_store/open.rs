//! Opening a package store: which driver, with which patience.
//!
//! It must never ask the store anything: headquarters starts although its store is away.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::local::LocalFileSystem;
use object_store::prefix::PrefixStore;
use object_store::signer::Signer;
use object_store::{BackoffConfig, ClientConfigKey, ObjectStore, RetryConfig};

use super::location::{PackageUrl, Place, Service};
use super::patience::Patience;
use super::{PackageStore, PackageStoreError, Said};

/// How long a store may leave a connection without a byte, and a part without an answer.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// How long a connection may take.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// How long one call is repeated. Whoever called tries again later: it must not hang meanwhile.
const RETRY_MAX: Duration = Duration::from_secs(10);

/// The longest pause between two tries of one call.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// One variable of the environment.
type Variable = (String, String);

impl PackageStore {
    /// Opens a folder, making it if needed. Every write is flushed to disk before it counts.
    ///
    /// # Errors
    /// Broken: the folder cannot be made or used.
    pub fn open_folder(folder: &Path) -> Result<Self, PackageStoreError> {
        let open = || {
            std::fs::create_dir_all(folder)?;
            let files = LocalFileSystem::new_with_prefix(folder)?;
            // A file of this machine is of no use to a channel: there are no links to it.
            Self::over(Driver { objects: Arc::new(files.with_fsync(true)), signer: None })
        };
        open().map_err(|source| PackageStoreError::Open {
            place: folder.display().to_string(),
            source,
        })
    }

    /// Opens the store at a URL. What the driver needs beyond it, first of all credentials, it
    /// takes from the variables: those named `AWS_…`, `GOOGLE_…` or `AZURE_…`.
    ///
    /// # Errors
    /// Broken: the folder cannot be used, or a variable makes no sense.
    pub fn open(
        url: &PackageUrl,
        environment: impl IntoIterator<Item = Variable>,
    ) -> Result<Self, PackageStoreError> {
        let (service, bucket, prefix) = match &url.place {
            Place::Folder(folder) => return Self::open_folder(folder),
            Place::Bucket { service, bucket, prefix } => (*service, bucket, prefix.as_str()),
        };
        let open = || Self::over(open_bucket(service, (bucket, prefix), environment)?);
        open().map_err(|source| PackageStoreError::Open { place: url.to_string(), source })
    }

    fn over(driver: Driver) -> Result<Self, Said> {
        let Driver { objects, signer } = driver;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("package-store")
            .enable_all()
            .build()?;
        Ok(PackageStore { objects, signer, patience: Patience::default(), runtime: Some(runtime) })
    }
}

/// What a store's driver can do.
struct Driver {
    objects: Arc<dyn ObjectStore>,
    signer: Option<Arc<dyn Signer>>,
}

impl Driver {
    fn of<S: ObjectStore + Signer>(bucket: S, prefix: &str) -> Self {
        let store = Arc::new(PrefixStore::new(bucket, prefix));
        let signer: Arc<dyn Signer> = Arc::clone(&store) as _;
        Driver { objects: store, signer: Some(signer) }
    }
}

fn open_bucket(
    service: Service,
    (bucket, prefix): (&str, &str),
    environment: impl IntoIterator<Item = Variable>,
) -> Result<Driver, Said> {
    // The process may have chosen one already; any will do.
    let _chosen = rustls::crypto::ring::default_provider().install_default();
    let variables = environment.into_iter();
    let variables = variables.map(|(name, value)| (name.to_ascii_lowercase(), value));
    Ok(match service {
        Service::S3 => {
            let mut builder = AmazonS3Builder::new().with_retry(retries());
            for (key, value) in patience() {
                builder = builder.with_config(AmazonS3ConfigKey::Client(key), value);
            }
            for (name, value) in variables.filter(|(name, _)| name.starts_with("aws_")) {
                if let Ok(key) = name.parse() {
                    builder = builder.with_config(key, value);
                }
            }
            Driver::of(builder.with_bucket_name(bucket).build()?, prefix)
        }
        Service::Google => {
            let mut builder = GoogleCloudStorageBuilder::new().with_retry(retries());
            for (key, value) in patience() {
                builder = builder.with_config(GoogleConfigKey::Client(key), value);
            }
            for (name, value) in variables.filter(|(name, _)| name.starts_with("google_")) {
                if let Ok(key) = name.parse() {
                    builder = builder.with_config(key, value);
                }
            }
            Driver::of(builder.with_bucket_name(bucket).build()?, prefix)
        }
        Service::Azure => {
            let mut builder = MicrosoftAzureBuilder::new().with_retry(retries());
            for (key, value) in patience() {
                builder = builder.with_config(AzureConfigKey::Client(key), value);
            }
            for (name, value) in variables.filter(|(name, _)| name.starts_with("azure_")) {
                if let Ok(key) = name.parse() {
                    builder = builder.with_config(key, value);
                }
            }
            Driver::of(builder.with_container_name(bucket).build()?, prefix)
        }
    })
}

/// As settings, so that variables can override them. A whole object may take as long as it likes:
/// a channel behind a slow line reads it through headquarters.
fn patience() -> [(ClientConfigKey, String); 3] {
    let seconds = |duration: Duration| format!("{} s", duration.as_secs());
    [
        (ClientConfigKey::ConnectTimeout, seconds(CONNECT_MAX)),
        (ClientConfigKey::ReadTimeout, seconds(SILENCE_MAX)),
        (ClientConfigKey::Timeout, seconds(Duration::from_hours(24))),
    ]
}

fn retries() -> RetryConfig {
    let backoff = BackoffConfig { max_backoff: PAUSE_MAX, ..BackoffConfig::default() };
    RetryConfig { backoff, max_retries: 3, retry_timeout: RETRY_MAX }
}
