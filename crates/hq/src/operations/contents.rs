//! What an operation changes, property by property, and setting single fields of it.

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use tillsync_domain::operation::OperationStatus;
use tillsync_exchange::rows::operation::{AddressContent, CustomerContent};

use crate::storage::{OperationAct, OperationRecord};

/// Fields whose values are numbers.
const NUMBERS: [&str; 3] = ["customer_type", "purpose", "receipt_option"];

/// Fields whose values are true or false.
const FLAGS: [&str; 1] = ["is_primary"];

/// What identifies the address or contact an operation is about; no repair changes it.
const IDENTITY: &str = "guid";

/// What fields are called where errors name them, without underscores and in small letters.
const OTHER_NAMES: [(&str, &str); 6] = [
    ("customertypevalue", "customer_type"),
    ("customergroup", "group"),
    ("currencycode", "currency"),
    ("receiptsettings", "receipt_option"),
    ("threeletterisoregionname", "country"),
    ("addresstypevalue", "purpose"),
];

/// One field to set.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldSetting {
    /// Which field, by its name in the content or in an error.
    pub field: String,
    /// What it becomes; removed when absent, null or an empty text. Numbers may be texts.
    pub value: Option<Value>,
}

/// Why a field cannot be set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadField {
    /// The operation has no such field.
    #[error("there is no field {field:?}; it has {known}")]
    Unknown {
        /// What was given.
        field: String,
        /// What there is.
        known: String,
    },
    /// It says what the operation is about.
    #[error("{0:?} says what the operation is about and cannot be changed")]
    Identity(String),
    /// The value is of another type.
    #[error("{field} must be {expected}")]
    Type {
        /// Which field.
        field: String,
        /// To be read after "must be".
        expected: &'static str,
    },
    /// Nothing that has fields.
    #[error("what was sent is no object with fields")]
    NoFields,
}

/// One property that an operation changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PropertyChange {
    /// Which one, by its name in the content.
    pub property: String,
    /// What the editor saw; absent for what is new.
    pub old: Option<String>,
    /// What it is to be.
    pub new: Option<String>,
    /// What was sent instead of `new`, where somebody repaired it: absent inside when nothing was.
    pub sent: Option<Option<String>>,
}

/// What an operation changes, as the status page lists it (F22); with its error when it failed.
pub fn describe(record: &OperationRecord) -> String {
    let what = match record.row.kind.as_str() {
        "create_customer" => "Customer created".to_owned(),
        "add_address" => "Address added".to_owned(),
        "edit_customer" => format!("Customer changed{}", changed_properties(record)),
        "edit_address" => format!("Address changed{}", changed_properties(record)),
        "deactivate_address" => "Address deactivated".to_owned(),
        other => capitalized(&other.replace('_', " ")),
    };
    match record.status {
        OperationStatus::Succeeded => what,
        OperationStatus::Pending => format!("{what}; waits to be applied"),
        OperationStatus::Failed => {
            format!("{what}; failed: {}", record.error.as_deref().unwrap_or("no reason is known"))
        }
        OperationStatus::Quarantined => {
            format!("{what}; set aside: its id was known with other content")
        }
    }
}

fn changed_properties(record: &OperationRecord) -> String {
    let names: Vec<_> = grid(record).into_iter().map(|change| change.property).collect();
    if names.is_empty() { String::new() } else { format!(": {}", names.join(", ")) }
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

/// What an operation changes, property by property (F23). Of something new the old values are
/// absent.
pub fn grid(record: &OperationRecord) -> Vec<PropertyChange> {
    let counts = properties(record.content());
    let Some(_) = record.repaired else { return counts };
    let sent = properties(&record.row.content);
    let new_of = |list: &[PropertyChange], name: &str| {
        list.iter().find(|it| it.property == name).and_then(|it| it.new.clone())
    };
    let removed = sent
        .iter()
        .filter(|it| !counts.iter().any(|counting| counting.property == it.property))
        .map(|it| PropertyChange { new: None, sent: Some(it.new.clone()), ..it.clone() });
    let counting = counts.iter().map(|it| {
        let before = new_of(&sent, &it.property);
        PropertyChange { sent: (before != it.new).then_some(before), ..it.clone() }
    });
    counting.chain(removed).collect()
}

fn properties(content: &RawValue) -> Vec<PropertyChange> {
    let change = |property: &str, old: Option<&Value>, new: Option<&Value>| PropertyChange {
        property: property.to_owned(),
        old: old.and_then(shown),
        new: new.and_then(shown),
        sent: None,
    };
    match serde_json::from_str(content.get()) {
        Ok(Value::Object(fields)) => match changes_of(&fields) {
            Some(changes) => changes
                .iter()
                .filter_map(|it| Some((it.get("property")?.as_str()?, it)))
                .map(|(property, it)| change(property, it.get("old"), it.get("new")))
                .collect(),
            None => fields.iter().map(|(name, value)| change(name, None, Some(value))).collect(),
        },
        Ok(other) => vec![change("content", None, Some(&other))],
        Err(_) => vec![change("content", None, Some(&Value::from(content.get())))],
    }
}

/// The changes of an edit.
fn changes_of(fields: &Map<String, Value>) -> Option<&Vec<Value>> {
    fields.get("changes")?.as_array()
}

/// A value as people read it.
fn shown(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// The content with the fields set, and what changed.
pub(super) fn set_fields(
    record: &OperationRecord,
    settings: &[FieldSetting],
) -> Result<(Box<RawValue>, Vec<OperationAct>), BadField> {
    let Ok(Value::Object(mut fields)) = serde_json::from_str(record.content().get()) else {
        return Err(BadField::NoFields);
    };
    let mut done = Vec::new();
    for setting in settings {
        let (name, old, new) = match fields.get_mut("changes").and_then(Value::as_array_mut) {
            Some(changes) => set_change(changes, setting)?,
            None => set_field(&mut fields, &record.row.kind, setting)?,
        };
        if old != new {
            let (old, new) = (old.as_ref().and_then(shown), new.as_ref().and_then(shown));
            done.push(OperationAct::Repaired { field: name, old, new });
        }
    }
    let content = serde_json::value::to_raw_value(&fields).expect("JSON becomes JSON");
    Ok((content, done))
}

/// The name of a field with its value before and after.
type Set = (String, Option<Value>, Option<Value>);

/// Sets what an edit makes of a property. An edit never gets a property that it did not change:
/// nobody would know what its editor saw.
fn set_change(changes: &mut [Value], setting: &FieldSetting) -> Result<Set, BadField> {
    let property = |change: &Value| change.get("property")?.as_str().map(str::to_owned);
    let known: Vec<_> = changes.iter().filter_map(property).collect();
    let name = find_name(&known, &setting.field)?;
    let change = changes
        .iter_mut()
        .filter(|change| property(change).as_deref() == Some(name.as_str()))
        .find_map(Value::as_object_mut)
        .expect("its name was found in it");
    let value = match value_of(setting) {
        Some(Value::Object(_) | Value::Array(_)) => return Err(no_text(&name)),
        value => value.as_ref().and_then(shown).map(Value::String),
    };
    let old = replace(change, "new", value.clone());
    Ok((name, old, value))
}

fn set_field(
    fields: &mut Map<String, Value>,
    kind: &str,
    setting: &FieldSetting,
) -> Result<Set, BadField> {
    let value = value_of(setting);
    let known = match kind {
        "create_customer" => field_names::<CustomerContent>(),
        "add_address" => field_names::<AddressContent>(),
        _ => fields.keys().cloned().collect(),
    };
    let name = match find_name(&known, &setting.field) {
        Ok(name) => name,
        // What no version knows can at least be taken out.
        Err(_) if value.is_none() && fields.contains_key(&setting.field) => setting.field.clone(),
        Err(error) => return Err(error),
    };
    if name == IDENTITY {
        return Err(BadField::Identity(name));
    }
    let value = value.map(|value| typed(&name, value)).transpose()?;
    let old = replace(fields, &name, value.clone());
    Ok((name, old, value))
}

fn replace(fields: &mut Map<String, Value>, name: &str, value: Option<Value>) -> Option<Value> {
    match value {
        Some(value) => fields.insert(name.to_owned(), value),
        None => fields.remove(name),
    }
    .filter(|value| !value.is_null())
}

/// What is to be set; an empty text is nothing.
fn value_of(setting: &FieldSetting) -> Option<Value> {
    setting.value.clone().filter(|value| !value.is_null() && value.as_str() != Some(""))
}

/// The value as the field holds it.
fn typed(name: &str, value: Value) -> Result<Value, BadField> {
    let bad = |expected| BadField::Type { field: name.to_owned(), expected };
    let read = |text: &str| serde_json::from_str::<Value>(text).ok();
    if NUMBERS.contains(&name) {
        let number = value.as_str().and_then(read).unwrap_or(value);
        return number.is_u64().then_some(number).ok_or_else(|| bad("a number"));
    }
    if FLAGS.contains(&name) {
        let flag = value.as_str().and_then(read).unwrap_or(value);
        return flag.is_boolean().then_some(flag).ok_or_else(|| bad("true or false"));
    }
    match value {
        // A list on a command line is written as JSON.
        Value::String(text) if text.starts_with('[') => {
            let list = read(&text).filter(Value::is_array);
            Ok(list.unwrap_or(Value::String(text)))
        }
        value @ (Value::String(_) | Value::Array(_) | Value::Object(_)) => Ok(value),
        _ => Err(no_text(name)),
    }
}

fn no_text(name: &str) -> BadField {
    BadField::Type { field: name.to_owned(), expected: "a text" }
}

/// The field that is meant, whether it is written `first_name` or, as in errors, `FirstName`.
fn find_name(known: &[String], given: &str) -> Result<String, BadField> {
    let plain = |name: &str| name.replace('_', "").to_lowercase();
    let wanted = plain(given);
    let other = OTHER_NAMES.iter().find(|(name, _)| *name == wanted);
    let wanted = other.map_or(wanted, |(_, name)| plain(name));
    let found = known.iter().find(|name| plain(name) == wanted);
    found
        .cloned()
        .ok_or_else(|| BadField::Unknown { field: given.to_owned(), known: known.join(", ") })
}

/// The fields of a content. They are asked of its reader, which refuses all others and says so.
fn field_names<T: DeserializeOwned>() -> Vec<String> {
    let refusal = serde_json::from_str::<T>(r#"{"?":0}"#).err().map(|error| error.to_string());
    let names = refusal.unwrap_or_default();
    names.split('`').skip(3).step_by(2).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests;
