//! The nodes of one headquarters: who serves, who holds which lease, and an orderly farewell.
//!
//! The list is for people. Nothing that must be safe rests on it: leases expire by themselves, and
//! every batch is one transaction, whoever runs it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tillsync_domain::job::JobName;

use crate::headquarters::Headquarters;
use crate::jobs::end_dead_run;
use crate::signals::News;
use crate::storage::{Lease, NodeId, NodeName, NodeRecord, StorageError};

/// How often a node says that it is there.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(5);

/// A node that was silent for longer counts as absent: as long as a lease lasts.
const ABSENT_AFTER: SignedDuration = SignedDuration::from_secs(15);

/// How long a node that fell silent stays on the list.
const FORGOTTEN_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// What a node tells of itself.
#[derive(Debug)]
pub(crate) struct Membership {
    name: NodeName,
    version: String,
    started_at: Timestamp,
}

/// A node and whether it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeState {
    /// What is known of it.
    pub node: NodeRecord,
    /// Whether it was heard of lately.
    pub is_present: bool,
}

/// A lease that has not expired, and the node whose run holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseState {
    /// The lease.
    pub lease: Lease,
    /// The node; absent when a command holds it, which is no node.
    pub node: Option<NodeRecord>,
}

impl Headquarters {
    /// Says under which name this process serves; from then on its workers keep it on the list of
    /// nodes. Only the first call counts.
    pub fn join(&self, name: NodeName, version: &str) {
        let (version, started_at) = (version.to_owned(), self.now());
        // A second name would only confuse.
        drop(self.membership.set(Membership { name, version, started_at }));
    }

    /// Which node this is.
    pub fn node(&self) -> &NodeId {
        &self.node
    }

    /// The nodes that serve this headquarters, and those that fell silent in the last day.
    ///
    /// # Errors
    /// Busy, Broken: the database failed.
    pub fn list_nodes(&self) -> Result<Vec<NodeState>, StorageError> {
        let nodes = self.storage.read(|tx| tx.nodes_all())?;
        let now = self.now();
        let state = |node: NodeRecord| {
            let is_present = now.duration_since(node.seen_at) < ABSENT_AFTER;
            NodeState { node, is_present }
        };
        Ok(nodes.into_iter().map(state).collect())
    }

    /// The leases that keep jobs single now.
    ///
    /// # Errors
    /// Busy, Broken: the database failed.
    pub fn list_leases(&self) -> Result<Vec<LeaseState>, StorageError> {
        let now = self.now();
        self.storage.read(|tx| {
            let nodes = tx.nodes_all()?;
            let mut leases = Vec::new();
            for job in JobName::ALL {
                let lease = tx.lease_get(job)?;
                let Some(lease) = lease.filter(|lease| lease.expires_at > now) else { continue };
                let node = nodes.iter().find(|node| node.id.holds(&lease.holder)).cloned();
                leases.push(LeaseState { lease, node });
            }
            Ok(leases)
        })
    }

    /// Says that this node is there, if it has joined.
    ///
    /// # Errors
    /// Busy, Broken: the database failed.
    pub fn send_heartbeat(&self) -> Result<(), StorageError> {
        let Some(membership) = self.membership.get() else { return Ok(()) };
        let Membership { name, version, started_at } = membership;
        let seen_at = self.now();
        let node = NodeRecord {
            id: self.node.clone(),
            name: name.clone(),
            version: version.clone(),
            started_at: *started_at,
            seen_at,
        };
        self.storage.write(|tx| {
            tx.node_put(&node)?;
            tx.nodes_forget(seen_at - FORGOTTEN_AFTER).map(drop)
        })
    }

    /// Gives back every lease that runs of this node hold, strikes it off the list, and tells the
    /// others to look for what it leaves behind.
    pub(crate) fn leave(&self) -> Result<(), StorageError> {
        let now = self.now();
        self.storage.write(|tx| {
            for job in JobName::ALL {
                let lease = tx.lease_get(job)?;
                if let Some(lease) = lease.filter(|lease| self.node.holds(&lease.holder)) {
                    tx.lease_release(job, &lease.holder)?;
                    end_dead_run(tx, &lease.run, now)?;
                }
            }
            tx.node_remove(&self.node)
        })?;
        self.signals().announce(News::Work);
        Ok(())
    }
}
