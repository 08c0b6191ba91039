//! A till sells to somebody whom it cannot know: created at a store that is cut off, or with an
//! account that nobody has.

use std::sync::Arc;
use std::time::Duration;

use rust_decimal::Decimal;
use tillsync_channel::find::find_customer;
use tillsync_channel::sell::{RecordTrade, What};
use tillsync_domain::ids::{AccountNumber, CustomerKey};
use tillsync_domain::trade::{Delivery, PaymentDraft, Tender};

use super::till::{self, Till};
use super::{Operation, Performed};
use crate::chain::Chain;
use crate::dice::Dice;
use crate::net::Cut;
use crate::observe::Observation;

/// How accounts begin that nobody has.
pub(crate) const NOBODY: &str = "NOBODY-";

pub(super) struct SellToStranger;

impl Operation for SellToStranger {
    fn kind(&self) -> &'static str {
        "sell to a stranger"
    }

    fn share(&self) -> u32 {
        5
    }

    fn perform(&self, chain: &Arc<Chain>, dice: &mut Dice) -> Performed {
        let Some(till) = Till::any(chain, dice) else { return Performed::NotNow };
        if let Err(refused) = till.open_drawer(chain, dice) {
            return Performed::Refused(refused);
        }
        let elsewhere: Vec<_> = {
            let memory = chain.memory();
            let known = memory.customers.iter().filter(|known| known.at != till.site.id);
            known.map(|known| (known.at.clone(), CustomerKey::Temporary(known.guid))).collect()
        };
        let is_stranger = |key: &CustomerKey| matches!(find_customer(&till.edge, key), Ok(None));
        let strangers: Vec<_> = elsewhere.iter().filter(|(_, key)| is_stranger(key)).collect();
        let Some((at, customer)) = dice.pick(&strangers) else { return Performed::NotNow };
        if dice.chance(0.5) {
            // So that the sale arrives before its customer.
            let (line, cut_off) = (at.to_string(), Arc::clone(chain));
            chain.tell(format!("the line of {line} is cut"));
            chain.net.cut(&line, Cut::Both);
            let lasting = Duration::from_secs(dice.between(60, 3_600));
            chain.turns.begin_after(lasting, move || cut_off.net.mend(&line));
        }
        let is_order = dice.chance(0.3);
        let what = if is_order { What::Order(Delivery::Pickup) } else { What::Sale };
        let trade = RecordTrade {
            number: Some(till::number(dice)),
            customer: Some(customer.clone()),
            lines: till.basket(dice),
            what,
            ..RecordTrade::default()
        };
        till.record(chain, dice, trade, Tender::Cash)
    }
}

pub(super) struct NameNobody;

impl Operation for NameNobody {
    fn kind(&self) -> &'static str {
        "sell to nobody's account"
    }

    fn share(&self) -> u32 {
        3
    }

    fn perform(&self, chain: &Arc<Chain>, dice: &mut Dice) -> Performed {
        let Some(till) = Till::any(chain, dice) else { return Performed::NotNow };
        if let Err(refused) = till.open_drawer(chain, dice) {
            return Performed::Refused(refused);
        }
        let account = format!("{NOBODY}{:08X}", dice.number() >> 32);
        let account = AccountNumber::parse(&account).expect("an account number");
        let customer = CustomerKey::Numbered(account);
        let is_order = dice.chance(0.5);
        let what = if is_order { What::Order(Delivery::Pickup) } else { What::Sale };
        let deposit = PaymentDraft { tender: Tender::Cash.type_id().into(), amount: Decimal::ONE };
        let number = till::number(dice);
        let trade = RecordTrade {
            number: Some(number.clone()),
            customer: Some(customer),
            lines: till.basket(dice),
            payments: if is_order { vec![deposit] } else { vec![] },
            what,
            ..RecordTrade::default()
        };
        let performed = till.record(chain, dice, trade, Tender::Card);
        if performed == Performed::Done {
            chain.saw(Observation::NamedNobody { number });
        }
        performed
    }
}
