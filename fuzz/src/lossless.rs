//! Whether two JSON values say the same.

use rust_decimal::Decimal;
use serde_json::{Map, Value};
use uuid::Uuid;

/// A value without what says nothing: nulls, `false`, empty lists, and how numbers and UUIDs are
/// spelled.
pub(crate) fn said(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| (name.clone(), said(value)));
            Value::Object(fields.filter(|(_, value)| !says_nothing(value)).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(said).collect()),
        Value::Number(number) => spelled(&number.to_string()),
        Value::String(text) => spelled(text),
        Value::Bool(_) | Value::Null => value.clone(),
    }
}

/// Every text in a value that is not blank, with the name of its field. What stands in an
/// annotation says nothing of the thing itself.
pub(crate) fn texts(value: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    collect("", value, &mut found);
    found
}

/// The object in a text, if it is one.
pub(crate) fn object(text: &[u8]) -> Option<Map<String, Value>> {
    serde_json::from_slice(text).ok()
}

fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Array(items) => items.is_empty(),
        Value::String(text) => text == "0",
        Value::Number(_) | Value::Object(_) => false,
    }
}

/// A number or a UUID in the one way to write it, anything else as it is.
fn spelled(text: &str) -> Value {
    if let Ok(uuid) = Uuid::try_parse(text.trim()) {
        return Value::String(uuid.to_string());
    }
    let number = Decimal::from_str_exact(text).or_else(|_| Decimal::from_scientific(text));
    Value::String(number.map_or_else(|_| text.to_owned(), |n| n.normalize().to_string()))
}

fn collect(name: &str, value: &Value, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().filter(|(name, _)| !name.contains("@odata."));
            fields.for_each(|(name, value)| collect(name, value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(name, item, found)),
        Value::String(text) if !text.trim().is_empty() => {
            found.push((name.to_owned(), text.clone()));
        }
        Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null => {}
    }
}
