//! Time and randomness that a story controls.

use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};
use tillsync_domain::clock::Clock;
use tillsync_domain::entropy::Entropy;

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

/// Random bytes that a seed decides (SplitMix64).
#[derive(Debug)]
pub struct SeededEntropy(Mutex<u64>);

impl SeededEntropy {
    /// The bytes of this seed.
    pub fn new(seed: u64) -> Self {
        SeededEntropy(Mutex::new(seed))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        let mut state = self.0.lock().expect("nobody panics while drawing");
        for chunk in bytes.chunks_mut(8) {
            *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = *state;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^= mixed >> 31;
            chunk.copy_from_slice(&mixed.to_le_bytes()[..chunk.len()]);
        }
    }
}
