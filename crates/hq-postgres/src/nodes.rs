//! The nodes that serve this database.

use jiff::Timestamp;
use tillsync_hq::storage::{NodeId, NodeName, NodeReads, NodeRecord, NodeWrites, StorageError};

use crate::tx::{PgTx, Values};

impl NodeReads for PgTx<'_> {
    fn nodes_all(&mut self) -> Result<Vec<NodeRecord>, StorageError> {
        let sql = "SELECT id, name, version, started_at, seen_at FROM node ORDER BY started_at, id";
        self.read_all(sql, &[], "list the nodes", |row| {
            Ok(NodeRecord {
                id: NodeId(row.value()?),
                name: NodeName(row.value()?),
                version: row.value()?,
                started_at: row.time()?,
                seen_at: row.time()?,
            })
        })
    }
}

impl NodeWrites for PgTx<'_> {
    fn node_put(&mut self, node: &NodeRecord) -> Result<(), StorageError> {
        let sql = "INSERT INTO node (id, name, version, started_at, seen_at)
            VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (id) DO UPDATE SET name = excluded.name, version = excluded.version,
                started_at = excluded.started_at, seen_at = excluded.seen_at";
        let values: Values<'_> = &[
            &node.id.0,
            &node.name.0,
            &node.version,
            &node.started_at.as_microsecond(),
            &node.seen_at.as_microsecond(),
        ];
        self.change(sql, values, "store a node")?;
        Ok(())
    }

    fn node_remove(&mut self, id: &NodeId) -> Result<(), StorageError> {
        self.change("DELETE FROM node WHERE id = $1", &[&id.0], "strike a node off")?;
        Ok(())
    }

    fn nodes_forget(&mut self, before: Timestamp) -> Result<u64, StorageError> {
        let sql = "DELETE FROM node WHERE seen_at < $1";
        self.change(sql, &[&before.as_microsecond()], "forget old nodes")
    }
}
