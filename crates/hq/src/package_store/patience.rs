//! How long a store may take: whoever waits for it must hear of a store that hangs.
//!
//! The driver bounds connections and silence while it reads; a store that takes no bytes, or sends
//! them one by one, would hold it for ever.

use std::time::Duration;

/// The longest waits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// Until an object begins to come, is deleted or has a link: somebody waits for the answer.
    pub(super) begin: Duration,
    /// Until a part is written: 8 MiB over a slow line.
    pub(super) part: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Patience { begin: Duration::from_secs(20), part: Duration::from_secs(180) }
    }
}

/// Gives a call up after a while.
pub(super) async fn within<T>(
    limit: Duration,
    call: impl Future<Output = object_store::Result<T>>,
) -> object_store::Result<T> {
    match tokio::time::timeout(limit, call).await {
        Ok(answer) => answer,
        Err(source) => {
            Err(object_store::Error::Generic { store: "package store", source: source.into() })
        }
    }
}
