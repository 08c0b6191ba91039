//! Writing a downloaded package to the database.
//!
//! May be interrupted anywhere and begun again: rows carry versions, and only the last
//! transaction says that the package is applied. It must never remove a customer that headquarters
//! does not know of yet.

use std::io::Read;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use tillsync_domain::ids::{ItemNumber, SessionId, Version};
use tillsync_domain::job::JobName;
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::money::NotExact;
use tillsync_exchange::messages::Offer;
use tillsync_exchange::package::{PackageError, PackageReader, Scope, Span};
use tillsync_exchange::rows::Table;
use tillsync_exchange::rows::download::{AddressRow, CustomerRow};
use tillsync_exchange::rows::feature::FeatureRow;
use tillsync_exchange::rows::item::{ItemRow, PriceRow};
use tillsync_exchange::rows::profile::ProfileRow;
use tillsync_exchange::rows::register::RegisterRow;
use tillsync_exchange::rows::staff::StaffRow;

use crate::db::{DbError, uuid_column};
use crate::edge::Edge;
use crate::project::{self, Generation};

/// Rows per transaction: long enough to be quick, short enough that a till's own customer does
/// not wait noticeably behind it.
const ROWS_PER_TX: usize = 4_000;
/// Applied sessions remembered, so that a repeated offer is answered without applying again.
const SESSIONS_KEPT: i64 = 1_000;

/// Why a package was not applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// It is not what its manifest says.
    #[error("{0}")]
    Package(#[from] PackageError),
    /// It is not a download.
    #[error("the package is an upload, not a download")]
    NotADownload,
    /// It is for another group of databases.
    #[error("the package is for another channel database group")]
    OtherGroup,
    /// It goes on behind something that this database never got. Headquarters sends everything
    /// instead, as to a database that was restored.
    #[error(
        "package {sequence} of job {job} goes on behind one that this database never got (it has \
         {has}): another machine works under its name, or it was restored; it asks for everything"
    )]
    Gap {
        /// The job.
        job: JobName,
        /// The package that the database stands behind.
        has: u64,
        /// The place of this one.
        sequence: u64,
    },
    /// It holds rows that its job does not send.
    #[error("the package holds rows of table {0}, which job {1} does not send")]
    OtherTable(Table, JobName),
    /// It holds a price that nobody can pay.
    #[error("the package holds a price of item {item} that cannot be paid: {source}")]
    Price {
        /// The item.
        item: ItemNumber,
        /// Why not.
        source: NotExact,
    },
    /// The database failed.
    #[error("write the package to the database: {0}")]
    Db(#[from] DbError),
}

impl ApplyError {
    /// What sort of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            ApplyError::Package(error) => error.kind(),
            ApplyError::NotADownload | ApplyError::OtherTable(..) | ApplyError::Price { .. } => {
                ErrorKind::Invalid
            }
            ApplyError::OtherGroup => ErrorKind::Forbidden,
            ApplyError::Gap { .. } => ErrorKind::Conflict,
            ApplyError::Db(error) => error.kind(),
        }
    }
}

/// What a package covers, once it is known to be a download for this database.
#[derive(Debug, Clone, Copy)]
struct Cover {
    job: JobName,
    scope: Scope,
    to: Version,
    sequence: Option<u64>,
}

/// One run over a package.
#[derive(Debug, Clone, Copy)]
struct Run {
    generation: Generation,
    now: Timestamp,
}

/// Applies a package whose bytes have been checked. Twice is the same as once.
///
/// # Errors
/// Invalid or Forbidden: not a package for this database. Busy or Broken: the database failed;
/// what was written so far is harmless and the next try completes it.
pub fn apply_package<R: Read>(
    edge: &Edge,
    offer: &Offer,
    bytes: R,
    now: Timestamp,
) -> Result<(), ApplyError> {
    let cover = check_cover(edge, offer)?;
    let generation = match cover.scope {
        Scope::Delta => Generation::NONE,
        Scope::Snapshot => edge.db.write(project::generation_begin)?,
    };
    let run = Run { generation, now };
    let mut reader = PackageReader::new(bytes, &offer.manifest)?;
    let mut rows = Vec::with_capacity(ROWS_PER_TX);
    let mut line = 0;
    while let Some(row) = next_row(&mut reader, cover.job, line + 1)? {
        line += 1;
        rows.push(row);
        if rows.len() == ROWS_PER_TX {
            write_rows(edge, std::mem::take(&mut rows), run)?;
        }
    }
    // The last rows ride in the transaction that says the package is applied.
    let session = offer.session;
    edge.db.write(move |connection| {
        for row in &rows {
            row.write(connection, run)?;
        }
        if cover.scope == Scope::Snapshot {
            left_rows_remove(connection, cover, generation)?;
        }
        applied_write(connection, cover, session, now)
    })?;
    Ok(())
}

/// The session that was applied last.
pub(crate) fn applied_last(connection: &Connection) -> Result<Option<SessionId>, DbError> {
    let last = connection
        .prepare_cached("SELECT id FROM applied_session ORDER BY row DESC LIMIT 1")?
        .query_row([], |row| Ok(SessionId::from_uuid(uuid_column(row, 0)?)))
        .optional()?;
    Ok(last)
}

/// Whether a session was applied before.
pub(crate) fn is_applied(edge: &Edge, session: SessionId) -> Result<bool, DbError> {
    edge.db.read(|connection| {
        let found = connection
            .prepare_cached("SELECT 1 FROM applied_session WHERE id = ?1")?
            .query_row([session.as_uuid().as_bytes()], |_| Ok(()))
            .optional()?;
        Ok(found.is_some())
    })
}

enum DownRow {
    Customer(Box<CustomerRow>),
    Address(Box<AddressRow>),
    Item(ItemRow),
    Price(PriceRow, Option<i64>),
    Profile(ProfileRow),
    Register(RegisterRow),
    Feature(FeatureRow),
    Staff(StaffRow),
}

impl DownRow {
    fn write(&self, connection: &Connection, run: Run) -> Result<(), DbError> {
        let generation = run.generation;
        match self {
            DownRow::Customer(row) => project::customer_upsert(connection, row, generation),
            DownRow::Address(row) => project::address_upsert(connection, row, generation),
            DownRow::Item(row) => project::items::item_upsert(connection, row, generation),
            DownRow::Price(row, minor) => {
                project::items::price_upsert(connection, row, *minor, generation)
            }
            DownRow::Profile(row) => {
                project::profiles::profile_upsert(connection, row, generation, run.now)
            }
            DownRow::Register(row) => {
                project::registers::register_upsert(connection, row, generation, run.now)
            }
            DownRow::Staff(row) => {
                project::staff::staff_upsert(connection, row, generation, run.now)
            }
            DownRow::Feature(row) => {
                project::features::feature_upsert(connection, row, generation, run.now)
            }
        }
    }
}

fn check_cover(edge: &Edge, offer: &Offer) -> Result<Cover, ApplyError> {
    let Span::Download { group, job, scope, to, .. } = &offer.manifest.span else {
        return Err(ApplyError::NotADownload);
    };
    if *group != edge.identity().group {
        return Err(ApplyError::OtherGroup);
    }
    let (job, scope, sequence) = (*job, *scope, offer.sequence);
    if let Some(sequence) = sequence.filter(|_| scope == Scope::Delta)
        && let Some(has) = edge.db.read(|connection| gap_before(connection, job, sequence))?
    {
        edge.db.write(sessions_forget)?;
        return Err(ApplyError::Gap { job, has, sequence });
    }
    Ok(Cover { job, scope, to: Version(*to), sequence })
}

/// Whether a delta leaves a gap, and behind which package.
fn gap_before(
    connection: &Connection,
    job: JobName,
    sequence: u64,
) -> Result<Option<u64>, DbError> {
    let has: Option<u64> = connection
        .prepare_cached("SELECT sequence FROM applied WHERE job = ?1")?
        .query_row([job.as_str()], |row| row.get(0))
        .optional()?
        .flatten();
    Ok(has.filter(|has| has + 1 < sequence))
}

/// Forgets which sessions were applied: by that the next poll asks for everything.
fn sessions_forget(connection: &Connection) -> Result<(), DbError> {
    connection.prepare_cached("DELETE FROM applied_session")?.execute([])?;
    Ok(())
}

fn next_row<R: Read>(
    reader: &mut PackageReader<R>,
    job: JobName,
    line: u64,
) -> Result<Option<DownRow>, ApplyError> {
    let Some(found) = reader.next_line()? else { return Ok(None) };
    let bad = |source| PackageError::BadLine { line, source };
    let text = found.row.get();
    Ok(Some(match (job, found.table) {
        (JobName::Customers1010, Table::Customer) => {
            DownRow::Customer(serde_json::from_str(text).map_err(bad)?)
        }
        (JobName::Customers1010, Table::Address) => {
            DownRow::Address(serde_json::from_str(text).map_err(bad)?)
        }
        (JobName::Products1040, Table::Item) => {
            DownRow::Item(serde_json::from_str(text).map_err(bad)?)
        }
        (JobName::Products1040, Table::Price) => {
            let row: PriceRow = serde_json::from_str(text).map_err(bad)?;
            let minor = row.price.map(|price| row.currency.to_minor(price)).transpose();
            let item = row.item.clone();
            let minor = minor.map_err(|source| ApplyError::Price { item, source })?;
            DownRow::Price(row, minor)
        }
        (JobName::ChannelConfiguration1070, Table::Profile) => {
            DownRow::Profile(serde_json::from_str(text).map_err(bad)?)
        }
        (JobName::Registers1090, Table::Register) => {
            DownRow::Register(serde_json::from_str(text).map_err(bad)?)
        }
        (JobName::Staff1060, Table::Staff) => {
            DownRow::Staff(serde_json::from_str(text).map_err(bad)?)
        }
        (JobName::GlobalConfiguration1110, Table::Feature) => {
            DownRow::Feature(serde_json::from_str(text).map_err(bad)?)
        }
        (_, other) => return Err(ApplyError::OtherTable(other, job)),
    }))
}

/// Removes what a complete snapshot of a job did not hold, of that job's tables only.
fn left_rows_remove(
    connection: &Connection,
    cover: Cover,
    generation: Generation,
) -> Result<(), DbError> {
    match cover.job {
        JobName::Customers1010 => {
            project::left_customers_remove(connection, generation, cover.to.0)
        }
        JobName::Products1040 => {
            project::items::left_items_remove(connection, generation, cover.to.0)
        }
        JobName::ChannelConfiguration1070 => {
            project::profiles::left_profiles_remove(connection, generation, cover.to.0)
        }
        JobName::Registers1090 => {
            project::registers::left_registers_remove(connection, generation, cover.to.0)
        }
        JobName::Staff1060 => project::staff::left_staff_remove(connection, generation, cover.to.0),
        JobName::GlobalConfiguration1110 => {
            project::features::left_features_remove(connection, generation, cover.to.0)
        }
        JobName::P0001
        | JobName::SynchronizeCustomers
        | JobName::SynchronizeOrders
        | JobName::ValidateTransactions
        | JobName::TransactionalStatements
        | JobName::FinancialStatements
        | JobName::ClassicStatements => Ok(()),
    }
}

fn write_rows(edge: &Edge, rows: Vec<DownRow>, run: Run) -> Result<(), DbError> {
    edge.db.write(move |connection| rows.iter().try_for_each(|row| row.write(connection, run)))
}

fn applied_write(
    connection: &Connection,
    cover: Cover,
    session: SessionId,
    now: Timestamp,
) -> Result<(), DbError> {
    let (job, at) = (cover.job.as_str(), now.as_microsecond());
    connection
        .prepare_cached(
            "INSERT INTO applied (job, version, at, sequence) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (job) DO UPDATE SET version = max(version, excluded.version),
                 at = excluded.at,
                 sequence = iif(?5 OR sequence IS NULL, excluded.sequence,
                     max(sequence, excluded.sequence))",
        )?
        .execute(params![job, cover.to.0, at, cover.sequence, cover.scope == Scope::Snapshot])?;
    connection
        .prepare_cached(
            "INSERT INTO applied_session (id, job, applied_at) VALUES (?1, ?2, ?3)
             ON CONFLICT (id) DO NOTHING",
        )?
        .execute(params![session.as_uuid().as_bytes(), job, at])?;
    connection
        .prepare_cached(
            "DELETE FROM applied_session
             WHERE row <= (SELECT max(row) FROM applied_session) - ?1",
        )?
        .execute([SESSIONS_KEPT])?;
    Ok(())
}
