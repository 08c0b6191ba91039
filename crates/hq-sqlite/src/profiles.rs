//! Functionality profiles, and which one each channel has.

use rusqlite::params;
use tillsync_domain::ids::{DatabaseId, GroupId, ProfileName, Version};
use tillsync_domain::profile::FunctionalityProfile;
use tillsync_exchange::rows::profile::ProfileRow;
use tillsync_hq::storage::{
    ProfileReads, ProfileRecord, ProfileSelection, ProfileWrites, StorageError,
};

use crate::SqliteTx;
use crate::columns::{Columns, bounded, change, read_all};
use crate::error::{Doing, refused};
use crate::promotion::change_version;

/// A channel that was given none has the one called default.
const CHANNELS: &str = "SELECT id, name, create_customers_async, allow_offline_customer_create,
        create_orders_async, changed
    FROM (
        SELECT edge_database.id, profile.name, create_customers_async,
            allow_offline_customer_create, create_orders_async,
            max(profile.version, coalesce(channel_profile.version, 0)) AS changed
        FROM edge_database
        LEFT JOIN channel_profile ON channel_profile.channel = edge_database.id
        JOIN profile ON profile.name = coalesce(channel_profile.profile, 'default')
        WHERE kind = 'channel' AND (?1 IS NULL OR channel_group = ?1))
    WHERE changed > ?2 AND changed <= ?3 ORDER BY changed, id";

impl ProfileReads for SqliteTx<'_> {
    fn profiles_all(&mut self) -> Result<Vec<ProfileRecord>, StorageError> {
        let sql = "SELECT name, create_customers_async, allow_offline_customer_create,
            create_orders_async, version FROM profile ORDER BY name";
        read_all(self.connection, sql, [], "read the functionality profiles", |row| {
            let (name, options) = (row.text()?, options(row)?);
            Ok(ProfileRecord { name, options, version: Version(row.unsigned()?) })
        })
    }

    fn channel_profiles(
        &mut self,
        selection: &ProfileSelection,
    ) -> Result<Vec<ProfileRow>, StorageError> {
        let up_to = selection.up_to.map_or(i64::MAX, |version| bounded(version.0));
        let group = selection.group.as_ref().map(GroupId::as_str);
        let values = params![group, bounded(selection.after.0), up_to];
        let doing = "read the functionality profiles of channels";
        read_all(self.connection, CHANNELS, values, doing, |row| {
            Ok(ProfileRow {
                channel: row.text()?,
                profile: row.value()?,
                options: options(row)?.into(),
                version: row.unsigned()?,
            })
        })
    }
}

impl ProfileWrites for SqliteTx<'_> {
    fn profile_put(
        &mut self,
        profile: &ProfileName,
        options: &FunctionalityProfile,
    ) -> Result<Option<Version>, StorageError> {
        let doing = "store a functionality profile";
        let next = Version(change_version(self.connection, false).doing(doing)?.0 + 1);
        let sql = "INSERT INTO profile (name, create_customers_async,
                allow_offline_customer_create, create_orders_async, version)
            VALUES (?1, ?2, ?3, ?4, ?5)
            ON CONFLICT (name) DO UPDATE SET
                create_customers_async = excluded.create_customers_async,
                allow_offline_customer_create = excluded.allow_offline_customer_create,
                create_orders_async = excluded.create_orders_async, version = excluded.version
            WHERE (profile.create_customers_async, profile.allow_offline_customer_create,
                    profile.create_orders_async)
                <> (excluded.create_customers_async, excluded.allow_offline_customer_create,
                    excluded.create_orders_async)";
        let values = params![
            profile.as_str(),
            options.create_customers_async,
            options.allow_offline_customer_create,
            options.create_orders_async,
            next.0.cast_signed(),
        ];
        if change(self.connection, sql, values, doing)? == 0 {
            return Ok(None);
        }
        change_version(self.connection, true).doing(doing).map(Some)
    }

    fn channel_profile_put(
        &mut self,
        channel: &DatabaseId,
        profile: &ProfileName,
    ) -> Result<Option<Version>, StorageError> {
        let doing = "give a channel a functionality profile";
        let sql = "SELECT count(*) FROM edge_database WHERE kind = 'channel' AND id = ?1";
        let known =
            read_all(self.connection, sql, [channel.as_str()], doing, |row| row.unsigned())?;
        if known != [1] {
            return Err(refused(doing, "there is no channel of that name"));
        }
        let next = Version(change_version(self.connection, false).doing(doing)?.0 + 1);
        let sql = "INSERT INTO channel_profile (channel, profile, version) VALUES (?1, ?2, ?3)
            ON CONFLICT (channel) DO UPDATE SET profile = excluded.profile,
                version = excluded.version
            WHERE channel_profile.profile <> excluded.profile";
        let values = params![channel.as_str(), profile.as_str(), next.0.cast_signed()];
        if change(self.connection, sql, values, doing)? == 0 {
            return Ok(None);
        }
        change_version(self.connection, true).doing(doing).map(Some)
    }

    fn profiles_renew(&mut self) -> Result<(), StorageError> {
        let doing = "let functionality profiles be sent again";
        let next = change_version(self.connection, false).doing(doing)?.0 + 1;
        let sql = "UPDATE profile SET version = ?1";
        if change(self.connection, sql, [next.cast_signed()], doing)? > 0 {
            change_version(self.connection, true).doing(doing)?;
        }
        Ok(())
    }
}

fn options(row: &mut Columns<'_>) -> rusqlite::Result<FunctionalityProfile> {
    Ok(FunctionalityProfile {
        create_customers_async: row.value()?,
        allow_offline_customer_create: row.value()?,
        create_orders_async: row.value()?,
    })
}
