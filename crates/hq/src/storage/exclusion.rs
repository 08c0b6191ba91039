//! What is kept from offline databases, and the offline profiles of registers.
//!
//! Nothing of it is stored until somebody sets something: nothing is kept back before.

use jiff::Timestamp;
use tillsync_domain::ids::{DatabaseId, OfflineProfileName, Version};
use tillsync_domain::offline_profile::OfflineProfile;

use super::{ProfileSelection, StorageError};
use crate::exclusion::Lever;

/// A change of a lever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeverRecord {
    /// Which lever.
    pub lever: Lever,
    /// Whether it keeps something back from then on.
    pub is_on: bool,
    /// The version of the change log that this got.
    pub version: Version,
    /// When it was changed.
    pub changed_at: Timestamp,
    /// Who changed it.
    pub changed_by: String,
}

/// An offline profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfflineProfileRecord {
    /// Its name.
    pub name: OfflineProfileName,
    /// What it says.
    pub settings: OfflineProfile,
    /// The version of the change log in which it was set last.
    pub version: Version,
}

/// The offline profile of a register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterProfile {
    /// The register.
    pub register: DatabaseId,
    /// Its channel.
    pub channel: DatabaseId,
    /// The name of its profile.
    pub profile: OfflineProfileName,
    /// What the profile says.
    pub settings: OfflineProfile,
    /// The newest of its profile, its assignment and every change of a lever.
    pub version: Version,
}

/// Reading what is kept back.
pub trait ExclusionReads {
    /// How each lever stands that was ever touched, by its name.
    fn levers_all(&mut self) -> Result<Vec<LeverRecord>, StorageError>;

    /// Every change of a lever, newest first.
    fn lever_changes(&mut self, limit: usize) -> Result<Vec<LeverRecord>, StorageError>;

    /// Every offline profile, by name; none while they are not in force.
    fn offline_profiles_all(&mut self) -> Result<Vec<OfflineProfileRecord>, StorageError>;

    /// What holds for the registers of the selected groups, by version and register; nothing while
    /// offline profiles are not in force.
    fn register_profiles(
        &mut self,
        selection: &ProfileSelection,
    ) -> Result<Vec<RegisterProfile>, StorageError>;

    /// What the offline profile of one register says; nothing while they are not in force, and for
    /// a channel.
    fn register_settings(
        &mut self,
        register: &DatabaseId,
    ) -> Result<Option<OfflineProfile>, StorageError>;
}

/// Changing what is kept back.
pub trait ExclusionWrites {
    /// Moves a lever and gives the change the next version of the change log, which is returned;
    /// nothing when it stands so already. A lever that was never touched is off.
    fn lever_put(
        &mut self,
        lever: Lever,
        is_on: bool,
        by: (&str, Timestamp),
    ) -> Result<Option<Version>, StorageError>;

    /// Inserts or replaces an offline profile and gives it the next version, which is returned;
    /// nothing when it says the same already.
    fn offline_profile_put(
        &mut self,
        profile: &OfflineProfileName,
        settings: &OfflineProfile,
    ) -> Result<Option<Version>, StorageError>;

    /// Gives a register an offline profile and its row the next version, which is returned;
    /// nothing when it was given this one before. A profile or register that is not there is
    /// refused (Constraint).
    fn register_profile_put(
        &mut self,
        register: &DatabaseId,
        profile: &OfflineProfileName,
    ) -> Result<Option<Version>, StorageError>;

    /// Gives every offline profile the next version, so that all registers' rows are sent again;
    /// nothing for none.
    fn offline_profiles_renew(&mut self) -> Result<(), StorageError>;
}
