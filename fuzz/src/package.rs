//! Packages: whatever arrives stays within its manifest, and what is read can be written again.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tillsync_domain::ids::{EpochId, PackageId};
use tillsync_exchange::package::{
    LINE_BYTES_MAX, Manifest, PackageContents, PackageError, PackageReader, PackageWriter, Span,
    Verifier,
};
use tillsync_exchange::rows::Table;
use uuid::Uuid;

/// How much may come out of the tried bytes, so that a bomb is one.
const PLAIN_BYTES_MAX: u64 = 1 << 16;

/// Bytes that claim to be a package.
pub(crate) fn any_bytes(input: &[u8]) {
    let claimed = claim(input.len() as u64, PLAIN_BYTES_MAX);
    assert!(
        Verifier::check(input, &claimed).is_err(),
        "bytes passed for a package without their digest"
    );
    let mut rows = Vec::new();
    let found = match read(input, &claimed, &mut rows) {
        Ok(()) => BTreeMap::new(),
        Err(PackageError::RowCounts { found, .. }) => found,
        Err(_) => return assert_bounded(&rows),
    };
    assert_bounded(&rows);
    assert_reencodes(&rows, &Manifest { rows: found, ..claimed }, input);
}

/// Lines that are compressed first, so that the search is not held up by the compressor.
pub(crate) fn lines(input: &[u8]) {
    let Ok(bytes) = zstd::encode_all(input, 1) else { return };
    let plain = input.len() as u64;
    let claimed = claim(bytes.len() as u64, plain);
    let mut rows = Vec::new();
    match read(&bytes, &claimed, &mut rows) {
        Ok(()) => assert!(rows.is_empty(), "rows that no manifest announced were taken"),
        Err(PackageError::RowCounts { found, .. }) => {
            let total: u64 = found.values().sum();
            assert_eq!(total, rows.len() as u64, "the counts are not those of the rows");
            assert_reencodes(&rows, &Manifest { rows: found, ..claimed.clone() }, &bytes);
        }
        Err(_) => {}
    }
    if plain > 0 {
        let less = Manifest { plain_bytes: plain - 1, ..claimed };
        let error = read(&bytes, &less, &mut Vec::new()).expect_err("more came out than allowed");
        let is_known = matches!(
            error,
            PackageError::TooLarge { .. }
                | PackageError::BadLine { .. }
                | PackageError::UnknownTable { .. }
        );
        assert!(is_known, "{error}");
    }
}

/// A manifest as it travels in a header.
pub(crate) fn manifest(input: &[u8]) {
    let Ok(read) = serde_json::from_slice::<Manifest>(input) else { return };
    let text = serde_json::to_string(&read).expect("a manifest can be written");
    assert_eq!(serde_json::from_str::<Manifest>(&text).ok().as_ref(), Some(&read));
    assert!(!text.contains(['\n', '\r']), "a header is one line");
    assert_eq!(read.rows_total() == 0, read.rows.values().all(|count| *count == 0));
    assert!(read.rows.values().all(|count| *count <= read.rows_total()));
    assert_ne!(read.span.counters().is_some(), read.span.versions().is_some());
    assert!(Verifier::check(b"no package", &read).is_err() || read.bytes == 10);
}

fn claim(bytes: u64, plain_bytes: u64) -> Manifest {
    let contents =
        PackageContents { rows: BTreeMap::new(), bytes, plain_bytes, sha256: String::new() };
    let span = Span::Upload {
        source: "S1".parse().expect("a database id"),
        epoch: EpochId::from_uuid(Uuid::from_u128(1)),
        first: 1,
        last: 1,
    };
    Manifest::new(PackageId::from_uuid(Uuid::from_u128(2)), Timestamp::UNIX_EPOCH, span, contents)
}

type Rows = Vec<(Table, String)>;

fn read(bytes: &[u8], manifest: &Manifest, rows: &mut Rows) -> Result<(), PackageError> {
    let mut reader = PackageReader::new(bytes, manifest)?;
    while let Some(line) = reader.next_line()? {
        rows.push((line.table, line.row.get().to_owned()));
    }
    Ok(())
}

fn assert_bounded(rows: &Rows) {
    let bytes: usize = rows.iter().map(|(_, row)| row.len()).sum();
    assert!(bytes as u64 <= PLAIN_BYTES_MAX, "{bytes} bytes of rows came out");
    assert!(rows.iter().all(|(_, row)| row.len() <= LINE_BYTES_MAX));
}

/// The same rows are read with a manifest that announces them, and again from what the writer makes
/// of them.
fn assert_reencodes(rows: &Rows, announced: &Manifest, bytes: &[u8]) {
    let mut again = Vec::new();
    read(bytes, announced, &mut again).expect("what was announced is there");
    assert_eq!(&again, rows);

    let mut writer = PackageWriter::new(Vec::new()).expect("a vector takes everything");
    for (table, row) in rows {
        let row: &serde_json::value::RawValue = serde_json::from_str(row).expect("it was read");
        writer.row(*table, &row).expect("a vector takes everything");
    }
    let (bytes, contents) = writer.finish().expect("a vector takes everything");
    let manifest = Manifest::new(announced.id, announced.made_at, announced.span.clone(), contents);
    assert_eq!(manifest.rows, announced.rows);
    Verifier::check(&bytes, &manifest).expect("the writer's own package");
    let mut written = Vec::new();
    read(&bytes, &manifest, &mut written).expect("the writer's own package");
    assert_eq!(&written, rows);
}
