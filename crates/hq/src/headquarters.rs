//! One headquarters node: its database, its package store, and what it is given from outside.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use tillsync_domain::clock::Clock;
use tillsync_domain::entropy::{Entropy, draw_unit, uuid_v7};
use tillsync_exchange::retry::Jitter;
use uuid::Uuid;

use crate::nodes::Membership;
use crate::package_store::PackageStore;
use crate::promote::SpareAccounts;
use crate::signals::Signals;
use crate::storage::{NodeId, Storage};

/// What a node is given: nothing of it can be reached in any other way.
pub struct Ports {
    /// The database.
    pub storage: Arc<dyn Storage>,
    /// Where packages lie.
    pub packages: PackageStore,
    /// Where packages are built before they are stored.
    pub work_folder: PathBuf,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
}

/// One headquarters node.
pub struct Headquarters {
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) packages: PackageStore,
    pub(crate) work_folder: PathBuf,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) node: NodeId,
    pub(crate) membership: OnceLock<Membership>,
    /// Numbers taken off a non-continuous sequence in blocks and not given yet.
    pub(crate) spare_accounts: SpareAccounts,
    signals: Signals,
}

impl Headquarters {
    /// Sets a node up over its ports.
    pub fn new(ports: Ports) -> Self {
        let Ports { storage, packages, work_folder, clock, entropy } = ports;
        let node = NodeId(uuid_v7(entropy.as_ref(), clock.now()).to_string());
        Headquarters {
            storage,
            packages,
            work_folder,
            clock,
            entropy,
            node,
            membership: OnceLock::new(),
            spare_accounts: SpareAccounts::default(),
            signals: Signals::default(),
        }
    }

    /// The database.
    pub fn storage(&self) -> &dyn Storage {
        self.storage.as_ref()
    }

    /// The package store.
    pub fn packages(&self) -> &PackageStore {
        &self.packages
    }

    /// The wake-ups of this node.
    pub fn signals(&self) -> &Signals {
        &self.signals
    }

    /// The present time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn mint(&self, now: Timestamp) -> Uuid {
        uuid_v7(self.entropy.as_ref(), now)
    }

    pub(crate) fn jitter(&self) -> Jitter {
        Jitter(draw_unit(self.entropy.as_ref()))
    }
}
