//! Time that a story controls.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};
use tillsync_domain::clock::Clock;

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct StoryClock(AtomicI64);

impl Default for StoryClock {
    fn default() -> Self {
        let start: Timestamp = "2026-01-05T08:00:00Z".parse().expect("a timestamp");
        StoryClock(AtomicI64::new(start.as_microsecond()))
    }
}

impl StoryClock {
    /// Moves the time on, or back.
    pub fn pass(&self, time: SignedDuration) {
        let micros = i64::try_from(time.as_micros()).expect("a short time");
        self.0.fetch_add(micros, Ordering::SeqCst);
    }
}

impl Clock for StoryClock {
    fn now(&self) -> Timestamp {
        // A millisecond an event, so that what happens later has a later time.
        let micros = self.0.fetch_add(1_000, Ordering::SeqCst);
        Timestamp::from_microsecond(micros).expect("a time in range")
    }
}
