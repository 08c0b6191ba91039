//! Changing single fields of JSON content by their pointers (RFC 6901).

use serde_json::Value;

/// One change that an operator asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldChange {
    /// Which field, as a JSON pointer into the content; empty for the whole content.
    pub pointer: String,
    /// What it becomes; removed when absent.
    pub value: Option<Value>,
}

/// Why a change cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPointer {
    /// No pointer.
    #[error("{0:?} is no JSON pointer; write one such as \"/trade/customer\"")]
    Malformed(String),
    /// Nothing to set it in, or to remove.
    #[error("the content has no place {0:?}")]
    NoSuchPlace(String),
    /// The whole content cannot be removed.
    #[error("the whole content cannot be removed")]
    Whole,
}

/// A change that was made, as the audit trail keeps it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Changed {
    pub(super) pointer: String,
    /// What it was, as JSON; absent when it was not there.
    pub(super) old: Option<String>,
    /// What it became; absent when it was removed.
    pub(super) new: Option<String>,
}

/// Makes the changes one after another and returns the new content with those that changed
/// something. Content that is no JSON can only be replaced as a whole.
pub(super) fn change_fields(
    content: &str,
    changes: &[FieldChange],
) -> Result<(String, Vec<Changed>), BadPointer> {
    let mut whole = serde_json::from_str(content).unwrap_or(Value::Null);
    let mut done = Vec::new();
    for FieldChange { pointer, value } in changes {
        let old = change_field(&mut whole, pointer, value.clone())?;
        if old != *value {
            let text = |value: &Value| value.to_string();
            done.push(Changed {
                pointer: pointer.clone(),
                old: old.as_ref().map(text),
                new: value.as_ref().map(text),
            });
        }
    }
    Ok((whole.to_string(), done))
}

/// Sets or removes one field and returns what was there.
fn change_field(
    whole: &mut Value,
    pointer: &str,
    value: Option<Value>,
) -> Result<Option<Value>, BadPointer> {
    if pointer.is_empty() {
        return match value {
            Some(value) => Ok(Some(std::mem::replace(whole, value))),
            None => Err(BadPointer::Whole),
        };
    }
    let no_place = || BadPointer::NoSuchPlace(pointer.to_owned());
    let Some((parent, name)) = pointer.rsplit_once('/').filter(|_| pointer.starts_with('/')) else {
        return Err(BadPointer::Malformed(pointer.to_owned()));
    };
    let parent = whole.pointer_mut(parent).ok_or_else(no_place)?;
    match parent {
        Value::Object(fields) => {
            let name = name.replace("~1", "/").replace("~0", "~");
            match value {
                Some(value) => Ok(fields.insert(name, value)),
                None => fields.remove(&name).map(Some).ok_or_else(no_place),
            }
        }
        Value::Array(elements) => {
            let index =
                if name == "-" { elements.len() } else { index_of(name).ok_or_else(no_place)? };
            match value {
                Some(value) if index < elements.len() => {
                    Ok(Some(std::mem::replace(&mut elements[index], value)))
                }
                Some(value) if index == elements.len() => {
                    elements.push(value);
                    Ok(None)
                }
                None if index < elements.len() => Ok(Some(elements.remove(index))),
                _ => Err(no_place()),
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Err(no_place()),
    }
}

/// An index as a pointer spells it: without sign and without leading zeros.
fn index_of(text: &str) -> Option<usize> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let is_short = text == "0" || !text.starts_with('0');
    text.parse().ok().filter(|_| is_plain && is_short)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const CONTENT: &str = r#"{"trade":{"customer":"C-1","lines":[{"item":"tea"}],"a/b":1}}"#;

    fn change(pointer: &str, value: Option<Value>) -> FieldChange {
        FieldChange { pointer: pointer.to_owned(), value }
    }

    fn changed(changes: &[FieldChange]) -> (Value, Vec<Changed>) {
        let (content, done) = change_fields(CONTENT, changes).expect("the changes fit");
        (serde_json::from_str(&content).expect("JSON"), done)
    }

    #[test]
    fn fields_are_set_added_and_removed_and_the_trail_says_what_they_were() {
        let (content, done) = changed(&[
            change("/trade/customer", Some(json!("C-2"))),
            change("/trade/lines/0/item", Some(json!("coffee"))),
            change("/trade/lines/-", Some(json!({"item": "milk"}))),
            change("/trade/a~1b", None),
            change("/ship_to", Some(json!("x"))),
        ]);
        let expected = json!({
            "trade": {"customer": "C-2", "lines": [{"item": "coffee"}, {"item": "milk"}]},
            "ship_to": "x",
        });
        assert_eq!(content, expected);
        let trail: Vec<_> = done.iter().map(|d| (d.old.as_deref(), d.new.as_deref())).collect();
        assert_eq!(
            trail,
            [
                (Some("\"C-1\""), Some("\"C-2\"")),
                (Some("\"tea\""), Some("\"coffee\"")),
                (None, Some("{\"item\":\"milk\"}")),
                (Some("1"), None),
                (None, Some("\"x\"")),
            ]
        );
    }

    #[test]
    fn a_change_to_what_is_there_already_is_none() {
        assert_eq!(changed(&[change("/trade/customer", Some(json!("C-1")))]).1, []);
    }

    #[test]
    fn places_that_do_not_exist_are_refused() {
        for (pointer, value) in [
            ("trade", Some(json!(1))),
            ("/nothing/here", Some(json!(1))),
            ("/trade/customer/x", Some(json!(1))),
            ("/trade/lines/2", Some(json!(1))),
            ("/trade/lines/00", Some(json!(1))),
            ("/trade/lines/+0", Some(json!(1))),
            ("/trade/nothing", None),
            ("/trade/lines/1", None),
            ("", None),
        ] {
            let refused = change_fields(CONTENT, &[change(pointer, value)]);
            assert!(refused.is_err(), "{pointer:?}");
        }
    }

    #[test]
    fn content_that_is_no_json_can_be_replaced_as_a_whole() {
        let (content, done) =
            change_fields("{", &[change("", Some(json!({"a": 1})))]).expect("it fits");
        assert_eq!(content, r#"{"a":1}"#);
        assert_eq!(done[0].new.as_deref(), Some(r#"{"a":1}"#));
    }
}
