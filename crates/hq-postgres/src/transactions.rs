//! The rows of documents and of what headquarters made of them, as they are read.

use tillsync_domain::document::DocumentKind;
use tillsync_domain::ids::{
    AccountNumber, AddressGuid, CustomerGuid, CustomerKey, EntryId, EpochId, StatementId,
};
use tillsync_domain::money::Currency;
use tillsync_domain::order::OrderStatus;
use tillsync_domain::validation::ValidationStatus;
use tillsync_exchange::rows::document::DocumentRow;
use tillsync_hq::storage::{
    DocumentPosition, OperationSource, OrderState, StorageError, TransactionHeader,
    TransactionRecord,
};

use crate::columns::{Columns, Read};
use crate::tx::{PgTx, Values};

/// The columns that [`received_document`] reads.
macro_rules! document_columns {
    ($table:literal) => {
        concat!(
            $table,
            ".position, ",
            $table,
            ".id, ",
            $table,
            ".counter, ",
            $table,
            ".number, ",
            $table,
            ".kind, ",
            $table,
            ".created_at, ",
            $table,
            ".origin, ",
            $table,
            ".staff, ",
            $table,
            ".relayed_at, ",
            $table,
            ".content, ",
            $table,
            ".source, ",
            $table,
            ".epoch, ",
            $table,
            ".received_at"
        )
    };
}
pub(crate) use document_columns;

/// The columns that [`transaction_record`] reads.
macro_rules! transaction_columns {
    () => {
        concat!(
            crate::transactions::document_columns!("document"),
            ", state.kind, state.customer_guid, state.customer_account, state.ship_to,
            state.shift, state.receipt, state.currency, state.total, state.is_voided,
            state.repaired, state.validation, state.findings, state.validated_at, state.account,
            state.statement, state.posted_at, state.voucher, synchronized.status,
            synchronized.error, synchronized.tries, synchronized.next_try_at,
            synchronized.modified_at, synchronized.editor, synchronized.status_before,
            synchronized.is_repaired, synchronized.sales_order, synchronized.hold"
        )
    };
}

/// Adds document and order to each `state` that stands before it, in the order of the states.
macro_rules! with_document {
    () => {
        " JOIN document ON document.position = state.position
        LEFT JOIN order_state AS synchronized ON synchronized.position = state.position"
    };
}

/// A transaction by whatever stands in the `WHERE` behind it.
macro_rules! transaction_select {
    ($from:literal) => {
        concat!(
            "SELECT ",
            crate::transactions::transaction_columns!(),
            " FROM ",
            $from,
            crate::transactions::with_document!()
        )
    };
}
pub(crate) use {transaction_columns, transaction_select, with_document};

/// Every transaction; a `WHERE` narrows it.
pub(crate) const TRANSACTION: &str = transaction_select!("transaction_state AS state");

impl PgTx<'_> {
    /// Reads transactions with a statement that selects [`transaction_columns`].
    pub(crate) fn transactions(
        &mut self,
        sql: &str,
        values: Values<'_>,
        doing: &'static str,
    ) -> Result<Vec<TransactionRecord>, StorageError> {
        self.read_all(sql, values, doing, transaction_record)
    }
}

/// Reads the columns of [`document_columns`].
pub(crate) fn received_document(
    row: &mut Columns<'_>,
) -> Read<(DocumentPosition, DocumentRow, OperationSource)> {
    let position = DocumentPosition(row.unsigned()?);
    let sent = DocumentRow {
        id: row.id(EntryId::from_uuid)?,
        counter: row.unsigned()?,
        number: row.text()?,
        kind: row.value()?,
        created_at: row.time()?,
        origin: row.text()?,
        staff: row.text_or_none()?,
        relayed_at: row.time_or_none()?,
        content: row.raw_json()?,
    };
    let source = OperationSource {
        source: row.text()?,
        epoch: row.id(EpochId::from_uuid)?,
        received_at: row.time()?,
    };
    Ok((position, sent, source))
}

/// Reads the columns of [`transaction_columns`].
pub(crate) fn transaction_record(row: &mut Columns<'_>) -> Read<TransactionRecord> {
    let (position, sent, source) = received_document(row)?;
    Ok(TransactionRecord {
        position,
        row: sent,
        source,
        header: header(row)?,
        repaired: row.raw_json_or_none()?,
        validation: row.named(&ValidationStatus::ALL, ValidationStatus::as_str)?,
        findings: row.value()?,
        validated_at: row.time_or_none()?,
        account: row.parsed_or_none(AccountNumber::parse)?,
        statement: row.id_or_none(StatementId::from_uuid)?,
        posted_at: row.time_or_none()?,
        voucher: row.text_or_none()?,
        order: order_state(row)?,
    })
}

fn header(row: &mut Columns<'_>) -> Read<TransactionHeader> {
    let kind = row.named(&DocumentKind::ALL, DocumentKind::as_str)?;
    let guid = row.id_or_none(CustomerGuid::from_uuid)?;
    let account = row.parsed_or_none(AccountNumber::parse)?;
    let customer = guid.map(CustomerKey::Temporary).or(account.map(CustomerKey::Numbered));
    let ship_to = row.id_or_none(AddressGuid::from_uuid)?;
    let (shift, receipt) = (row.text_or_none()?, row.text_or_none()?);
    let (currency, minor): (Option<Currency>, Option<i64>) = (row.text_or_none()?, row.value()?);
    Ok(TransactionHeader {
        kind,
        customer,
        ship_to,
        shift,
        receipt,
        total: currency.zip(minor),
        is_voided: row.value()?,
    })
}

fn order_state(row: &mut Columns<'_>) -> Read<Option<OrderState>> {
    let Some(status) = row.named_or_none(&OrderStatus::ALL, OrderStatus::as_str)? else {
        return Ok(None);
    };
    Ok(Some(OrderState {
        status,
        error: row.value()?,
        tries: row.number()?,
        next_try_at: row.time_or_none()?,
        modified_at: row.time()?,
        editor: row.value()?,
        status_before: row.named_or_none(&OrderStatus::ALL, OrderStatus::as_str)?,
        is_repaired: row.value()?,
        sales_order: row.text_or_none()?,
        hold: row.value()?,
    }))
}
