//! What requests hold, for the description of the interface. The bodies themselves are read field
//! by field, so that every refused field is named at once; a test sees that each field described
//! here is read there.
#![expect(dead_code, reason = "the fields describe JSON; nothing is read into them")]

use serde::Deserialize;
use utoipa::ToSchema;

/// A customer to create. What is empty says nothing; what cannot be kept is refused by name.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct NewCustomer {
    /// 1 person, also when absent; 2 organization.
    #[schema(minimum = 1, maximum = 2)]
    customer_type_value: Option<u32>,
    /// An organization's name; of a person the whole name, where no part is given.
    #[schema(max_length = 100)]
    name: Option<String>,
    /// Persons only.
    #[schema(max_length = 25)]
    first_name: Option<String>,
    /// Persons only.
    #[schema(max_length = 25)]
    middle_name: Option<String>,
    /// Persons only.
    #[schema(max_length = 25)]
    last_name: Option<String>,
    /// The customer group.
    #[schema(max_length = 10)]
    customer_group: Option<String>,
    /// Three capital letters.
    #[schema(pattern = "^[A-Z]{3}$")]
    currency_code: Option<String>,
    /// Such as `en-au`.
    #[schema(max_length = 7)]
    language: Option<String>,
    /// Such as `name@example.com`.
    #[schema(max_length = 80)]
    email: Option<String>,
    /// Where receipts are mailed.
    #[schema(max_length = 80)]
    receipt_email: Option<String>,
    /// With at least one digit.
    #[schema(max_length = 20)]
    phone: Option<String>,
    /// With at least one digit.
    #[schema(max_length = 20)]
    cellphone: Option<String>,
    /// A national or company number.
    #[schema(max_length = 50)]
    identification_number: Option<String>,
    /// A tax exempt number.
    #[schema(max_length = 20)]
    vat_number: Option<String>,
    /// Accepted and without effect: the profile of the store says how customers are created.
    is_async_customer: Option<bool>,
    /// Its addresses; at most one of them is primary.
    #[schema(max_items = 50)]
    addresses: Option<Vec<NewAddress>>,
}

/// An address to add. One of Street, City, ZipCode and State is filled in.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct NewAddress {
    /// Only in updates: the address that is sent back unchanged.
    address_id: Option<String>,
    /// A name or description.
    #[schema(max_length = 100)]
    name: Option<String>,
    /// The whole street line.
    #[schema(max_length = 250)]
    street: Option<String>,
    /// The house number.
    #[schema(max_length = 20)]
    street_number: Option<String>,
    /// The city.
    #[schema(max_length = 60)]
    city: Option<String>,
    /// The county.
    #[schema(max_length = 10)]
    county: Option<String>,
    /// The state or province.
    #[schema(max_length = 10)]
    state: Option<String>,
    /// The postal code.
    #[schema(max_length = 10)]
    zip_code: Option<String>,
    /// Three capital letters.
    #[serde(rename = "ThreeLetterISORegionName")]
    #[schema(pattern = "^[A-Z]{3}$")]
    country: Option<String>,
    /// With at least one digit.
    #[schema(max_length = 20)]
    phone: Option<String>,
    /// Such as `name@example.com`.
    #[schema(max_length = 80)]
    email: Option<String>,
    /// 1 invoice, 2 delivery, 6 home, 9 business.
    #[schema(minimum = 1, maximum = 9)]
    address_type_value: Option<u32>,
    /// Whether it is to be the one primary address.
    is_primary: Option<bool>,
    /// Must not be true yet.
    deactivate: Option<bool>,
}

/// The body of `CreateEntity`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateCustomerEntity {
    /// The customer.
    entity: NewCustomer,
}

/// A customer as it is to be: what was read, with addresses more. Other changes are refused.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct ChangedCustomer {
    /// Those that have no `AddressId` yet are added.
    addresses: Option<Vec<NewAddress>>,
}

/// The body of `UpdateEntity`.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct UpdateCustomerEntity {
    /// The customer as it is to be.
    updated_entity: ChangedCustomer,
}

/// Which part of the result is wanted.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct QueryResultSettings {
    /// The page.
    paging: Option<Paging>,
}

/// A page.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Paging {
    /// How many; 100 when absent.
    #[schema(maximum = 1000)]
    top: Option<u32>,
    /// After how many.
    #[schema(maximum = 4294967295u64)]
    skip: Option<u32>,
    /// Accepted; the count is left out.
    calculate_record_count: Option<bool>,
}

/// Which part of a search for customers is wanted.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct CustomerQuerySettings {
    /// The page.
    paging: Option<CustomerPaging>,
}

/// A page of a search for customers, which reaches 10,000 customers far.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct CustomerPaging {
    /// How many; 100 when absent.
    #[schema(maximum = 1000)]
    top: Option<u32>,
    /// After how many.
    #[schema(maximum = 9999)]
    skip: Option<u32>,
    /// Accepted; the count is left out.
    calculate_record_count: Option<bool>,
}

/// A body that says which page is wanted.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct PageRequest {
    query_result_settings: Option<QueryResultSettings>,
}

/// A search for customers.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct CustomerSearch {
    customer_search_criteria: CustomerSearchCriteria,
    query_result_settings: Option<CustomerQuerySettings>,
}

/// What customers are searched by.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct CustomerSearchCriteria {
    /// A name, an account, a GUID, a phone number, an e-mail address or a postal address.
    #[schema(max_length = 200, pattern = r"[0-9A-Za-z]")]
    keyword: String,
    /// `Local`, this store, or `Remote`, the customers of all stores.
    search_location: Option<SearchLocation>,
}

/// Where customers are searched.
#[derive(Deserialize, ToSchema)]
pub(crate) enum SearchLocation {
    /// In this store.
    Local,
    /// At headquarters.
    Remote,
}

/// A customer of another store.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct CustomerToAdd {
    /// An account or a GUID.
    #[schema(min_length = 1)]
    account_number: String,
}

/// Customers by their keys.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct AccountNumbers {
    /// Accounts or GUIDs; unknown ones are left out of the answer.
    #[schema(max_items = 1000)]
    account_numbers: Vec<String>,
}

/// A search for products.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct ProductSearch {
    product_search_criteria: Option<ProductSearchCriteria>,
    query_result_settings: Option<QueryResultSettings>,
}

/// What products are searched by; all are found when nothing is given.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct ProductSearchCriteria {
    /// The beginning of the number, or a part of the name.
    search_condition: Option<String>,
}

/// A search for sales and orders.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct SalesOrderSearch {
    sales_order_search_criteria: SalesOrderSearchCriteria,
    query_result_settings: Option<QueryResultSettings>,
}

/// What sales and orders are searched by; all that is given must hold.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct SalesOrderSearchCriteria {
    /// An account or a GUID.
    customer_account_number: Option<String>,
    receipt_id: Option<String>,
    /// At most one.
    #[schema(max_items = 1)]
    transaction_ids: Option<Vec<String>>,
    start_date_time: Option<jiff::Timestamp>,
    end_date_time: Option<jiff::Timestamp>,
}

/// A search for stores.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct OrgUnitSearch {
    search_criteria: Option<OrgUnitSearchCriteria>,
    query_result_settings: Option<QueryResultSettings>,
}

/// What stores are searched by, whole and without regard to case.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct OrgUnitSearchCriteria {
    org_unit_number: Option<String>,
    org_unit_name: Option<String>,
}

/// An amount: a JSON number with its digits, or a text that holds one.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum AmountSent {
    Number(f64),
    Text(String),
}

/// The number of a tender: 1 cash, 3 card, 4 on the customer's account, 8 gift card.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum TenderSent {
    Number(u32),
    Text(String),
}

/// A sale, a return or a customer order.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct NewSalesOrder {
    /// The transaction number; the node draws one where none is given.
    id: Option<String>,
    /// 2 sale, 14 customer order; absent it is an order when it has a `DeliveryMode`.
    #[schema(minimum = 2, maximum = 14)]
    transaction_type_value: Option<u32>,
    /// An account or a GUID.
    customer_id: Option<String>,
    currency_code: Option<String>,
    total_amount: Option<AmountSent>,
    shift_id: Option<String>,
    staff_id: Option<String>,
    store_id: Option<String>,
    terminal_id: Option<String>,
    is_voided: Option<bool>,
    /// `Pickup` or `Ship`.
    delivery_mode: Option<String>,
    shipping_address: Option<ShippingAddress>,
    sales_lines: Option<Vec<NewSalesLine>>,
    tender_lines: Option<Vec<NewTenderLine>>,
}

/// Where an order goes.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct ShippingAddress {
    address_id: Option<String>,
}

/// A line of a sale.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct NewSalesLine {
    item_id: String,
    quantity: Option<AmountSent>,
    price: Option<AmountSent>,
    discount_amount: Option<AmountSent>,
    tax_amount: Option<AmountSent>,
    tax_rate_percent: Option<AmountSent>,
    total_amount: Option<AmountSent>,
    is_voided: Option<bool>,
    return_transaction_id: Option<String>,
    return_line_number: Option<u32>,
}

/// A payment.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct NewTenderLine {
    tender_type_id: TenderSent,
    amount: AmountSent,
}

/// The body of `CreateEntity`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateSalesOrderEntity {
    /// The sale or order.
    entity: NewSalesOrder,
}

/// What lies in the drawer when a shift begins.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct ShiftOpening {
    staff_id: Option<String>,
    starting_amounts: Option<Vec<CountedAmount>>,
}

/// Who closes the shift to sales.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct ShiftBlindClosing {
    staff_id: Option<String>,
}

/// What was counted when a shift ended.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct ShiftClosing {
    staff_id: Option<String>,
    tender_lines: Option<Vec<CountedAmount>>,
}

/// An amount of one tender in one currency.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct CountedAmount {
    tender_type_id: TenderSent,
    currency_code: Option<String>,
    amount: AmountSent,
}
