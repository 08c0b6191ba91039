//! The log: append-only, counted in commit order (F61–F64). Customer operations and documents
//! share one counter, so a sale never overtakes the customer it was made for.
//!
//! It must never change or remove a row; the database has triggers that refuse it.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::value::RawValue;
use tillsync_domain::document::{Body, Document};
use tillsync_domain::ids::{
    AccountNumber, Counter, CustomerGuid, CustomerKey, EntryId, OperationId, StaffId,
};
use tillsync_domain::money::Currency;
use tillsync_domain::trade::Trade;
use tillsync_exchange::rows::ContentHash;
use tillsync_exchange::rows::document::DocumentRow;
use tillsync_exchange::rows::log::{LogRow, mark};
use tillsync_exchange::rows::operation::OperationRow;

use crate::db::{DbError, digest_column, parsed_column, time_column, uuid_column};

/// What became of an entry that was offered to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Appended {
    /// It is in the log now, under this counter.
    New(Counter),
    /// It was there already, with the same content.
    Repeated,
    /// Its id or number was there already, with other content (F115).
    Contradiction,
}

/// The counter of the last entry.
pub(crate) fn counter_last(connection: &Connection) -> Result<Counter, DbError> {
    let last = connection
        .prepare_cached(
            "SELECT max(ifnull((SELECT max(counter) FROM operation), 0),
                        ifnull((SELECT max(counter) FROM document), 0))",
        )?
        .query_row([], |row| row.get(0))?;
    Ok(Counter(last))
}

/// Appends an operation under the next counter, unless its id is known.
///
/// Runs in the writer's transaction, so counters follow the order of commits and a lower one can
/// never appear later (F63).
pub(crate) fn operation_append(
    connection: &Connection,
    row: &OperationRow,
) -> Result<Appended, DbError> {
    let hash = row.content_hash();
    let next = counter_last(connection)?.next();
    let inserted = connection
        .prepare_cached(
            "INSERT INTO operation (counter, id, customer, kind, created_at, origin, staff,
                                    relayed_at, content, hash)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (id) DO NOTHING",
        )?
        .execute(params![
            next.0,
            row.id.as_uuid().as_bytes(),
            row.customer.as_uuid().as_bytes(),
            row.kind,
            row.created_at.as_microsecond(),
            row.origin.as_str(),
            row.staff.as_ref().map(StaffId::as_str),
            row.relayed_at.map(Timestamp::as_microsecond),
            row.content.get(),
            hash.0,
        ])?;
    if inserted == 1 {
        return Ok(Appended::New(next));
    }
    let stored: [u8; 32] = connection
        .prepare_cached("SELECT hash FROM operation WHERE id = ?1")?
        .query_row([row.id.as_uuid().as_bytes()], |row| digest_column(row, 0))?;
    let same = ContentHash(stored) == hash;
    Ok(if same { Appended::Repeated } else { Appended::Contradiction })
}

/// Appends a document under the next counter, unless its number or id is known. `readable` is the
/// same document where this version can read it.
///
/// Runs in the writer's transaction, as [`operation_append`].
pub(crate) fn document_append(
    connection: &Connection,
    row: &DocumentRow,
    readable: Option<&Document>,
) -> Result<Appended, DbError> {
    let header = readable.map_or(Header::default(), Header::of);
    if let Some(counter) = document_insert(connection, row, header)? {
        return Ok(Appended::New(counter));
    }
    let hash = row.content_hash();
    let mut statement = connection.prepare_cached(
        "SELECT hash FROM document WHERE number = ?1 AND is_set_aside = 0 OR id = ?2",
    )?;
    let known = params![row.number.as_str(), row.id.as_uuid().as_bytes()];
    let stored = statement.query_map(known, |row| digest_column(row, 0))?;
    let stored: Vec<[u8; 32]> = stored.collect::<Result<_, _>>()?;
    let same = stored.iter().all(|stored| ContentHash(*stored) == hash);
    Ok(if same { Appended::Repeated } else { Appended::Contradiction })
}

/// Appends a document whose number is another's, so that it goes up all the same; not if its very
/// id is known.
pub(crate) fn document_set_aside(
    connection: &Connection,
    row: &DocumentRow,
) -> Result<(), DbError> {
    // By its columns nobody finds it: its number is another's.
    document_insert(connection, row, Header { is_set_aside: true, ..Header::default() })?;
    Ok(())
}

/// What a watermark would say of the entry at a counter, if there is one.
pub(crate) fn mark_at(
    connection: &Connection,
    counter: Counter,
) -> Result<Option<EntryId>, DbError> {
    let found = connection
        .prepare_cached(
            "SELECT id, relayed_at FROM operation WHERE counter = ?1
             UNION ALL SELECT id, relayed_at FROM document WHERE counter = ?1",
        )?
        .query_row([counter.0], |row| {
            let is_relayed = row.get::<_, Option<i64>>(1)?.is_some();
            let relayed_at = is_relayed.then(|| time_column(row, 1)).transpose()?;
            Ok(mark(EntryId::from_uuid(uuid_column(row, 0)?), relayed_at))
        })
        .optional()?;
    Ok(found)
}

/// Hands out entries with consecutive counters, beginning at one, until told to stop.
pub(crate) fn entries_visit<E: From<DbError>>(
    connection: &Connection,
    first: Counter,
    last: Counter,
    mut visit: impl FnMut(LogRow) -> Result<Visit, E>,
) -> Result<(), E> {
    // Both halves come in the order of their key: SQLite merges them and holds none of them whole.
    let mut statement = connection
        .prepare_cached(
            "SELECT counter, id, 0, customer, kind, created_at, origin, staff, relayed_at, content
             FROM operation WHERE counter BETWEEN ?1 AND ?2
             UNION ALL
             SELECT counter, id, 1, number, kind, created_at, origin, staff, relayed_at, content
             FROM document WHERE counter BETWEEN ?1 AND ?2
             ORDER BY counter",
        )
        .map_err(DbError::from)?;
    let mut rows = statement.query([first.0, last.0]).map_err(DbError::from)?;
    while let Some(row) = rows.next().map_err(DbError::from)? {
        if visit(log_row(row)?)? == Visit::Stop {
            break;
        }
    }
    Ok(())
}

/// The operations of one customer, in the order of their counters.
pub(crate) fn operations_of(
    connection: &Connection,
    customer: CustomerGuid,
) -> Result<Vec<OperationRow>, DbError> {
    let mut statement = connection.prepare_cached(
        "SELECT counter, id, 0, customer, kind, created_at, origin, staff, relayed_at, content
         FROM operation WHERE customer = ?1 ORDER BY counter",
    )?;
    let mut rows = statement.query([customer.as_uuid().as_bytes()])?;
    let mut operations = Vec::new();
    while let Some(row) = rows.next()? {
        if let LogRow::Operation(operation) = log_row(row)? {
            operations.push(operation);
        }
    }
    Ok(operations)
}

/// Whether a visitor wants more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Visit {
    GoOn,
    Stop,
}

/// What of a document stands in columns of its own.
#[derive(Default)]
struct Header<'a> {
    guid: Option<CustomerGuid>,
    account: Option<&'a str>,
    shift: Option<&'a str>,
    receipt: Option<&'a str>,
    currency: Option<Currency>,
    total: Option<i64>,
    is_set_aside: bool,
}

impl<'a> Header<'a> {
    fn of(document: &'a Document) -> Self {
        match &document.body {
            Body::Sale(sale) => Header::of_trade(&sale.trade),
            Body::Order(order) => Header::of_trade(&order.trade),
            Body::Shift(event) => Header { shift: Some(event.shift.as_str()), ..Header::default() },
        }
    }

    fn of_trade(trade: &'a Trade) -> Self {
        let (guid, account) = match &trade.customer {
            Some(CustomerKey::Temporary(guid)) => (Some(*guid), None),
            Some(CustomerKey::Numbered(account)) => (None, Some(account)),
            None => (None, None),
        };
        Header {
            guid,
            account: account.map(AccountNumber::as_str),
            shift: Some(trade.shift.as_str()),
            receipt: Some(trade.receipt.as_str()),
            currency: Some(trade.currency),
            // A register's document may say anything; what is no amount is found by validation.
            total: trade.currency.to_minor(trade.total).ok(),
            is_set_aside: false,
        }
    }
}

/// Writes a document under the next counter, which it answers; nothing where its number or id is
/// known.
fn document_insert(
    connection: &Connection,
    row: &DocumentRow,
    header: Header<'_>,
) -> Result<Option<Counter>, DbError> {
    let next = counter_last(connection)?.next();
    let inserted = connection
        .prepare_cached(
            "INSERT INTO document (counter, id, number, kind, created_at, origin, staff,
                                   relayed_at, content, hash, customer_guid, customer_account,
                                   shift, receipt, currency, total, is_set_aside)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)
             ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            next.0,
            row.id.as_uuid().as_bytes(),
            row.number.as_str(),
            row.kind,
            row.created_at.as_microsecond(),
            row.origin.as_str(),
            row.staff.as_ref().map(StaffId::as_str),
            row.relayed_at.map(Timestamp::as_microsecond),
            row.content.get(),
            row.content_hash().0,
            header.guid.map(|guid| *guid.as_uuid().as_bytes()),
            header.account,
            header.shift,
            header.receipt,
            header.currency.map(Currency::code),
            header.total,
            header.is_set_aside,
        ])?;
    Ok((inserted == 1).then_some(next))
}

fn log_row(row: &Row<'_>) -> Result<LogRow, DbError> {
    let staff: Option<String> = row.get(7)?;
    let relayed_at: Option<i64> = row.get(8)?;
    let content: String = row.get(9)?;
    let counter = row.get(0)?;
    let id = uuid_column(row, 1)?;
    let is_document: bool = row.get(2)?;
    let (kind, created_at) = (row.get(4)?, time_column(row, 5)?);
    let origin = parsed_column(row, 6)?;
    let staff = staff.is_some().then(|| parsed_column(row, 7)).transpose()?;
    let relayed_at = relayed_at.is_some().then(|| time_column(row, 8)).transpose()?;
    let content = RawValue::from_string(content).map_err(|_| DbError::Damaged("log entry"))?;
    if is_document {
        let (id, number) = (EntryId::from_uuid(id), parsed_column(row, 3)?);
        return Ok(LogRow::Document(DocumentRow {
            id,
            counter,
            number,
            kind,
            created_at,
            origin,
            staff,
            relayed_at,
            content,
        }));
    }
    Ok(LogRow::Operation(OperationRow {
        id: OperationId::from_uuid(id),
        counter,
        customer: CustomerGuid::from_uuid(uuid_column(row, 3)?),
        kind,
        created_at,
        origin,
        staff,
        relayed_at,
        content,
    }))
}
