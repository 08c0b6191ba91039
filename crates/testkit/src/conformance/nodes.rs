//! The list of nodes.

use tillsync_hq::storage::{NodeId, NodeName, NodeRecord, Storage};

use crate::builders::at;

fn node(id: &str, started: i64, seen: i64) -> NodeRecord {
    NodeRecord {
        id: NodeId(id.into()),
        name: NodeName("müller's \"first\"".into()),
        version: "1.2.3".into(),
        started_at: at(started),
        seen_at: at(seen),
    }
}

fn put(storage: &dyn Storage, nodes: &[NodeRecord]) {
    for node in nodes {
        storage.write(|tx| tx.node_put(node)).expect("stored");
    }
}

fn listed(storage: &dyn Storage) -> Vec<NodeRecord> {
    storage.read(|tx| tx.nodes_all()).expect("readable")
}

/// A heartbeat.
pub fn a_node_is_replaced_by_its_identity(storage: &dyn Storage) {
    assert_eq!(listed(storage), []);
    let later = NodeRecord { name: NodeName("b".into()), ..node("a", 1, 7) };
    for stage in [node("a", 1, 1), later] {
        put(storage, std::slice::from_ref(&stage));
        assert_eq!(listed(storage), [stage]);
    }
}

/// Nodes of one moment by identity.
pub fn nodes_are_listed_in_the_order_of_their_start(storage: &dyn Storage) {
    let [a, b, c] = [node("a", 2, 9), node("b", 1, 3), node("c", 2, 2)];
    put(storage, &[c.clone(), a.clone(), b.clone()]);
    assert_eq!(listed(storage), [b, a, c]);
}

/// However often it says so.
pub fn a_node_that_leaves_is_struck_off(storage: &dyn Storage) {
    let stays = node("b", 2, 2);
    put(storage, &[node("a", 1, 1), stays.clone()]);
    for _ in 0..2 {
        storage.write(|tx| tx.node_remove(&NodeId("a".into()))).expect("struck off");
        assert_eq!(listed(storage), std::slice::from_ref(&stays));
    }
}

/// A node that was heard of at that very moment stays.
pub fn only_nodes_that_were_not_heard_of_are_forgotten(storage: &dyn Storage) {
    let stays = node("b", 1, 10);
    put(storage, &[node("a", 5, 9), stays.clone()]);
    assert_eq!(storage.write(|tx| tx.nodes_forget(at(10))).expect("a count"), 1);
    assert_eq!(listed(storage), [stays]);
    assert_eq!(storage.write(|tx| tx.nodes_forget(at(10))).expect("a count"), 0);
}
