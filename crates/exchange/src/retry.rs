//! How often and when a failed step is tried again.

use std::time::Duration;

/// A draw from 0 (inclusive) to 1 (exclusive) that spreads retries of many devices in time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Jitter(pub f64);

/// Exponential back-off with jitter and an optional limit on tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Tries before giving up; nothing means never. The reference system's default is 3 (F68).
    pub tries_max: Option<u32>,
    /// The wait after the first failure.
    pub first_delay: Duration,
    /// The longest wait.
    pub delay_max: Duration,
}

impl RetryPolicy {
    /// Sessions: three tries, then an operator decides (F68, F70).
    pub const SESSION: RetryPolicy = RetryPolicy {
        tries_max: Some(3),
        first_delay: Duration::from_secs(1),
        delay_max: Duration::from_secs(60),
    };

    /// Failed operations: three tries, minutes apart, then a person repairs.
    pub const OPERATION: RetryPolicy = RetryPolicy {
        tries_max: Some(3),
        first_delay: Duration::from_secs(60),
        delay_max: Duration::from_secs(3600),
    };

    /// The wait before the next try, after `failures` failures in a row: doubles from
    /// `first_delay` to `delay_max`, of which jitter takes away up to half.
    pub fn delay_after(&self, failures: u32, jitter: Jitter) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        let full = self.first_delay.saturating_mul(1 << doublings).min(self.delay_max);
        full.mul_f64(1.0 - jitter.0.clamp(0.0, 1.0) / 2.0)
    }

    /// Whether `failures` failures in a row use up all tries.
    pub fn is_used_up(&self, failures: u32) -> bool {
        self.tries_max.is_some_and(|tries| failures >= tries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_its_limit_and_jitter_takes_at_most_half() {
        let policy = RetryPolicy::SESSION;
        let seconds: Vec<_> =
            (1..=8).map(|n| policy.delay_after(n, Jitter(0.0)).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(policy.delay_after(40, Jitter(1.0)), Duration::from_secs(30));
    }

    #[test]
    fn three_tries_are_three_tries() {
        let used_up: Vec<_> = (1..=4).map(|n| RetryPolicy::SESSION.is_used_up(n)).collect();
        assert_eq!(used_up, [false, false, true, true]);
        let endless = RetryPolicy { tries_max: None, ..RetryPolicy::SESSION };
        assert!(!endless.is_used_up(u32::MAX));
    }
}
