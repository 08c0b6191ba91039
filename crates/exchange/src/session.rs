//! The life of one package on its way: statuses, allowed steps, tries.
//!
//! Status values and meanings are those of the reference system (`domain.md` 4.1 and 4.3).
//! A step is a pure function of the session, the event, the time and the retry policy.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;

use crate::retry::{Jitter, RetryPolicy};

macro_rules! statuses {
    (
        $(#[$doc:meta])*
        $name:ident {
            $($(#[$vdoc:meta])* $variant:ident = $code:literal $text:literal),+ $(,)?
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant = $code),+ }

        impl $name {
            /// Every status, by value.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The status value that databases and the reference system use.
            pub fn value(self) -> i64 {
                self as i64
            }

            /// The status behind a value, if there is one.
            pub fn from_value(value: i64) -> Option<Self> {
                Self::ALL.iter().copied().find(|status| status.value() == value)
            }

            /// The status as people read it.
            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownStatus;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL
                    .iter()
                    .copied()
                    .find(|status| status.as_str().eq_ignore_ascii_case(text))
                    .ok_or_else(|| UnknownStatus(text.to_owned()))
            }
        }
    };
}

/// A text that names no status.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no session status {0:?}")]
pub struct UnknownStatus(pub String);

statuses! {
    /// Where an upload session stands (F66).
    UploadStatus {
        /// The range of operations is fixed.
        Started = 0 "Started",
        /// The package is ready to be sent.
        Available = 1 "Available",
        /// It arrived upstream.
        Uploaded = 2 "Uploaded",
        /// It is written upstream.
        Applied = 3 "Applied",
        /// An operator cancelled it; its operations go with a later session.
        Canceled = 4 "Canceled",
        /// The way failed; the sender tries again.
        UploadFailed = 5 "Upload failed",
        /// The receiver could not write it.
        ApplyFailed = 6 "Apply failed",
    }
}

statuses! {
    /// Where a download session stands, for one database (F67).
    DownloadStatus {
        /// The package is being made.
        Started = 0 "Started",
        /// It is ready.
        Available = 1 "Available",
        /// The database asked for it.
        Requested = 2 "Requested",
        /// The database has it.
        Downloaded = 3 "Downloaded",
        /// It is written to the database.
        Applied = 4 "Applied",
        /// An operator cancelled it.
        Canceled = 5 "Canceled",
        /// Making it failed; run the job again after the fix.
        CreateFailed = 6 "Create failed",
        /// The way failed; the database tries again.
        DownloadFailed = 7 "Download failed",
        /// Writing it failed; the database tries again.
        ApplyFailed = 8 "Apply failed",
        /// Nothing had changed; hidden by default.
        NoData = 9 "No data",
        /// All tries are used up: later packages wait until it is retried or cancelled (F70).
        Suspended = 10 "Suspended",
    }
}

/// What happens to a download session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DownloadEvent {
    /// The database asked for the package.
    Requested,
    /// The database has the package and its digest is right.
    Downloaded,
    /// The database wrote it.
    Applied,
    /// Fetching failed, or the digest was wrong.
    DownloadFailed,
    /// Writing failed.
    ApplyFailed,
    /// The package is no longer there for anybody.
    PackageLost,
    /// An operator wants another round of tries.
    Retry,
    /// An operator gives it up.
    Cancel,
    /// An operator wants it applied once more (F71).
    Rerun,
}

/// What happens to an upload session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UploadEvent {
    /// The package was built.
    Built,
    /// The receiver has it.
    Uploaded,
    /// The receiver wrote it.
    Applied,
    /// Sending failed.
    UploadFailed,
    /// The receiver could not write it.
    ApplyFailed,
    /// An operator gives it up.
    Cancel,
}

/// A session's status with its tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<S> {
    /// The status.
    pub status: S,
    /// Failures since the last success or operator's retry.
    pub failures: u32,
    /// Not before this time is it tried again; absent when nothing holds it back.
    pub next_try_at: Option<Timestamp>,
}

/// A step that the present status does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a session that is {status} cannot take the step {event:?}")]
pub struct IllegalStep<S: fmt::Display, E: fmt::Debug> {
    /// The present status.
    pub status: S,
    /// The step asked for.
    pub event: E,
}

impl<S> Progress<S> {
    /// A session in this status with all its tries left.
    pub fn fresh(status: S) -> Self {
        Progress { status, failures: 0, next_try_at: None }
    }

    fn failed(
        &self,
        status: S,
        parked: S,
        now: Timestamp,
        policy: &RetryPolicy,
        jitter: Jitter,
    ) -> Self {
        let failures = self.failures + 1;
        if policy.is_used_up(failures) {
            return Progress { status: parked, failures, next_try_at: None };
        }
        let next_try_at = now.checked_add(policy.delay_after(failures, jitter)).ok();
        Progress { status, failures, next_try_at }
    }
}

impl Progress<DownloadStatus> {
    /// The session after an event.
    ///
    /// Repeats of what has happened already are allowed and change nothing: answers get lost.
    ///
    /// # Errors
    /// Conflict: the status does not allow the step.
    pub fn step(
        &self,
        event: DownloadEvent,
        now: Timestamp,
        policy: &RetryPolicy,
        jitter: Jitter,
    ) -> Result<Self, IllegalStep<DownloadStatus, DownloadEvent>> {
        use DownloadEvent as E;
        use DownloadStatus as S;
        let keep_tries = |status| Progress { status, ..*self };
        match (event, self.status) {
            (
                E::Requested,
                S::Available | S::Requested | S::Downloaded | S::DownloadFailed | S::ApplyFailed,
            ) => Ok(keep_tries(S::Requested)),
            (E::Downloaded, S::Available | S::Requested | S::Downloaded) => {
                Ok(keep_tries(S::Downloaded))
            }
            // Whatever was thought of it before: it is in the database, and that is final.
            // Even a package that was found lost can have been fetched before it was.
            (
                E::Applied,
                S::Available
                | S::Requested
                | S::Downloaded
                | S::Applied
                | S::CreateFailed
                | S::DownloadFailed
                | S::ApplyFailed
                | S::Suspended,
            ) => Ok(Progress::fresh(S::Applied)),
            (E::DownloadFailed, S::Available | S::Requested | S::DownloadFailed) => {
                Ok(self.failed(S::DownloadFailed, S::Suspended, now, policy, jitter))
            }
            (E::ApplyFailed, S::Available | S::Requested | S::Downloaded | S::ApplyFailed) => {
                Ok(self.failed(S::ApplyFailed, S::Suspended, now, policy, jitter))
            }
            // Another package takes its place: nothing has to wait for this one.
            (
                E::PackageLost,
                S::Available
                | S::Requested
                | S::Downloaded
                | S::DownloadFailed
                | S::ApplyFailed
                | S::Suspended
                | S::CreateFailed,
            ) => Ok(Progress::fresh(S::CreateFailed)),
            (
                E::Retry,
                S::Suspended | S::DownloadFailed | S::ApplyFailed | S::Requested | S::Downloaded,
            ) => Ok(Progress::fresh(S::Available)),
            (
                E::Cancel,
                S::Available
                | S::Requested
                | S::Downloaded
                | S::DownloadFailed
                | S::ApplyFailed
                | S::Suspended
                | S::CreateFailed
                | S::Canceled,
            ) => Ok(Progress::fresh(S::Canceled)),
            (E::Rerun, S::Applied | S::Canceled | S::Available | S::Suspended) => {
                Ok(Progress::fresh(S::Available))
            }
            (event, status) => Err(IllegalStep { status, event }),
        }
    }

    /// Whether later packages must wait for this one (F69, F70).
    pub fn holds_up_followers(&self) -> bool {
        use DownloadStatus as S;
        match self.status {
            S::Applied | S::Canceled | S::NoData | S::CreateFailed => false,
            S::Started
            | S::Available
            | S::Requested
            | S::Downloaded
            | S::DownloadFailed
            | S::ApplyFailed
            | S::Suspended => true,
        }
    }
}

impl Progress<UploadStatus> {
    /// The session after an event; repeats change nothing.
    ///
    /// # Errors
    /// Conflict: the status does not allow the step.
    pub fn step(
        &self,
        event: UploadEvent,
        now: Timestamp,
        policy: &RetryPolicy,
        jitter: Jitter,
    ) -> Result<Self, IllegalStep<UploadStatus, UploadEvent>> {
        use UploadEvent as E;
        use UploadStatus as S;
        let keep_tries = |status| Progress { status, ..*self };
        match (event, self.status) {
            (E::Built, S::Started | S::Available | S::UploadFailed | S::ApplyFailed) => {
                Ok(keep_tries(S::Available))
            }
            (E::Uploaded, S::Available | S::Uploaded | S::UploadFailed | S::ApplyFailed) => {
                Ok(keep_tries(S::Uploaded))
            }
            (
                E::Applied,
                S::Available | S::Uploaded | S::Applied | S::UploadFailed | S::ApplyFailed,
            ) => Ok(Progress::fresh(S::Applied)),
            (E::UploadFailed, S::Started | S::Available | S::UploadFailed | S::ApplyFailed) => {
                Ok(self.failed(S::UploadFailed, S::UploadFailed, now, policy, jitter))
            }
            (E::ApplyFailed, S::Available | S::Uploaded | S::UploadFailed | S::ApplyFailed) => {
                Ok(self.failed(S::ApplyFailed, S::ApplyFailed, now, policy, jitter))
            }
            (
                E::Cancel,
                S::Started | S::Available | S::UploadFailed | S::ApplyFailed | S::Canceled,
            ) => Ok(Progress::fresh(S::Canceled)),
            (event, status) => Err(IllegalStep { status, event }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(
        progress: Progress<DownloadStatus>,
        event: DownloadEvent,
    ) -> Result<Progress<DownloadStatus>, IllegalStep<DownloadStatus, DownloadEvent>> {
        progress.step(event, Timestamp::UNIX_EPOCH, &RetryPolicy::SESSION, Jitter(0.0))
    }

    #[test]
    fn three_failures_suspend_and_both_exits_work() {
        let mut progress = Progress::fresh(DownloadStatus::Available);
        for expected in [DownloadStatus::ApplyFailed, DownloadStatus::ApplyFailed] {
            progress = step(progress, DownloadEvent::ApplyFailed).expect("allowed");
            assert_eq!(progress.status, expected);
            assert!(progress.next_try_at.is_some(), "a back-off stands before the next try");
        }
        let suspended = step(progress, DownloadEvent::ApplyFailed).expect("allowed");
        assert_eq!(suspended.status, DownloadStatus::Suspended);
        assert!(suspended.holds_up_followers());
        assert!(step(suspended, DownloadEvent::Requested).is_err(), "it is parked");
        let retried = step(suspended, DownloadEvent::Retry).expect("allowed");
        assert_eq!(retried, Progress::fresh(DownloadStatus::Available));
        let canceled = step(suspended, DownloadEvent::Cancel).expect("allowed");
        assert!(!canceled.holds_up_followers());
    }

    #[test]
    fn an_applied_session_stays_applied_whatever_arrives_late() {
        let applied = Progress::fresh(DownloadStatus::Applied);
        assert_eq!(step(applied, DownloadEvent::Applied), Ok(applied));
        for late in [
            DownloadEvent::Requested,
            DownloadEvent::Downloaded,
            DownloadEvent::DownloadFailed,
            DownloadEvent::ApplyFailed,
            DownloadEvent::PackageLost,
            DownloadEvent::Cancel,
        ] {
            assert!(step(applied, late).is_err(), "{late:?}");
        }
    }

    #[test]
    fn a_package_that_was_fetched_before_it_was_found_lost_can_still_be_applied() {
        let fetched = Progress::fresh(DownloadStatus::Downloaded);
        let lost = step(fetched, DownloadEvent::PackageLost).expect("allowed");
        assert_eq!(lost.status, DownloadStatus::CreateFailed);
        let applied = step(lost, DownloadEvent::Applied).expect("its report would jam every poll");
        assert_eq!(applied.status, DownloadStatus::Applied);
    }

    #[test]
    fn every_status_value_is_the_reference_systems() {
        let upload: Vec<_> = UploadStatus::ALL.iter().map(|s| s.value()).collect();
        assert_eq!(upload, (0..=6).collect::<Vec<_>>());
        let download: Vec<_> = DownloadStatus::ALL.iter().map(|s| s.value()).collect();
        assert_eq!(download, (0..=10).collect::<Vec<_>>());
        for status in DownloadStatus::ALL {
            assert_eq!(DownloadStatus::from_value(status.value()), Some(*status));
            assert_eq!(status.to_string().parse(), Ok(*status));
        }
    }

    #[test]
    fn an_upload_can_fail_and_still_arrive() {
        let policy = RetryPolicy { tries_max: None, ..RetryPolicy::SESSION };
        let mut progress = Progress::fresh(UploadStatus::Started);
        for event in [
            UploadEvent::Built,
            UploadEvent::UploadFailed,
            UploadEvent::Built,
            UploadEvent::Uploaded,
            UploadEvent::ApplyFailed,
            UploadEvent::Applied,
        ] {
            progress = progress
                .step(event, Timestamp::UNIX_EPOCH, &policy, Jitter(0.5))
                .expect("every step is allowed");
        }
        assert_eq!(progress, Progress::fresh(UploadStatus::Applied));
    }
}
