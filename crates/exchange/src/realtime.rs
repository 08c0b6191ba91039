//! The Real-time Service: calls that headquarters answers while the caller waits.
//!
//! A call carries what the caller would have written to its log. When no answer comes, the caller
//! writes the very same rows, under the same identities: headquarters finds them known, and gives
//! no second account, whether it had carried the call out or not (F06).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::rows::download::{AddressRow, CustomerRow};
use crate::rows::operation::OperationRow;

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
