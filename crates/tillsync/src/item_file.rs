//! Items from a CSV file: `number,name,tax_rate`, then one column of prices per currency.
//!
//! A bad row is a value: it is reported with its field, and the good rows beside it go through.

use std::io::Read;

use csv::{ReaderBuilder, StringRecord, Trim};
use rust_decimal::Decimal;
use tillsync_domain::ids::ItemNumber;
use tillsync_domain::item::{Item, ItemPrice, ItemProblem};
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::money::Currency;

/// The columns that come before the currencies.
const FIRST_COLUMNS: [&str; 3] = ["number", "name", "tax_rate"];

/// Why a file holds no items at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ItemFileError {
    /// It breaks off or is no CSV.
    #[error("read the items")]
    Csv(#[from] csv::Error),
    /// The first columns are others.
    #[error("the header must begin with number,name,tax_rate, but begins with {0}")]
    Header(String),
    /// A column that is named after no currency, or after one twice.
    #[error("column {0:?} is no currency code such as EUR, or stands there twice")]
    Currency(String),
}

impl ItemFileError {
    /// What sort of failure it is.
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            ItemFileError::Csv(error) if error.is_io_error() => ErrorKind::Broken,
            ItemFileError::Csv(_) | ItemFileError::Header(_) | ItemFileError::Currency(_) => {
                ErrorKind::Invalid
            }
        }
    }
}

/// The items of a file, and the rows that are none.
#[derive(Debug, Default)]
pub(crate) struct ItemFile {
    /// The items, in order of the file.
    pub(crate) items: Vec<Item>,
    /// The rows that are none.
    pub(crate) refused: Vec<RefusedRow>,
}

/// A row that is no item, and the field that is why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RefusedRow {
    /// Which row: 1 is the first below the header.
    pub(crate) row: u64,
    /// The column.
    pub(crate) field: String,
    /// Why.
    pub(crate) reason: String,
}

/// Reads items. An empty price is none in that currency.
///
/// # Errors
/// Invalid: the header is another. Broken: the file cannot be read.
pub(crate) fn read_items(input: impl Read) -> Result<ItemFile, ItemFileError> {
    let mut reader = ReaderBuilder::new().flexible(true).trim(Trim::All).from_reader(input);
    let currencies = read_header(reader.headers()?)?;
    let mut file = ItemFile::default();
    let mut rows = std::collections::HashMap::new();
    for (index, record) in reader.records().enumerate() {
        let row = index as u64 + 1;
        match read_row(&record?, &currencies) {
            Ok(item) => {
                if let Some(first) = rows.insert(item.number.clone(), row) {
                    let reason = format!("{} stands in row {first} already", item.number);
                    file.refused.push(RefusedRow { row, field: "number".into(), reason });
                } else {
                    file.items.push(item);
                }
            }
            Err(problems) => {
                let refused = |(field, reason): (String, String)| RefusedRow { row, field, reason };
                file.refused.extend(problems.into_iter().map(refused));
            }
        }
    }
    Ok(file)
}

fn read_header(header: &StringRecord) -> Result<Vec<Currency>, ItemFileError> {
    let first: Vec<_> = header.iter().take(FIRST_COLUMNS.len()).collect();
    if first.iter().zip(FIRST_COLUMNS).filter(|(found, wanted)| *found == wanted).count()
        < FIRST_COLUMNS.len()
    {
        return Err(ItemFileError::Header(first.join(",")));
    }
    let mut currencies = Vec::new();
    for name in header.iter().skip(FIRST_COLUMNS.len()) {
        let unknown = || ItemFileError::Currency(name.to_owned());
        let currency: Currency = name.parse().map_err(|_| unknown())?;
        if currencies.contains(&currency) {
            return Err(unknown());
        }
        currencies.push(currency);
    }
    Ok(currencies)
}

type Problems = Vec<(String, String)>;

fn read_row(record: &StringRecord, currencies: &[Currency]) -> Result<Item, Problems> {
    let mut problems = Problems::new();
    let columns = FIRST_COLUMNS.len() + currencies.len();
    if record.len() != columns {
        let reason = format!("the row has {} columns, but the header {columns}", record.len());
        return Err(vec![("number of columns".to_owned(), reason)]);
    }
    let mut number_in = |field: &str, text: &str| match Decimal::from_str_exact(text) {
        Ok(number) => number,
        Err(_) => {
            problems.push((field.to_owned(), format!("{text:?} is no number such as 12.30")));
            Decimal::ZERO
        }
    };
    let tax_rate = number_in("tax_rate", &record[2]);
    let mut prices = Vec::new();
    for (currency, text) in currencies.iter().zip(record.iter().skip(FIRST_COLUMNS.len())) {
        if !text.is_empty() {
            let price = number_in(currency.code(), text);
            prices.push(ItemPrice { currency: *currency, price });
        }
    }
    let number = match record[0].parse::<ItemNumber>() {
        Ok(number) => number,
        Err(error) => {
            problems.push(("number".to_owned(), error.to_string()));
            return Err(problems);
        }
    };
    let item = Item { number, name: record[1].to_owned(), tax_rate, is_active: true, prices };
    problems.extend(item.problems().iter().map(|problem| {
        let column = match problem {
            ItemProblem::Name => "name",
            ItemProblem::TaxRate => "tax_rate",
            ItemProblem::Price { currency, .. } | ItemProblem::PriceTwice(currency) => {
                currency.code()
            }
        };
        (column.to_owned(), problem.to_string())
    }));
    if problems.is_empty() { Ok(item) } else { Err(problems) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> ItemFile {
        read_items(text.as_bytes()).expect("a file of items")
    }

    #[test]
    fn the_projects_own_items_are_all_good() {
        let file = read(include_str!("../../../data/items.csv"));
        assert_eq!(file.refused, []);
        assert_eq!(file.items.len(), 30);
        assert_eq!(file.items[0].prices.len(), 2);
    }

    #[test]
    fn bad_rows_are_listed_with_their_fields_and_the_good_ones_beside_them_are_read() {
        let file = read(
            "number,name,tax_rate,EUR,SEK\n\
             1,Coffee,14,2.90,32\n\
             2,Tea,much,2.999,\n\
             3,Bun,14,3.40\n\
             ../4,Bun,14,3.40,\n\
             1,Coffee again,14,2.90,32\n\
             5,Bread,101,,\n",
        );
        let numbers: Vec<_> = file.items.iter().map(|item| item.number.as_str()).collect();
        assert_eq!(numbers, ["1"]);
        let fields: Vec<_> =
            file.refused.iter().map(|refused| (refused.row, refused.field.as_str())).collect();
        let expected = [
            (2, "tax_rate"),
            (2, "EUR"),
            (3, "number of columns"),
            (4, "number"),
            (5, "number"),
            (6, "tax_rate"),
        ];
        assert_eq!(fields, expected);
    }

    #[test]
    fn an_empty_price_is_none() {
        let file = read("number,name,tax_rate,EUR,SEK\n1,Coffee,14,,32\n");
        let currencies: Vec<_> =
            file.items[0].prices.iter().map(|price| price.currency.code()).collect();
        assert_eq!(currencies, ["SEK"]);
    }

    #[test]
    fn a_file_of_something_else_is_refused_whole() {
        for text in ["", "a,b,c\n", "number,name,tax_rate,Euro\n", "number,name,tax_rate,EUR,EUR\n"]
        {
            assert!(read_items(text.as_bytes()).is_err(), "{text:?}");
        }
    }
}
