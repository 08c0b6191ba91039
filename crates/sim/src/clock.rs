//! The clocks of machines: virtual time, skewed as each machine's clock is.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};
use tillsync_domain::clock::Clock;

use crate::turns::Turns;

/// When every run begins.
const BEGINNING: &str = "2026-01-05T08:00:00Z";

/// The clock of one machine.
pub struct MachineClock {
    turns: Turns,
    /// Microseconds that this clock is ahead.
    ahead: AtomicI64,
    /// The last time that was told, so that two moments differ.
    last: AtomicI64,
}

impl MachineClock {
    /// A clock that is right.
    pub fn new(turns: &Turns) -> Self {
        MachineClock {
            turns: turns.clone(),
            ahead: AtomicI64::new(0),
            last: AtomicI64::new(i64::MIN),
        }
    }

    /// Sets the clock, ahead of the true time or behind it.
    pub fn set_ahead(&self, by: SignedDuration) {
        let by = i64::try_from(by.as_micros()).expect("a clock is off by days at most");
        self.ahead.store(by, Ordering::SeqCst);
        self.last.store(i64::MIN, Ordering::SeqCst);
    }
}

impl Clock for MachineClock {
    fn now(&self) -> Timestamp {
        let true_time = true_time(&self.turns).as_microsecond();
        let told = true_time + self.ahead.load(Ordering::SeqCst);
        let told = told.max(self.last.load(Ordering::SeqCst).saturating_add(1));
        self.last.store(told, Ordering::SeqCst);
        Timestamp::from_microsecond(told).expect("a time near the beginning")
    }
}

/// What a clock that is right would tell.
pub fn true_time(turns: &Turns) -> Timestamp {
    let beginning: Timestamp = BEGINNING.parse().expect("a timestamp");
    beginning + turns.now()
}
