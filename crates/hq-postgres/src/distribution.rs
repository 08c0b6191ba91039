//! Reading the change log, packages, sessions and positions.

use tillsync_domain::ids::{
    AddressBook, DatabaseId, EpochId, GroupId, PackageId, RunId, SessionId, Version,
};
use tillsync_domain::job::JobName;
use tillsync_exchange::package::Scope;
use tillsync_exchange::session::{DownloadStatus, Progress, UploadStatus};
use tillsync_hq::exclusion::Audience;
use tillsync_hq::storage::{
    ChangeSelection, DistributionReads, DownloadRow, DownloadSessionRecord, PackageRecord,
    Position, SessionFilter, StorageError, Stream, UploadSessionRecord,
};

use crate::columns::{Columns, Read, bounded};
use crate::customers::{customer_row, customer_select};
use crate::tx::{PgTx, Query, Values};

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
    " WHERE version > $1 AND version <= $2 AND EXISTS (
        SELECT 1 FROM customer_address_book AS entry
        WHERE entry.customer = customer.guid
            AND entry.book = ANY($3))
    ORDER BY version, customer.guid"
);

const SCOPES: [Scope; 2] = [Scope::Delta, Scope::Snapshot];

impl DistributionReads for PgTx<'_> {
    fn change_horizon(&mut self) -> Result<Version, StorageError> {
        // Whoever raises it keeps it locked until the commit, so no lower one is still open.
        self.count("SELECT version FROM change_log", "read the change version").map(Version)
    }

    fn rows_stream(
        &mut self,
        selection: &ChangeSelection,
        sink: &mut dyn FnMut(DownloadRow<'_>) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        let doing = "read customers for a package";
        let after = bounded(selection.after.0);
        let up_to = selection.up_to.map_or(i64::MAX, |version| bounded(version.0));
        let books: Vec<_> = selection.address_books.iter().map(AddressBook::as_str).collect();
        let window: Values<'_> = &[&after, &up_to, &books];
        self.visit_lots(STREAM, window, (doing, customer_row), &mut |tx, customers| {
            let mut addresses = tx.addresses_of(&customers)?;
            for customer in &customers {
                sink(DownloadRow::Customer(customer))?;
                for address in addresses.remove(&customer.guid).unwrap_or_default() {
                    sink(DownloadRow::Address(&address))?;
                }
            }
            Ok(())
        })
    }

    fn row_version_get(&mut self, stream: &Stream) -> Result<Position, StorageError> {
        let sql = "SELECT sequence, version FROM row_version
            WHERE channel_group = $1 AND job = $2 AND audience = $3";
        let audience = stream.audience.to_string();
        let key: Values<'_> = &[&stream.group.as_str(), &stream.job.as_str(), &audience];
        let found = self.read_one(sql, key, "read a row version", position)?;
        Ok(found.unwrap_or_default())
    }

    fn row_versions(
        &mut self,
        group: &GroupId,
        job: JobName,
    ) -> Result<Vec<(Audience, Position)>, StorageError> {
        let sql = "SELECT audience, sequence, version FROM row_version
            WHERE channel_group = $1 AND job = $2 ORDER BY audience";
        let key: Values<'_> = &[&group.as_str(), &job.as_str()];
        self.read_all(sql, key, "read the row versions of a job", |row| {
            Ok((row.text()?, position(row)?))
        })
    }

    fn package_get(
        &mut self,
        package_id: &PackageId,
    ) -> Result<Option<PackageRecord>, StorageError> {
        let sql = format!("{PACKAGE} WHERE id = $1");
        let key: Values<'_> = &[&package_id.as_uuid()];
        self.read_one(&sql, key, "read a package's record", package)
    }

    fn delta_get(
        &mut self,
        stream: &Stream,
        sequence: u64,
    ) -> Result<Option<PackageRecord>, StorageError> {
        let sql = format!(
            "{PACKAGE} WHERE channel_group = $1 AND job = $2 AND audience = $3
                AND sequence = $4 AND scope = 'delta' AND status = 1"
        );
        let audience = stream.audience.to_string();
        let (group, job) = (stream.group.as_str(), stream.job.as_str());
        let key: Values<'_> = &[&group, &job, &audience, &bounded(sequence)];
        self.read_one(&sql, key, "look up a delta", package)
    }

    fn snapshot_latest(&mut self, stream: &Stream) -> Result<Option<PackageRecord>, StorageError> {
        let sql = format!(
            "{PACKAGE} WHERE channel_group = $1 AND job = $2 AND audience = $3
                AND scope = 'snapshot' AND status = 1
            ORDER BY sequence DESC, version DESC, ordinal DESC LIMIT 1"
        );
        let audience = stream.audience.to_string();
        let key: Values<'_> = &[&stream.group.as_str(), &stream.job.as_str(), &audience];
        self.read_one(&sql, key, "look up the newest snapshot", package)
    }

    fn packages_list(
        &mut self,
        group: &GroupId,
        job: JobName,
        limit: usize,
    ) -> Result<Vec<PackageRecord>, StorageError> {
        let sql = format!(
            "{PACKAGE} WHERE channel_group = $1 AND job = $2 ORDER BY ordinal DESC LIMIT $3"
        );
        let values: Values<'_> = &[&group.as_str(), &job.as_str(), &bounded(limit)];
        self.read_all(&sql, values, "list packages", package)
    }

    fn package_locations(&mut self) -> Result<Vec<String>, StorageError> {
        let sql = "SELECT location FROM package WHERE location IS NOT NULL
            ORDER BY location COLLATE \"C\", ordinal";
        self.read_all(sql, &[], "list where packages are", |row| row.value::<String>())
    }

    fn position_get(
        &mut self,
        database: &DatabaseId,
        job: JobName,
    ) -> Result<Option<Position>, StorageError> {
        let sql = "SELECT sequence, version FROM database_position
            WHERE edge_database = $1 AND job = $2";
        let key: Values<'_> = &[&database.as_str(), &job.as_str()];
        self.read_one(sql, key, "read a database's position", position)
    }

    fn audience_get(
        &mut self,
        database: &DatabaseId,
        job: JobName,
    ) -> Result<Audience, StorageError> {
        let sql = "SELECT audience FROM database_position
            WHERE edge_database = $1 AND job = $2";
        let key: Values<'_> = &[&database.as_str(), &job.as_str()];
        let doing = "read of whose packages a database has applied the last ones";
        Ok(self.read_one(sql, key, doing, |row| row.text())?.unwrap_or_default())
    }

    fn applied_get(
        &mut self,
        database: &DatabaseId,
        job: JobName,
    ) -> Result<Option<SessionId>, StorageError> {
        let sql = "SELECT session FROM database_applied WHERE edge_database = $1 AND job = $2";
        let key: Values<'_> = &[&database.as_str(), &job.as_str()];
        let doing = "read the session a database applied last";
        self.read_one(sql, key, doing, |row| row.id(SessionId::from_uuid))
    }

    fn session_get(
        &mut self,
        session: &SessionId,
    ) -> Result<Option<DownloadSessionRecord>, StorageError> {
        let sql = format!("{SESSION} WHERE session.id = $1");
        let key: Values<'_> = &[&session.as_uuid()];
        self.read_one(&sql, key, "read a download session", download_session)
    }

    fn sessions_open(
        &mut self,
        database: &DatabaseId,
    ) -> Result<Vec<DownloadSessionRecord>, StorageError> {
        // The statuses are those of `Progress::holds_up_followers`.
        let sql = format!(
            "{SESSION}
            WHERE edge_database = $1 AND session.status NOT IN (4, 5, 6, 9) ORDER BY ordinal"
        );
        self.sessions(&sql, &[&database.as_str()], "read open download sessions")
    }

    fn sessions_list(
        &mut self,
        filter: &SessionFilter,
    ) -> Result<Vec<DownloadSessionRecord>, StorageError> {
        let mut query = Query::new(&format!("{SESSION} WHERE true"));
        if let Some(database) = &filter.database {
            query.push_value(" AND edge_database = ", database.as_str().to_owned());
        }
        if let Some(status) = filter.status {
            query.push_value(" AND session.status = ", status.value());
        }
        if let Some(before) = &filter.before {
            let of_before = " AND ordinal < (SELECT ordinal FROM download_session WHERE id = ";
            query.push_value(of_before, *before.as_uuid());
            query.push(")");
        }
        query.push_value(" ORDER BY ordinal DESC LIMIT ", bounded(filter.limit));
        self.read_query(&query, "list download sessions", download_session)
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
                    FROM package JOIN download_session AS carried
                        ON carried.package = package.id
                    WHERE package.covers_to >= $1
                        AND (package.scope = 'snapshot' OR package.covers_from < $1)
                        AND carried.status = 4) AS bringing
                WHERE place = 1)
            ORDER BY edge_database, ordinal"
        );
        self.sessions(&sql, &[&bounded(version.0)], "find the sessions that brought a version")
    }

    fn uploads_list(
        &mut self,
        source: Option<&DatabaseId>,
        limit: usize,
    ) -> Result<Vec<UploadSessionRecord>, StorageError> {
        let (doing, limit) = ("list uploads", bounded(limit));
        match source {
            Some(source) => {
                let sql = format!("{UPLOAD} WHERE source = $1 ORDER BY ordinal DESC LIMIT $2");
                self.read_all(&sql, &[&source.as_str(), &limit], doing, upload)
            }
            None => {
                let sql = format!("{UPLOAD} ORDER BY ordinal DESC LIMIT $1");
                self.read_all(&sql, &[&limit], doing, upload)
            }
        }
    }

    fn session_counts(&mut self) -> Result<Vec<(DownloadStatus, u64)>, StorageError> {
        let sql = "SELECT status, count(*) FROM download_session GROUP BY status ORDER BY status";
        self.read_all(sql, &[], "count download sessions", |row| {
            Ok((row.numbered(DownloadStatus::from_value)?, row.unsigned()?))
        })
    }
}

impl PgTx<'_> {
    fn sessions(
        &mut self,
        sql: &str,
        values: Values<'_>,
        doing: &'static str,
    ) -> Result<Vec<DownloadSessionRecord>, StorageError> {
        self.read_all(sql, values, doing, download_session)
    }
}

/// The name of a scope in the database.
pub(crate) fn scope_name(scope: Scope) -> &'static str {
    match scope {
        Scope::Delta => "delta",
        Scope::Snapshot => "snapshot",
    }
}

fn position(row: &mut Columns<'_>) -> Read<Position> {
    Ok(Position { sequence: row.unsigned()?, version: Version(row.unsigned()?) })
}

fn package(row: &mut Columns<'_>) -> Read<PackageRecord> {
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

fn download_session(row: &mut Columns<'_>) -> Read<DownloadSessionRecord> {
    Ok(DownloadSessionRecord {
        id: row.id(SessionId::from_uuid)?,
        database: row.text()?,
        package: row.id(PackageId::from_uuid)?,
        job: row.named(&JobName::ALL, JobName::as_str)?,
        progress: Progress {
            status: row.numbered(DownloadStatus::from_value)?,
            failures: row.number()?,
            next_try_at: row.time_or_none()?,
        },
        error: row.value()?,
        rerun_of: row.id_or_none(SessionId::from_uuid)?,
        created_at: row.time()?,
        updated_at: row.time()?,
        applied_at: row.time_or_none()?,
    })
}

fn upload(row: &mut Columns<'_>) -> Read<UploadSessionRecord> {
    Ok(UploadSessionRecord {
        id: row.id(PackageId::from_uuid)?,
        source: row.text()?,
        epoch: row.id(EpochId::from_uuid)?,
        counters: (row.unsigned()?, row.unsigned()?),
        rows: row.unsigned()?,
        bytes: row.unsigned()?,
        status: row.numbered(UploadStatus::from_value)?,
        tries: row.number()?,
        error: row.value()?,
        created_at: row.time()?,
        updated_at: row.time()?,
    })
}
