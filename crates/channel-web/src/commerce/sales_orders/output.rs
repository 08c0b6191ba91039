//! A sale or an order as programs read it.

use serde::Serialize;
use tillsync_channel::transactions::TransactionView;
use tillsync_domain::ids::CustomerKey;
use tillsync_domain::trade::{Delivery, Line, Payment, TradeKind};
use utoipa::ToSchema;

use super::super::amount::Amount;
use super::super::output::{DISPLAY_ACCOUNT, ExtensionProperty};
use super::input::{PICKUP, SHIP, TYPE_ORDER, TYPE_SALE};

/// A sale or an order, with the names of the interface.
///
/// `CustomerId` is the key for programs: the account, or the GUID while there is none here. What
/// people are shown stands in the extension property `DisplayAccountNumber` (F04), the key that
/// the document was written with in `RecordedCustomerKey` (F120).
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
#[schema(as = SalesOrder)]
pub(crate) struct OrderJson {
    id: String,
    /// The sales order at headquarters, of an order that was taken through it.
    sales_id: Option<String>,
    transaction_type_value: u32,
    transaction_type: &'static str,
    receipt_id: String,
    shift_id: String,
    terminal_id: String,
    staff_id: Option<String>,
    customer_id: Option<String>,
    is_async_customer: bool,
    is_customer_known: bool,
    currency_code: &'static str,
    created_date_time: String,
    is_voided: bool,
    net_amount: Amount,
    tax_amount: Amount,
    discount_amount: Amount,
    total_amount: Amount,
    amount_paid: Amount,
    delivery_mode: Option<&'static str>,
    shipping_address: Option<ShippingAddressJson>,
    sales_lines: Vec<LineJson>,
    tender_lines: Vec<TenderJson>,
    extension_properties: Vec<ExtensionProperty>,
}

/// A page of them.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = SalesOrders)]
pub(crate) struct OrdersJson {
    value: Vec<OrderJson>,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
#[schema(as = ShippedTo)]
struct ShippingAddressJson {
    address_id: String,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
#[schema(as = SalesLine)]
struct LineJson {
    line_number: u32,
    item_id: String,
    description: Option<String>,
    quantity: Amount,
    price: Amount,
    discount_amount: Amount,
    net_amount: Amount,
    tax_rate_percent: Amount,
    tax_amount: Amount,
    total_amount: Amount,
    is_voided: bool,
    return_transaction_id: Option<String>,
    return_line_number: Option<u32>,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
#[schema(as = TenderLine)]
struct TenderJson {
    tender_type_id: &'static str,
    amount: Amount,
}

impl From<TransactionView> for OrderJson {
    fn from(view: TransactionView) -> Self {
        let mut extension_properties = Vec::new();
        if let Some(shown) = view.account_for_people() {
            extension_properties.push(ExtensionProperty::text(DISPLAY_ACCOUNT, shown));
        }
        if let Some(written) = &view.trade.customer {
            let written = written.to_string();
            extension_properties.push(ExtensionProperty::text("RecordedCustomerKey", written));
        }
        let key = view.customer_key();
        let (transaction_type_value, transaction_type) = match view.kind {
            TradeKind::Sale | TradeKind::VoidedSale => (TYPE_SALE, "Sales"),
            TradeKind::Order => (TYPE_ORDER, "CustomerOrder"),
        };
        let address = match &view.delivery {
            Some(Delivery::Ship(address)) => Some(address.to_string()),
            Some(Delivery::Pickup) | None => None,
        };
        let trade = &view.trade;
        let sum = |amount: fn(&Line) -> rust_decimal::Decimal| {
            Amount(trade.live_lines().map(amount).sum())
        };
        OrderJson {
            id: view.number.to_string(),
            sales_id: view.sales_order.as_ref().map(ToString::to_string),
            transaction_type_value,
            transaction_type,
            receipt_id: trade.receipt.to_string(),
            shift_id: trade.shift.to_string(),
            terminal_id: view.origin.to_string(),
            staff_id: view.staff.as_ref().map(ToString::to_string),
            is_async_customer: matches!(key, Some(CustomerKey::Temporary(_))),
            customer_id: key.map(|key| key.to_string()),
            is_customer_known: view.is_customer_known,
            currency_code: trade.currency.code(),
            created_date_time: view.created_at.to_string(),
            is_voided: view.kind == TradeKind::VoidedSale,
            net_amount: sum(|line| line.net),
            tax_amount: sum(|line| line.tax),
            discount_amount: sum(|line| line.discount),
            total_amount: Amount(trade.total),
            amount_paid: Amount(trade.payments_total()),
            delivery_mode: view.delivery.as_ref().map(|delivery| match delivery {
                Delivery::Pickup => PICKUP,
                Delivery::Ship(_) => SHIP,
            }),
            shipping_address: address.map(|address_id| ShippingAddressJson { address_id }),
            sales_lines: trade.lines.iter().map(LineJson::from).collect(),
            tender_lines: trade.payments.iter().map(TenderJson::from).collect(),
            extension_properties,
        }
    }
}

impl From<&Line> for LineJson {
    fn from(line: &Line) -> Self {
        LineJson {
            line_number: line.number,
            item_id: line.item.to_string(),
            description: line.name.clone(),
            quantity: Amount(line.quantity),
            price: Amount(line.price),
            discount_amount: Amount(line.discount.abs()),
            net_amount: Amount(line.net),
            tax_rate_percent: Amount(line.tax_rate),
            tax_amount: Amount(line.tax),
            total_amount: Amount(line.total()),
            is_voided: line.is_voided,
            return_transaction_id: line.returns.as_ref().map(|of| of.transaction.to_string()),
            return_line_number: line.returns.as_ref().map(|of| of.line),
        }
    }
}

impl From<&Payment> for TenderJson {
    fn from(payment: &Payment) -> Self {
        let tender_type_id = payment.tender.type_id();
        TenderJson { tender_type_id, amount: Amount(payment.amount) }
    }
}

impl FromIterator<TransactionView> for OrdersJson {
    fn from_iter<I: IntoIterator<Item = TransactionView>>(views: I) -> Self {
        OrdersJson { value: views.into_iter().map(OrderJson::from).collect() }
    }
}
