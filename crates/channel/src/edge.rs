//! One open edge database with everything its use cases share.
//!
//! It must never decide what a use case decides; it only holds what they need.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use tillsync_domain::customer::{AddressDraft, CustomerType, Text, Violations};
use tillsync_domain::entropy::{Entropy, uuid_v7};
use tillsync_domain::ids::AddressGuid;
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::money::Currency;
use tillsync_exchange::messages::{DatabaseKind, ExchangeMode};
use uuid::Uuid;

use crate::db::{Db, DbError, Disk};
use crate::identity::{self, Identity, database_file, kind_name};
use crate::link::Link;
use crate::realtime;
use crate::search::index;
use crate::sell::UnderWay;
use crate::signals::Signals;

/// What an edge needs besides its database.
#[derive(Clone)]
pub struct EdgeOptions {
    /// Where identities come from.
    pub entropy: Arc<dyn Entropy>,
    /// The country of an address that names none (F31), as an ISO 3166-1 alpha-3 code.
    pub country_default: Option<String>,
    /// The currency of a sale, an order or a count that names none.
    pub currency_default: Currency,
    /// Where the database lies.
    pub disk: Arc<dyn Disk>,
}

/// Why an edge cannot start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Nobody told it yet who it is.
    #[error(
        "{} is not enrolled: run `tillsync {} enrol` with an activation code first",
        path.display(), kind_name(*kind)
    )]
    NotEnrolled {
        /// The database.
        path: PathBuf,
        /// What it should be.
        kind: DatabaseKind,
    },
    /// The file is of the other kind.
    #[error("{} is the database of a {}", path.display(), kind_name(*found))]
    OtherKind {
        /// The database.
        path: PathBuf,
        /// What it is.
        found: DatabaseKind,
    },
    /// The default country is no country code.
    #[error("the default country is not usable")]
    Country(#[source] Violations),
    /// The database failed.
    #[error("open the edge database")]
    Db(#[from] DbError),
}

impl OpenError {
    /// What sort of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            OpenError::NotEnrolled { .. } => ErrorKind::NotFound,
            OpenError::OtherKind { .. } => ErrorKind::Conflict,
            OpenError::Country(_) => ErrorKind::Invalid,
            OpenError::Db(error) => error.kind(),
        }
    }
}

/// One open edge.
pub struct Edge {
    pub(crate) db: Db,
    pub(crate) link: Link,
    pub(crate) signals: Signals,
    /// Creations and orders.
    pub(crate) realtime: realtime::Line,
    /// Searches of all stores, which may be slow or busy while the others are answered.
    pub(crate) searches: realtime::Line,
    /// Orders for which headquarters' answer is awaited.
    pub(crate) orders_under_way: UnderWay,
    identity: Identity,
    entropy: Arc<dyn Entropy>,
    country_default: Option<Text>,
    currency_default: Currency,
}

impl Edge {
    /// Opens the database of an enrolled edge in a data directory.
    ///
    /// # Errors
    /// NotFound: not enrolled. Conflict: the file is of the other kind. Broken: unusable.
    pub fn open(
        data_dir: &Path,
        kind: DatabaseKind,
        options: EdgeOptions,
    ) -> Result<Self, OpenError> {
        let path = data_dir.join(database_file(kind));
        if !path.exists() {
            return Err(OpenError::NotEnrolled { path, kind });
        }
        let db = Db::open_on(&path, options.disk)?;
        let Some(identity) = db.read(identity::identity_read)? else {
            return Err(OpenError::NotEnrolled { path, kind });
        };
        if identity.kind != kind {
            return Err(OpenError::OtherKind { path, found: identity.kind });
        }
        index::fill_if_stale(&db)?;
        let mode = db.read(identity::mode_read)?;
        let country_default =
            options.country_default.map(check_country).transpose().map_err(OpenError::Country)?;
        Ok(Edge {
            db,
            link: Link::default(),
            signals: Signals::new(mode),
            realtime: realtime::Line::default(),
            searches: realtime::Line::default(),
            orders_under_way: UnderWay::default(),
            identity,
            entropy: options.entropy,
            country_default: country_default.flatten(),
            currency_default: options.currency_default,
        })
    }

    /// Who this is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The database.
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// The mode the edge is in.
    pub fn mode(&self) -> ExchangeMode {
        self.signals.mode()
    }

    /// Where random numbers come from.
    pub fn entropy(&self) -> &dyn Entropy {
        self.entropy.as_ref()
    }

    /// A new identity for a time.
    pub(crate) fn mint(&self, now: Timestamp) -> Uuid {
        uuid_v7(self.entropy.as_ref(), now)
    }

    /// New identities for a time, in ascending order: what is created together keeps its order.
    pub(crate) fn mint_ordered(&self, now: Timestamp, count: usize) -> Vec<Uuid> {
        let mut minted: Vec<Uuid> = (0..count).map(|_| self.mint(now)).collect();
        minted.sort_unstable();
        minted
    }

    /// The country of an address that names none.
    pub(crate) fn country_default(&self) -> Option<&Text> {
        self.country_default.as_ref()
    }

    /// The currency of what names none.
    pub fn currency_default(&self) -> Currency {
        self.currency_default
    }

    /// Puts the edge into a mode, durably, if it is not in it already.
    pub(crate) fn enter_mode(&self, mode: ExchangeMode) -> Result<(), DbError> {
        if self.signals.mode() != mode {
            self.db.write(move |connection| identity::mode_write(connection, mode))?;
            self.signals.enter_mode(mode);
        }
        Ok(())
    }
}

/// The rules for a country are those of an address: this is the address with nothing else.
fn check_country(country: String) -> Result<Option<Text>, Violations> {
    let draft = AddressDraft {
        street: Some("-".to_owned()),
        country: Some(country),
        ..AddressDraft::default()
    };
    let checked = draft.check(AddressGuid::from_uuid(Uuid::nil()), CustomerType::Person)?;
    Ok(checked.country)
}
