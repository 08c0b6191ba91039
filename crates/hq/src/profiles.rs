//! Functionality profiles: what headquarters lets channels do by themselves, and how far each
//! channel has heard of it.
//!
//! Profiles come into force with the first that is set or given to a channel, or with the first run
//! of job 1070 that somebody or a schedule starts. Before, nothing is sent, and every channel works
//! as it always did (F46).

use tillsync_domain::ids::{DatabaseId, ParseIdError, ProfileName, Version};
use tillsync_domain::job::JobName;
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::profile::{DEFAULT_PROFILE, FunctionalityProfile};
use tillsync_exchange::messages::DatabaseKind;

use crate::headquarters::Headquarters;
use crate::storage::{NewDatabase, ProfileRecord, ProfileSelection, ReadTx, StorageError, WriteTx};

/// Why profiles were not changed.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// No such profile.
    #[error("there is no functionality profile {0}; `tillsync hq profile set` makes it")]
    UnknownProfile(ProfileName),
    /// No such channel.
    #[error("there is no channel {0}; `tillsync hq add-channel` adds one")]
    UnknownChannel(DatabaseId),
    /// A register has what its channel has.
    #[error("{0} is a register, and has the functionality profile of its channel")]
    IsRegister(DatabaseId),
    /// The database failed.
    #[error("keep the functionality profiles")]
    Storage(#[from] StorageError),
}

impl ProfileError {
    /// What sort of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            ProfileError::UnknownProfile(_) | ProfileError::UnknownChannel(_) => {
                ErrorKind::NotFound
            }
            ProfileError::IsRegister(_) => ErrorKind::Invalid,
            ProfileError::Storage(error) => error.kind(),
        }
    }
}

/// What holds for a channel, and whether the channel knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelConfiguration {
    /// The channel.
    pub channel: DatabaseId,
    /// The name of its profile.
    pub profile: String,
    /// What the profile says.
    pub options: FunctionalityProfile,
    /// The version of the change log in which this became true.
    pub version: Version,
    /// The version up to which the channel's database has applied what job 1070 sent; absent when
    /// it has applied none.
    pub applied: Option<Version>,
}

impl ChannelConfiguration {
    /// Whether the channel works by it.
    pub fn is_applied(&self) -> bool {
        self.applied.is_some_and(|applied| applied >= self.version)
    }
}

/// All profiles, and what holds for each channel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProfileOverview {
    /// The profiles, by name; none while profiles are not in force.
    pub profiles: Vec<ProfileRecord>,
    /// The channels, by name; none while profiles are not in force.
    pub channels: Vec<ChannelConfiguration>,
}

impl Headquarters {
    /// All profiles, and what holds for each channel.
    ///
    /// # Errors
    /// Busy, Broken: the database failed.
    pub fn list_profiles(&self) -> Result<ProfileOverview, ProfileError> {
        Ok(self.storage.read(|tx| {
            let mut channels = Vec::new();
            for row in tx.channel_profiles(&ProfileSelection::default())? {
                let job = JobName::ChannelConfiguration1070;
                let applied = tx.position_get(&row.channel, job)?;
                channels.push(ChannelConfiguration {
                    channel: row.channel,
                    profile: row.profile,
                    options: row.options.into(),
                    version: Version(row.version),
                    applied: applied.map(|position| position.version),
                });
            }
            channels.sort_unstable_by(|one, other| one.channel.cmp(&other.channel));
            Ok(ProfileOverview { profiles: tx.profiles_all()?, channels })
        })?)
    }

    /// Makes a profile or changes it; what `change` leaves alone stays, or has its default in a
    /// new one.
    ///
    /// # Errors
    /// Busy, Broken: the database failed.
    pub fn set_profile(
        &self,
        profile: &ProfileName,
        change: &dyn Fn(&mut FunctionalityProfile),
    ) -> Result<ProfileRecord, ProfileError> {
        let record = self.storage.write(|tx| {
            profiles_into_force(tx)?;
            let mut options = found(tx, profile)?.map_or_else(Default::default, |it| it.options);
            change(&mut options);
            tx.profile_put(profile, &options)?;
            found(tx, profile)
        })?;
        self.signals().profiles_changed();
        Ok(record.expect("it was written in the transaction that read it"))
    }

    /// Gives a channel, and so its registers, a profile.
    ///
    /// # Errors
    /// NotFound: there is no such profile or channel. Invalid: a register.
    pub fn assign_profile(
        &self,
        channel: &DatabaseId,
        profile: &ProfileName,
    ) -> Result<(), ProfileError> {
        self.storage.write(|tx| {
            let Some(database) = tx.database_get(channel)? else {
                return Ok(Err(ProfileError::UnknownChannel(channel.clone())));
            };
            if database.database.kind == DatabaseKind::Register {
                return Ok(Err(ProfileError::IsRegister(channel.clone())));
            }
            if profile.as_str() != DEFAULT_PROFILE && found(tx, profile)?.is_none() {
                return Ok(Err(ProfileError::UnknownProfile(profile.clone())));
            }
            profiles_into_force(tx)?;
            tx.channel_profile_put(channel, profile).map(|_| Ok(()))
        })??;
        self.signals().profiles_changed();
        Ok(())
    }
}

/// Whether profiles are in force: before, there is nothing to send.
pub(crate) fn profiles_are_in_force(tx: &mut dyn ReadTx) -> Result<bool, StorageError> {
    Ok(!tx.profiles_all()?.is_empty())
}

/// Brings profiles into force, if they are not.
pub(crate) fn profiles_into_force(tx: &mut dyn WriteTx) -> Result<(), StorageError> {
    if !profiles_are_in_force(tx)? {
        tx.profile_put(&default_profile(), &FunctionalityProfile::default())?;
    }
    Ok(())
}

/// Lets a new channel hear of its profile: the packages of its group may have been made before it
/// was there.
pub(crate) fn profile_for_new(
    tx: &mut dyn WriteTx,
    database: &NewDatabase,
) -> Result<(), StorageError> {
    if database.kind == DatabaseKind::Channel && profiles_are_in_force(tx)? {
        tx.channel_profile_put(&database.id, &default_profile())?;
    }
    Ok(())
}

fn default_profile() -> ProfileName {
    let name: Result<_, ParseIdError> = DEFAULT_PROFILE.parse();
    name.expect("a valid name")
}

fn found(
    tx: &mut dyn ReadTx,
    profile: &ProfileName,
) -> Result<Option<ProfileRecord>, StorageError> {
    Ok(tx.profiles_all()?.into_iter().find(|record| record.name == *profile))
}
