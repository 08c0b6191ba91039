//! What a package promises, and what a damaged or hostile one gets.

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::rows::Table;

fn package(rows: &[Value]) -> (Vec<u8>, Manifest) {
    let mut writer = PackageWriter::new(Vec::new()).expect("a vector takes everything");
    for row in rows {
        writer.row(Table::Operation, row).expect("a vector takes everything");
    }
    let (bytes, contents) = writer.finish().expect("a vector takes everything");
    let span = Span::Upload {
        source: "S1".parse().expect("a database id"),
        epoch: EpochId::from_uuid(Uuid::from_u128(1)),
        first: 1,
        last: rows.len() as u64,
    };
    let id = PackageId::from_uuid(Uuid::from_u128(2));
    (bytes, Manifest::new(id, Timestamp::UNIX_EPOCH, span, contents))
}

fn rows_of(bytes: &[u8], manifest: &Manifest) -> Result<Vec<Value>, PackageError> {
    let mut reader = PackageReader::new(bytes, manifest)?;
    let mut rows = Vec::new();
    while let Some(line) = reader.next_line()? {
        rows.push(serde_json::from_str(line.row.get()).expect("a row is JSON"));
    }
    Ok(rows)
}

#[test]
fn a_damaged_package_is_noticed_wherever_the_damage_is() {
    let (bytes, manifest) = package(&[json!({"a": 1}), json!({"b": "two"})]);
    assert!(Verifier::check(&bytes, &manifest).is_ok());
    for index in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[index] ^= 0x10;
        let found = Verifier::check(&damaged, &manifest);
        assert!(matches!(found, Err(PackageError::Digest { .. })), "byte {index}");
        let found = Verifier::check(&bytes[..index], &manifest);
        assert!(matches!(found, Err(PackageError::Size { .. })), "cut at {index}");
    }
}

#[test]
fn a_package_of_a_future_format_is_refused_by_name() {
    let (bytes, manifest) = package(&[]);
    let manifest = Manifest { format: 2, ..manifest };
    let error = Verifier::check(&bytes, &manifest).expect_err("from the future");
    assert!(error.to_string().contains("upgrade this end"), "{error}");
}

#[test]
fn a_bomb_never_unfolds_beyond_its_manifest() {
    let (bytes, manifest) = package(&[json!("0".repeat(900_000)), json!("0".repeat(900_000))]);
    assert!(bytes.len() < 2_000, "it is a bomb");
    for allowed in [10, 899_000, 1_000_000] {
        let manifest = Manifest { plain_bytes: allowed, ..manifest.clone() };
        let error = rows_of(&bytes, &manifest).expect_err("too large");
        assert!(matches!(error, PackageError::TooLarge { .. }), "{error}");
    }
}

#[test]
fn an_endless_line_is_refused() {
    let (bytes, manifest) = package(&[json!("x".repeat(LINE_BYTES_MAX))]);
    let error = rows_of(&bytes, &manifest).expect_err("too long");
    assert!(matches!(error, PackageError::LongLine { line: 1 }), "{error}");
}

#[test]
fn rows_that_do_not_match_the_manifest_are_noticed() {
    let (bytes, mut manifest) = package(&[json!(1), json!(2)]);
    manifest.rows.insert("operation".into(), 3);
    let error = rows_of(&bytes, &manifest).expect_err("a row is missing");
    assert!(matches!(error, PackageError::RowCounts { .. }), "{error}");
}

#[test]
fn unknown_tables_and_broken_lines_are_named() {
    for (line, expected) in [
        ("{\"table\":\"voucher\",\"row\":1}\n", "line 1 of the package is of a table \"voucher\""),
        ("{\"table\":\"oper\n", "line 1 of the package cannot be read"),
    ] {
        let (_, manifest) = package(&[]);
        let manifest = Manifest { plain_bytes: line.len() as u64, ..manifest };
        let bytes = zstd::encode_all(line.as_bytes(), 1).expect("compresses");
        let error = rows_of(&bytes, &manifest).expect_err("unreadable");
        assert!(error.to_string().starts_with(expected), "{error}");
    }
}

#[test]
fn the_same_rows_make_the_same_bytes() {
    let rows = [json!({"a": 1}), json!({"b": 2})];
    assert_eq!(package(&rows), package(&rows));
}

proptest! {
    #[test]
    fn what_goes_in_comes_out(texts in prop::collection::vec(".{0,200}", 0..50)) {
        let rows: Vec<_> = texts.iter().map(|text| json!({"text": text})).collect();
        let (bytes, manifest) = package(&rows);
        prop_assert!(Verifier::check(&bytes, &manifest).is_ok());
        prop_assert_eq!(rows_of(&bytes, &manifest).expect("readable"), rows);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let (_, manifest) = package(&[]);
        let manifest = Manifest { plain_bytes: 1_000, ..manifest };
        let _ = rows_of(&bytes, &manifest);
    }

    #[test]
    fn a_manifest_survives_its_own_json(count in 0usize..5) {
        let rows = vec![json!(null); count];
        let (_, manifest) = package(&rows);
        let text = serde_json::to_string(&manifest).expect("serializes");
        prop_assert_eq!(serde_json::from_str::<Manifest>(&text).expect("parses"), manifest);
    }
}
