//! Offline profiles: how registers work while they are cut off, and how far each has heard of it.
//!
//! They come into force with the first that is set or given to a register, with the first thing
//! that is kept from offline databases, or with the first run of job 1090 that somebody or a
//! schedule starts. Before, nothing is sent, and every register works as it always did.

use tillsync_domain::ids::{DatabaseId, GroupId, OfflineProfileName, ParseIdError, Version};
use tillsync_domain::job::JobName;
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::offline_profile::{DEFAULT_OFFLINE_PROFILE, OfflineProfile, OutOfRange};
use tillsync_exchange::messages::DatabaseKind;
use tillsync_exchange::rows::register::RegisterRow;

use crate::exclusion::Levers;
use crate::headquarters::Headquarters;
use crate::storage::{
    NewDatabase, OfflineProfileRecord, ProfileSelection, ReadTx, RegisterProfile, StorageError,
    WriteTx,
};

/// Why offline profiles were not changed.
#[derive(Debug, thiserror::Error)]
pub enum OfflineProfileError {
    /// A value that no profile may have.
    #[error(transparent)]
    OutOfRange(#[from] OutOfRange),
    /// No such profile.
    #[error("there is no offline profile {0}; `tillsync hq offline-profile set` makes it")]
    UnknownProfile(OfflineProfileName),
    /// No such register.
    #[error("there is no register {0}; `tillsync hq add-register` adds one")]
    UnknownRegister(DatabaseId),
    /// A channel is never offline.
    #[error("{0} is a channel, and only registers have an offline profile")]
    IsChannel(DatabaseId),
    /// The database failed.
    #[error("keep the offline profiles")]
    Storage(#[from] StorageError),
}

impl OfflineProfileError {
    /// What sort of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            OfflineProfileError::UnknownProfile(_) | OfflineProfileError::UnknownRegister(_) => {
                ErrorKind::NotFound
            }
            OfflineProfileError::OutOfRange(_) | OfflineProfileError::IsChannel(_) => {
                ErrorKind::Invalid
            }
            OfflineProfileError::Storage(error) => error.kind(),
        }
    }
}

/// What holds for a register, and whether it knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterConfiguration {
    /// The register, its profile, and the version in which this became true.
    pub register: RegisterProfile,
    /// The version up to which its database has applied what job 1090 sent; absent when it has
    /// applied none.
    pub applied: Option<Version>,
}

impl RegisterConfiguration {
    /// Whether the register works by it.
    pub fn is_applied(&self) -> bool {
        self.applied.is_some_and(|applied| applied >= self.register.version)
    }
}

/// All offline profiles, and what holds for each register.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OfflineProfileOverview {
    /// The profiles, by name; none while they are not in force.
    pub profiles: Vec<OfflineProfileRecord>,
    /// The registers, by name; none while profiles are not in force.
    pub registers: Vec<RegisterConfiguration>,
}

impl Headquarters {
    /// All offline profiles, and what holds for each register.
    ///
    /// # Errors
    /// Busy, Broken: the database failed.
    pub fn list_offline_profiles(&self) -> Result<OfflineProfileOverview, OfflineProfileError> {
        Ok(self.storage.read(|tx| {
            let mut registers = Vec::new();
            for register in tx.register_profiles(&ProfileSelection::default())? {
                let applied = tx.position_get(&register.register, JobName::Registers1090)?;
                let applied = applied.map(|position| position.version);
                registers.push(RegisterConfiguration { register, applied });
            }
            let name = |it: &RegisterConfiguration| it.register.register.clone();
            registers.sort_unstable_by_key(name);
            Ok(OfflineProfileOverview { profiles: tx.offline_profiles_all()?, registers })
        })?)
    }

    /// Makes an offline profile or changes it; what `change` leaves alone stays, or has its
    /// default in a new one.
    ///
    /// # Errors
    /// Invalid: a value is out of its range; nothing was changed.
    pub fn set_offline_profile(
        &self,
        profile: &OfflineProfileName,
        change: &dyn Fn(&mut OfflineProfile),
    ) -> Result<OfflineProfileRecord, OfflineProfileError> {
        let record = self.storage.write(|tx| {
            let known = found(tx, profile)?;
            let mut settings = known.map_or_else(Default::default, |it| it.settings);
            change(&mut settings);
            if let Err(error) = settings.checked() {
                return Ok(Err(OfflineProfileError::OutOfRange(error)));
            }
            offline_profiles_into_force(tx)?;
            tx.offline_profile_put(profile, &settings)?;
            found(tx, profile).map(Ok)
        })??;
        self.signals().registers_changed();
        // Who was paused may go on.
        self.signals().offers_changed();
        Ok(record.expect("it was written in the transaction that read it"))
    }

    /// Gives a register an offline profile.
    ///
    /// # Errors
    /// NotFound: there is no such profile or register. Invalid: a channel.
    pub fn assign_offline_profile(
        &self,
        register: &DatabaseId,
        profile: &OfflineProfileName,
    ) -> Result<(), OfflineProfileError> {
        self.storage.write(|tx| {
            let Some(database) = tx.database_get(register)? else {
                return Ok(Err(OfflineProfileError::UnknownRegister(register.clone())));
            };
            if database.database.kind == DatabaseKind::Channel {
                return Ok(Err(OfflineProfileError::IsChannel(register.clone())));
            }
            if profile.as_str() != DEFAULT_OFFLINE_PROFILE && found(tx, profile)?.is_none() {
                return Ok(Err(OfflineProfileError::UnknownProfile(profile.clone())));
            }
            offline_profiles_into_force(tx)?;
            tx.register_profile_put(register, profile).map(|_| Ok(()))
        })??;
        self.signals().registers_changed();
        self.signals().offers_changed();
        Ok(())
    }
}

/// Whether offline profiles are in force: before, there is nothing to send.
pub(crate) fn offline_profiles_are_in_force(tx: &mut dyn ReadTx) -> Result<bool, StorageError> {
    Ok(!tx.offline_profiles_all()?.is_empty())
}

/// Brings offline profiles into force, if they are not.
pub(crate) fn offline_profiles_into_force(tx: &mut dyn WriteTx) -> Result<(), StorageError> {
    if !offline_profiles_are_in_force(tx)? {
        tx.offline_profile_put(&default_profile(), &OfflineProfile::default())?;
    }
    Ok(())
}

/// Lets a new register hear of its profile: the packages of its group may have been made before
/// it was there.
pub(crate) fn offline_profile_for_new(
    tx: &mut dyn WriteTx,
    database: &NewDatabase,
) -> Result<(), StorageError> {
    if database.kind == DatabaseKind::Register && offline_profiles_are_in_force(tx)? {
        tx.register_profile_put(&database.id, &default_profile())?;
    }
    Ok(())
}

/// What job 1090 says of the registers of a group.
pub(crate) fn register_rows(
    tx: &mut dyn ReadTx,
    group: &GroupId,
    (after, up_to): (Version, Option<Version>),
) -> Result<Vec<RegisterRow>, StorageError> {
    let levers = Levers::read(tx)?;
    let excluded_jobs: Vec<_> = levers.jobs.iter().map(ToString::to_string).collect();
    let excluded_subjobs: Vec<_> = levers.subjobs.iter().map(ToString::to_string).collect();
    let selection = ProfileSelection { group: Some(group.clone()), after, up_to };
    let row = |found: RegisterProfile| RegisterRow {
        register: found.register,
        channel: found.channel,
        offline_profile: found.profile.to_string(),
        settings: found.settings.into(),
        customer_data_is_filtered: levers.is_filtered,
        excluded_jobs: excluded_jobs.clone(),
        excluded_subjobs: excluded_subjobs.clone(),
        version: found.version.0,
    };
    Ok(tx.register_profiles(&selection)?.into_iter().map(row).collect())
}

fn default_profile() -> OfflineProfileName {
    let name: Result<_, ParseIdError> = DEFAULT_OFFLINE_PROFILE.parse();
    name.expect("a valid name")
}

fn found(
    tx: &mut dyn ReadTx,
    profile: &OfflineProfileName,
) -> Result<Option<OfflineProfileRecord>, StorageError> {
    Ok(tx.offline_profiles_all()?.into_iter().find(|record| record.name == *profile))
}
