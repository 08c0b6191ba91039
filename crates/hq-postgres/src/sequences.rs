//! Number sequences, one row each; the writing transaction that reads one keeps it locked, so
//! nobody draws the same number.

use tillsync_domain::number_sequence::{NumberSequence, SequenceMode};
use tillsync_hq::storage::{SequenceName, SequenceReads, SequenceWrites, StorageError};

use crate::columns::corrupt;
use crate::tx::{PgTx, Values};

const SEQUENCE: &str =
    "SELECT format, block_size, next, largest FROM number_sequence WHERE name = $1";
const SEQUENCE_LOCKED: &str =
    "SELECT format, block_size, next, largest FROM number_sequence WHERE name = $1 FOR UPDATE";

impl SequenceReads for PgTx<'_> {
    fn sequence_get(&mut self, name: SequenceName) -> Result<Option<NumberSequence>, StorageError> {
        let sql = if self.is_writing() { SEQUENCE_LOCKED } else { SEQUENCE };
        self.read_one(sql, &[&name.as_str()], "read a number sequence", |row| {
            let format = row.text()?;
            let mode = match row.value::<Option<i64>>()? {
                Some(size) => {
                    SequenceMode::Blocks { size: size.try_into().map_err(|_| corrupt(&size))? }
                }
                None => SequenceMode::Continuous,
            };
            Ok(NumberSequence { format, mode, next: row.unsigned()?, largest: row.unsigned()? })
        })
    }
}

impl SequenceWrites for PgTx<'_> {
    fn sequence_put(
        &mut self,
        name: SequenceName,
        sequence: &NumberSequence,
    ) -> Result<(), StorageError> {
        let block_size = match sequence.mode {
            SequenceMode::Continuous => None,
            SequenceMode::Blocks { size } => Some(i64::from(size)),
        };
        let sql = "INSERT INTO number_sequence (name, format, block_size, next, largest)
            VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (name) DO UPDATE SET format = excluded.format,
                block_size = excluded.block_size, next = excluded.next,
                largest = excluded.largest";
        let values: Values<'_> = &[
            &name.as_str(),
            &sequence.format.as_str(),
            &block_size,
            &sequence.next.cast_signed(),
            &sequence.largest.cast_signed(),
        ];
        self.change(sql, values, "store a number sequence")?;
        Ok(())
    }
}
