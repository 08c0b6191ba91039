//! Files that people hand in: each row has one fate, and a good one keeps its values.
//!
//! The readers belong to the program `tillsync`, which is no library; they are compiled in here
//! from its own files.

use std::io::Write;
use std::path::PathBuf;
use std::sync::{LazyLock, Mutex};

use csv::{ReaderBuilder, Trim};
use serde_json::Value;
use tillsync_domain::item::is_tax_rate;

use self::demo::input::{Input, InputError, Row};
use self::item_file::read_items;
use crate::lossless::texts;

#[expect(dead_code, reason = "the program uses the rest")]
#[path = "../../crates/tillsync/src/demo"]
mod demo {
    pub(crate) mod input;
    mod mapping;
}
#[expect(dead_code, reason = "the program uses the rest")]
#[path = "../../crates/tillsync/src/item_file.rs"]
mod item_file;

const MAPPING: &str = r#"
    ignored = ["id"]
    field = [
        { to = "LastName", from = ["name", "surname"], joined_by = "-" },
        { to = "CustomerTypeValue", from = ["type"] },
        { to = "Addresses[0].Street", from = ["street"] },
        { to = "Addresses[0].ThreeLetterISORegionName", constant = "AUS" },
    ]
"#;

/// A CSV of customers.
pub(crate) fn customers(input: &[u8]) {
    let files = FILES.lock().expect("an input that failed ends the process");
    std::fs::File::create(&files.csv)
        .and_then(|mut file| file.write_all(input))
        .expect("the temporary folder can be written");
    let Ok(opened) = Input::open(Some(&files.csv), Some(&files.mapping)) else { return };
    let mut expected = 0;
    let visited = opened.visit(|row| {
        expected += 1;
        match row {
            Row::Refused(refusal) => {
                assert_eq!(refusal.row.0, expected);
                assert!(!refusal.reason.is_empty());
            }
            Row::Customer { number, request } => {
                assert_eq!(number.0, expected);
                assert_values(input, number.0, &request);
            }
        }
        Ok::<_, InputError>(())
    });
    if visited.is_ok() {
        assert_eq!(opened.count().ok(), Some(expected), "a row has no fate");
    }
}

/// A CSV of items.
pub(crate) fn items(input: &[u8]) {
    let Ok(file) = read_items(input) else { return };
    for (index, item) in file.items.iter().enumerate() {
        assert!(item.problems().is_empty(), "{:?}", item.problems());
        assert!(is_tax_rate(item.tax_rate));
        assert!(
            file.items[..index].iter().all(|earlier| earlier.number != item.number),
            "{} is there twice",
            item.number
        );
    }
    let mut refused: Vec<_> = file.refused.iter().map(|refused| refused.row).collect();
    refused.dedup();
    let rows =
        ReaderBuilder::new().flexible(true).trim(Trim::All).from_reader(input).records().count();
    assert_eq!(file.items.len() + refused.len(), rows, "a row has no fate");
}

/// Every text of a request stands in the row that it was made of.
fn assert_values(input: &[u8], row: u64, request: &Value) {
    let mut reader = ReaderBuilder::new().trim(Trim::All).flexible(true).from_reader(input);
    let record = reader.byte_records().nth(usize::try_from(row - 1).expect("a short file"));
    let record = record.expect("the row is there").expect("the row was read");
    let row: Vec<&str> = record.iter().map(|v| std::str::from_utf8(v).expect("UTF-8")).collect();
    for (name, text) in texts(request) {
        let is_constant = name == "ThreeLetterISORegionName" && text == "AUS";
        let is_joined = text.contains('-');
        assert!(
            is_constant || is_joined || row.contains(&text.as_str()),
            "{name} is {text:?}, which the row does not hold"
        );
    }
}

/// Where an input lies while it is read: the reader opens files.
struct Files {
    _folder: tempfile::TempDir,
    csv: PathBuf,
    mapping: PathBuf,
}

static FILES: LazyLock<Mutex<Files>> = LazyLock::new(|| {
    // In memory where there is such a folder: inputs are tried by the thousand each second.
    let in_memory = tempfile::tempdir_in("/dev/shm");
    let folder = in_memory.or_else(|_| tempfile::tempdir()).expect("a temporary folder");
    let (csv, mapping) = (folder.path().join("rows.csv"), folder.path().join("mapping.toml"));
    std::fs::write(&mapping, MAPPING).expect("the temporary folder can be written");
    Mutex::new(Files { _folder: folder, csv, mapping })
});
