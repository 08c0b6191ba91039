//! A till takes an order, to be picked up or sent to an address of the customer, with a deposit.

use std::sync::Arc;

use rust_decimal::Decimal;
use tillsync_channel::sell::{RecordTrade, What};
use tillsync_domain::ids::CustomerKey;
use tillsync_domain::trade::{Delivery, PaymentDraft, Tender};

use super::till::{self, Till};
use super::{Operation, Performed};
use crate::chain::Chain;
use crate::dice::Dice;

pub(super) struct Order;

impl Operation for Order {
    fn kind(&self) -> &'static str {
        "order"
    }

    fn share(&self) -> u32 {
        10
    }

    fn perform(&self, chain: &Arc<Chain>, dice: &mut Dice) -> Performed {
        let Some(till) = Till::any(chain, dice) else { return Performed::NotNow };
        if let Err(refused) = till.open_drawer(chain, dice) {
            return Performed::Refused(refused);
        }
        let Some(customer) = till::buyer(chain, dice) else { return Performed::NotNow };
        let CustomerKey::Temporary(guid) = &customer else { return Performed::NotNow };
        let addresses: Vec<_> = {
            let memory = chain.memory();
            let mut known = memory.customers.iter().filter(|known| known.guid == *guid);
            known.next().map(|known| known.addresses.clone()).unwrap_or_default()
        };
        let delivery = match dice.pick(&addresses) {
            Some(address) if dice.chance(0.6) => Delivery::Ship(*address),
            _ => Delivery::Pickup,
        };
        let deposit = PaymentDraft { tender: Tender::Cash.type_id().into(), amount: Decimal::ONE };
        let payments = if dice.chance(0.5) { vec![deposit] } else { vec![] };
        let trade = RecordTrade {
            number: Some(till::number(dice)),
            customer: Some(customer),
            lines: till.basket(dice),
            payments,
            what: What::Order(delivery),
            ..RecordTrade::default()
        };
        till.record(chain, dice, trade, Tender::Cash)
    }
}
