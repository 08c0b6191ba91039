//! Customers with an account.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tillsync_domain::ids::{AccountNumber, CustomerKey};
use tillsync_exchange::rows::download::{AddressRow, CustomerRow};
use tillsync_hq::storage::CustomerRecord;
use utoipa::{IntoParams, ToSchema};

use super::Page;
use crate::app::App;
use crate::input::{PageSize, Params, Segment};
use crate::refusal::HttpError;

/// A customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[allow(missing_docs, reason = "the fields are those of every customer")]
pub struct Customer {
    /// The permanent account number.
    pub account: String,
    /// The GUID it was created under; finds it for ever.
    pub guid: String,
    /// Its party in the global address book.
    pub party_number: String,
    /// The name in one line.
    pub name: String,
    /// 1 person, 2 organization.
    pub customer_type: u32,
    pub first_name: Option<String>,
    pub middle_name: Option<String>,
    pub last_name: Option<String>,
    pub email: Option<String>,
    pub receipt_email: Option<String>,
    pub phone: Option<String>,
    pub cellphone: Option<String>,
    pub group: Option<String>,
    pub currency: Option<String>,
    pub language: Option<String>,
    pub identification_number: Option<String>,
    pub vat_number: Option<String>,
    /// When it was created, by the clock of the place.
    pub created_at: Timestamp,
    /// The version of the change log at which it was last changed.
    pub version: u64,
}

/// A postal address of a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[allow(missing_docs, reason = "the fields are those of every address")]
pub struct Address {
    /// The address's own identity.
    pub guid: String,
    /// 1 invoice, 2 delivery, 6 home, 9 business.
    pub purpose: u32,
    pub name: Option<String>,
    pub street: Option<String>,
    pub street_number: Option<String>,
    pub city: Option<String>,
    pub county: Option<String>,
    pub state: Option<String>,
    pub zip_code: Option<String>,
    /// Three-letter ISO code.
    pub country: Option<String>,
    pub phone: Option<String>,
    pub email: Option<String>,
    pub is_primary: bool,
    /// When it was recorded.
    pub created_at: Timestamp,
}

/// A customer with everything it carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CustomerDetail {
    /// The customer.
    pub customer: Customer,
    /// Its addresses, primary first.
    pub addresses: Vec<Address>,
    /// The address books it is in.
    pub address_books: Vec<String>,
}

/// The parameters of a search.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FindParams {
    /// Part of a name, an e-mail, a phone number or an account; absent for all.
    #[serde(default)]
    text: String,
    /// Only accounts behind this one: the `next` of the page before.
    after: Option<String>,
    /// At most this many, 1 to 1000; 50 when absent.
    #[serde(default)]
    #[param(value_type = Option<usize>)]
    limit: PageSize,
}

/// Finds customers, by account.
#[utoipa::path(get, path = "/api/v1/customers", tag = "customers", params(FindParams),
    responses((status = 200, body = Page<Customer>)))]
pub(crate) async fn find_customers(
    State(app): State<Arc<App>>,
    Params(params): Params<FindParams>,
) -> Result<Json<Page<Customer>>, HttpError> {
    let size = params.limit.items()?;
    let after = params.after.as_deref().filter(|after| !after.is_empty());
    let after = after.map(AccountNumber::parse).transpose().map_err(HttpError::invalid)?;
    let found =
        app.run(move |hq| hq.find_customers(params.text.trim(), after.as_ref(), size + 1)).await?;
    let customers = found.into_iter().map(Customer::from).collect();
    Ok(Json(Page::cut(customers, size, |customer: &Customer| customer.account.clone())))
}

/// Shows a customer by account number or GUID.
#[utoipa::path(get, path = "/api/v1/customers/{key}", tag = "customers",
    params(("key" = String, Path, description = "account number or GUID")),
    responses((status = 200, body = CustomerDetail)))]
pub(crate) async fn show_customer(
    State(app): State<Arc<App>>,
    Segment(key): Segment<CustomerKey>,
) -> Result<Json<CustomerDetail>, HttpError> {
    let record = app.run(move |hq| hq.show_customer(&key)).await?;
    Ok(Json(CustomerDetail::from(record)))
}

impl From<CustomerRow> for Customer {
    fn from(row: CustomerRow) -> Self {
        let content = row.content;
        let parts = [&content.first_name, &content.middle_name, &content.last_name];
        let parts: Vec<&str> = parts.into_iter().flatten().map(String::as_str).collect();
        let name = content.name.clone().unwrap_or_else(|| parts.join(" "));
        Customer {
            account: row.account,
            guid: row.guid.to_string(),
            party_number: row.party_number,
            name,
            customer_type: content.customer_type,
            first_name: content.first_name,
            middle_name: content.middle_name,
            last_name: content.last_name,
            email: content.email,
            receipt_email: content.receipt_email,
            phone: content.phone,
            cellphone: content.cellphone,
            group: content.group,
            currency: content.currency,
            language: content.language,
            identification_number: content.identification_number,
            vat_number: content.vat_number,
            created_at: row.created_at,
            version: row.version,
        }
    }
}

impl From<AddressRow> for Address {
    fn from(row: AddressRow) -> Self {
        let content = row.content;
        Address {
            guid: content.guid.to_string(),
            purpose: content.purpose,
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
            is_primary: content.is_primary,
            created_at: row.created_at,
        }
    }
}

impl From<CustomerRecord> for CustomerDetail {
    fn from(record: CustomerRecord) -> Self {
        CustomerDetail {
            customer: record.customer.into(),
            addresses: record.addresses.into_iter().map(Address::from).collect(),
            address_books: record.address_books.iter().map(ToString::to_string).collect(),
        }
    }
}
