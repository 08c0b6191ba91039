//! What is kept from offline databases, and the offline profiles of registers.

use jiff::Timestamp;
use rusqlite::params;
use tillsync_domain::ids::{DatabaseId, GroupId, OfflineProfileName, Version};
use tillsync_domain::offline_profile::OfflineProfile;
use tillsync_hq::exclusion::Lever;
use tillsync_hq::storage::{
    ExclusionReads, ExclusionWrites, LeverRecord, OfflineProfileRecord, ProfileSelection,
    RegisterProfile, StorageError,
};

use crate::SqliteTx;
use crate::columns::{Columns, bounded, change, read_all, read_one};
use crate::error::{Doing, refused};
use crate::promotion::change_version;

const LEVER: &str = "SELECT lever, is_on, version, changed_at, changed_by FROM exclusion";

/// A register that was given none has the one called default.
const REGISTERS: &str = "SELECT id, parent, name, pause_offline_sync, health_check_interval_s,
        request_timeout_ms, allow_manual_switch_before_sign_in, changed
    FROM (
        SELECT edge_database.id, edge_database.parent, offline_profile.name, pause_offline_sync,
            health_check_interval_s, request_timeout_ms, allow_manual_switch_before_sign_in,
            max(offline_profile.version, coalesce(register_offline_profile.version, 0),
                coalesce((SELECT max(version) FROM exclusion), 0)) AS changed
        FROM edge_database
        LEFT JOIN register_offline_profile ON register = edge_database.id
        JOIN offline_profile ON name = coalesce(register_offline_profile.profile, 'default')
        WHERE kind = 'register' AND (?1 IS NULL OR channel_group = ?1))
    WHERE changed > ?2 AND changed <= ?3 ORDER BY changed, id";

impl ExclusionReads for SqliteTx<'_> {
    fn levers_all(&mut self) -> Result<Vec<LeverRecord>, StorageError> {
        let sql = format!(
            "{LEVER} WHERE ordinal IN (SELECT max(ordinal) FROM exclusion GROUP BY lever)
            ORDER BY lever"
        );
        read_all(self.connection, &sql, [], "read what is kept from offline databases", lever)
    }

    fn lever_changes(&mut self, limit: usize) -> Result<Vec<LeverRecord>, StorageError> {
        let sql = format!("{LEVER} ORDER BY ordinal DESC LIMIT ?1");
        let doing = "read the changes of what is kept from offline databases";
        read_all(self.connection, &sql, [bounded(limit)], doing, lever)
    }

    fn offline_profiles_all(&mut self) -> Result<Vec<OfflineProfileRecord>, StorageError> {
        let sql = "SELECT name, pause_offline_sync, health_check_interval_s, request_timeout_ms,
            allow_manual_switch_before_sign_in, version FROM offline_profile ORDER BY name";
        read_all(self.connection, sql, [], "read the offline profiles", |row| {
            let (name, settings) = (row.text()?, settings(row)?);
            Ok(OfflineProfileRecord { name, settings, version: Version(row.unsigned()?) })
        })
    }

    fn register_profiles(
        &mut self,
        selection: &ProfileSelection,
    ) -> Result<Vec<RegisterProfile>, StorageError> {
        let up_to = selection.up_to.map_or(i64::MAX, |version| bounded(version.0));
        let group = selection.group.as_ref().map(GroupId::as_str);
        let values = params![group, bounded(selection.after.0), up_to];
        let doing = "read the offline profiles of registers";
        read_all(self.connection, REGISTERS, values, doing, |row| {
            Ok(RegisterProfile {
                register: row.text()?,
                channel: row.text()?,
                profile: row.text()?,
                settings: settings(row)?,
                version: Version(row.unsigned()?),
            })
        })
    }

    fn register_settings(
        &mut self,
        register: &DatabaseId,
    ) -> Result<Option<OfflineProfile>, StorageError> {
        let sql = "SELECT pause_offline_sync, health_check_interval_s, request_timeout_ms,
                allow_manual_switch_before_sign_in
            FROM edge_database
            LEFT JOIN register_offline_profile ON register = edge_database.id
            JOIN offline_profile ON name = coalesce(register_offline_profile.profile, 'default')
            WHERE kind = 'register' AND edge_database.id = ?1";
        let doing = "read the offline profile of a register";
        read_one(self.connection, sql, [register.as_str()], doing, settings)
    }
}

impl ExclusionWrites for SqliteTx<'_> {
    fn lever_put(
        &mut self,
        lever: Lever,
        is_on: bool,
        (by, at): (&str, Timestamp),
    ) -> Result<Option<Version>, StorageError> {
        let doing = "change what is kept from offline databases";
        let next = change_version(self.connection, false).doing(doing)?.0.cast_signed() + 1;
        let sql = "INSERT INTO exclusion (lever, is_on, version, changed_at, changed_by)
            SELECT ?1, ?2, ?3, ?4, ?5
            WHERE coalesce((SELECT is_on FROM exclusion WHERE lever = ?1
                ORDER BY ordinal DESC LIMIT 1), 0) <> ?2";
        let lever = lever.to_string();
        let values = params![lever, is_on, next, at.as_microsecond(), by];
        if change(self.connection, sql, values, doing)? == 0 {
            return Ok(None);
        }
        change_version(self.connection, true).doing(doing).map(Some)
    }

    fn offline_profile_put(
        &mut self,
        profile: &OfflineProfileName,
        settings: &OfflineProfile,
    ) -> Result<Option<Version>, StorageError> {
        let doing = "store an offline profile";
        let next = change_version(self.connection, false).doing(doing)?.0.cast_signed() + 1;
        let sql = "INSERT INTO offline_profile (name, pause_offline_sync, health_check_interval_s,
                request_timeout_ms, allow_manual_switch_before_sign_in, version)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6)
            ON CONFLICT (name) DO UPDATE SET
                pause_offline_sync = excluded.pause_offline_sync,
                health_check_interval_s = excluded.health_check_interval_s,
                request_timeout_ms = excluded.request_timeout_ms,
                allow_manual_switch_before_sign_in = excluded.allow_manual_switch_before_sign_in,
                version = excluded.version
            WHERE (offline_profile.pause_offline_sync, offline_profile.health_check_interval_s,
                    offline_profile.request_timeout_ms,
                    offline_profile.allow_manual_switch_before_sign_in)
                <> (excluded.pause_offline_sync, excluded.health_check_interval_s,
                    excluded.request_timeout_ms, excluded.allow_manual_switch_before_sign_in)";
        let values = params![
            profile.as_str(),
            settings.pause_offline_sync,
            settings.health_check_interval_s,
            settings.request_timeout_ms,
            settings.allow_manual_switch_before_sign_in,
            next,
        ];
        if change(self.connection, sql, values, doing)? == 0 {
            return Ok(None);
        }
        change_version(self.connection, true).doing(doing).map(Some)
    }

    fn register_profile_put(
        &mut self,
        register: &DatabaseId,
        profile: &OfflineProfileName,
    ) -> Result<Option<Version>, StorageError> {
        let doing = "give a register an offline profile";
        let sql = "SELECT 1 FROM edge_database WHERE kind = 'register' AND id = ?1";
        if read_one(self.connection, sql, [register.as_str()], doing, |_| Ok(()))?.is_none() {
            return Err(refused(doing, "there is no register of that name"));
        }
        let next = change_version(self.connection, false).doing(doing)?.0.cast_signed() + 1;
        let sql = "INSERT INTO register_offline_profile (register, profile, version)
            VALUES (?1, ?2, ?3)
            ON CONFLICT (register) DO UPDATE SET profile = excluded.profile,
                version = excluded.version
            WHERE register_offline_profile.profile <> excluded.profile";
        let values = params![register.as_str(), profile.as_str(), next];
        if change(self.connection, sql, values, doing)? == 0 {
            return Ok(None);
        }
        change_version(self.connection, true).doing(doing).map(Some)
    }

    fn offline_profiles_renew(&mut self) -> Result<(), StorageError> {
        let doing = "let offline profiles be sent again";
        let next = change_version(self.connection, false).doing(doing)?.0.cast_signed() + 1;
        let sql = "UPDATE offline_profile SET version = ?1";
        if change(self.connection, sql, [next], doing)? > 0 {
            change_version(self.connection, true).doing(doing)?;
        }
        Ok(())
    }
}

fn lever(row: &mut Columns<'_>) -> rusqlite::Result<LeverRecord> {
    Ok(LeverRecord {
        lever: row.text()?,
        is_on: row.value()?,
        version: Version(row.unsigned()?),
        changed_at: row.time()?,
        changed_by: row.value()?,
    })
}

fn settings(row: &mut Columns<'_>) -> rusqlite::Result<OfflineProfile> {
    Ok(OfflineProfile {
        pause_offline_sync: row.value()?,
        health_check_interval_s: row.value()?,
        request_timeout_ms: row.value()?,
        allow_manual_switch_before_sign_in: row.value()?,
    })
}
