//! The nodes that serve this database: one, as a rule.

use jiff::Timestamp;
use rusqlite::params;
use tillsync_hq::storage::{NodeId, NodeName, NodeReads, NodeRecord, NodeWrites, StorageError};

use crate::SqliteTx;
use crate::columns::{change, read_all};

impl NodeReads for SqliteTx<'_> {
    fn nodes_all(&mut self) -> Result<Vec<NodeRecord>, StorageError> {
        let sql = "SELECT id, name, version, started_at, seen_at FROM node ORDER BY started_at, id";
        read_all(self.connection, sql, [], "list the nodes", |row| {
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

impl NodeWrites for SqliteTx<'_> {
    fn node_put(&mut self, node: &NodeRecord) -> Result<(), StorageError> {
        let sql = "INSERT INTO node (id, name, version, started_at, seen_at)
            VALUES (?1, ?2, ?3, ?4, ?5)
            ON CONFLICT (id) DO UPDATE SET name = excluded.name, version = excluded.version,
                started_at = excluded.started_at, seen_at = excluded.seen_at";
        let values = params![
            node.id.0,
            node.name.0,
            node.version,
            node.started_at.as_microsecond(),
            node.seen_at.as_microsecond(),
        ];
        change(self.connection, sql, values, "store a node")?;
        Ok(())
    }

    fn node_remove(&mut self, id: &NodeId) -> Result<(), StorageError> {
        let sql = "DELETE FROM node WHERE id = ?1";
        change(self.connection, sql, [&id.0], "strike a node off")?;
        Ok(())
    }

    fn nodes_forget(&mut self, before: Timestamp) -> Result<u64, StorageError> {
        let sql = "DELETE FROM node WHERE seen_at < ?1";
        let values = [before.as_microsecond()];
        Ok(change(self.connection, sql, values, "forget old nodes")? as u64)
    }
}
