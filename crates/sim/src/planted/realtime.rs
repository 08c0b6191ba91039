//! Bugs of the Real-time Service, by a hand on calls and answers.

use std::sync::Arc;

use tillsync_domain::ids::{CustomerGuid, DatabaseId};
use tillsync_exchange::realtime::{CreateCustomerCall, CreatedCustomer};
use uuid::Uuid;

use super::Bug;
use crate::chain::Chain;
use crate::net::Wire;

/// The call asks for the customer under another GUID than the one that is written down here.
pub(super) struct AsksUnderAnotherGuid;

impl Bug for AsksUnderAnotherGuid {
    fn name(&self) -> &'static str {
        "asks headquarters under another GUID"
    }

    fn found_by(&self) -> &'static [&'static str] {
        &["customers kept", "logs", "accounts", "placement"]
    }

    fn plant(&self, chain: &Arc<Chain>) {
        chain.net.add_wire(Arc::new(OtherGuid));
    }
}

struct OtherGuid;

impl Wire for OtherGuid {
    fn call(&self, _from: &DatabaseId, call: &mut CreateCustomerCall) {
        for operation in &mut call.operations {
            operation.customer = CustomerGuid::from_uuid(other(*operation.customer.as_uuid()));
        }
    }
}

/// The answer names an account that headquarters gave to nobody.
pub(super) struct AnswersAnotherAccount;

impl Bug for AnswersAnotherAccount {
    fn name(&self) -> &'static str {
        "answers an account that nobody gave"
    }

    fn found_by(&self) -> &'static [&'static str] {
        &["accounts"]
    }

    fn plant(&self, chain: &Arc<Chain>) {
        chain.net.add_wire(Arc::new(OtherAccount));
    }
}

struct OtherAccount;

impl Wire for OtherAccount {
    fn created(&self, _to: &DatabaseId, created: &mut CreatedCustomer) {
        created.customer.account.push('9');
    }
}

fn other(uuid: Uuid) -> Uuid {
    Uuid::from_u128(uuid.as_u128() ^ 1)
}
