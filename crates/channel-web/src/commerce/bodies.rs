//! The bodies of requests read as the routes read them, without a server: for whoever must try
//! every body there can be.

use serde_json::value::RawValue;
use tillsync_channel::identity::Identity;
use tillsync_channel::sell::RecordTrade;
use tillsync_domain::customer::{AddressDraft, CustomerDraft};

use super::sales_orders::read_order;
use super::{input, read_json};
use crate::odata::ODataError;

/// A body that no route takes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the body was refused: {}", .paths.join(", "))]
pub struct RefusedBody {
    /// The fields that were refused; none when it is not what is expected at all.
    pub paths: Vec<String>,
}

impl From<ODataError> for RefusedBody {
    fn from(refused: ODataError) -> Self {
        let details = refused.into_details();
        RefusedBody { paths: details.into_iter().map(|detail| detail.target).collect() }
    }
}

/// Reads the body of `POST /Commerce/Customers`.
///
/// # Errors
/// Invalid: not JSON, or with fields that cannot be kept.
pub fn read_customer(body: &[u8]) -> Result<(CustomerDraft, Vec<AddressDraft>), RefusedBody> {
    Ok(input::read_customer(read_json(body)?)?)
}

/// Reads an address that `PATCH /Commerce/Customers('KEY')` adds.
///
/// # Errors
/// Invalid: not JSON, or with fields that cannot be kept.
pub fn read_address(body: &[u8]) -> Result<AddressDraft, RefusedBody> {
    Ok(input::read_address(0, read_json(body)?)?)
}

/// Reads the body of `POST /Commerce/SalesOrders` at a database.
///
/// # Errors
/// Invalid: not JSON, or with fields that cannot be kept.
pub fn read_trade(identity: &Identity, body: &[u8]) -> Result<RecordTrade, RefusedBody> {
    let entity: Box<RawValue> = read_json(body)?;
    Ok(read_order(identity, &entity)?)
}
