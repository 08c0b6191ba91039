//! Waiting for a condition with a deadline, and measuring how long things took.
//!
//! This is the one place of the crate that reads a clock: real processes have no other.

use std::time::{Duration, Instant};

/// How often a condition is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Measures how long something takes.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts measuring.
    pub fn start() -> Self {
        Stopwatch(now())
    }

    /// The time since the start.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    /// The time since the start, in seconds.
    pub fn seconds(&self) -> f64 {
        self.elapsed().as_secs_f64()
    }
}

/// A moment after which nobody waits any longer.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(Instant);

impl Deadline {
    /// The moment that lies this far ahead.
    pub fn after(limit: Duration) -> Self {
        Deadline(now() + limit)
    }

    /// Whether it has come.
    pub fn is_over(&self) -> bool {
        self.remaining().is_zero()
    }

    /// The time that is left.
    pub fn remaining(&self) -> Duration {
        self.0.saturating_duration_since(now())
    }
}

/// Looks again and again until there is something, at most for `limit`.
pub fn wait_until<T>(limit: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Deadline::after(limit);
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        if deadline.is_over() {
            return None;
        }
        pause(LOOK_EVERY);
    }
}

/// Leaves the processor to others for a moment between two looks at a condition.
pub fn pause(moment: Duration) {
    std::thread::park_timeout(moment);
}

#[expect(clippy::disallowed_methods, reason = "real processes are waited for in real time")]
fn now() -> Instant {
    Instant::now()
}
