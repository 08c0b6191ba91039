//! Bugs of the exchange, by a hand on messages.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tillsync_domain::ids::{DatabaseId, EpochId};
use tillsync_exchange::messages::{Hello, UploadReceipt, Welcome};
use tillsync_exchange::package::{Manifest, Span};

use super::Bug;
use crate::chain::Chain;
use crate::net::Wire;

/// Everything of a database goes up in the first of its epochs, and neither end can tell.
pub(super) struct IgnoresTheEpoch;

impl Bug for IgnoresTheEpoch {
    fn name(&self) -> &'static str {
        "ignores the epoch"
    }

    fn found_by(&self) -> &'static [&'static str] {
        &["logs", "watermarks", "trades kept", "customers kept", "addresses kept", "rest"]
    }

    fn plant(&self, chain: &Arc<Chain>) {
        chain.net.add_wire(Arc::<FirstEpoch>::default());
    }
}

#[derive(Default)]
struct FirstEpoch(Mutex<BTreeMap<String, Epochs>>);

struct Epochs {
    first: EpochId,
    current: EpochId,
}

impl FirstEpoch {
    /// Notes the epoch that an edge is in, and returns the first that it was in.
    fn pretend(&self, edge: &DatabaseId, current: EpochId) -> EpochId {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let epochs = known.entry(edge.to_string()).or_insert(Epochs { first: current, current });
        epochs.current = current;
        epochs.first
    }

    /// The epoch that an edge is really in.
    fn current(&self, edge: &DatabaseId) -> Option<EpochId> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(edge.as_str()).map(|epochs| epochs.current)
    }
}

impl Wire for FirstEpoch {
    fn hello(&self, from: &DatabaseId, hello: &mut Hello) {
        hello.epoch = self.pretend(from, hello.epoch);
    }

    fn welcome(&self, to: &DatabaseId, welcome: &mut Welcome) {
        if let Some(current) = self.current(to) {
            welcome.watermark.epoch = current;
            // Whoever knows no epochs knows no entries either.
            welcome.watermark.entry = None;
        }
    }

    fn upload(&self, from: &DatabaseId, manifest: &mut Manifest, _bytes: &mut Vec<u8>) {
        if let Span::Upload { epoch, .. } = &mut manifest.span {
            *epoch = self.pretend(from, *epoch);
        }
    }

    fn receipt(&self, to: &DatabaseId, receipt: &mut UploadReceipt) {
        if let Some(current) = self.current(to) {
            receipt.watermark.epoch = current;
            receipt.watermark.entry = None;
        }
    }
}
