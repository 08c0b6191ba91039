//! What a till does with goods: opens its shift, sells, takes orders, closes the shift.
//!
//! It computes what is to be paid as a till does, and never what was paid: that stands in the
//! answers.

use rust_decimal::Decimal;
use serde_json::{Value, json};
use tillsync_domain::ids::{AddressGuid, CustomerKey};
use tillsync_domain::money::Currency;
use tillsync_domain::trade::Tender;
use tillsync_domain::trade::amounts::{line_net, line_tax};
use ureq::http::StatusCode;

use crate::commerce::{
    CommerceClient, CommerceError, FieldRefusal, page_of, refusals_of, unexpected,
};

/// The most items asked for at once.
const ITEMS_MAX: usize = 1_000;

/// An item as an edge sells it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Product {
    /// Its number.
    pub item: String,
    /// The price of one, without tax.
    pub price: Decimal,
    /// Sales tax in percent.
    pub tax_rate: Decimal,
}

/// A sale or an order to be recorded. The same number with the same content is the same request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TradeRequest {
    /// Its number, chosen by the till.
    pub number: String,
    /// What it is.
    pub kind: TradeRequestKind,
    /// Whose it is, by either key.
    pub customer: Option<CustomerKey>,
    /// The currency of every amount in it.
    pub currency: Currency,
    /// What is sold, ordered or brought back.
    pub lines: Vec<LineRequest>,
    /// What is paid; change is negative.
    pub payments: Vec<(Tender, Decimal)>,
}

/// What a request records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TradeRequestKind {
    /// A sale.
    Sale,
    /// A sale that was voided before it was finished.
    VoidedSale,
    /// An order to be picked up.
    Pickup,
    /// An order to be sent to an address.
    Ship(AddressGuid),
}

/// One line of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineRequest {
    /// What.
    pub product: Product,
    /// How many; negative for what is brought back.
    pub quantity: Decimal,
    /// What is taken off the line.
    pub discount: Decimal,
    /// Whether it was taken off the receipt again.
    pub is_voided: bool,
    /// The sale and its line that it is brought back from.
    pub returns: Option<(String, u32)>,
}

/// A sale or an order that an edge has durably.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Its number.
    pub number: String,
    /// The number on its receipt.
    pub receipt: String,
    /// What it comes to, tax included.
    pub total: Decimal,
}

/// What became of a request to record something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TradeAnswer<T> {
    /// The edge has it durably.
    Recorded(T),
    /// Its data break rules; sending it again is of no use.
    Refused(Vec<FieldRefusal>),
    /// Something else stands in its way, such as a missing shift; the edge's own words.
    Conflict(String),
}

/// What a drawer holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    /// Notes and coins.
    pub cash: Decimal,
    /// Card slips.
    pub card: Decimal,
}

impl LineRequest {
    /// One piece of a product, at its price.
    pub fn of(product: &Product) -> Self {
        LineRequest {
            product: product.clone(),
            quantity: Decimal::ONE,
            discount: Decimal::ZERO,
            is_voided: false,
            returns: None,
        }
    }

    /// What the line comes to, tax included.
    pub fn total(&self, currency: Currency) -> Decimal {
        if self.is_voided {
            return Decimal::ZERO;
        }
        let Product { price, tax_rate, .. } = self.product;
        let net = line_net(currency, self.quantity, price, self.discount);
        net + line_tax(currency, net, tax_rate)
    }

    fn json(&self) -> Value {
        let mut line = json!({
            "ItemId": self.product.item,
            "Quantity": self.quantity.to_string(),
            "IsVoided": self.is_voided,
        });
        if !self.discount.is_zero() {
            line["DiscountAmount"] = self.discount.to_string().into();
        }
        if let Some((number, returned)) = &self.returns {
            line["ReturnTransactionId"] = number.as_str().into();
            line["ReturnLineNumber"] = (*returned).into();
        }
        line
    }
}

impl TradeRequest {
    /// What it comes to, tax included.
    pub fn total(&self) -> Decimal {
        self.lines.iter().map(|line| line.total(self.currency)).sum()
    }

    fn json(&self) -> Value {
        let lines: Vec<_> = self.lines.iter().map(LineRequest::json).collect();
        let payments: Vec<_> =
            self.payments.iter().map(|(tender, amount)| tender_line(*tender, *amount)).collect();
        let mut request = json!({
            "Id": self.number,
            "CurrencyCode": self.currency.code(),
            "SalesLines": lines,
            "TenderLines": payments,
            "TotalAmount": self.total().to_string(),
        });
        if let Some(customer) = &self.customer {
            request["CustomerId"] = customer.to_string().into();
        }
        match self.kind {
            TradeRequestKind::Sale => {}
            TradeRequestKind::VoidedSale => request["IsVoided"] = true.into(),
            TradeRequestKind::Pickup => {
                request["TransactionTypeValue"] = CUSTOMER_ORDER.into();
                request["DeliveryMode"] = "Pickup".into();
            }
            TradeRequestKind::Ship(address) => {
                request["TransactionTypeValue"] = CUSTOMER_ORDER.into();
                request["DeliveryMode"] = "Ship".into();
                request["ShippingAddress"] = json!({"AddressId": address.to_string()});
            }
        }
        request
    }
}

/// The `TransactionTypeValue` of a customer order.
const CUSTOMER_ORDER: u32 = 14;

impl CommerceClient {
    /// The items that the edge sells in a currency.
    ///
    /// # Errors
    /// Busy: no answer came. Broken: an odd answer.
    pub fn products(&self, currency: Currency) -> Result<Vec<Product>, CommerceError> {
        let criteria = json!({
            "ProductSearchCriteria": {},
            "QueryResultSettings": {"Paging": {"Top": ITEMS_MAX, "Skip": 0}},
        });
        let found = page_of(self.post("/Commerce/Products/Search", &criteria)?)?;
        Ok(found.iter().filter_map(|product| product_of(product, currency)).collect())
    }

    /// Opens a shift with a float in cash; while it is open, the same request means the same
    /// shift. The answer is its number.
    ///
    /// # Errors
    /// Busy: no answer came; ask again. Broken: an odd answer.
    pub fn open_shift(&self, float: Decimal) -> Result<TradeAnswer<String>, CommerceError> {
        let body = json!({"StartingAmounts": [tender_line(Tender::Cash, float)]});
        self.record("/Commerce/Shifts", &body, shift_of)
    }

    /// Ends the sales of a shift that is counted later.
    ///
    /// # Errors
    /// Busy: no answer came; ask again. Broken: an odd answer.
    pub fn blind_close_shift(&self, shift: &str) -> Result<TradeAnswer<String>, CommerceError> {
        let path = format!("/Commerce/Shifts('{shift}')/BlindClose");
        self.record(&path, &json!({}), shift_of)
    }

    /// Closes a shift with what was counted, the float included.
    ///
    /// # Errors
    /// Busy: no answer came; ask again with the same counts. Broken: an odd answer.
    pub fn close_shift(
        &self,
        shift: &str,
        counted: Counted,
    ) -> Result<TradeAnswer<String>, CommerceError> {
        let path = format!("/Commerce/Shifts('{shift}')/Close");
        let Counted { cash, card } = counted;
        let lines = [tender_line(Tender::Cash, cash), tender_line(Tender::Card, card)];
        self.record(&path, &json!({"TenderLines": lines}), shift_of)
    }

    /// Records a sale or an order.
    ///
    /// # Errors
    /// Busy: no answer came; ask again with the same number. Broken: an odd answer.
    pub fn sell(&self, request: &TradeRequest) -> Result<TradeAnswer<Recorded>, CommerceError> {
        self.record("/Commerce/SalesOrders", &request.json(), recorded_of)
    }

    /// Looks a sale or an order up by its number; nothing when the edge does not know it.
    ///
    /// # Errors
    /// Busy: no answer came. Broken: an odd answer.
    pub fn find_transaction(&self, number: &str) -> Result<Option<Value>, CommerceError> {
        self.find(&format!("/Commerce/SalesOrders('{number}')"))
    }

    /// The numbers of what a customer bought and ordered, by either key, at most `top`.
    ///
    /// # Errors
    /// Busy: no answer came. Broken: an odd answer.
    pub fn order_history(
        &self,
        customer: &CustomerKey,
        top: usize,
    ) -> Result<Vec<String>, CommerceError> {
        let path = format!("/Commerce/Customers('{customer}')/GetOrderHistory");
        let settings = json!({"QueryResultSettings": {"Paging": {"Top": top, "Skip": 0}}});
        let found = page_of(self.post(&path, &settings)?)?;
        Ok(found.iter().filter_map(|one| one["Id"].as_str()).map(str::to_owned).collect())
    }

    fn record<T>(
        &self,
        path: &str,
        body: &Value,
        read: fn(&Value) -> Option<T>,
    ) -> Result<TradeAnswer<T>, CommerceError> {
        match self.post(path, body)? {
            (status @ (StatusCode::OK | StatusCode::CREATED), answer) => {
                read(&answer).map(TradeAnswer::Recorded).ok_or_else(|| unexpected(status, &answer))
            }
            (StatusCode::BAD_REQUEST, answer) => Ok(TradeAnswer::Refused(refusals_of(&answer))),
            (StatusCode::CONFLICT, answer) => {
                let words = answer["error"]["message"].as_str().unwrap_or("a conflict");
                Ok(TradeAnswer::Conflict(words.to_owned()))
            }
            (status, answer) => Err(unexpected(status, &answer)),
        }
    }
}

fn tender_line(tender: Tender, amount: Decimal) -> Value {
    json!({"TenderTypeId": tender.type_id(), "Amount": amount.to_string()})
}

fn shift_of(answer: &Value) -> Option<String> {
    answer["ShiftId"].as_str().map(str::to_owned)
}

fn recorded_of(answer: &Value) -> Option<Recorded> {
    let text = |name: &str| answer[name].as_str().map(str::to_owned);
    let total = decimal_of(&answer["TotalAmount"])?;
    Some(Recorded { number: text("Id")?, receipt: text("ReceiptId")?, total })
}

fn product_of(product: &Value, currency: Currency) -> Option<Product> {
    let prices = product["Prices"].as_array()?;
    let price = prices.iter().find(|price| price["CurrencyCode"] == currency.code())?;
    Some(Product {
        item: product["ItemId"].as_str()?.to_owned(),
        price: decimal_of(&price["Price"])?,
        tax_rate: decimal_of(&product["TaxRatePercent"])?,
    })
}

/// Reads a number or a text as it is written: an amount is never a binary fraction.
pub(crate) fn decimal_of(value: &Value) -> Option<Decimal> {
    match value {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.to_string().parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    fn coffee() -> LineRequest {
        let (price, tax_rate) = (number("2.90"), number("14"));
        LineRequest::of(&Product { item: "0001".to_owned(), price, tax_rate })
    }

    #[test]
    fn what_is_to_be_paid_counts_discounts_and_tax_but_no_voided_line() {
        let discounted =
            LineRequest { quantity: number("3"), discount: number("0.70"), ..coffee() };
        let voided = LineRequest { is_voided: true, ..coffee() };
        let request = TradeRequest {
            number: "T-1".to_owned(),
            kind: TradeRequestKind::Sale,
            customer: None,
            currency: "EUR".parse().unwrap(),
            lines: vec![discounted, voided],
            payments: vec![],
        };
        // 8.70 less 0.70, and 14 % of it.
        assert_eq!(request.total(), number("9.12"));
    }

    #[test]
    fn amounts_are_read_as_they_are_written() {
        for text in ["0.1", "-12.54", "100000000000.01"] {
            assert_eq!(decimal_of(&json!(text)), Some(number(text)));
        }
        assert_eq!(decimal_of(&serde_json::from_str("12.30").unwrap()), Some(number("12.3")));
        assert_eq!(decimal_of(&Value::Null), None);
    }
}
