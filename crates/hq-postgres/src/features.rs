//! Feature switches.

use tillsync_domain::ids::Version;
use tillsync_hq::storage::{FeatureReads, FeatureRecord, FeatureWrites, StorageError};

use crate::tx::{PgTx, Values};

impl FeatureReads for PgTx<'_> {
    fn features_all(&mut self) -> Result<Vec<FeatureRecord>, StorageError> {
        let sql = "SELECT code, is_enabled, changed_at, changed_by, version FROM feature
            ORDER BY code";
        self.read_all(sql, &[], "read the feature switches", |row| {
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

impl FeatureWrites for PgTx<'_> {
    fn feature_put(&mut self, record: &FeatureRecord) -> Result<Option<Version>, StorageError> {
        let doing = "store a feature switch";
        let sql = "INSERT INTO feature (code, is_enabled, changed_at, changed_by, version)
            VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (code) DO UPDATE SET is_enabled = excluded.is_enabled,
                changed_at = excluded.changed_at, changed_by = excluded.changed_by,
                version = excluded.version
            WHERE feature.is_enabled <> excluded.is_enabled";
        let next = self.next_version(doing)?;
        let values: Values<'_> = &[
            &record.feature.as_str(),
            &record.is_enabled,
            &record.changed_at.as_microsecond(),
            &record.changed_by,
            &next,
        ];
        if self.change(sql, values, doing)? == 0 {
            return Ok(None);
        }
        self.change_version(true, doing).map(Some)
    }

    fn features_renew(&mut self) -> Result<(), StorageError> {
        let doing = "let feature switches be sent again";
        let next = self.next_version(doing)?;
        if self.change("UPDATE feature SET version = $1", &[&next], doing)? > 0 {
            self.change_version(true, doing)?;
        }
        Ok(())
    }
}
