//! The storage contract: what headquarters asks of a database, and what every backend must keep.
//!
//! - A write runs alone: either the whole closure is durable when [`Storage::write`] returns, or
//!   nothing of it is. A backend may run the closure again after a serialization failure, so the
//!   closure must have no effect outside its transaction.
//! - A read sees one snapshot from its first statement to its last.
//! - Every list has a total order. No statement reads a clock or draws a random number.

mod customers;
mod databases;
mod distribution;
mod documents;
mod error;
mod exclusion;
mod features;
mod inbox;
mod items;
mod jobs;
mod nodes;
mod operations;
mod parameters;
mod profiles;
mod recovery;
mod search;
mod sequences;
mod staff;
mod statements;

pub use customers::{AliasRecord, CustomerReads, CustomerRecord, CustomerWrites, PromotionContext};
pub use databases::{
    Activation, DatabaseReads, DatabaseRecord, DatabaseWrites, GroupRecord, NewDatabase,
    OperatorToken,
};
pub use distribution::{
    ChangeSelection, DistributionReads, DistributionWrites, DownloadRow, DownloadSessionRecord,
    ForgottenPackages, PackageRecord, Position, SessionFilter, StalePackages, Stream,
    UploadSessionRecord,
};
pub use documents::{
    ArrivingContent, ArrivingDocument, DocumentPosition, DocumentReads, DocumentWrites, DueOrders,
    DueTransactions, OrderState, ShiftRecord, StagedCustomer, TransactionCounts, TransactionEdit,
    TransactionFilter, TransactionHeader, TransactionRecord, Verdict,
};
pub use error::StorageError;
pub use exclusion::{
    ExclusionReads, ExclusionWrites, LeverRecord, OfflineProfileRecord, RegisterProfile,
};
pub use features::{FeatureReads, FeatureRecord, FeatureWrites};
pub use inbox::{
    DueOperations, InboxCounts, InboxReads, InboxWrites, InsertCounts, OperationRecord,
    OperationSource,
};
pub use items::{ItemReads, ItemWrites, ProductRow};
pub use jobs::{
    JobReads, JobWrites, Lease, LeaseHolder, LeaseOutcome, RunOutcome, RunRecord, ScheduleRecord,
    Trigger,
};
pub use nodes::{NodeId, NodeName, NodeReads, NodeRecord, NodeWrites};
pub use operations::{
    OperationAct, OperationEvent, OperationReads, OperationSelection, OperationWrites,
};
pub use parameters::{ParameterReads, ParameterWrites, Parameters};
pub use profiles::{ProfileReads, ProfileRecord, ProfileSelection, ProfileWrites};
pub use recovery::{
    HearingRecord, NumberConflict, Promise, RecoveryReads, RecoveryRecord, RecoveryWrites,
};
pub use search::{SearchPosition, SearchReads, SearchWrites};
pub use sequences::{SequenceName, SequenceReads, SequenceWrites};
pub use staff::{StaffReads, StaffRecord, StaffSelection, StaffWrites, staff_row};
pub use statements::{
    AggregateLine, AggregateRecord, LedgerEntry, PostedCounts, StatementFilter, StatementReads,
    StatementRecord, StatementWrites, TrialBalance, Voucher,
};

/// Everything that can be read in one snapshot.
pub trait ReadTx:
    DatabaseReads
    + InboxReads
    + OperationReads
    + CustomerReads
    + SequenceReads
    + DistributionReads
    + JobReads
    + NodeReads
    + DocumentReads
    + StatementReads
    + ItemReads
    + ParameterReads
    + ExclusionReads
    + ProfileReads
    + FeatureReads
    + StaffReads
    + RecoveryReads
    + SearchReads
{
}

impl<T> ReadTx for T where
    T: DatabaseReads
        + InboxReads
        + OperationReads
        + CustomerReads
        + SequenceReads
        + DistributionReads
        + JobReads
        + NodeReads
        + DocumentReads
        + StatementReads
        + ItemReads
        + ParameterReads
        + ExclusionReads
        + ProfileReads
        + FeatureReads
        + StaffReads
        + RecoveryReads
        + SearchReads
{
}

/// Everything that can be done in one transaction.
pub trait WriteTx:
    ReadTx
    + DatabaseWrites
    + InboxWrites
    + OperationWrites
    + CustomerWrites
    + SequenceWrites
    + DistributionWrites
    + JobWrites
    + NodeWrites
    + DocumentWrites
    + StatementWrites
    + ItemWrites
    + ParameterWrites
    + ExclusionWrites
    + ProfileWrites
    + FeatureWrites
    + StaffWrites
    + RecoveryWrites
    + SearchWrites
{
}

impl<T> WriteTx for T where
    T: ReadTx
        + DatabaseWrites
        + InboxWrites
        + OperationWrites
        + CustomerWrites
        + SequenceWrites
        + DistributionWrites
        + JobWrites
        + NodeWrites
        + DocumentWrites
        + StatementWrites
        + ItemWrites
        + ParameterWrites
        + ExclusionWrites
        + ProfileWrites
        + FeatureWrites
        + StaffWrites
        + RecoveryWrites
        + SearchWrites
{
}

/// The work of one transaction that writes.
pub type WriteWork<'a> = &'a mut dyn FnMut(&mut dyn WriteTx) -> Result<(), StorageError>;

/// The work of one snapshot.
pub type ReadWork<'a> = &'a mut dyn FnMut(&mut dyn ReadTx) -> Result<(), StorageError>;

/// A headquarters database.
pub trait Storage: Send + Sync {
    /// Runs the work in one transaction and makes it durable, or leaves no trace of it.
    ///
    /// # Errors
    /// Those of the work; Busy or Broken when the transaction cannot begin or commit.
    fn write_with(&self, work: WriteWork<'_>) -> Result<(), StorageError>;

    /// Runs the work over one snapshot.
    ///
    /// # Errors
    /// Those of the work; Busy or Broken when the snapshot cannot be taken.
    fn read_with(&self, work: ReadWork<'_>) -> Result<(), StorageError>;

    /// Checks that the database itself is sound; each finding is a sentence.
    ///
    /// # Errors
    /// Broken: the check could not run.
    fn check_integrity(&self) -> Result<Vec<String>, StorageError>;
}

impl dyn Storage + '_ {
    /// Runs the work in one transaction and returns what it yields.
    ///
    /// # Errors
    /// As [`Storage::write_with`].
    pub fn write<T>(
        &self,
        mut work: impl FnMut(&mut dyn WriteTx) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        let mut yielded = None;
        self.write_with(&mut |tx| {
            yielded = Some(work(tx)?);
            Ok(())
        })?;
        Ok(yielded.expect("work that succeeded has yielded"))
    }

    /// The same, keeping what the work did only when it yields `Ok`: an `Err` within undoes it all
    /// and is handed on.
    ///
    /// # Errors
    /// As [`Storage::write_with`].
    pub fn write_or_undo<T, U>(
        &self,
        mut work: impl FnMut(&mut dyn WriteTx) -> Result<Result<T, U>, StorageError>,
    ) -> Result<Result<T, U>, StorageError> {
        let mut unwanted = None;
        let written = self.write(|tx| {
            unwanted = None;
            work(tx)?.map_err(|why| {
                unwanted = Some(why);
                let doing = "undo a transaction that its own work does not want";
                StorageError::Constraint { doing, source: "nothing of it is kept".into() }
            })
        });
        match unwanted {
            Some(why) => Ok(Err(why)),
            None => written.map(Ok),
        }
    }

    /// Runs the work over one snapshot and returns what it yields.
    ///
    /// # Errors
    /// As [`Storage::read_with`].
    pub fn read<T>(
        &self,
        mut work: impl FnMut(&mut dyn ReadTx) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        let mut yielded = None;
        self.read_with(&mut |tx| {
            yielded = Some(work(tx)?);
            Ok(())
        })?;
        Ok(yielded.expect("work that succeeded has yielded"))
    }
}
