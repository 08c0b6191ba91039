//! The rows of the CSV, one at a time: each a customer to create, or a refusal that says why not.
//!
//! It must never hold the file in memory.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use csv::{ByteRecord, Reader, ReaderBuilder, Trim};
use serde_json::Value;
use tillsync_domain::kind::ErrorKind;

use super::mapping::{BoundMapping, Mapping, MappingError};

/// The project's own customers.
const FEBRL: &[u8] = include_bytes!("../../../../data/febrl1.csv");
const FEBRL_MAPPING: &str = include_str!("../../../../data/febrl1.mapping.toml");

/// Why the customers cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InputError {
    /// A file cannot be opened or read.
    #[error("read {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The CSV breaks off or its header is no text.
    #[error("read the customers")]
    Csv(#[from] csv::Error),
    /// The mapping does not fit itself or the CSV.
    #[error("map the columns of the customers")]
    Mapping(#[from] MappingError),
}

impl InputError {
    /// What sort of failure it is.
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            InputError::File { .. } | InputError::Csv(_) => ErrorKind::Broken,
            InputError::Mapping(_) => ErrorKind::Invalid,
        }
    }
}

/// The place of a row in its file: 1 is the first below the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RowNumber(pub(crate) u64);

/// A row that became no customer, and the field that is why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// Which row.
    pub(crate) row: RowNumber,
    /// The field of the customer, or the column.
    pub(crate) field: String,
    /// Why.
    pub(crate) reason: String,
}

/// One row.
#[derive(Debug, PartialEq)]
pub(crate) enum Row {
    /// A customer as the edges take it.
    Customer {
        /// Its place.
        number: RowNumber,
        /// The body of the request.
        request: Value,
    },
    /// No customer: the row itself is broken.
    Refused(Refusal),
}

/// A CSV of customers with its mapping.
#[derive(Debug)]
pub(crate) struct Input {
    file: Option<PathBuf>,
    header: Vec<String>,
    mapping: BoundMapping,
}

impl Input {
    /// Opens a CSV and a mapping; without them the project's own.
    ///
    /// # Errors
    /// Broken: unreadable. Invalid: the mapping does not fit.
    pub(crate) fn open(file: Option<&Path>, mapping: Option<&Path>) -> Result<Input, InputError> {
        let mapping = match mapping {
            None => Mapping::parse(FEBRL_MAPPING)?,
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|source| InputError::File { path: path.to_owned(), source })?;
                Mapping::parse(&text)?
            }
        };
        let header = reader(file)?.byte_headers()?.clone();
        let header: Vec<_> =
            header.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
        let mapping = mapping.bind(&header)?;
        Ok(Input { file: file.map(Path::to_owned), header, mapping })
    }

    /// How many rows there are.
    ///
    /// # Errors
    /// Broken: unreadable.
    pub(crate) fn count(&self) -> Result<u64, InputError> {
        let mut reader = reader(self.file.as_deref())?;
        let (mut record, mut count) = (ByteRecord::new(), 0);
        while reader.read_byte_record(&mut record)? {
            count += 1;
        }
        Ok(count)
    }

    /// Hands out every row in order until `take` says that it is enough.
    ///
    /// # Errors
    /// Broken: unreadable. Those of `take`.
    pub(crate) fn visit<E: From<InputError>>(
        &self,
        mut take: impl FnMut(Row) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut reader = reader(self.file.as_deref())?;
        let (mut record, mut number) = (ByteRecord::new(), 0);
        while reader.read_byte_record(&mut record).map_err(InputError::from)? {
            number += 1;
            take(self.row(&record, RowNumber(number)))?;
        }
        Ok(())
    }

    fn row(&self, record: &ByteRecord, number: RowNumber) -> Row {
        let refused = |field: &str, reason: String| {
            Row::Refused(Refusal { row: number, field: field.to_owned(), reason })
        };
        if record.len() != self.header.len() {
            let (found, expected) = (record.len(), self.header.len());
            return refused("", format!("has {found} columns, but the header has {expected}"));
        }
        let mut values = Vec::with_capacity(record.len());
        for (value, column) in record.iter().zip(&self.header) {
            match std::str::from_utf8(value) {
                Ok(value) => values.push(value),
                Err(_) => return refused(column, "is not UTF-8".to_owned()),
            }
        }
        Row::Customer { number, request: self.mapping.request(&values) }
    }
}

fn reader(file: Option<&Path>) -> Result<Reader<Box<dyn Read>>, InputError> {
    let bytes: Box<dyn Read> = match file {
        None => Box::new(FEBRL),
        Some(path) => {
            let opened = File::open(path);
            Box::new(opened.map_err(|source| InputError::File { path: path.to_owned(), source })?)
        }
    };
    // Files of this kind are padded behind the comma.
    Ok(ReaderBuilder::new().trim(Trim::All).flexible(true).from_reader(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(input: &Input) -> Vec<Row> {
        let mut rows = Vec::new();
        let visited = input.visit(|row| {
            rows.push(row);
            Ok::<_, InputError>(())
        });
        visited.unwrap();
        rows
    }

    fn rows_of(bytes: &[u8]) -> Vec<Row> {
        let folder = tempfile::tempdir().unwrap();
        let (file, mapping) = (folder.path().join("c.csv"), folder.path().join("m.toml"));
        std::fs::write(&file, bytes).unwrap();
        std::fs::write(&mapping, r#"field = [{ to = "LastName", from = ["name"] }]"#).unwrap();
        rows(&Input::open(Some(&file), Some(&mapping)).unwrap())
    }

    #[test]
    fn the_embedded_file_has_a_thousand_rows_in_order_without_padding() {
        let input = Input::open(None, None).unwrap();
        assert_eq!(input.count().unwrap(), 1_000);
        let rows = rows(&input);
        assert_eq!(rows.len(), 1_000);
        let Row::Customer { number, request } = &rows[1] else { panic!("{:?}", rows[1]) };
        assert_eq!(*number, RowNumber(2));
        assert_eq!(request["FirstName"], "lachlan");
        assert_eq!(request["Addresses"][0]["Street"], "giblin street, killarney");
        assert_eq!(request["Addresses"][0]["ThreeLetterISORegionName"], "AUS");
    }

    #[test]
    fn a_row_of_another_width_or_of_broken_text_is_refused_alone() {
        let rows = rows_of(b"name\nwaller\na,b\nbad\xff\nberry\n");
        let refused = |row, field: &str, reason: &str| {
            let (field, reason) = (field.to_owned(), reason.to_owned());
            Row::Refused(Refusal { row: RowNumber(row), field, reason })
        };
        assert_eq!(rows.len(), 4);
        assert_eq!(rows[1], refused(2, "", "has 2 columns, but the header has 1"));
        assert_eq!(rows[2], refused(3, "name", "is not UTF-8"));
        assert!(
            matches!(&rows[3], Row::Customer { request, .. } if request["LastName"] == "berry")
        );
    }

    #[test]
    fn a_mark_at_the_beginning_of_the_file_is_not_part_of_the_first_column() {
        assert_eq!(rows_of(b"\xef\xbb\xbfname\nwaller\n").len(), 1);
    }
}
