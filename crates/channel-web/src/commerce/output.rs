//! A customer as programs read it.

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::ETAG;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tillsync_channel::find::{AddressView, CustomerView};
use tillsync_exchange::realtime::FoundCustomer;
use utoipa::ToSchema;

/// What people are shown as the account of a customer.
pub(super) const DISPLAY_ACCOUNT: &str = "DisplayAccountNumber";

/// A customer, with the names of the interface.
///
/// `AccountNumber` is the key for programs: the account, or the GUID while there is none. What
/// people are shown stands in the extension property `DisplayAccountNumber` (F04).
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
#[schema(as = Customer)]
pub(crate) struct CustomerJson {
    #[serde(rename = "@odata.etag")]
    etag: String,
    account_number: String,
    name: String,
    first_name: Option<String>,
    middle_name: Option<String>,
    last_name: Option<String>,
    title: Option<String>,
    customer_type_value: u32,
    customer_group: Option<String>,
    currency_code: Option<String>,
    language: Option<String>,
    email: Option<String>,
    receipt_email: Option<String>,
    phone: Option<String>,
    cellphone: Option<String>,
    identification_number: Option<String>,
    vat_number: Option<String>,
    is_async_customer: bool,
    party_number: Option<String>,
    created_date_time: String,
    addresses: Vec<AddressJson>,
    /// Empty in this version.
    #[schema(value_type = Vec<Object>)]
    contacts: [(); 0],
    /// Empty in this version.
    #[schema(value_type = Vec<Object>)]
    customer_affiliations: [(); 0],
    /// Empty in this version.
    #[schema(value_type = Vec<Object>)]
    attributes: [(); 0],
    #[schema(value_type = Vec<ExtensionProperty>)]
    extension_properties: Vec<ExtensionProperty>,
}

/// A page of customers.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Customers)]
pub(crate) struct CustomersJson {
    value: Vec<CustomerJson>,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
#[schema(as = Address)]
pub(crate) struct AddressJson {
    pub(super) address_id: String,
    name: Option<String>,
    street: Option<String>,
    street_number: Option<String>,
    city: Option<String>,
    county: Option<String>,
    state: Option<String>,
    zip_code: Option<String>,
    #[serde(rename = "ThreeLetterISORegionName")]
    country: Option<String>,
    phone: Option<String>,
    email: Option<String>,
    address_type_value: u32,
    is_primary: bool,
    deactivate: bool,
}

/// A field that the interface has no name for.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ExtensionProperty {
    key: &'static str,
    value: PropertyValue,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
struct PropertyValue {
    string_value: String,
}

impl ExtensionProperty {
    pub(super) fn text(key: &'static str, text: impl Into<String>) -> Self {
        ExtensionProperty { key, value: PropertyValue { string_value: text.into() } }
    }
}

/// One customer, with its state in the header by which a program may insist on it.
pub(super) fn customer_answer(status: StatusCode, view: CustomerView) -> Response {
    let etag = etag_of(&view);
    (status, [(ETAG, etag)], Json(CustomerJson::from(view))).into_response()
}

/// The state of a customer as programs name it in `If-Match`.
pub(super) fn etag_of(view: &CustomerView) -> String {
    format!("\"{}\"", view.revision())
}

impl From<CustomerView> for CustomerJson {
    fn from(view: CustomerView) -> Self {
        let etag = etag_of(&view);
        let shown = view.account_for_people().to_owned();
        let account_number = view.key().to_string();
        let is_async_customer = view.account.is_none();
        let created_date_time = view.created_at.to_string();
        let CustomerView { party_number, content, addresses, .. } = view;
        let parts = [&content.first_name, &content.middle_name, &content.last_name];
        let parts: Vec<&str> = parts.into_iter().flatten().map(String::as_str).collect();
        let name = content.name.clone().unwrap_or_else(|| parts.join(" "));
        CustomerJson {
            etag,
            account_number,
            name,
            first_name: content.first_name,
            middle_name: content.middle_name,
            last_name: content.last_name,
            title: None,
            customer_type_value: content.customer_type,
            customer_group: content.group,
            currency_code: content.currency,
            language: content.language,
            email: content.email,
            receipt_email: content.receipt_email,
            phone: content.phone,
            cellphone: content.cellphone,
            identification_number: content.identification_number,
            vat_number: content.vat_number,
            is_async_customer,
            party_number,
            created_date_time,
            addresses: addresses.into_iter().map(AddressJson::from).collect(),
            contacts: [],
            customer_affiliations: [],
            attributes: [],
            extension_properties: vec![ExtensionProperty::text(DISPLAY_ACCOUNT, shown)],
        }
    }
}

impl From<AddressView> for AddressJson {
    fn from(AddressView { content, .. }: AddressView) -> Self {
        AddressJson {
            address_id: content.guid.to_string(),
            name: content.name,
            street: content.street,
            street_number: content.street_number,
            city: content.city,
            county: content.county,
            state: content.state,
            zip_code: content.zip_code,
            country: content.country,
            phone: content.phone,
            email: content.email,
            address_type_value: content.purpose,
            is_primary: content.is_primary,
            deactivate: false,
        }
    }
}

impl CustomersJson {
    /// Customers of all stores. Whether one is of this store, too, stands in the extension property
    /// `IsInStore`; its addresses come with it when it is taken into the store.
    pub(super) fn of_all_stores(found: Vec<FoundCustomer>) -> Self {
        let of = |FoundCustomer { customer, is_in_store }: FoundCustomer| {
            let view = CustomerView {
                guid: customer.guid,
                account: customer.account_number().ok(),
                party_number: Some(customer.party_number),
                created_at: customer.created_at,
                content: customer.content,
                addresses: Vec::new(),
            };
            let mut shown = CustomerJson::from(view);
            let is_in_store = ExtensionProperty::text("IsInStore", is_in_store.to_string());
            shown.extension_properties.push(is_in_store);
            shown
        };
        CustomersJson { value: found.into_iter().map(of).collect() }
    }
}

impl FromIterator<CustomerView> for CustomersJson {
    fn from_iter<I: IntoIterator<Item = CustomerView>>(views: I) -> Self {
        CustomersJson { value: views.into_iter().map(CustomerJson::from).collect() }
    }
}
