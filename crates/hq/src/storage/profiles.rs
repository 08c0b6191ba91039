//! Functionality profiles, and which one each channel has.
//!
//! Nothing of them is stored until the first is set: they are not in force before (F46).

use tillsync_domain::ids::{DatabaseId, GroupId, ProfileName, Version};
use tillsync_domain::profile::FunctionalityProfile;
use tillsync_exchange::rows::profile::ProfileRow;

use super::StorageError;

/// A functionality profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileRecord {
    /// Its name.
    pub name: ProfileName,
    /// What it says.
    pub options: FunctionalityProfile,
    /// The version of the change log in which it was set last.
    pub version: Version,
}

/// Which channels' profiles are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProfileSelection {
    /// Only those of this group's channels.
    pub group: Option<GroupId>,
    /// Changed after this version; zero for all.
    pub after: Version,
    /// Changed up to this version; absent for everything that the snapshot shows.
    pub up_to: Option<Version>,
}

/// Reading profiles.
pub trait ProfileReads {
    /// Every profile, by name; none while they are not in force.
    fn profiles_all(&mut self) -> Result<Vec<ProfileRecord>, StorageError>;

    /// What holds for the selected channels, by version and channel; nothing while profiles are
    /// not in force. A row is as new as the newer of profile and assignment.
    fn channel_profiles(
        &mut self,
        selection: &ProfileSelection,
    ) -> Result<Vec<ProfileRow>, StorageError>;
}

/// Changing profiles.
pub trait ProfileWrites {
    /// Inserts or replaces a profile and gives it the next version of the change log, which is
    /// returned; nothing when it says the same already.
    fn profile_put(
        &mut self,
        profile: &ProfileName,
        options: &FunctionalityProfile,
    ) -> Result<Option<Version>, StorageError>;

    /// Gives a channel a profile and its row the next version, which is returned; nothing when it
    /// was given this one before. A profile or channel that is not there is refused (Constraint).
    fn channel_profile_put(
        &mut self,
        channel: &DatabaseId,
        profile: &ProfileName,
    ) -> Result<Option<Version>, StorageError>;

    /// Gives every profile the next version, so that all are sent again; nothing for none.
    fn profiles_renew(&mut self) -> Result<(), StorageError>;
}
