//! Serde adapter: identities travel as the text that people read and write.

use std::borrow::Cow;
use std::fmt::Display;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serializer, de};

/// Writes a value by its `Display`.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<T: Display, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}

/// Reads a value by its `FromStr`.
///
/// # Errors
/// The parse error, in the words of the value's own type.
pub fn deserialize<'de, T, D>(from: D) -> Result<T, D::Error>
where
    T: FromStr<Err: Display>,
    D: Deserializer<'de>,
{
    // A visitor-free read: borrowed where the input allows, owned where it has escapes.
    let text = Cow::<'de, str>::deserialize(from)?;
    text.parse().map_err(de::Error::custom)
}

/// The same for a value that may be absent.
pub mod option {
    use super::*;

    /// Writes the value by its `Display`, or null.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<T: Display, S: Serializer>(
        value: &Option<T>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => to.collect_str(value),
            None => to.serialize_none(),
        }
    }

    /// Reads the value by its `FromStr`, or nothing.
    ///
    /// # Errors
    /// The parse error, in the words of the value's own type.
    pub fn deserialize<'de, T, D>(from: D) -> Result<Option<T>, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        let text = Option::<Cow<'de, str>>::deserialize(from)?;
        text.map(|text| text.parse().map_err(de::Error::custom)).transpose()
    }
}
