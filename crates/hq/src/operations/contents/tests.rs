//! Settings and grids, kind by kind.

use serde_json::json;
use tillsync_domain::ids::{CustomerGuid, EpochId, OperationId};
use tillsync_domain::promotion::InboxPosition;
use tillsync_exchange::rows::operation::OperationRow;
use uuid::Uuid;

use super::*;
use crate::storage::OperationSource;

fn record(kind: &str, content: Value) -> OperationRecord {
    OperationRecord {
        position: InboxPosition(1),
        row: OperationRow {
            id: OperationId::from_uuid(Uuid::nil()),
            counter: 1,
            customer: CustomerGuid::from_uuid(Uuid::nil()),
            kind: kind.to_owned(),
            created_at: jiff::Timestamp::UNIX_EPOCH,
            origin: "S1".parse().unwrap(),
            staff: None,
            relayed_at: None,
            content: serde_json::value::to_raw_value(&content).unwrap(),
        },
        source: OperationSource {
            source: "S1".parse().unwrap(),
            epoch: EpochId::from_uuid(Uuid::nil()),
            received_at: jiff::Timestamp::UNIX_EPOCH,
        },
        status: OperationStatus::Failed,
        error: Some("no".to_owned()),
        tries: 1,
        next_try_at: None,
        completed_at: None,
        repaired: None,
    }
}

fn set(record: &OperationRecord, field: &str, value: Value) -> Result<(Value, String), BadField> {
    let setting = FieldSetting { field: field.to_owned(), value: Some(value) };
    let (content, done) = set_fields(record, &[setting])?;
    let done = done
        .into_iter()
        .map(|act| match act {
            OperationAct::Repaired { field, old, new } => format!("{field}: {old:?} -> {new:?}"),
            other => panic!("{other:?}"),
        })
        .collect::<Vec<_>>();
    Ok((serde_json::from_str(content.get()).unwrap(), done.join("; ")))
}

#[test]
fn the_fields_of_contents_are_the_ones_their_readers_know() {
    let customer = field_names::<CustomerContent>();
    assert!(customer.starts_with(&["customer_type".to_owned(), "name".to_owned()]));
    assert!(customer.contains(&"vat_number".to_owned()), "{customer:?}");
    let address = field_names::<AddressContent>();
    assert!(address.contains(&"is_primary".to_owned()), "{address:?}");
}

#[test]
fn a_field_is_set_by_its_name_in_the_content_or_in_an_error() {
    let creation = record("create_customer", json!({"customer_type": 1, "first_name": "A"}));
    for name in ["first_name", "FirstName"] {
        let (content, done) = set(&creation, name, json!("Ann")).unwrap();
        assert_eq!(content["first_name"], "Ann");
        assert_eq!(done, r#"first_name: Some("A") -> Some("Ann")"#);
    }
    let (content, _) = set(&creation, "CustomerTypeValue", json!("2")).unwrap();
    assert_eq!(content["customer_type"], 2);
    let address = record("add_address", json!({"guid": "x", "purpose": 1}));
    let (content, done) = set(&address, "ThreeLetterISORegionName", json!("FIN")).unwrap();
    assert_eq!(
        (&content["country"], done.as_str()),
        (&json!("FIN"), "country: None -> Some(\"FIN\")")
    );
    assert_eq!(set(&address, "IsPrimary", json!("true")).unwrap().0["is_primary"], true);
}

#[test]
fn an_empty_text_removes_a_field_even_one_that_nobody_knows() {
    let creation = record("create_customer", json!({"customer_type": 1, "shoe_size": 44}));
    let (content, done) = set(&creation, "shoe_size", json!("")).unwrap();
    assert_eq!(content, json!({"customer_type": 1}));
    assert_eq!(done, "shoe_size: Some(\"44\") -> None");
    assert_eq!(set(&creation, "phone", Value::Null).unwrap().1, "", "there was none");
}

#[test]
fn what_cannot_be_set_is_refused_by_name() {
    let creation = record("create_customer", json!({"customer_type": 1}));
    let text = |result: Result<_, BadField>| result.unwrap_err().to_string();
    assert!(text(set(&creation, "shoe_size", json!(44))).starts_with("there is no field \"shoe"));
    assert_eq!(text(set(&creation, "phone", json!(44))), "phone must be a text");
    assert_eq!(text(set(&creation, "customer_type", json!("x"))), "customer_type must be a number");
    let address = record("add_address", json!({"guid": "x", "purpose": 1}));
    assert!(text(set(&address, "guid", json!("y"))).contains("cannot be changed"));
    assert_eq!(text(set(&address, "is_primary", json!("no"))), "is_primary must be true or false");
    assert_eq!(
        text(set(&record("x", json!([1])), "a", json!("b"))),
        BadField::NoFields.to_string()
    );
}

#[test]
fn of_an_edit_only_what_it_changes_can_be_set() {
    let changes = json!({"changes": [{"property": "email", "old": "a@b.fi", "new": "x"}]});
    let edit = record("edit_customer", changes);
    let (content, done) = set(&edit, "Email", json!("c@d.fi")).unwrap();
    assert_eq!(
        content["changes"][0],
        json!({"property": "email", "old": "a@b.fi", "new": "c@d.fi"})
    );
    assert_eq!(done, r#"email: Some("x") -> Some("c@d.fi")"#);
    assert!(set(&edit, "phone", json!("1")).is_err());
    assert_eq!(describe(&edit), "Customer changed: email; failed: no");
}

#[test]
fn the_grid_shows_old_and_new_and_what_was_sent_where_it_was_repaired() {
    let mut creation = record("create_customer", json!({"customer_type": 1, "phone": "x", "a": 1}));
    let row = |property: &str, new: Option<&str>, sent: Option<Option<&str>>| PropertyChange {
        property: property.to_owned(),
        old: None,
        new: new.map(str::to_owned),
        sent: sent.map(|sent| sent.map(str::to_owned)),
    };
    let plain = [
        row("a", Some("1"), None),
        row("customer_type", Some("1"), None),
        row("phone", Some("x"), None),
    ];
    assert_eq!(grid(&creation), plain);
    let repaired = json!({"customer_type": 1, "phone": "1", "email": "a@b.fi"});
    creation.repaired = Some(serde_json::value::to_raw_value(&repaired).unwrap());
    assert_eq!(
        grid(&creation),
        [
            row("customer_type", Some("1"), None),
            row("email", Some("a@b.fi"), Some(None)),
            row("phone", Some("1"), Some(Some("x"))),
            row("a", None, Some(Some("1"))),
        ]
    );
    let edit = json!({"changes": [{"property": "email", "old": "a", "new": "b"}]});
    let edited = grid(&record("edit_customer", edit));
    assert_eq!((edited[0].old.as_deref(), edited[0].new.as_deref()), (Some("a"), Some("b")));
}
