//! The Real-time Service: calls that headquarters answers while the caller waits.
//!
//! A call carries what the caller would have written to its log. When no answer comes, the caller
//! writes the very same rows, under the same identities: headquarters finds them known, and gives
//! no second account, whether it had carried the call out or not (F06).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tillsync_domain::ids::{CustomerKey, DocumentNumber};

use crate::rows::document::DocumentRow;
use crate::rows::download::{AddressRow, CustomerRow};
use crate::rows::operation::OperationRow;
use crate::text;

/// The most rows of one call: a customer with as many addresses as one request may bring.
pub const ROWS_MAX: usize = 51;

/// `POST /realtime/v1/customers`: creates one customer with its addresses, now.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CreateCustomerCall {
    /// The creation, and an addition for each address, all of the same customer. Their counters
    /// say nothing.
    pub operations: Vec<OperationRow>,
}

/// The answer to [`CreateCustomerCall`]: the customer as it stands at headquarters, the same for
/// every repeat of the call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreatedCustomer {
    /// The customer, with its account.
    pub customer: CustomerRow,
    /// Its addresses.
    pub addresses: Vec<AddressRow>,
    /// Headquarters' clock.
    pub now: Timestamp,
}

/// `POST /realtime/v1/orders`: takes one customer order, now.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CreateOrderCall {
    /// The order, as the log will hold it. Its counter says nothing.
    pub document: DocumentRow,
    /// What the caller has of the order's customer and its addresses that headquarters may not
    /// know yet: creation and additions, all of one customer.
    #[serde(default)]
    pub operations: Vec<OperationRow>,
}

/// The answer to [`CreateOrderCall`]: the same for every repeat of a call that was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum OrderAnswer {
    /// Headquarters has the order.
    Accepted(Box<AcceptedOrder>),
    /// It does not, and nothing of the call is kept.
    Refused {
        /// Why not.
        reason: OrderRefusal,
        /// What happened and what to do.
        message: String,
    },
}

/// An order that headquarters has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptedOrder {
    /// Its sales order.
    #[serde(with = "text")]
    pub sales_order: DocumentNumber,
    /// Its customer, as it stands at headquarters; absent when a person has given the order
    /// another one there.
    pub customer: Option<CreatedCustomer>,
}

/// Why headquarters does not take an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderRefusal {
    /// Its customer, or the address it is sent to, has not arrived at headquarters, or cannot be
    /// promoted as it is (F49).
    CustomerNotAtHeadquarters,
    /// No sales order can be made of it, or another refusal of a later version.
    #[serde(other)]
    OrderNotUsable,
}

impl OrderRefusal {
    /// A stable name for programs.
    pub fn code(self) -> &'static str {
        match self {
            OrderRefusal::CustomerNotAtHeadquarters => "customer_not_at_headquarters",
            OrderRefusal::OrderNotUsable => "order_not_usable",
        }
    }
}

/// The fewest letters and digits that all stores are searched for (F91).
pub const KEYWORD_SIGNS_MIN: usize = 4;

/// The most characters that are searched for.
pub const KEYWORD_CHARS_MAX: usize = 200;

/// The most customers of one page of a search of all stores.
pub const FOUND_MAX: u32 = 100;

/// How many letters and digits a keyword has: the others find nobody.
pub fn keyword_signs(keyword: &str) -> usize {
    keyword.chars().filter(|c| c.is_alphanumeric()).count()
}

/// `POST /realtime/v1/customers/search`: searches the customers of all stores.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchCall {
    /// What somebody typed.
    pub keyword: String,
    /// How many are wanted, at most [`FOUND_MAX`].
    pub top: u32,
    /// After how many.
    #[serde(default)]
    pub skip: u32,
}

/// The answer to [`SearchCall`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchAnswer {
    /// Who was found, by account.
    pub customers: Vec<FoundCustomer>,
}

/// A customer of any store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundCustomer {
    /// The customer.
    pub customer: CustomerRow,
    /// Whether it shares an address book with the group of the calling channel, so that job 1010
    /// brings it there.
    pub is_in_store: bool,
}

/// `POST /realtime/v1/customers/add-to-store`: puts a customer into the address book of the
/// calling channel (F92).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddToStoreCall {
    /// The customer, by either key.
    #[serde(with = "text")]
    pub customer: CustomerKey,
}

/// The answer to [`AddToStoreCall`], the same for every repeat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddToStoreAnswer {
    /// The customer; absent when headquarters knows none by that key.
    pub customer: Option<CreatedCustomer>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_of_a_later_version_is_read_as_one_that_this_version_knows() {
        let text = r#"{"outcome":"refused","reason":"credit_limit","message":"no"}"#;
        let answer: OrderAnswer = serde_json::from_str(text).expect("an answer");
        let message = "no".to_owned();
        let expected = OrderAnswer::Refused { reason: OrderRefusal::OrderNotUsable, message };
        assert_eq!(answer, expected);
        for reason in [OrderRefusal::CustomerNotAtHeadquarters, OrderRefusal::OrderNotUsable] {
            let written = serde_json::to_value(reason).expect("a text");
            assert_eq!(written, reason.code());
        }
    }

    #[test]
    fn letters_and_digits_count_and_nothing_else() {
        for (keyword, signs) in [("  ab- c", 3), ("äöü1", 4), ("@.+ -", 0), ("山田太郎", 4)]
        {
            assert_eq!(keyword_signs(keyword), signs, "{keyword}");
        }
    }
}
