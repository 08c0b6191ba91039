//! Reading the change log, packages, sessions and positions.

use rusqlite::types::ToSql;
use rusqlite::{Params, params};
use tillsync_domain::ids::{DatabaseId, EpochId, GroupId, PackageId, RunId, SessionId, Version};
use tillsync_domain::job::JobName;
use tillsync_exchange::package::Scope;
use tillsync_exchange::session::{DownloadStatus, Progress, UploadStatus};
use tillsync_hq::exclusion::Audience;
use tillsync_hq::storage::{
    ChangeSelection, DistributionReads, DownloadRow, DownloadSessionRecord, PackageRecord,
    Position, SessionFilter, StorageError, Stream, UploadSessionRecord,
};

use crate::SqliteTx;
use crate::columns::{Columns, bounded, read_all, read_one};
use crate::customers::{ADDRESSES_OF, address_row, books_json, customer_row, customer_select};
use crate::error::Doing;

const PACKAGE: &str = "SELECT package.id, channel_group, package.job, audience, scope, sequence,
    version, package.status, manifest, location, package.error, run, package.created_at
    FROM package";

const SESSION: &str = "SELECT session.id, edge_database, package, session.job, session.status,
    failures, next_try_at, session.error, rerun_of, session.created_at, updated_at, applied_at
    FROM download_session AS session";

const UPLOAD: &str = "SELECT id, source, epoch, first, last, row_count, bytes, status, tries,
    error, created_at, updated_at FROM upload_session";

/// The customers of a package, by version and GUID.
pub(crate) const STREAM: &str = concat!(
    customer_select!(),
    " WHERE version > ?1 AND version <= ?2 AND EXISTS (
        SELECT 1 FROM customer_address_book AS entry
        WHERE entry.customer = customer.guid
            AND entry.book IN (SELECT value FROM json_each(?3)))
    ORDER BY version, customer.guid"
);

const SCOPES: [Scope; 2] = [Scope::Delta, Scope::Snapshot];

impl DistributionReads for SqliteTx<'_> {
    fn change_horizon(&mut self) -> Result<Version, StorageError> {
        // One writer at a time: what has a version is committed before the next one is given.
        let sql = "SELECT version FROM headquarters";
        let found = read_one(self.connection, sql, [], "read the change version", |row| {
            row.unsigned().map(Version)
        })?;
        Ok(found.unwrap_or_default())
    }

    fn rows_stream(
        &mut self,
        selection: &ChangeSelection,
        sink: &mut dyn FnMut(DownloadRow<'_>) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        let doing = "read customers for a package";
        let after = bounded(selection.after.0);
        let up_to = selection.up_to.map_or(i64::MAX, |version| bounded(version.0));
        let mut customers = self.connection.prepare_cached(STREAM).doing(doing)?;
        let mut addresses = self.connection.prepare_cached(ADDRESSES_OF).doing(doing)?;
        let books = books_json(&selection.address_books);
        let mut rows = customers.query(params![after, up_to, books]).doing(doing)?;
        while let Some(row) = rows.next().doing(doing)? {
            let customer = customer_row(&mut Columns::of(row)).doing(doing)?;
            sink(DownloadRow::Customer(&customer))?;
            let mut rows = addresses.query([customer.guid.as_uuid().as_bytes()]).doing(doing)?;
            while let Some(row) = rows.next().doing(doing)? {
                let address = address_row(&mut Columns::of(row)).doing(doing)?;
                sink(DownloadRow::Address(&address))?;
            }
        }
        Ok(())
    }

    fn row_version_get(&mut self, stream: &Stream) -> Result<Position, StorageError> {
        let sql = "SELECT sequence, version FROM row_version
            WHERE channel_group = ?1 AND job = ?2 AND audience = ?3";
        let key = [stream.group.as_str(), stream.job.as_str(), &stream.audience.to_string()];
        let found = read_one(self.connection, sql, key, "read a row version", position)?;
        Ok(found.unwrap_or_default())
    }

    fn row_versions(
        &mut self,
        group: &GroupId,
        job: JobName,
    ) -> Result<Vec<(Audience, Position)>, StorageError> {
        let sql = "SELECT audience, sequence, version FROM row_version
            WHERE channel_group = ?1 AND job = ?2 ORDER BY audience";
        let key = [group.as_str(), job.as_str()];
        read_all(self.connection, sql, key, "read the row versions of a job", |row| {
            Ok((row.text()?, position(row)?))
        })
    }

    fn package_get(
        &mut self,
        package_id: &PackageId,
    ) -> Result<Option<PackageRecord>, StorageError> {
        let sql = format!("{PACKAGE} WHERE id = ?1");
        let key = [package_id.as_uuid().as_bytes()];
        read_one(self.connection, &sql, key, "read a package's record", package)
    }

    fn delta_get(
        &mut self,
        stream: &Stream,
        sequence: u64,
    ) -> Result<Option<PackageRecord>, StorageError> {
        let sql = format!(
            "{PACKAGE} WHERE channel_group = ?1 AND job = ?2 AND audience = ?3
                AND sequence = ?4 AND scope = 'delta' AND status = 1"
        );
        let (group, job) = (stream.group.as_str(), stream.job.as_str());
        let key = params![group, job, stream.audience.to_string(), bounded(sequence)];
        read_one(self.connection, &sql, key, "look up a delta", package)
    }

    fn snapshot_latest(&mut self, stream: &Stream) -> Result<Option<PackageRecord>, StorageError> {
        let sql = format!(
            "{PACKAGE} WHERE channel_group = ?1 AND job = ?2 AND audience = ?3
                AND scope = 'snapshot' AND status = 1
            ORDER BY sequence DESC, version DESC, ordinal DESC LIMIT 1"
        );
        let key = [stream.group.as_str(), stream.job.as_str(), &stream.audience.to_string()];
        read_one(self.connection, &sql, key, "look up the newest snapshot", package)
    }

    fn packages_list(
        &mut self,
        group: &GroupId,
        job: JobName,
        limit: usize,
    ) -> Result<Vec<PackageRecord>, StorageError> {
        let sql = format!(
            "{PACKAGE} WHERE channel_group = ?1 AND job = ?2 ORDER BY ordinal DESC LIMIT ?3"
        );
        let values = params![group.as_str(), job.as_str(), bounded(limit)];
        read_all(self.connection, &sql, values, "list packages", package)
    }

    fn package_locations(&mut self) -> Result<Vec<String>, StorageError> {
        let sql = "SELECT location FROM package WHERE location IS NOT NULL
            ORDER BY location, ordinal";
        read_all(self.connection, sql, [], "list where packages are", |row| row.value::<String>())
    }

    fn position_get(
        &mut self,
        database: &DatabaseId,
        job: JobName,
    ) -> Result<Option<Position>, StorageError> {
        let sql = "SELECT sequence, version FROM database_position
            WHERE edge_database = ?1 AND job = ?2";
        let key = [database.as_str(), job.as_str()];
        read_one(self.connection, sql, key, "read a database's position", position)
    }

    fn audience_get(
        &mut self,
        database: &DatabaseId,
        job: JobName,
    ) -> Result<Audience, StorageError> {
        let sql = "SELECT audience FROM database_position
            WHERE edge_database = ?1 AND job = ?2";
        let key = [database.as_str(), job.as_str()];
        let doing = "read of whose packages a database has applied the last ones";
        let found = read_one(self.connection, sql, key, doing, |row| row.text())?;
        Ok(found.unwrap_or_default())
    }

    fn applied_get(
        &mut self,
        database: &DatabaseId,
        job: JobName,
    ) -> Result<Option<SessionId>, StorageError> {
        let sql = "SELECT session FROM database_applied WHERE edge_database = ?1 AND job = ?2";
        let key = [database.as_str(), job.as_str()];
        let doing = "read the session a database applied last";
        read_one(self.connection, sql, key, doing, |row| row.id(SessionId::from_uuid))
    }

    fn session_get(
        &mut self,
        session: &SessionId,
    ) -> Result<Option<DownloadSessionRecord>, StorageError> {
        let sql = format!("{SESSION} WHERE session.id = ?1");
        let key = [session.as_uuid().as_bytes()];
        read_one(self.connection, &sql, key, "read a download session", download_session)
    }

    fn sessions_open(
        &mut self,
        database: &DatabaseId,
    ) -> Result<Vec<DownloadSessionRecord>, StorageError> {
        // The statuses are those of `Progress::holds_up_followers`.
        let sql = format!(
            "{SESSION} INDEXED BY download_session_open
            WHERE edge_database = ?1 AND session.status NOT IN (4, 5, 6, 9) ORDER BY ordinal"
        );
        self.sessions(&sql, [database.as_str()], "read open download sessions")
    }

    fn sessions_list(
        &mut self,
        filter: &SessionFilter,
    ) -> Result<Vec<DownloadSessionRecord>, StorageError> {
        let mut sql = format!("{SESSION} WHERE true");
        let mut values: Vec<Box<dyn ToSql>> = Vec::new();
        if let Some(database) = &filter.database {
            values.push(Box::new(database.as_str().to_owned()));
            sql += &format!(" AND edge_database = ?{}", values.len());
        }
        if let Some(status) = filter.status {
            values.push(Box::new(status.value()));
            sql += &format!(" AND session.status = ?{}", values.len());
        }
        if let Some(before) = &filter.before {
            values.push(Box::new(*before.as_uuid().as_bytes()));
            let of_before = "SELECT ordinal FROM download_session WHERE id";
            sql += &format!(" AND ordinal < ({of_before} = ?{})", values.len());
        }
        values.push(Box::new(bounded(filter.limit)));
        sql += &format!(" ORDER BY ordinal DESC LIMIT ?{}", values.len());
        let values = rusqlite::params_from_iter(values);
        self.sessions(&sql, values, "list download sessions")
    }

    fn sessions_that_brought(
        &mut self,
        version: Version,
    ) -> Result<Vec<DownloadSessionRecord>, StorageError> {
        let sql = format!(
            "{SESSION} WHERE ordinal IN (
                SELECT ordinal FROM (
                    SELECT carried.ordinal, row_number() OVER (
                        PARTITION BY carried.edge_database
                        ORDER BY carried.applied_at, carried.ordinal) AS place
                    FROM package CROSS JOIN download_session AS carried
                        ON carried.package = package.id
                    WHERE package.covers_to >= ?1
                        AND (package.scope = 'snapshot' OR package.covers_from < ?1)
                        AND carried.status = 4)
                WHERE place = 1)
            ORDER BY edge_database, ordinal"
        );
        self.sessions(&sql, [bounded(version.0)], "find the sessions that brought a version")
    }

    fn uploads_list(
        &mut self,
        source: Option<&DatabaseId>,
        limit: usize,
    ) -> Result<Vec<UploadSessionRecord>, StorageError> {
        let (doing, limit) = ("list uploads", bounded(limit));
        match source {
            Some(source) => {
                let sql = format!("{UPLOAD} WHERE source = ?1 ORDER BY ordinal DESC LIMIT ?2");
                read_all(self.connection, &sql, params![source.as_str(), limit], doing, upload)
            }
            None => {
                let sql = format!("{UPLOAD} ORDER BY ordinal DESC LIMIT ?1");
                read_all(self.connection, &sql, [limit], doing, upload)
            }
        }
    }

    fn session_counts(&mut self) -> Result<Vec<(DownloadStatus, u64)>, StorageError> {
        let sql = "SELECT status, count(*) FROM download_session GROUP BY status ORDER BY status";
        read_all(self.connection, sql, [], "count download sessions", |row| {
            Ok((row.numbered(DownloadStatus::from_value)?, row.unsigned()?))
        })
    }
}

impl SqliteTx<'_> {
    fn sessions(
        &self,
        sql: &str,
        values: impl Params,
        doing: &'static str,
    ) -> Result<Vec<DownloadSessionRecord>, StorageError> {
        read_all(self.connection, sql, values, doing, download_session)
    }
}

/// The name of a scope in the database.
pub(crate) fn scope_name(scope: Scope) -> &'static str {
    match scope {
        Scope::Delta => "delta",
        Scope::Snapshot => "snapshot",
    }
}

fn position(row: &mut Columns<'_>) -> rusqlite::Result<Position> {
    Ok(Position { sequence: row.unsigned()?, version: Version(row.unsigned()?) })
}

fn package(row: &mut Columns<'_>) -> rusqlite::Result<PackageRecord> {
    Ok(PackageRecord {
        id: row.id(PackageId::from_uuid)?,
        group: row.text()?,
        job: row.named(&JobName::ALL, JobName::as_str)?,
        audience: row.text()?,
        scope: row.named(&SCOPES, scope_name)?,
        position: position(row)?,
        status: row.numbered(DownloadStatus::from_value)?,
        manifest: row.json_or_none()?,
        location: row.value()?,
        error: row.value()?,
        run: row.id(RunId::from_uuid)?,
        created_at: row.time()?,
    })
}

fn download_session(row: &mut Columns<'_>) -> rusqlite::Result<DownloadSessionRecord> {
    Ok(DownloadSessionRecord {
        id: row.id(SessionId::from_uuid)?,
        database: row.text()?,
        package: row.id(PackageId::from_uuid)?,
        job: row.named(&JobName::ALL, JobName::as_str)?,
        progress: Progress {
            status: row.numbered(DownloadStatus::from_value)?,
            failures: row.value()?,
            next_try_at: row.time_or_none()?,
        },
        error: row.value()?,
        rerun_of: row.id_or_none(SessionId::from_uuid)?,
        created_at: row.time()?,
        updated_at: row.time()?,
        applied_at: row.time_or_none()?,
    })
}

fn upload(row: &mut Columns<'_>) -> rusqlite::Result<UploadSessionRecord> {
    Ok(UploadSessionRecord {
        id: row.id(PackageId::from_uuid)?,
        source: row.text()?,
        epoch: row.id(EpochId::from_uuid)?,
        counters: (row.unsigned()?, row.unsigned()?),
        rows: row.unsigned()?,
        bytes: row.unsigned()?,
        status: row.numbered(UploadStatus::from_value)?,
        tries: row.value()?,
        error: row.value()?,
        created_at: row.time()?,
        updated_at: row.time()?,
    })
}
