//! Number sequences.

use tillsync_domain::number_sequence::NumberSequence;

use super::StorageError;

/// The sequences headquarters draws from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SequenceName {
    /// Permanent account numbers.
    CustomerAccount,
    /// Parties in the global address book.
    Party,
    /// Sales orders.
    SalesOrder,
    /// Invoices.
    Invoice,
    /// Vouchers of the ledger.
    Voucher,
    /// Statements.
    Statement,
}

impl SequenceName {
    /// Every sequence.
    pub const ALL: [SequenceName; 6] = [
        SequenceName::CustomerAccount,
        SequenceName::Party,
        SequenceName::SalesOrder,
        SequenceName::Invoice,
        SequenceName::Voucher,
        SequenceName::Statement,
    ];

    /// The name in commands and databases.
    pub fn as_str(self) -> &'static str {
        match self {
            SequenceName::CustomerAccount => "customer-account",
            SequenceName::Party => "party",
            SequenceName::SalesOrder => "sales-order",
            SequenceName::Invoice => "invoice",
            SequenceName::Voucher => "voucher",
            SequenceName::Statement => "statement",
        }
    }
}

/// Reading sequences.
pub trait SequenceReads {
    /// The sequence as it stands. Inside a writing transaction it stays locked until the end.
    fn sequence_get(&mut self, name: SequenceName) -> Result<Option<NumberSequence>, StorageError>;
}

/// Drawing from and changing sequences.
pub trait SequenceWrites {
    /// Stores the sequence as it stands now.
    fn sequence_put(
        &mut self,
        name: SequenceName,
        sequence: &NumberSequence,
    ) -> Result<(), StorageError>;
}
