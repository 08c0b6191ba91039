//! The nodes that serve one headquarters, each known by its heartbeat.

use std::fmt;

use jiff::Timestamp;

use super::{LeaseHolder, StorageError};

/// One process that serves headquarters, unique over restarts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub String);

/// The name of a node for people: many nodes in a row, or at once, may bear the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeName(pub String);

/// A node that has not said that it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeRecord {
    /// Its identity.
    pub id: NodeId,
    /// What people call it.
    pub name: NodeName,
    /// The version of its program.
    pub version: String,
    /// When it began to serve.
    pub started_at: Timestamp,
    /// When it was last heard of.
    pub seen_at: Timestamp,
}

impl NodeId {
    /// Whether a lease is held by a run of this node.
    pub fn holds(&self, holder: &LeaseHolder) -> bool {
        holder.0.strip_prefix(&self.0).is_some_and(|run| run.starts_with('/'))
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reading nodes.
pub trait NodeReads {
    /// Every node that is known, in the order in which they began to serve.
    fn nodes_all(&mut self) -> Result<Vec<NodeRecord>, StorageError>;
}

/// Keeping the list of nodes.
pub trait NodeWrites {
    /// Inserts or replaces a node.
    fn node_put(&mut self, node: &NodeRecord) -> Result<(), StorageError>;

    /// Strikes a node off; one that is not there is no error.
    fn node_remove(&mut self, id: &NodeId) -> Result<(), StorageError>;

    /// Strikes off every node that was last heard of before that time.
    fn nodes_forget(&mut self, before: Timestamp) -> Result<u64, StorageError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_belongs_to_the_node_whose_run_holds_it() {
        let node = NodeId("01a".into());
        assert!(node.holds(&LeaseHolder("01a/77".into())));
        assert!(!node.holds(&LeaseHolder("01ab/77".into())));
        assert!(!node.holds(&LeaseHolder("01b/01a".into())));
    }
}
