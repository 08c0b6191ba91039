//! Serde adapter: a number is read with all its digits or not at all.
//!
//! Numbers travel as texts. The ready-made reader of decimals rounds what has more digits than fit.

use std::fmt;

use rust_decimal::Decimal;
use serde::de::{Error, Visitor};
use serde::{Deserializer, Serializer};

/// The most digits that survive in a JSON number that is no text: readers make it binary.
const BINARY_DIGITS_MAX: usize = 15;

pub(super) fn serialize<S: Serializer>(value: &Decimal, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Decimal, D::Error> {
    from.deserialize_any(Exact)
}

struct Exact;

impl Visitor<'_> for Exact {
    type Value = Decimal;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a decimal number with at most 28 digits, as a text")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Decimal, E> {
        Decimal::from_str_exact(text).map_err(Error::custom)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Decimal, E> {
        Ok(number.into())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Decimal, E> {
        Ok(number.into())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Decimal, E> {
        let text = number.to_string();
        if text.bytes().filter(u8::is_ascii_digit).count() > BINARY_DIGITS_MAX {
            return Err(Error::custom("a number with so many digits must be a text"));
        }
        self.visit_str(&text)
    }
}
