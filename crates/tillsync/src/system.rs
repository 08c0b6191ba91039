//! The machine's clock and randomness: the only place of the program that reaches for either.

use std::sync::Arc;

use jiff::Timestamp;
use tillsync_domain::clock::Clock;
use tillsync_domain::entropy::Entropy;

/// The machine's clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the edge of the process reads the clock")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// The operating system's random numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        // Going on with predictable secrets and identities would be worse than ending.
        getrandom::fill(bytes).expect("the operating system gives random numbers");
    }
}

/// What this machine is called.
pub(crate) fn machine_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "hq".to_owned() } else { name.to_owned() }
}

/// The machine's clock, for whom it is handed to.
pub(crate) fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

/// The operating system's random numbers, for whom they are handed to.
pub(crate) fn entropy() -> Arc<dyn Entropy> {
    Arc::new(OsEntropy)
}
