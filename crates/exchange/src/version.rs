//! Which versions of the protocol both ends speak.

use serde::{Deserialize, Serialize};

/// The range of protocol versions one end speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtocolRange {
    /// The oldest version spoken.
    pub min: u32,
    /// The newest version spoken.
    pub max: u32,
}

/// What this build speaks.
pub const SPOKEN: ProtocolRange = ProtocolRange { min: 1, max: 1 };

/// Two ends that have no version in common.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "no common protocol version: this end speaks {}–{}, the other {}–{}; upgrade the older end \
     (nothing is lost meanwhile: operations wait where they are)",
    ours.min, ours.max, theirs.min, theirs.max
)]
pub struct NoCommonVersion {
    /// What this end speaks.
    pub ours: ProtocolRange,
    /// What the other end speaks.
    pub theirs: ProtocolRange,
}

impl ProtocolRange {
    /// The newest version that both ends speak.
    ///
    /// # Errors
    /// Conflict: the ranges do not meet.
    pub fn agree(self, theirs: ProtocolRange) -> Result<u32, NoCommonVersion> {
        let newest = self.max.min(theirs.max);
        if newest >= self.min && newest >= theirs.min {
            Ok(newest)
        } else {
            Err(NoCommonVersion { ours: self, theirs })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_common_version_is_spoken_and_none_is_an_error() {
        let range = |min, max| ProtocolRange { min, max };
        assert_eq!(range(1, 3).agree(range(2, 5)), Ok(3));
        assert_eq!(range(2, 5).agree(range(1, 3)), Ok(3));
        assert!(range(1, 1).agree(range(2, 5)).is_err());
        assert!(range(2, 5).agree(range(1, 1)).is_err());
    }
}
