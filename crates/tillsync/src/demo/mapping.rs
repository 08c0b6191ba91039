//! How the columns of a CSV become the fields of a customer.
//!
//! It must never correct or cut a value: what breaks a rule is for the edge to refuse.

use std::collections::{BTreeSet, HashMap};

use serde::Deserialize;
use serde_json::{Map, Value};
use tillsync_domain::customer::Field;

/// Addresses that one row may fill.
const ADDRESSES_MAX: usize = 10;

/// Why a mapping cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MappingError {
    /// No TOML, or other keys than the ones that exist.
    #[error("read the mapping")]
    Toml(#[from] toml::de::Error),
    /// A target that the customer interface does not have.
    #[error("the mapping fills {0:?}, which is no field of a customer")]
    UnknownField(String),
    /// A target named twice.
    #[error("the mapping fills {0} twice")]
    Twice(String),
    /// Neither columns nor a constant, or both.
    #[error("the mapping of {0} needs either `from` or `constant`")]
    NoSource(String),
    /// A column of the CSV that the mapping does not mention.
    #[error("column {0:?} of the CSV is neither mapped nor ignored; add it to the mapping")]
    Unmapped(String),
    /// A column of the mapping that the CSV does not have.
    #[error("the mapping names column {0:?}, which the CSV does not have")]
    Missing(String),
    /// Two columns of one name.
    #[error("the CSV has two columns named {0:?}")]
    Ambiguous(String),
}

/// A mapping as its file says it.
#[derive(Debug, Clone)]
pub(crate) struct Mapping {
    ignored: Vec<String>,
    rules: Vec<Rule>,
}

/// A mapping that knows where each column stands.
#[derive(Debug, Clone)]
pub(crate) struct BoundMapping {
    rules: Vec<BoundRule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MappingFile {
    #[serde(default)]
    ignored: Vec<String>,
    #[serde(default)]
    field: Vec<FieldRule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FieldRule {
    to: String,
    #[serde(default)]
    from: Vec<String>,
    joined_by: Option<String>,
    constant: Option<String>,
}

#[derive(Debug, Clone)]
struct Rule {
    target: Target,
    source: Source<String>,
}

#[derive(Debug, Clone)]
struct BoundRule {
    target: Target,
    source: Source<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Target {
    address: Option<usize>,
    field: Field,
}

#[derive(Debug, Clone)]
enum Source<C> {
    Columns { columns: Vec<C>, joined_by: String },
    Constant(String),
}

impl Mapping {
    /// Reads a mapping file.
    ///
    /// # Errors
    /// Invalid: not TOML, or a rule that makes no sense.
    pub(crate) fn parse(text: &str) -> Result<Mapping, MappingError> {
        let file: MappingFile = toml::from_str(text)?;
        let mut seen = BTreeSet::new();
        let mut rules = Vec::new();
        for rule in file.field {
            let Some(target) = Target::parse(&rule.to) else {
                return Err(MappingError::UnknownField(rule.to));
            };
            if !seen.insert(rule.to.clone()) {
                return Err(MappingError::Twice(rule.to));
            }
            let joined_by = rule.joined_by.unwrap_or_else(|| " ".to_owned());
            let source = match (rule.from, rule.constant) {
                (columns, None) if !columns.is_empty() => Source::Columns { columns, joined_by },
                (columns, Some(constant)) if columns.is_empty() => Source::Constant(constant),
                _ => return Err(MappingError::NoSource(rule.to)),
            };
            rules.push(Rule { target, source });
        }
        Ok(Mapping { ignored: file.ignored, rules })
    }

    /// Finds each column in the header of a CSV.
    ///
    /// # Errors
    /// Invalid: a column is missing, doubled, or neither mapped nor ignored.
    pub(crate) fn bind(&self, header: &[String]) -> Result<BoundMapping, MappingError> {
        let mut places = HashMap::new();
        for (index, column) in header.iter().enumerate() {
            if places.insert(column.as_str(), index).is_some() {
                return Err(MappingError::Ambiguous(column.clone()));
            }
        }
        let mut used: BTreeSet<&str> = self.ignored.iter().map(String::as_str).collect();
        let mut rules = Vec::new();
        for rule in &self.rules {
            let source = match &rule.source {
                Source::Constant(constant) => Source::Constant(constant.clone()),
                Source::Columns { columns, joined_by } => {
                    let place = |column: &String| {
                        let place = places.get(column.as_str()).copied();
                        place.ok_or_else(|| MappingError::Missing(column.clone()))
                    };
                    used.extend(columns.iter().map(String::as_str));
                    let columns = columns.iter().map(place).collect::<Result<_, _>>()?;
                    Source::Columns { columns, joined_by: joined_by.clone() }
                }
            };
            rules.push(BoundRule { target: rule.target, source });
        }
        match header.iter().find(|column| !used.contains(column.as_str())) {
            Some(column) => Err(MappingError::Unmapped(column.clone())),
            None => Ok(BoundMapping { rules }),
        }
    }
}

impl BoundMapping {
    /// The request that creates the customer of a row. Blank columns are left out.
    pub(crate) fn request(&self, row: &[&str]) -> Value {
        let mut customer = Map::new();
        let mut addresses: Vec<Address> = Vec::new();
        for BoundRule { target, source } in &self.rules {
            let (text, is_from_row) = match source {
                Source::Constant(constant) => (constant.clone(), false),
                Source::Columns { columns, joined_by } => {
                    let values = columns.iter().filter_map(|column| row.get(*column).copied());
                    let values: Vec<_> = values.filter(|value| !value.is_empty()).collect();
                    (values.join(joined_by), true)
                }
            };
            if text.is_empty() {
                continue;
            }
            let (name, value) = (target.field.name().to_owned(), json(target.field, text));
            let Some(index) = target.address else {
                customer.insert(name, value);
                continue;
            };
            if addresses.len() <= index {
                addresses.resize_with(index + 1, Address::default);
            }
            addresses[index].fields.insert(name, value);
            addresses[index].is_filled |= is_from_row;
        }
        let filled = addresses.into_iter().filter(|address| address.is_filled);
        let filled: Vec<_> = filled.map(|address| Value::Object(address.fields)).collect();
        if !filled.is_empty() {
            customer.insert(Field::Addresses.name().to_owned(), Value::Array(filled));
        }
        Value::Object(customer)
    }
}

#[derive(Default)]
struct Address {
    fields: Map<String, Value>,
    /// Constants alone make no address.
    is_filled: bool,
}

impl Target {
    fn parse(text: &str) -> Option<Target> {
        let (address, name) = match text.strip_prefix("Addresses[") {
            None => (None, text),
            Some(rest) => {
                let (index, name) = rest.split_once("].")?;
                (Some(index.parse().ok().filter(|index| *index < ADDRESSES_MAX)?), name)
            }
        };
        let fields = if address.is_some() { ADDRESS_FIELDS } else { CUSTOMER_FIELDS };
        let field = fields.iter().copied().find(|field| field.name() == name)?;
        Some(Target { address, field })
    }
}

const CUSTOMER_FIELDS: &[Field] = &[
    Field::CustomerTypeValue,
    Field::Name,
    Field::FirstName,
    Field::MiddleName,
    Field::LastName,
    Field::CustomerGroup,
    Field::CurrencyCode,
    Field::Language,
    Field::Email,
    Field::ReceiptEmail,
    Field::Phone,
    Field::Cellphone,
    Field::IdentificationNumber,
    Field::VatNumber,
];

const ADDRESS_FIELDS: &[Field] = &[
    Field::Name,
    Field::Street,
    Field::StreetNumber,
    Field::City,
    Field::County,
    Field::State,
    Field::ZipCode,
    Field::ThreeLetterISORegionName,
    Field::Phone,
    Field::Email,
    Field::AddressTypeValue,
    Field::IsPrimary,
];

/// The value as the interface wants it; a text that does not fit is the edge's to refuse.
fn json(field: Field, text: String) -> Value {
    match field {
        Field::CustomerTypeValue | Field::AddressTypeValue => match text.parse::<u64>() {
            Ok(number) => number.into(),
            Err(_) => text.into(),
        },
        Field::IsPrimary => match text.as_str() {
            "true" | "1" => true.into(),
            "false" | "0" => false.into(),
            _ => text.into(),
        },
        _ => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn bound(mapping: &str, header: &str) -> Result<BoundMapping, String> {
        let header: Vec<_> = header.split(',').map(str::to_owned).collect();
        let mapping = Mapping::parse(mapping).map_err(|error| error.to_string())?;
        mapping.bind(&header).map_err(|error| error.to_string())
    }

    const SHOP: &str = r#"
        ignored = ["id"]
        field = [
            { to = "LastName", from = ["name"] },
            { to = "CustomerTypeValue", from = ["type"] },
            { to = "Addresses[0].Street", from = ["line1", "line2"], joined_by = ", " },
            { to = "Addresses[0].ThreeLetterISORegionName", constant = "AUS" },
        ]
    "#;
    const HEADER: &str = "id,name,type,line1,line2";

    #[test]
    fn columns_are_joined_and_blank_ones_left_out() {
        let mapping = bound(SHOP, HEADER).unwrap();
        assert_eq!(
            mapping.request(&["1", "Waller", "1", "6 Tullaroop Street", "Willaroo"]),
            json!({
                "LastName": "Waller",
                "CustomerTypeValue": 1,
                "Addresses": [{
                    "Street": "6 Tullaroop Street, Willaroo",
                    "ThreeLetterISORegionName": "AUS",
                }],
            })
        );
        let request = mapping.request(&["1", "Waller", "", "", "Willaroo"]);
        assert_eq!(request["Addresses"][0]["Street"], "Willaroo");
        assert_eq!(request.get("CustomerTypeValue"), None);
    }

    #[test]
    fn constants_alone_make_no_address() {
        let mapping = bound(SHOP, HEADER).unwrap();
        assert_eq!(mapping.request(&["1", "Waller", "", "", ""]), json!({"LastName": "Waller"}));
    }

    #[test]
    fn what_does_not_fit_its_field_goes_to_the_edge_as_it_is() {
        let mapping = bound(SHOP, HEADER).unwrap();
        assert_eq!(
            mapping.request(&["1", "", "person", "", ""]),
            json!({"CustomerTypeValue": "person"})
        );
    }

    #[test]
    fn every_column_is_accounted_for_by_name() {
        let message = bound(SHOP, "id,name,type,line1,line2,phone").unwrap_err();
        assert!(message.contains("\"phone\""), "{message}");
        let message = bound(SHOP, "id,name,type,line1").unwrap_err();
        assert!(message.contains("\"line2\""), "{message}");
        let message = bound(SHOP, "id,name,name,line1,line2").unwrap_err();
        assert!(message.contains("two columns"), "{message}");
    }

    #[test]
    fn a_target_must_be_a_field_named_once_with_one_source() {
        for (mapping, expected) in [
            (r#"field = [{ to = "Surname", from = ["a"] }]"#, "Surname"),
            (r#"field = [{ to = "Addresses[99].Street", from = ["a"] }]"#, "Addresses[99]"),
            (r#"field = [{ to = "Name", from = ["a"] }, { to = "Name", from = ["a"] }]"#, "twice"),
            (r#"field = [{ to = "Name" }]"#, "either"),
        ] {
            let message = bound(mapping, "a").unwrap_err();
            assert!(message.contains(expected), "{message}");
        }
    }
}
