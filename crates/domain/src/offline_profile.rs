//! Offline profiles: how a register that keeps a database of its own works while it is cut off
//! from its channel (`domain.md` 6.3).

use std::fmt;
use std::ops::RangeInclusive;

/// The name of the profile that a register has until it is given another one.
pub const DEFAULT_OFFLINE_PROFILE: &str = "default";

/// How often a register may look whether its channel is well, in seconds.
pub const HEALTH_CHECK_INTERVAL_S: RangeInclusive<u32> = 1..=3600;

/// How long a register may wait for its channel during a sale, in milliseconds.
pub const REQUEST_TIMEOUT_MS: RangeInclusive<u32> = 100..=60_000;

/// What an offline profile says. The default is what a new profile says, and what holds for a
/// register to which none was ever distributed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OfflineProfile {
    /// Whether its registers get nothing from headquarters for now; what they record goes up all
    /// the same.
    pub pause_offline_sync: bool,
    /// How often a register looks whether its channel is well, in seconds, within
    /// [`HEALTH_CHECK_INTERVAL_S`].
    pub health_check_interval_s: u32,
    /// How long a register waits for its channel during a sale before it goes on by itself, in
    /// milliseconds, within [`REQUEST_TIMEOUT_MS`].
    pub request_timeout_ms: u32,
    /// Whether a till may be switched to offline by hand before anybody has signed in.
    pub allow_manual_switch_before_sign_in: bool,
}

impl Default for OfflineProfile {
    fn default() -> Self {
        OfflineProfile {
            pause_offline_sync: false,
            health_check_interval_s: 60,
            request_timeout_ms: 5_000,
            allow_manual_switch_before_sign_in: true,
        }
    }
}

/// A value that no offline profile may have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{option} cannot be {value}: it is between {} and {} {unit}", range.start(), range.end())]
pub struct OutOfRange {
    /// Of which setting.
    pub option: OfflineOption,
    /// What was asked for.
    pub value: u32,
    /// What there is.
    pub range: RangeInclusive<u32>,
    /// In which unit.
    pub unit: &'static str,
}

impl OfflineProfile {
    /// Checks the values.
    ///
    /// # Errors
    /// The first setting that is out of its range.
    pub fn checked(self) -> Result<Self, OutOfRange> {
        for (option, value, range, unit) in [
            (
                OfflineOption::HealthCheckIntervalS,
                self.health_check_interval_s,
                HEALTH_CHECK_INTERVAL_S,
                "seconds",
            ),
            (
                OfflineOption::RequestTimeoutMs,
                self.request_timeout_ms,
                REQUEST_TIMEOUT_MS,
                "milliseconds",
            ),
        ] {
            if !range.contains(&value) {
                return Err(OutOfRange { option, value, range, unit });
            }
        }
        Ok(self)
    }
}

/// One setting of an offline profile, as people name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OfflineOption {
    /// See [`OfflineProfile::pause_offline_sync`].
    PauseOfflineSync,
    /// See [`OfflineProfile::health_check_interval_s`].
    HealthCheckIntervalS,
    /// See [`OfflineProfile::request_timeout_ms`].
    RequestTimeoutMs,
    /// See [`OfflineProfile::allow_manual_switch_before_sign_in`].
    AllowManualSwitchBeforeSignIn,
}

impl OfflineOption {
    /// The name in commands, bodies and packages.
    pub fn as_str(self) -> &'static str {
        match self {
            OfflineOption::PauseOfflineSync => "pause_offline_sync",
            OfflineOption::HealthCheckIntervalS => "health_check_interval_s",
            OfflineOption::RequestTimeoutMs => "request_timeout_ms",
            OfflineOption::AllowManualSwitchBeforeSignIn => "allow_manual_switch_before_sign_in",
        }
    }
}

impl fmt::Display for OfflineOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_out_of_its_range_is_refused_by_name() {
        let usual = OfflineProfile::default();
        assert_eq!(usual.checked(), Ok(usual));
        for (interval, timeout, expected) in [
            (0, 5_000, "health_check_interval_s cannot be 0: it is between 1 and 3600 seconds"),
            (60, 99, "request_timeout_ms cannot be 99: it is between 100 and 60000 milliseconds"),
        ] {
            let profile = OfflineProfile {
                health_check_interval_s: interval,
                request_timeout_ms: timeout,
                ..usual
            };
            let refused = profile.checked().expect_err("out of range");
            assert_eq!(refused.to_string(), expected);
        }
        for (interval, timeout) in [(10, 100), (3_600, 60_000)] {
            let profile = OfflineProfile {
                health_check_interval_s: interval,
                request_timeout_ms: timeout,
                ..usual
            };
            assert_eq!(profile.checked(), Ok(profile));
        }
    }
}
