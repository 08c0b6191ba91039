//! Amounts in JSON: read digit by digit and written with all their digits, never through a binary
//! fraction.
//!
//! They are written as JSON numbers, which is what programs of the interface expect. Whoever
//! cannot keep decimal numbers exact may send them as texts.

use std::collections::BTreeMap;
use std::fmt;

use rust_decimal::Decimal;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use super::input::{Fields, Reader};

/// An amount as it is written: a number with its digits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Amount(pub(super) Decimal);

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let digits = RawValue::from_string(self.0.to_string());
        digits.map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

impl PartialSchema for Amount {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::Number).into()
    }
}

impl ToSchema for Amount {}

/// Fields whose numbers still have the digits that were sent.
#[derive(Default)]
pub(super) struct RawFields {
    fields: BTreeMap<String, Box<RawValue>>,
    /// Those that cannot be taken out, and why.
    refused: Vec<(String, &'static str)>,
}

impl RawFields {
    /// Takes an object apart; nothing when it is none.
    pub(super) fn of(raw: &RawValue) -> Option<Self> {
        serde_json::from_str(raw.get()).ok()
    }

    /// Takes a field out as a value, for everything that is no amount.
    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        let raw = self.take_raw(name)?;
        Some(serde_json::from_str(raw.get()).expect("what cannot be read was left out"))
    }

    /// Takes a field out as it was sent; nothing when it is null.
    pub(super) fn take_raw(&mut self, name: &str) -> Option<Box<RawValue>> {
        self.fields.remove(name).filter(|raw| raw.get() != "null")
    }

    /// Takes an amount out: a number, or a text that holds one.
    pub(super) fn amount(
        &mut self,
        reader: &mut Reader,
        prefix: &str,
        name: &str,
    ) -> Option<Decimal> {
        let raw = self.take_raw(name)?;
        let amount = exact(&raw);
        if amount.is_none() {
            let expected = "must be a decimal number with at most 28 digits, or such a text";
            reader.refuse(&format!("{prefix}{name}"), expected);
        }
        amount
    }

    /// Takes an amount out that must be there.
    pub(super) fn amount_required(
        &mut self,
        reader: &mut Reader,
        prefix: &str,
        name: &str,
    ) -> Option<Decimal> {
        if self.fields.get(name).is_none_or(|raw| raw.get() == "null") {
            reader.refuse(&format!("{prefix}{name}"), "required, but none was given");
        }
        self.amount(reader, prefix, name)
    }

    /// Takes a list of objects out, each with its path.
    pub(super) fn objects(
        &mut self,
        reader: &mut Reader,
        name: &str,
    ) -> Vec<(String, Option<RawFields>)> {
        let Some(raw) = self.take_raw(name) else { return Vec::new() };
        let Ok(items) = serde_json::from_str::<Vec<Box<RawValue>>>(raw.get()) else {
            reader.refuse(name, "must be a list");
            return Vec::new();
        };
        let object = |(index, item): (usize, Box<RawValue>)| {
            let path = format!("{name}[{index}]");
            let fields = RawFields::of(&item);
            if fields.is_none() {
                reader.refuse(&path, "must be an object");
            }
            (format!("{path}."), fields)
        };
        items.into_iter().enumerate().map(object).collect()
    }

    /// Refuses whatever was not taken out.
    pub(super) fn finish(self, reader: &mut Reader, prefix: &str) {
        for (name, problem) in self.refused {
            reader.refuse(&format!("{prefix}{name}"), problem);
        }
        let value = |raw: Box<RawValue>| serde_json::from_str(raw.get()).unwrap_or(Value::Null);
        let left: Fields = self.fields.into_iter().map(|(name, raw)| (name, value(raw))).collect();
        reader.unknown(prefix, &left);
    }
}

impl<'de> Deserialize<'de> for RawFields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldVisitor)
    }
}

struct FieldVisitor;

impl<'de> Visitor<'de> for FieldVisitor {
    type Value = RawFields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawFields, A::Error> {
        let mut taken = RawFields::default();
        while let Some((name, raw)) = map.next_entry::<String, Box<RawValue>>()? {
            // What is JSON by its brackets and quotes may still be nested too deep, hold half a
            // character, or a number beyond all numbers.
            if serde_json::from_str::<Value>(raw.get()).is_err() {
                let problem = "cannot be read: nested too deeply, or with a text or number that \
                               cannot exist";
                taken.refused.push((name, problem));
            } else if taken.fields.insert(name.clone(), raw).is_some() {
                let problem = "is given twice, so it cannot be told which one is meant";
                taken.refused.push((name, problem));
            }
        }
        Ok(taken)
    }
}

fn exact(raw: &RawValue) -> Option<Decimal> {
    let text = raw.get();
    let unquoted;
    let digits = match text.strip_prefix('"') {
        None => text,
        Some(_) => {
            unquoted = serde_json::from_str::<String>(text).ok()?;
            unquoted.trim()
        }
    };
    // Rust accepts underscores in numbers; people and programs do not mean them.
    if digits.contains('_') {
        return None;
    }
    // What is before the exponent is read exactly as well: `from_scientific` would round it.
    let (before, exponent) = digits
        .split_once(['e', 'E'])
        .map_or((digits, None), |(before, after)| (before, Some(after)));
    let exact = Decimal::from_str_exact(before).ok()?;
    match exponent {
        None => Some(exact),
        Some(_) => Decimal::from_scientific(digits).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<String> {
        let raw = RawValue::from_string(text.to_owned()).expect("JSON");
        exact(&raw).map(|amount| amount.to_string())
    }

    #[test]
    fn amounts_keep_every_digit_that_was_sent() {
        for (text, amount) in [
            ("12.54", "12.54"),
            ("-0.10", "-0.10"),
            ("\"9007199254740993.01\"", "9007199254740993.01"),
            ("9007199254740993.01", "9007199254740993.01"),
            ("1.5e2", "150"),
        ] {
            assert_eq!(read(text).as_deref(), Some(amount), "{text}");
        }
        for text in ["\"\"", "\"1_000\"", "\"12,5\"", "true", "[]", "1e99", "\"NaN\""] {
            assert_eq!(read(text), None, "{text}");
        }
        let long = "0.12345678901234567890123456789012345";
        for exponent in ["", "e0", "E+2"] {
            let long = format!("{long}{exponent}");
            assert_eq!(read(&long), None, "rounding {long} would be cutting it");
        }
        for text in ["1e28", "99e28", "1e-29", "\"1e5e5\"", "\"e5\"", "\"1e\"", "1e4294967296"] {
            assert!(read(text).is_none_or(|amount| amount.len() == 29), "{text}");
        }
    }

    #[test]
    fn amounts_are_written_as_numbers_with_their_digits() {
        let amount = |text: &str| Amount(text.parse().expect("a number"));
        let written = serde_json::to_string(&[amount("12.50"), amount("-3"), amount("0.00")]);
        assert_eq!(written.expect("JSON"), "[12.50,-3,0.00]");
    }
}
