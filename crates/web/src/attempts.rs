//! How often one address may try: so many times at once, and then again every so often.
//!
//! The clock is an argument. Memory is bounded: when too many addresses have something to wait for,
//! the rest share one allowance. Written by hand because an attempt that turns out well is given
//! back, which the limiters of libraries cannot do.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::AttemptLimits;

/// Addresses that are remembered at once.
const ADDRESSES_MAX: usize = 20_000;

/// What one address is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// So many attempts in a row.
    pub at_once: u32,
    /// After that, one more whenever this has passed.
    pub one_every: Duration,
}

impl Default for AttemptLimits {
    /// Ten codes and then two a minute; a hundred credentials and then one a second.
    fn default() -> Self {
        AttemptLimits {
            enrolments: Allowance { at_once: 10, one_every: Duration::from_secs(30) },
            credentials: Allowance { at_once: 100, one_every: Duration::from_secs(1) },
        }
    }
}

/// The attempts of all addresses.
pub(crate) struct Attempts {
    allowance: Allowance,
    /// When an address will have its whole allowance again.
    whole_at: Mutex<HashMap<IpAddr, Instant>>,
}

impl Attempts {
    pub(crate) fn new(allowance: Allowance) -> Self {
        Attempts { allowance, whole_at: Mutex::default() }
    }

    /// Uses one attempt up.
    ///
    /// # Errors
    /// How long to wait: there is none left.
    pub(crate) fn take(&self, from: IpAddr, now: Instant) -> Result<(), Duration> {
        let Allowance { at_once, one_every } = self.allowance;
        let mut whole_at = self.lock();
        let key = key_of(from, &mut whole_at, now);
        let before = whole_at.get(&key).copied().unwrap_or(now).max(now);
        let after = before + one_every;
        let room = one_every * at_once;
        let wait = after.saturating_duration_since(now + room);
        if wait > Duration::ZERO {
            return Err(wait);
        }
        whole_at.insert(key, after);
        Ok(())
    }

    /// Gives one attempt back that turned out to be no failure.
    pub(crate) fn give_back(&self, from: IpAddr, now: Instant) {
        let mut whole_at = self.lock();
        let key = key_of(from, &mut whole_at, now);
        if let Some(until) = whole_at.get_mut(&key) {
            *until = until.checked_sub(self.allowance.one_every).unwrap_or(now);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, Instant>> {
        self.whole_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Under which address an attempt counts.
fn key_of(from: IpAddr, known: &mut HashMap<IpAddr, Instant>, now: Instant) -> IpAddr {
    let network = network_of(from);
    if known.len() < ADDRESSES_MAX || known.contains_key(&network) {
        return network;
    }
    known.retain(|_, whole_at| *whole_at > now);
    if known.len() < ADDRESSES_MAX { network } else { Ipv6Addr::UNSPECIFIED.into() }
}

/// Whoever has an IPv6 address has a network of them, 64 bits wide as a rule.
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn attempts() -> Attempts {
        Attempts::new(Allowance { at_once: 3, one_every: 10 * SECOND })
    }

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn after_so_many_attempts_one_comes_back_at_a_time() {
        let (attempts, start, caller) = (attempts(), Instant::now(), address("192.0.2.1"));
        for _ in 0..3 {
            assert_eq!(attempts.take(caller, start), Ok(()));
        }
        assert_eq!(attempts.take(caller, start), Err(10 * SECOND));
        assert_eq!(attempts.take(caller, start + 4 * SECOND), Err(6 * SECOND));
        assert_eq!(attempts.take(caller, start + 10 * SECOND), Ok(()));
        assert_eq!(attempts.take(caller, start + 10 * SECOND), Err(10 * SECOND));
        let much_later = start + 1_000 * SECOND;
        for _ in 0..3 {
            assert_eq!(attempts.take(caller, much_later), Ok(()), "no more than at first");
        }
        assert!(attempts.take(caller, much_later).is_err());
    }

    #[test]
    fn what_was_given_back_can_be_used_again_and_never_more() {
        let (attempts, start, caller) = (attempts(), Instant::now(), address("192.0.2.1"));
        for _ in 0..100 {
            assert_eq!(attempts.take(caller, start), Ok(()));
            attempts.give_back(caller, start);
        }
        attempts.give_back(caller, start);
        for _ in 0..3 {
            assert_eq!(attempts.take(caller, start), Ok(()));
        }
        assert!(attempts.take(caller, start).is_err());
    }

    #[test]
    fn addresses_do_not_share_and_one_network_of_version_six_does() {
        let (attempts, start) = (attempts(), Instant::now());
        for _ in 0..3 {
            assert_eq!(attempts.take(address("2001:db8::1"), start), Ok(()));
            assert_eq!(attempts.take(address("::ffff:192.0.2.1"), start), Ok(()));
        }
        assert!(attempts.take(address("2001:db8::ffff:1"), start).is_err());
        assert!(attempts.take(address("192.0.2.1"), start).is_err(), "the same, written otherwise");
        assert_eq!(attempts.take(address("2001:db8:0:1::1"), start), Ok(()));
        assert_eq!(attempts.take(address("192.0.2.2"), start), Ok(()));
    }

    #[test]
    fn more_addresses_than_can_be_remembered_share_what_is_left() {
        let (attempts, start) = (attempts(), Instant::now());
        let caller = |number: usize| IpAddr::from((number as u32).to_be_bytes());
        for number in 0..ADDRESSES_MAX {
            assert_eq!(attempts.take(caller(number), start), Ok(()));
        }
        for number in 0..3 {
            assert_eq!(attempts.take(caller(ADDRESSES_MAX + number), start), Ok(()));
        }
        assert!(attempts.take(caller(ADDRESSES_MAX + 9), start).is_err());
        assert_eq!(attempts.take(caller(7), start), Ok(()), "the known ones keep theirs");
        let later = start + 100 * SECOND;
        assert_eq!(attempts.take(caller(ADDRESSES_MAX + 9), later), Ok(()));
        assert!(attempts.lock().len() < 10, "who has nothing to wait for is forgotten");
    }
}
