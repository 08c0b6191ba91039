//! Amounts in JSON: read digit by digit and written with all their digits, never through a binary
//! fraction.
//!
//! They are written as JSON numbers, which is what programs of the interface expect. Whoever
//! cannot keep decimal numbers exact may send them as texts.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

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

/// Fields whose numbers still have the digits that were sent.
pub(super) struct RawFields(BTreeMap<String, Box<RawValue>>);

impl RawFields {
    /// Takes an object apart; nothing when it is none.
    pub(super) fn of(raw: &RawValue) -> Option<Self> {
        serde_json::from_str(raw.get()).ok().map(RawFields)
    }

    /// Takes a field out as a value, for everything that is no amount.
    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        let raw = self.take_raw(name)?;
        Some(serde_json::from_str(raw.get()).expect("a raw value is JSON"))
    }

    /// Takes a field out as it was sent; nothing when it is null.
    pub(super) fn take_raw(&mut self, name: &str) -> Option<Box<RawValue>> {
        self.0.remove(name).filter(|raw| raw.get() != "null")
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
        if self.0.get(name).is_none_or(|raw| raw.get() == "null") {
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
        let value = |raw: Box<RawValue>| serde_json::from_str(raw.get()).unwrap_or(Value::Null);
        let left: Fields = self.0.into_iter().map(|(name, raw)| (name, value(raw))).collect();
        reader.unknown(prefix, &left);
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
    let parsed = Decimal::from_str_exact(digits);
    parsed.or_else(|_| Decimal::from_scientific(digits)).ok()
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
        assert_eq!(read(long), None, "rounding it would be cutting it");
    }

    #[test]
    fn amounts_are_written_as_numbers_with_their_digits() {
        let amount = |text: &str| Amount(text.parse().expect("a number"));
        let written = serde_json::to_string(&[amount("12.50"), amount("-3"), amount("0.00")]);
        assert_eq!(written.expect("JSON"), "[12.50,-3,0.00]");
    }
}
