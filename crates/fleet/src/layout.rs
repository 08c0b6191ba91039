//! Where a fleet keeps its files: the layout that `tillsync --data-dir` understands.

use std::path::{Path, PathBuf};

use tillsync_domain::ids::DatabaseId;

/// The folder of one fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// The layout under a folder.
    pub fn under(root: &Path) -> Self {
        Layout { root: root.to_owned() }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of headquarters, with `hq.db`.
    pub fn headquarters(&self) -> PathBuf {
        self.root.join("hq")
    }

    /// The token for headquarters' operator interface.
    pub fn operator_token(&self) -> PathBuf {
        self.headquarters().join("operator.token")
    }

    /// The folder of all stores.
    pub fn stores(&self) -> PathBuf {
        self.root.join("stores")
    }

    /// The folder of a store, with `channel.db`.
    pub fn store(&self, store: &DatabaseId) -> PathBuf {
        self.stores().join(store.as_str())
    }

    /// The folder of a store's registers.
    pub fn registers(&self, store: &DatabaseId) -> PathBuf {
        self.store(store).join("registers")
    }

    /// The folder of one register of a store, with `offline.db`; registers count from 1.
    pub fn register(&self, store: &DatabaseId, number: usize) -> PathBuf {
        self.registers(store).join(number.to_string())
    }

    /// What a server wrote to standard error.
    pub fn log(&self, server: &str) -> PathBuf {
        self.logs().join(format!("{server}.log"))
    }

    /// The folder of all logs.
    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }
}
