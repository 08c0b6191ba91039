//! Device credentials and activation codes: what is secret, what is stored.

use std::fmt;

use sha2::{Digest, Sha256};

/// The SHA-256 of a secret of full entropy; this is what gets stored and sent at enrolment.
///
/// A plain hash is enough because the secret holds 256 random bits: there is nothing to guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SecretHash(pub [u8; 32]);

/// A secret with 256 random bits: a device credential or an API token.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Makes a secret of random bytes, which the caller draws.
    pub fn from_random(bytes: [u8; 32]) -> Self {
        Secret(hex::encode(bytes))
    }

    /// Takes a secret as a caller presented it.
    pub fn presented(text: &str) -> Self {
        Secret(text.to_owned())
    }

    /// The secret itself, for the `Authorization` header and the device's own database only.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What may be stored and compared.
    pub fn hash(&self) -> SecretHash {
        SecretHash(Sha256::digest(self.0.as_bytes()).into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl fmt::Display for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl std::str::FromStr for SecretHash {
    type Err = hex::FromHexError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes)?;
        Ok(SecretHash(bytes))
    }
}

/// A one-time code that turns a device into a known database: ten letters and digits that cannot
/// be mistaken for one another, shown as `ABCDE-FGHJK`.
#[derive(Clone, PartialEq, Eq)]
pub struct ActivationCode(String);

const CODE_ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
const CODE_CHARS: usize = 10;

impl ActivationCode {
    /// Makes a code of random bytes, which the caller draws: 50 bits of it are used.
    pub fn from_random(bytes: [u8; CODE_CHARS]) -> Self {
        let letter = |byte: u8| char::from(CODE_ALPHABET[usize::from(byte) % CODE_ALPHABET.len()]);
        ActivationCode(bytes.into_iter().map(letter).collect())
    }

    /// Reads a code as a person typed it: case, spaces and dashes do not matter.
    pub fn typed(text: &str) -> Self {
        let letters = text.chars().filter(char::is_ascii_alphanumeric).take(CODE_CHARS + 1);
        ActivationCode(letters.map(|c| c.to_ascii_uppercase()).collect())
    }

    /// What is stored at headquarters.
    pub fn hash(&self) -> SecretHash {
        SecretHash(Sha256::digest(self.0.as_bytes()).into())
    }
}

impl fmt::Display for ActivationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (left, right) = self.0.split_at(self.0.len() / 2);
        write!(f, "{left}-{right}")
    }
}

impl fmt::Debug for ActivationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ActivationCode(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_survives_being_typed_by_a_person() {
        let code = ActivationCode::from_random([0, 1, 2, 3, 4, 33, 34, 35, 36, 255]);
        assert_eq!(code.to_string(), "ABCDE-BCDE9");
        for typed in ["abcde-bcde9", " ABCDE BCDE9 ", "abcdebcde9"] {
            assert_eq!(ActivationCode::typed(typed).hash(), code.hash());
        }
        assert_ne!(ActivationCode::typed("ABCDE-BCDE9X").hash(), code.hash());
    }

    #[test]
    fn secrets_do_not_show_in_debug_output() {
        let secret = Secret::from_random([7; 32]);
        assert!(!format!("{secret:?}").contains("07"));
        assert_eq!(Secret::presented(secret.reveal()).hash(), secret.hash());
        let hash = secret.hash();
        assert_eq!(hash.to_string().parse(), Ok(hash));
    }
}
