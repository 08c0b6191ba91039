//! Randomness in streams: each stream is drawn from the seed and a name, so taking one event out
//! of a run changes no other event's draws.

use rand::rngs::ChaCha8Rng;
use rand::{Rng, RngExt, SeedableRng};
use sha2::{Digest, Sha256};
use tillsync_domain::entropy::Entropy;

use std::sync::{Mutex, PoisonError};

/// One stream.
pub struct Dice(ChaCha8Rng);

impl Dice {
    /// The stream of a name under a seed.
    pub fn of(seed: u64, name: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(seed.to_le_bytes());
        hash.update(name.as_bytes());
        Dice(ChaCha8Rng::from_seed(hash.finalize().into()))
    }

    /// True so often, from 0 to 1.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.0.random_bool(probability.clamp(0.0, 1.0))
    }

    /// A number from one to another, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        self.0.random_range(low..=high)
    }

    /// A fraction from 0 to 1.
    pub fn fraction(&mut self) -> f64 {
        self.0.random()
    }

    /// One of several, if there is one.
    pub fn pick<'a, T>(&mut self, several: &'a [T]) -> Option<&'a T> {
        if several.is_empty() {
            return None;
        }
        several.get(self.0.random_range(0..several.len()))
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0.next_u64()
    }
}

/// The entropy of one machine.
pub struct MachineEntropy(Mutex<ChaCha8Rng>);

impl MachineEntropy {
    /// The entropy of a name under a seed.
    pub fn of(seed: u64, name: &str) -> Self {
        MachineEntropy(Mutex::new(Dice::of(seed, name).0))
    }
}

impl Entropy for MachineEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(bytes);
    }
}
