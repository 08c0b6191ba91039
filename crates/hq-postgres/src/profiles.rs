//! Functionality profiles, and which one each channel has.

use tillsync_domain::ids::{DatabaseId, GroupId, ProfileName, Version};
use tillsync_domain::profile::FunctionalityProfile;
use tillsync_exchange::rows::profile::ProfileRow;
use tillsync_hq::storage::{
    ProfileReads, ProfileRecord, ProfileSelection, ProfileWrites, StorageError,
};

use crate::columns::{Columns, Read, bounded};
use crate::error::refused;
use crate::tx::{PgTx, Values};

/// A channel that was given none has the one called default.
const CHANNELS: &str = "SELECT id, name, create_customers_async, allow_offline_customer_create,
        create_orders_async, changed
    FROM (
        SELECT edge_database.id, profile.name, create_customers_async,
            allow_offline_customer_create, create_orders_async,
            greatest(profile.version, channel_profile.version) AS changed
        FROM edge_database
        LEFT JOIN channel_profile ON channel_profile.channel = edge_database.id
        JOIN profile ON profile.name = coalesce(channel_profile.profile, 'default')
        WHERE kind = 'channel' AND ($1::text IS NULL OR channel_group = $1)) AS found
    WHERE changed > $2 AND changed <= $3 ORDER BY changed, id";

impl ProfileReads for PgTx<'_> {
    fn profiles_all(&mut self) -> Result<Vec<ProfileRecord>, StorageError> {
        let sql = "SELECT name, create_customers_async, allow_offline_customer_create,
            create_orders_async, version FROM profile ORDER BY name";
        self.read_all(sql, &[], "read the functionality profiles", |row| {
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
        let values: Values<'_> = &[&group, &bounded(selection.after.0), &up_to];
        let doing = "read the functionality profiles of channels";
        self.read_all(CHANNELS, values, doing, |row| {
            Ok(ProfileRow {
                channel: row.text()?,
                profile: row.value()?,
                options: options(row)?.into(),
                version: row.unsigned()?,
            })
        })
    }
}

impl ProfileWrites for PgTx<'_> {
    fn profile_put(
        &mut self,
        profile: &ProfileName,
        options: &FunctionalityProfile,
    ) -> Result<Option<Version>, StorageError> {
        let doing = "store a functionality profile";
        let sql = "INSERT INTO profile (name, create_customers_async,
                allow_offline_customer_create, create_orders_async, version)
            VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (name) DO UPDATE SET
                create_customers_async = excluded.create_customers_async,
                allow_offline_customer_create = excluded.allow_offline_customer_create,
                create_orders_async = excluded.create_orders_async, version = excluded.version
            WHERE (profile.create_customers_async, profile.allow_offline_customer_create,
                    profile.create_orders_async)
                <> (excluded.create_customers_async, excluded.allow_offline_customer_create,
                    excluded.create_orders_async)";
        let next = self.next_version(doing)?;
        let values: Values<'_> = &[
            &profile.as_str(),
            &options.create_customers_async,
            &options.allow_offline_customer_create,
            &options.create_orders_async,
            &next,
        ];
        if self.change(sql, values, doing)? == 0 {
            return Ok(None);
        }
        self.change_version(true, doing).map(Some)
    }

    fn channel_profile_put(
        &mut self,
        channel: &DatabaseId,
        profile: &ProfileName,
    ) -> Result<Option<Version>, StorageError> {
        let doing = "give a channel a functionality profile";
        let sql = "SELECT 1 FROM edge_database WHERE kind = 'channel' AND id = $1";
        if self.read_one(sql, &[&channel.as_str()], doing, |_| Ok(()))?.is_none() {
            return Err(refused(doing, "there is no channel of that name"));
        }
        let next = self.next_version(doing)?;
        let sql = "INSERT INTO channel_profile (channel, profile, version) VALUES ($1, $2, $3)
            ON CONFLICT (channel) DO UPDATE SET profile = excluded.profile,
                version = excluded.version
            WHERE channel_profile.profile <> excluded.profile";
        let values: Values<'_> = &[&channel.as_str(), &profile.as_str(), &next];
        if self.change(sql, values, doing)? == 0 {
            return Ok(None);
        }
        self.change_version(true, doing).map(Some)
    }

    fn profiles_renew(&mut self) -> Result<(), StorageError> {
        let doing = "let functionality profiles be sent again";
        let next = self.next_version(doing)?;
        if self.change("UPDATE profile SET version = $1", &[&next], doing)? > 0 {
            self.change_version(true, doing)?;
        }
        Ok(())
    }
}

impl PgTx<'_> {
    /// The version that the next change gets; nobody else takes it meanwhile.
    pub(crate) fn next_version(&mut self, doing: &'static str) -> Result<i64, StorageError> {
        let version = self.count("SELECT version FROM change_log FOR UPDATE", doing)?;
        Ok(version.cast_signed() + 1)
    }
}

fn options(row: &mut Columns<'_>) -> Read<FunctionalityProfile> {
    Ok(FunctionalityProfile {
        create_customers_async: row.value()?,
        allow_offline_customer_create: row.value()?,
        create_orders_async: row.value()?,
    })
}
