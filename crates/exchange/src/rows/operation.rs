//! A customer operation as it travels and as both ends store it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use tillsync_domain::customer::{
    AddressDraft, CustomerDraft, CustomerType, NewAddress, NewCustomer, PartyName, Text,
};
use tillsync_domain::ids::{AddressGuid, Counter, CustomerGuid, DatabaseId, OperationId, StaffId};
use tillsync_domain::operation::{Act, ActKind, Operation};
use tillsync_domain::promotion::Defect;

use super::{ContentHash, is_object};
use crate::text;

/// One row of the `operation` table.
///
/// The content stays raw JSON: an operation whose content headquarters cannot accept still
/// arrives, is kept word for word, and fails alone (F19).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OperationRow {
    /// Identity for ever.
    #[serde(with = "text")]
    pub id: OperationId,
    /// The sender's counter; not part of the content hash, since a channel renumbers.
    pub counter: u64,
    /// Whom it concerns.
    #[serde(with = "text")]
    pub customer: CustomerGuid,
    /// The kind of act; a text, since a newer sender may know more kinds.
    pub kind: String,
    /// When it was done.
    pub created_at: Timestamp,
    /// Where it was first recorded.
    #[serde(with = "text")]
    pub origin: DatabaseId,
    /// Who did it.
    #[serde(with = "text::option", default, skip_serializing_if = "Option::is_none")]
    pub staff: Option<StaffId>,
    /// When the channel took it over from a register; not part of the content hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relayed_at: Option<Timestamp>,
    /// What was done, by kind.
    pub content: Box<RawValue>,
}

/// The longest kind, in bytes.
pub const KIND_BYTES_MAX: usize = 64;

/// The longest content, in bytes: several times what any act of this version can hold.
pub const CONTENT_BYTES_MAX: usize = 16 << 10;

impl OperationRow {
    /// Writes an operation down under a counter.
    pub fn record(operation: &Operation, counter: Counter) -> Self {
        let content = match &operation.act {
            Act::CreateCustomer(customer) => raw(&CustomerContent::from(customer.as_ref())),
            Act::AddAddress(address) => raw(&AddressContent::from(address.as_ref())),
        };
        OperationRow {
            id: operation.id,
            counter: counter.0,
            customer: operation.customer,
            kind: operation.act.kind().as_str().to_owned(),
            created_at: operation.created_at,
            origin: operation.origin.clone(),
            staff: operation.staff.clone(),
            relayed_at: None,
            content,
        }
    }

    /// What makes two rows with one id the same operation or a contradiction (F115).
    pub fn content_hash(&self) -> ContentHash {
        let mut hasher = Sha256::new();
        hasher.update(self.id.as_uuid().as_bytes());
        hasher.update(self.customer.as_uuid().as_bytes());
        // Each part ends with a byte that no part contains, so that parts cannot run together.
        for part in [
            self.kind.as_str(),
            &self.created_at.as_microsecond().to_string(),
            self.origin.as_str(),
            self.staff.as_ref().map_or("", StaffId::as_str),
            self.content.get(),
        ] {
            hasher.update(part.as_bytes());
            hasher.update([0xff]);
        }
        ContentHash(hasher.finalize().into())
    }

    /// Reads the row as an operation, with headquarters' rules applied.
    ///
    /// # Errors
    /// Invalid: the kind or content is not known to this version, or fields break rules.
    pub fn operation(&self) -> Result<Operation, Defect> {
        let act = match self.kind.as_str() {
            kind if kind == ActKind::CreateCustomer.as_str() => {
                let content: CustomerContent = self.parse()?;
                Act::CreateCustomer(Box::new(CustomerDraft::from(content).check()?))
            }
            kind if kind == ActKind::AddAddress.as_str() => {
                let content: AddressContent = self.parse()?;
                let guid = content.guid;
                // The edge has settled the purpose, so the type's default is never taken here.
                let address = AddressDraft::from(content).check(guid, CustomerType::Person)?;
                Act::AddAddress(Box::new(address))
            }
            unknown => return Err(Defect::Unreadable(format!("unknown kind {unknown:?}"))),
        };
        Ok(Operation {
            id: self.id,
            customer: self.customer,
            act,
            created_at: self.created_at,
            origin: self.origin.clone(),
            staff: self.staff.clone(),
        })
    }

    fn parse<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Defect> {
        if !is_object(self.content.get()) {
            return Err(Defect::Unreadable("it is no JSON object".to_owned()));
        }
        serde_json::from_str(self.content.get()).map_err(|e| Defect::Unreadable(e.to_string()))
    }
}

fn raw<T: Serialize>(content: &T) -> Box<RawValue> {
    serde_json::value::to_raw_value(content).expect("contents are plain structs of texts")
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The content of `create_customer`. Unknown fields are refused: dropping them would lose data.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(missing_docs, reason = "the fields are those of `NewCustomer`")]
pub struct CustomerContent {
    /// 1 person, 2 organization.
    pub customer_type: u32,
    #[serde(skip_serializing_if = "is_default")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub first_name: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub middle_name: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub last_name: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub group: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub currency: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub language: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub email: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub receipt_email: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub phone: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub cellphone: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub identification_number: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub vat_number: Option<String>,
}

/// The content of `add_address`. Unknown fields are refused: dropping them would lose data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the fields are those of `NewAddress`")]
pub struct AddressContent {
    #[serde(with = "text")]
    pub guid: AddressGuid,
    /// 1 invoice, 2 delivery, 6 home, 9 business.
    pub purpose: u32,
    #[serde(default, skip_serializing_if = "is_default")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub street: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub street_number: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub city: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub county: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub state: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub zip_code: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub country: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub phone: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub email: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub is_primary: bool,
}

fn text_of(text: &Option<Text>) -> Option<String> {
    text.as_ref().map(|text| text.as_str().to_owned())
}

impl From<&NewCustomer> for CustomerContent {
    fn from(customer: &NewCustomer) -> Self {
        let mut content = CustomerContent {
            group: text_of(&customer.group),
            currency: text_of(&customer.currency),
            language: text_of(&customer.language),
            email: text_of(&customer.email),
            receipt_email: text_of(&customer.receipt_email),
            phone: text_of(&customer.phone),
            cellphone: text_of(&customer.cellphone),
            identification_number: text_of(&customer.identification_number),
            vat_number: text_of(&customer.vat_number),
            ..CustomerContent::default()
        };
        match &customer.name {
            PartyName::Person { first, middle, last } => {
                content.customer_type = 1;
                content.first_name = text_of(first);
                content.middle_name = text_of(middle);
                content.last_name = text_of(last);
            }
            PartyName::Organization(name) => {
                content.customer_type = 2;
                content.name = Some(name.as_str().to_owned());
            }
        }
        content
    }
}

impl From<CustomerContent> for CustomerDraft {
    fn from(content: CustomerContent) -> Self {
        CustomerDraft {
            customer_type: Some(content.customer_type),
            name: content.name,
            first_name: content.first_name,
            middle_name: content.middle_name,
            last_name: content.last_name,
            group: content.group,
            currency: content.currency,
            language: content.language,
            email: content.email,
            receipt_email: content.receipt_email,
            phone: content.phone,
            cellphone: content.cellphone,
            identification_number: content.identification_number,
            vat_number: content.vat_number,
        }
    }
}

impl From<&NewAddress> for AddressContent {
    fn from(address: &NewAddress) -> Self {
        AddressContent {
            guid: address.guid,
            purpose: address.purpose.value(),
            name: text_of(&address.name),
            street: text_of(&address.street),
            street_number: text_of(&address.street_number),
            city: text_of(&address.city),
            county: text_of(&address.county),
            state: text_of(&address.state),
            zip_code: text_of(&address.zip_code),
            country: text_of(&address.country),
            phone: text_of(&address.phone),
            email: text_of(&address.email),
            is_primary: address.is_primary,
        }
    }
}

impl From<AddressContent> for AddressDraft {
    fn from(content: AddressContent) -> Self {
        AddressDraft {
            name: content.name,
            purpose: Some(content.purpose),
            street: content.street,
            street_number: content.street_number,
            city: content.city,
            county: content.county,
            state: content.state,
            zip_code: content.zip_code,
            country: content.country,
            phone: content.phone,
            email: content.email,
            is_primary: content.is_primary,
        }
    }
}
