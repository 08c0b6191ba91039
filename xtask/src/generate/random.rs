//! A small generator of pseudo-random numbers whose sequence is part of the file format.
//!
//! It must never change: a seed that somebody wrote into a report must draw the same customers in
//! every later version, which no general library promises. It is of no use where secrets matter.

/// A generator in the SplitMix64 family: one 64-bit state, one output a step.
#[derive(Debug)]
pub(crate) struct Random {
    state: u64,
}

impl Random {
    /// A generator whose sequence depends on the seed alone.
    pub(crate) fn from_seed(seed: u64) -> Self {
        Random { state: seed }
    }

    /// A number below `bound`, which must not be zero.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        // The high half of the product maps 64 bits to the range without a division.
        let wide = u128::from(self.next()) * u128::from(bound);
        u64::try_from(wide >> 64).expect("the high half of a 128-bit product fits in 64 bits")
    }

    /// True `percent` times in a hundred.
    pub(crate) fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of the items, which must not be empty.
    pub(crate) fn pick<'a>(&mut self, items: &[&'a str]) -> &'a str {
        let index = self.below(items.len() as u64);
        items[usize::try_from(index).expect("an index of a slice fits in usize")]
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_of_a_seed_is_fixed_for_ever() {
        let mut random = Random::from_seed(0);
        assert_eq!(random.next(), 0xE220_A839_7B1D_CDAF);
    }

    #[test]
    fn a_bound_is_never_reached_and_every_value_below_it_is_drawn() {
        let mut random = Random::from_seed(1);
        let drawn: std::collections::BTreeSet<_> = (0..1_000).map(|_| random.below(6)).collect();
        assert_eq!(drawn, (0..6).collect());
    }
}
