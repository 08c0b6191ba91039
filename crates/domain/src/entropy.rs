//! Randomness as a parameter: whoever holds the seed replays every identity and every jitter.

use jiff::Timestamp;
use uuid::Uuid;

/// A source of random bytes. The process supplies the operating system's; a simulator its seed's.
pub trait Entropy: Send + Sync {
    /// Fills the whole buffer.
    fn fill(&self, bytes: &mut [u8]);
}

/// Makes a UUIDv7 for a time: sortable by creation, unique without asking anybody.
///
/// A clock before 1970 counts as 1970.
pub fn uuid_v7(entropy: &dyn Entropy, now: Timestamp) -> Uuid {
    let mut random = [0; 10];
    entropy.fill(&mut random);
    let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

/// Draws evenly from 0 (inclusive) to 1 (exclusive).
pub fn draw_unit(entropy: &dyn Entropy) -> f64 {
    let mut random = [0; 4];
    entropy.fill(&mut random);
    f64::from(u32::from_le_bytes(random)) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Constant(u8);

    impl Entropy for Constant {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    #[test]
    fn identities_sort_by_time_and_replay() {
        let at = |second| Timestamp::from_second(second).expect("a time");
        let early = uuid_v7(&Constant(255), at(1));
        let late = uuid_v7(&Constant(0), at(2));
        assert!(early < late);
        assert_eq!(early.get_version_num(), 7);
        assert_eq!(uuid_v7(&Constant(255), at(1)), early);
        assert_eq!(uuid_v7(&Constant(0), at(-5)).get_version_num(), 7);
    }

    struct Seeded(std::sync::atomic::AtomicU64);

    impl Entropy for Seeded {
        fn fill(&self, bytes: &mut [u8]) {
            for byte in bytes {
                // A linear congruential step (Knuth's constants); its high bits are good enough.
                let step = |state: u64| {
                    state
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1_442_695_040_888_963_407)
                };
                let order = std::sync::atomic::Ordering::Relaxed;
                let state = self.0.fetch_update(order, order, |state| Some(step(state)));
                *byte = (state.unwrap_or_default() >> 56) as u8;
            }
        }
    }

    #[test]
    fn ten_thousand_customers_at_fifty_edges_share_no_guid() {
        let now = Timestamp::UNIX_EPOCH;
        let mut seen = std::collections::HashSet::new();
        for edge in 0..50 {
            let entropy = Seeded(std::sync::atomic::AtomicU64::new(edge));
            for _ in 0..10_000 {
                assert!(seen.insert(uuid_v7(&entropy, now)), "the same millisecond at every edge");
            }
        }
    }

    #[test]
    fn draws_stay_below_one() {
        assert!(draw_unit(&Constant(255)) < 1.0);
        assert!(draw_unit(&Constant(0)) == 0.0);
    }
}
