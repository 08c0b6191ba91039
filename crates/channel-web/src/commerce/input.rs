//! Reading a customer or an address out of a request, field by field.
//!
//! Nothing is dropped silently: a field that cannot be kept is refused by name, unless it is
//! empty. Widths and forms are the domain's business.

use serde_json::{Map, Value};
use tillsync_domain::customer::{AddressDraft, CustomerDraft};

use crate::odata::{Detail, ODataError};

pub(super) type Fields = Map<String, Value>;

/// Fields of the interface that this node gives itself; a creation leaves them empty.
const GIVEN: [&str; 2] = ["AccountNumber", "PartyNumber"];
/// Parts of a customer that cannot be kept yet.
const PARTS: [&str; 5] =
    ["Title", "Contacts", "CustomerAffiliations", "Attributes", "ExtensionProperties"];
/// Flags and counts that programs send with every customer and address because their type has
/// them. Unset they say nothing; set they would be lost.
const UNSET: [&str; 11] = [
    "Balance",
    "Blocked",
    "CreditLimit",
    "IsB2b",
    "IsPrivate",
    "MandatoryCreditLimit",
    "NonChargeableAccount",
    "ReceiptSettings",
    "RequiresApproval",
    "UseOrderNumberReference",
    "UsePurchRequest",
];
/// How the fields end that hold a row's number in a database of the sender's.
const RECORD_ID: &str = "RecordId";

/// The most refusals that one answer names: a hostile request must not be answered by a much larger
/// text.
const REFUSALS_MAX: usize = 1_000;

/// A customer to create, with its addresses.
pub(super) fn read_customer(
    mut fields: Fields,
) -> Result<(CustomerDraft, Vec<AddressDraft>), ODataError> {
    let mut reader = Reader::default();
    let addresses = reader.list("Addresses", fields.remove("Addresses"));
    let draft = CustomerDraft {
        customer_type: reader.number("CustomerTypeValue", fields.remove("CustomerTypeValue")),
        name: reader.text("Name", fields.remove("Name")),
        first_name: reader.text("FirstName", fields.remove("FirstName")),
        middle_name: reader.text("MiddleName", fields.remove("MiddleName")),
        last_name: reader.text("LastName", fields.remove("LastName")),
        group: reader.text("CustomerGroup", fields.remove("CustomerGroup")),
        currency: reader.text("CurrencyCode", fields.remove("CurrencyCode")),
        language: reader.text("Language", fields.remove("Language")),
        email: reader.text("Email", fields.remove("Email")),
        receipt_email: reader.text("ReceiptEmail", fields.remove("ReceiptEmail")),
        phone: reader.text("Phone", fields.remove("Phone")),
        cellphone: reader.text("Cellphone", fields.remove("Cellphone")),
        identification_number: reader
            .text("IdentificationNumber", fields.remove("IdentificationNumber")),
        vat_number: reader.text("VatNumber", fields.remove("VatNumber")),
    };
    // Says how it is to be created; a customer is always created where it is met.
    reader.flag("IsAsyncCustomer", fields.remove("IsAsyncCustomer"));
    for name in GIVEN {
        if fields.remove(name).is_some_and(|value| !is_empty(&value)) {
            reader.refuse(name, "is given by headquarters and cannot be chosen");
        }
    }
    for name in PARTS {
        if fields.remove(name).is_some_and(|value| !is_empty(&value)) {
            reader.refuse(name, "cannot be kept by this version");
        }
    }
    reader.unknown("", &fields);
    let addresses = addresses.into_iter().enumerate();
    let addresses = addresses.map(|(index, address)| reader.address(index, address)).collect();
    reader.finish((draft, addresses))
}

/// An address to add; `index` is its place in the request.
pub(super) fn read_address(index: usize, address: Value) -> Result<AddressDraft, ODataError> {
    let mut reader = Reader::default();
    let draft = reader.address(index, address);
    reader.finish(draft)
}

/// Refuses fields of a request that are not known, unless they say nothing.
///
/// A `rest` to collect them also keeps serde from taking a list for an object whose fields come in
/// their order.
pub(super) fn refuse_rest(prefix: &str, rest: &Fields) -> Result<(), ODataError> {
    let mut reader = Reader::default();
    reader.unknown(prefix, rest);
    reader.finish(())
}

/// Whether a value says nothing.
pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Whether a field that is not kept can be left out without losing anything: it is empty, is not
/// set, or is about the message, as the protocol's annotations such as `@odata.type` are.
pub(super) fn says_nothing(name: &str, value: &Value) -> bool {
    let is_unset = match value {
        Value::Bool(is_set) => !is_set && UNSET.contains(&name),
        Value::Number(number) => {
            number.as_f64() == Some(0.0) && (UNSET.contains(&name) || name.ends_with(RECORD_ID))
        }
        _ => is_empty(value),
    };
    is_unset || name.contains("@odata.")
}

/// Takes fields apart and collects every refusal.
#[derive(Default)]
pub(super) struct Reader {
    refused: Vec<Detail>,
}

impl Reader {
    fn address(&mut self, index: usize, address: Value) -> AddressDraft {
        let path = format!("Addresses[{index}]");
        let Value::Object(mut fields) = address else {
            self.refuse(&path, "must be an object");
            return AddressDraft::default();
        };
        let mut text = |name: &str| {
            let value = fields.remove(name);
            self.text(&format!("{path}.{name}"), value)
        };
        let mut draft = AddressDraft {
            name: text("Name"),
            street: text("Street"),
            street_number: text("StreetNumber"),
            city: text("City"),
            county: text("County"),
            state: text("State"),
            zip_code: text("ZipCode"),
            country: text("ThreeLetterISORegionName"),
            phone: text("Phone"),
            email: text("Email"),
            ..AddressDraft::default()
        };
        let mut take = |name: &str| (format!("{path}.{name}"), fields.remove(name));
        let (name, value) = take("AddressTypeValue");
        draft.purpose = self.number(&name, value);
        let (name, value) = take("IsPrimary");
        draft.is_primary = self.flag(&name, value).unwrap_or(false);
        let (name, value) = take("Deactivate");
        if self.flag(&name, value) == Some(true) {
            self.refuse(&name, "deactivating an address is not enabled");
        }
        let (name, value) = take("AddressId");
        if value.is_some_and(|value| !is_empty(&value)) {
            self.refuse(&name, "is given by this node and cannot be chosen");
        }
        self.unknown(&format!("{path}."), &fields);
        draft
    }

    pub(super) fn text(&mut self, path: &str, value: Option<Value>) -> Option<String> {
        match value {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text),
            Some(_) => {
                self.refuse(path, "must be a text");
                None
            }
        }
    }

    pub(super) fn number(&mut self, path: &str, value: Option<Value>) -> Option<u32> {
        let value = value.filter(|value| !value.is_null())?;
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
        if number.is_none() {
            self.refuse(path, "must be a whole number");
        }
        number
    }

    pub(super) fn flag(&mut self, path: &str, value: Option<Value>) -> Option<bool> {
        let value = value.filter(|value| !value.is_null())?;
        if !value.is_boolean() {
            self.refuse(path, "must be true or false");
        }
        value.as_bool()
    }

    pub(super) fn list(&mut self, path: &str, value: Option<Value>) -> Vec<Value> {
        match value {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(items)) => items,
            Some(_) => {
                self.refuse(path, "must be a list");
                Vec::new()
            }
        }
    }

    pub(super) fn unknown(&mut self, prefix: &str, left: &Fields) {
        for (name, _) in left.iter().filter(|(name, value)| !says_nothing(name, value)) {
            self.refuse(&format!("{prefix}{name}"), "is not a field that can be kept");
        }
    }

    pub(super) fn refuse(&mut self, path: &str, message: &str) {
        if self.refused.len() < REFUSALS_MAX {
            self.refused.push(Detail::invalid(path, message));
        }
    }

    pub(super) fn finish<T>(self, value: T) -> Result<T, ODataError> {
        if self.refused.is_empty() { Ok(value) } else { Err(ODataError::fields(self.refused)) }
    }
}
