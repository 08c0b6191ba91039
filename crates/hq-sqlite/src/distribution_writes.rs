//! Changing packages, sessions and positions.

use jiff::Timestamp;
use rusqlite::params;
use tillsync_domain::ids::{DatabaseId, PackageId, SessionId};
use tillsync_domain::job::JobName;
use tillsync_hq::exclusion::Audience;
use tillsync_hq::storage::{
    DistributionWrites, DownloadSessionRecord, ForgottenPackages, PackageRecord, Position,
    StalePackages, StorageError, Stream, UploadSessionRecord,
};

use crate::SqliteTx;
use crate::columns::{bounded, change, read_all, to_json};
use crate::distribution::scope_name;

impl DistributionWrites for SqliteTx<'_> {
    fn row_version_put(&mut self, stream: &Stream, position: Position) -> Result<(), StorageError> {
        let sql = "INSERT INTO row_version (channel_group, job, audience, sequence, version)
            VALUES (?1, ?2, ?3, ?4, ?5)
            ON CONFLICT (channel_group, job, audience) DO UPDATE SET sequence = excluded.sequence,
                version = excluded.version";
        let Position { sequence, version } = position;
        let values = params![
            stream.group.as_str(),
            stream.job.as_str(),
            stream.audience.to_string(),
            sequence.cast_signed(),
            version.0.cast_signed(),
        ];
        change(self.connection, sql, values, "store a row version")?;
        Ok(())
    }

    fn package_put(&mut self, package: &PackageRecord) -> Result<(), StorageError> {
        let sql = "INSERT INTO package
            (id, channel_group, job, audience, scope, sequence, version, status, manifest, location,
             error, run, created_at, covers_from, covers_to)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
            ON CONFLICT (id) DO UPDATE SET channel_group = excluded.channel_group,
                job = excluded.job, audience = excluded.audience, scope = excluded.scope,
                sequence = excluded.sequence, version = excluded.version, status = excluded.status,
                manifest = excluded.manifest, location = excluded.location,
                error = excluded.error, run = excluded.run, created_at = excluded.created_at,
                covers_from = excluded.covers_from, covers_to = excluded.covers_to";
        let covers = package.manifest.as_ref().and_then(|manifest| manifest.span.versions());
        let values = params![
            package.id.as_uuid().as_bytes(),
            package.group.as_str(),
            package.job.as_str(),
            package.audience.to_string(),
            scope_name(package.scope),
            package.position.sequence.cast_signed(),
            package.position.version.0.cast_signed(),
            package.status.value(),
            package.manifest.as_ref().map(to_json),
            package.location,
            package.error,
            package.run.as_uuid().as_bytes(),
            package.created_at.as_microsecond(),
            covers.map(|(from, _)| from.0.cast_signed()),
            covers.map(|(_, to)| to.0.cast_signed()),
        ];
        change(self.connection, sql, values, "store a package's record")?;
        Ok(())
    }

    fn session_put(&mut self, session: &DownloadSessionRecord) -> Result<(), StorageError> {
        let sql = "INSERT INTO download_session
            (id, edge_database, package, job, status, failures, next_try_at, error, rerun_of,
             created_at, updated_at, applied_at)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
            ON CONFLICT (id) DO UPDATE SET edge_database = excluded.edge_database,
                package = excluded.package, job = excluded.job, status = excluded.status,
                failures = excluded.failures, next_try_at = excluded.next_try_at,
                error = excluded.error, rerun_of = excluded.rerun_of,
                created_at = excluded.created_at, updated_at = excluded.updated_at,
                applied_at = excluded.applied_at";
        let values = params![
            session.id.as_uuid().as_bytes(),
            session.database.as_str(),
            session.package.as_uuid().as_bytes(),
            session.job.as_str(),
            session.progress.status.value(),
            session.progress.failures,
            session.progress.next_try_at.map(|time| time.as_microsecond()),
            session.error,
            session.rerun_of.as_ref().map(|id| id.as_uuid().as_bytes()),
            session.created_at.as_microsecond(),
            session.updated_at.as_microsecond(),
            session.applied_at.map(|time| time.as_microsecond()),
        ];
        change(self.connection, sql, values, "store a download session")?;
        Ok(())
    }

    fn position_put(
        &mut self,
        database: &DatabaseId,
        job: JobName,
        (position, audience): (Position, &Audience),
    ) -> Result<(), StorageError> {
        let sql = "INSERT INTO database_position
            (edge_database, job, sequence, version, audience) VALUES (?1, ?2, ?3, ?4, ?5)
            ON CONFLICT (edge_database, job) DO UPDATE SET sequence = excluded.sequence,
                version = excluded.version, audience = excluded.audience";
        let (sequence, version) =
            (position.sequence.cast_signed(), position.version.0.cast_signed());
        let audience = audience.to_string();
        let values = params![database.as_str(), job.as_str(), sequence, version, audience];
        change(self.connection, sql, values, "store a database's position")?;
        Ok(())
    }

    fn applied_put(
        &mut self,
        database: &DatabaseId,
        job: JobName,
        session: Option<&SessionId>,
    ) -> Result<(), StorageError> {
        let doing = "store the session a database applied last";
        let Some(session) = session else {
            let sql = "DELETE FROM database_applied WHERE edge_database = ?1 AND job = ?2";
            change(self.connection, sql, [database.as_str(), job.as_str()], doing)?;
            return Ok(());
        };
        let sql = "INSERT INTO database_applied (edge_database, job, session)
            VALUES (?1, ?2, ?3)
            ON CONFLICT (edge_database, job) DO UPDATE SET session = excluded.session";
        let values = params![database.as_str(), job.as_str(), session.as_uuid().as_bytes()];
        change(self.connection, sql, values, doing)?;
        Ok(())
    }

    fn position_clear(&mut self, database: &DatabaseId, job: JobName) -> Result<(), StorageError> {
        let sql = "DELETE FROM database_position WHERE edge_database = ?1 AND job = ?2";
        let key = [database.as_str(), job.as_str()];
        change(self.connection, sql, key, "forget a database's position")?;
        Ok(())
    }

    fn upload_put(&mut self, upload: &UploadSessionRecord) -> Result<(), StorageError> {
        let sql = "INSERT INTO upload_session
            (id, source, epoch, first, last, row_count, bytes, status, tries, error, created_at,
             updated_at)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
            ON CONFLICT (source, id) DO UPDATE SET status = excluded.status,
                tries = tries + 1, error = excluded.error, updated_at = excluded.updated_at";
        let values = params![
            upload.id.as_uuid().as_bytes(),
            upload.source.as_str(),
            upload.epoch.as_uuid().as_bytes(),
            upload.counters.0.cast_signed(),
            upload.counters.1.cast_signed(),
            upload.rows.cast_signed(),
            upload.bytes.cast_signed(),
            upload.status.value(),
            upload.tries,
            upload.error,
            upload.created_at.as_microsecond(),
            upload.updated_at.as_microsecond(),
        ];
        change(self.connection, sql, values, "record an upload")?;
        Ok(())
    }

    fn packages_forget(
        &mut self,
        stream: &Stream,
        before: u64,
        limit: usize,
    ) -> Result<Vec<String>, StorageError> {
        let doing = "forget old packages";
        let sql = "SELECT id, location FROM package
            WHERE channel_group = ?1 AND job = ?2 AND audience = ?3 AND sequence < ?4
                AND NOT EXISTS (
                SELECT 1 FROM download_session AS session
                WHERE session.package = package.id AND (session.status NOT IN (4, 5, 6, 9)
                    OR session.status = 5 AND NOT EXISTS (
                        SELECT 1 FROM database_applied AS applied
                        WHERE applied.edge_database = session.edge_database
                            AND applied.session >= session.id)))
            ORDER BY sequence, ordinal LIMIT ?5";
        let (group, job) = (stream.group.as_str(), stream.job.as_str());
        let audience = stream.audience.to_string();
        let values = params![group, job, audience, bounded(before), bounded(limit)];
        let forgotten = read_all(self.connection, sql, values, doing, |row| {
            Ok((row.id(PackageId::from_uuid)?, row.value::<Option<String>>()?))
        })?;
        delete_packages(self, forgotten, doing)
    }

    fn packages_forget_stale(
        &mut self,
        stale: &StalePackages,
    ) -> Result<ForgottenPackages, StorageError> {
        let doing = "forget stale packages";
        let sql = "SELECT id, location FROM package
            WHERE (created_at < ?1
                    AND (status IN (0, 9) OR status = 6 AND manifest IS NULL)
                OR created_at < ?2 AND status IN (1, 6) AND scope = 'snapshot' AND EXISTS (
                    SELECT 1 FROM package AS newer
                    WHERE newer.channel_group = package.channel_group AND newer.job = package.job
                        AND newer.audience = package.audience
                        AND newer.scope = 'snapshot' AND newer.status = 1
                        AND newer.ordinal > package.ordinal))
                AND NOT EXISTS (
                    SELECT 1 FROM download_session AS session
                    WHERE session.package = package.id AND (session.status NOT IN (4, 5, 6, 9)
                        OR session.status = 5 AND NOT EXISTS (
                            SELECT 1 FROM database_applied AS applied
                            WHERE applied.edge_database = session.edge_database
                                AND applied.session >= session.id)))
            ORDER BY ordinal LIMIT ?3";
        let values = params![
            stale.fruitless_before.as_microsecond(),
            stale.superseded_before.as_microsecond(),
            bounded(stale.limit),
        ];
        let forgotten = read_all(self.connection, sql, values, doing, |row| {
            Ok((row.id(PackageId::from_uuid)?, row.value::<Option<String>>()?))
        })?;
        let count = forgotten.len() as u64;
        let locations = delete_packages(self, forgotten, doing)?;
        Ok(ForgottenPackages { count, locations })
    }

    fn uploads_forget(&mut self, before: Timestamp, limit: usize) -> Result<u64, StorageError> {
        let sql = "DELETE FROM upload_session WHERE ordinal IN (
                SELECT ordinal FROM upload_session ORDER BY ordinal LIMIT ?2)
            AND updated_at < ?1";
        let values = params![before.as_microsecond(), bounded(limit)];
        Ok(change(self.connection, sql, values, "forget old uploads")? as u64)
    }
}

/// Deletes packages with their sessions; returns where those lie that have bytes.
fn delete_packages(
    tx: &SqliteTx<'_>,
    packages: Vec<(PackageId, Option<String>)>,
    doing: &'static str,
) -> Result<Vec<String>, StorageError> {
    let mut locations = Vec::new();
    for (id, location) in packages {
        let id = id.as_uuid().as_bytes();
        let sessions = "DELETE FROM download_session WHERE package = ?1";
        change(tx.connection, sessions, [id], doing)?;
        change(tx.connection, "DELETE FROM package WHERE id = ?1", [id], doing)?;
        locations.extend(location);
    }
    Ok(locations)
}
