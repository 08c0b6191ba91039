//! PINs as they are stored and sent: slow hashes, since a PIN itself is quickly guessed.

use std::fmt;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use serde::{Deserialize, Serialize};
use tillsync_domain::staff::Pin;

/// The most memory that a hash from elsewhere may ask for, in KiB, and the most rounds: a row can
/// not stop a till.
const MEMORY_KIB_MAX: u32 = 256 << 10;
const ROUNDS_MAX: u32 = 16;

/// A hash that belongs to nobody. Whoever presents an unknown operator number waits as long as
/// others, and so learns nothing.
const NOBODYS: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$\
                       AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// The argon2id hash of a PIN, as a PHC string: salt and costs stand in it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PinHash(String);

impl PinHash {
    /// Hashes a PIN with 19 MiB and two rounds. The caller draws the salt. Takes tens of
    /// milliseconds: never inside a transaction.
    pub fn of(pin: &Pin, salt: [u8; 16]) -> Self {
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::DEFAULT);
        let hash: PasswordHash = argon2
            .hash_password_with_salt(pin.reveal().as_bytes(), &salt)
            .expect("a salt of 16 bytes and the published parameters are valid");
        PinHash(hash.to_string())
    }

    /// A hash that no PIN has.
    pub fn nobodys() -> Self {
        PinHash(NOBODYS.to_owned())
    }

    /// Takes a hash as it was stored.
    pub fn stored(text: String) -> Self {
        PinHash(text)
    }

    /// What may be stored and sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the hash of the PIN; a damaged hash is nobody's. As slow as making one.
    pub fn is_of(&self, pin: &Pin) -> bool {
        let Ok(hash) = PasswordHash::new(&self.0) else { return false };
        let Ok(params) = Params::try_from(&hash) else { return false };
        let is_bounded = params.m_cost() <= MEMORY_KIB_MAX && params.t_cost() <= ROUNDS_MAX;
        is_bounded && Argon2::default().verify_password(pin.reveal().as_bytes(), &hash).is_ok()
    }
}

impl fmt::Debug for PinHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PinHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pin(text: &str) -> Pin {
        Pin::parse(text).expect("a PIN")
    }

    #[test]
    fn a_hash_is_of_its_pin_only_and_salted() {
        let hash = PinHash::of(&pin("1234"), [7; 16]);
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.as_str());
        assert!(hash.is_of(&pin("1234")));
        assert!(!hash.is_of(&pin("1235")));
        assert!(!hash.is_of(&pin("01234")));
        assert_ne!(PinHash::of(&pin("1234"), [8; 16]), hash);
        assert_eq!(format!("{hash:?}"), "PinHash(…)");
    }

    #[test]
    fn nobodys_hash_costs_what_others_cost_and_is_of_no_pin() {
        let nobodys = PasswordHash::new(NOBODYS).expect("a PHC string");
        let params = Params::try_from(&nobodys).expect("parameters");
        assert_eq!((params.m_cost(), params.t_cost(), params.p_cost()), (19_456, 2, 1));
        assert!(!PinHash::nobodys().is_of(&pin("1234")));
    }

    #[test]
    fn a_hash_that_is_none_or_costs_too_much_is_nobodys() {
        let good = PinHash::of(&pin("1234"), [7; 16]);
        for bad in [
            String::new(),
            "1234".to_owned(),
            good.as_str().replace("m=19456", "m=4194304"),
            good.as_str().replace("t=2", "t=4000000"),
            good.as_str()[..40].to_owned(),
        ] {
            assert!(!PinHash::stored(bad.clone()).is_of(&pin("1234")), "{bad}");
        }
    }
}
