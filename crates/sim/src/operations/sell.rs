//! A till sells: to somebody by either key, or to nobody in particular; now and then it voids the
//! whole sale before it is paid.

use std::sync::Arc;

use tillsync_channel::sell::{RecordTrade, What};
use tillsync_domain::ids::CustomerKey;
use tillsync_domain::trade::Tender;

use super::till::{self, Till};
use super::{Operation, Performed};
use crate::chain::Chain;
use crate::dice::Dice;

pub(super) struct Sell;

impl Operation for Sell {
    fn kind(&self) -> &'static str {
        "sell"
    }

    fn share(&self) -> u32 {
        20
    }

    fn perform(&self, chain: &Arc<Chain>, dice: &mut Dice) -> Performed {
        let Some(till) = Till::any(chain, dice) else { return Performed::NotNow };
        if let Err(refused) = till.open_drawer(chain, dice) {
            return Performed::Refused(refused);
        }
        let customer = if dice.chance(0.7) { till::buyer(chain, dice) } else { None };
        let what = if dice.chance(0.1) { What::VoidedSale } else { What::Sale };
        let tender = match &customer {
            // Refused while the customer is pending, and told so.
            Some(CustomerKey::Numbered(_)) if dice.chance(0.2) => Tender::CustomerAccount,
            _ => *dice.pick(&[Tender::Cash, Tender::Card, Tender::GiftCard]).expect("three"),
        };
        let trade = RecordTrade {
            number: Some(till::number(dice)),
            customer,
            lines: till.basket(dice),
            what,
            ..RecordTrade::default()
        };
        till.record(chain, dice, trade, tender)
    }
}
