//! Whether a call is worth waiting for: after some failures in a row nobody waits any more, and
//! now and then one call finds out whether that is still so.
//!
//! It must never count a refusal as a failure: who refuses can be reached.

use jiff::{SignedDuration, Timestamp};

/// Failures in a row after which calls are not tried.
pub const FAILURES_MAX: u32 = 3;

/// How long calls are not tried; then one of them is the probe.
pub const OPEN_FOR: SignedDuration = SignedDuration::from_secs(30);

/// What the breaker lets happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// Every call is tried.
    Closed,
    /// No call is tried until a time.
    Open {
        /// When a probe may be made.
        until: Timestamp,
    },
    /// One call is being tried, and the others are not.
    Probing,
}

/// Whether a call may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Make it, and say what it came to.
    Call,
    /// Do not: it would only be waited for.
    Skip,
}

/// Whether a call was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was, if only by a refusal.
    Answered,
    /// It was not, or by somebody who could not pass it on.
    Failed,
}

/// Counts failures in a row, and says whether the next call may be made. One that was let through
/// and never came to anything counts as nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Breaker {
    failures: u32,
    /// When it opened, or when its probe was let through.
    opened_at: Option<Timestamp>,
    is_probing: bool,
}

impl Breaker {
    /// Asks whether a call may be made now.
    pub fn admit(&mut self, now: Timestamp) -> Admission {
        match self.opened_at {
            None => Admission::Call,
            Some(at) if is_within(at, now) => Admission::Skip,
            Some(_) => {
                (self.opened_at, self.is_probing) = (Some(now), true);
                Admission::Call
            }
        }
    }

    /// Notes what a call came to that was begun at a time.
    pub fn note(&mut self, outcome: Outcome, begun_at: Timestamp) {
        match outcome {
            Outcome::Answered => *self = Breaker::default(),
            Outcome::Failed => {
                self.failures = self.failures.saturating_add(1);
                if self.failures >= FAILURES_MAX {
                    // A call that was begun before the others failed opens it no longer.
                    self.opened_at = self.opened_at.max(Some(begun_at));
                    self.is_probing = false;
                }
            }
        }
    }

    /// What it lets happen at a time.
    pub fn state(&self, now: Timestamp) -> BreakerState {
        match self.opened_at {
            None => BreakerState::Closed,
            Some(at) if self.is_probing && is_within(at, now) => BreakerState::Probing,
            Some(at) => BreakerState::Open { until: at.saturating_add(OPEN_FOR).unwrap_or(at) },
        }
    }

    /// Failures since the last answer.
    pub fn failures(&self) -> u32 {
        self.failures
    }
}

/// Whether it is too early for a probe. A clock that was set back must not make it wait for hours.
fn is_within(opened_at: Timestamp, now: Timestamp) -> bool {
    let since = now.duration_since(opened_at);
    (SignedDuration::ZERO..OPEN_FOR).contains(&since)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + second).expect("a time of this century")
    }

    fn broken() -> Breaker {
        let mut breaker = Breaker::default();
        for second in 0..i64::from(FAILURES_MAX) {
            assert_eq!(breaker.admit(at(second)), Admission::Call);
            breaker.note(Outcome::Failed, at(second));
        }
        breaker
    }

    #[test]
    fn after_three_failures_nobody_waits_for_thirty_seconds_and_then_one_call_probes() {
        let mut breaker = broken();
        assert_eq!(breaker.state(at(3)), BreakerState::Open { until: at(32) });
        for second in [3, 20, 31] {
            assert_eq!(breaker.admit(at(second)), Admission::Skip, "{second}");
        }
        assert_eq!(breaker.admit(at(32)), Admission::Call);
        assert_eq!(breaker.state(at(32)), BreakerState::Probing);
        assert_eq!(breaker.admit(at(33)), Admission::Skip, "one probe only");
        breaker.note(Outcome::Failed, at(32));
        assert_eq!(breaker.state(at(33)), BreakerState::Open { until: at(62) });
        assert_eq!(breaker.admit(at(61)), Admission::Skip);
        assert_eq!(breaker.admit(at(62)), Admission::Call);
        breaker.note(Outcome::Answered, at(62));
        assert_eq!((breaker.state(at(62)), breaker.failures()), (BreakerState::Closed, 0));
    }

    #[test]
    fn an_answer_in_between_starts_the_count_again() {
        let mut breaker = Breaker::default();
        for outcome in [Outcome::Failed, Outcome::Failed, Outcome::Answered, Outcome::Failed] {
            assert_eq!(breaker.admit(at(0)), Admission::Call);
            breaker.note(outcome, at(0));
        }
        assert_eq!(breaker.state(at(0)), BreakerState::Closed);
        assert_eq!(breaker.failures(), 1);
    }

    #[test]
    fn a_probe_that_never_comes_back_is_followed_by_another() {
        let mut breaker = broken();
        assert_eq!(breaker.admit(at(40)), Admission::Call);
        assert_eq!(breaker.admit(at(69)), Admission::Skip);
        assert_eq!(breaker.admit(at(70)), Admission::Call);
    }

    #[test]
    fn a_clock_that_is_set_back_lets_a_probe_through() {
        assert_eq!(broken().admit(at(-3_600)), Admission::Call);
    }

    #[test]
    fn a_late_failure_of_an_early_call_does_not_keep_it_open_longer() {
        let mut breaker = broken();
        breaker.note(Outcome::Failed, at(-5));
        assert_eq!(breaker.state(at(3)), BreakerState::Open { until: at(32) });
    }
}
