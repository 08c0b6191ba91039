//! Feature switches.

use rusqlite::params;
use tillsync_domain::ids::Version;
use tillsync_hq::storage::{FeatureReads, FeatureRecord, FeatureWrites, StorageError};

use crate::SqliteTx;
use crate::columns::{change, read_all};
use crate::error::Doing;
use crate::promotion::change_version;

impl FeatureReads for SqliteTx<'_> {
    fn features_all(&mut self) -> Result<Vec<FeatureRecord>, StorageError> {
        let sql = "SELECT code, is_enabled, changed_at, changed_by, version FROM feature
            ORDER BY code";
        read_all(self.connection, sql, [], "read the feature switches", |row| {
            Ok(FeatureRecord {
                feature: row.text()?,
                is_enabled: row.value()?,
                changed_at: row.time()?,
                changed_by: row.value()?,
                version: Version(row.unsigned()?),
            })
        })
    }
}

impl FeatureWrites for SqliteTx<'_> {
    fn feature_put(&mut self, record: &FeatureRecord) -> Result<Option<Version>, StorageError> {
        let doing = "store a feature switch";
        let next = Version(change_version(self.connection, false).doing(doing)?.0 + 1);
        let sql = "INSERT INTO feature (code, is_enabled, changed_at, changed_by, version)
            VALUES (?1, ?2, ?3, ?4, ?5)
            ON CONFLICT (code) DO UPDATE SET is_enabled = excluded.is_enabled,
                changed_at = excluded.changed_at, changed_by = excluded.changed_by,
                version = excluded.version
            WHERE feature.is_enabled <> excluded.is_enabled";
        let values = params![
            record.feature.as_str(),
            record.is_enabled,
            record.changed_at.as_microsecond(),
            record.changed_by,
            next.0.cast_signed(),
        ];
        if change(self.connection, sql, values, doing)? == 0 {
            return Ok(None);
        }
        change_version(self.connection, true).doing(doing).map(Some)
    }

    fn features_renew(&mut self) -> Result<(), StorageError> {
        let doing = "let feature switches be sent again";
        let next = change_version(self.connection, false).doing(doing)?.0 + 1;
        let sql = "UPDATE feature SET version = ?1";
        if change(self.connection, sql, [next.cast_signed()], doing)? > 0 {
            change_version(self.connection, true).doing(doing)?;
        }
        Ok(())
    }
}
