//! Number sequences, one row each; the writing transaction that reads one has the whole database
//! to itself, so nobody draws the same number.

use rusqlite::params;
use tillsync_domain::number_sequence::{NumberSequence, SequenceMode};
use tillsync_hq::storage::{SequenceName, SequenceReads, SequenceWrites, StorageError};

use crate::SqliteTx;
use crate::columns::{change, read_one};

impl SequenceReads for SqliteTx<'_> {
    fn sequence_get(&mut self, name: SequenceName) -> Result<Option<NumberSequence>, StorageError> {
        let sql = "SELECT format, block_size, next, largest FROM number_sequence WHERE name = ?1";
        read_one(self.connection, sql, [name.as_str()], "read a number sequence", |row| {
            let format = row.text()?;
            let mode = match row.value()? {
                Some(size) => SequenceMode::Blocks { size },
                None => SequenceMode::Continuous,
            };
            Ok(NumberSequence { format, mode, next: row.unsigned()?, largest: row.unsigned()? })
        })
    }
}

impl SequenceWrites for SqliteTx<'_> {
    fn sequence_put(
        &mut self,
        name: SequenceName,
        sequence: &NumberSequence,
    ) -> Result<(), StorageError> {
        let block_size = match sequence.mode {
            SequenceMode::Continuous => None,
            SequenceMode::Blocks { size } => Some(size),
        };
        let sql = "INSERT INTO number_sequence (name, format, block_size, next, largest)
            VALUES (?1, ?2, ?3, ?4, ?5)
            ON CONFLICT (name) DO UPDATE SET format = excluded.format,
                block_size = excluded.block_size, next = excluded.next,
                largest = excluded.largest";
        let values = params![
            name.as_str(),
            sequence.format.as_str(),
            block_size,
            sequence.next.cast_signed(),
            sequence.largest.cast_signed(),
        ];
        change(self.connection, sql, values, "store a number sequence")?;
        Ok(())
    }
}
