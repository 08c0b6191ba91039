//! Something that was sold comes back, at the till that sold it or at any other, with the receipt
//! or without.

use std::sync::Arc;

use rust_decimal::Decimal;
use tillsync_channel::sell::{RecordTrade, What};
use tillsync_domain::ids::{CustomerKey, TransactionNumber};
use tillsync_domain::trade::{Line, LineDraft, ReturnOf, Tender, TradeKind};

use super::till::{self, Till};
use super::{Operation, Performed};
use crate::chain::Chain;
use crate::dice::Dice;

pub(super) struct GiveBack;

impl Operation for GiveBack {
    fn kind(&self) -> &'static str {
        "return"
    }

    fn share(&self) -> u32 {
        8
    }

    fn perform(&self, chain: &Arc<Chain>, dice: &mut Dice) -> Performed {
        let Some(till) = Till::any(chain, dice) else { return Performed::NotNow };
        if let Err(refused) = till.open_drawer(chain, dice) {
            return Performed::Refused(refused);
        }
        let Some((sale, customer, line)) = sold(chain, dice) else { return Performed::NotNow };
        let most = u64::try_from(line.quantity).unwrap_or(1).max(1);
        let returns = ReturnOf { transaction: sale, line: line.number };
        let back = LineDraft {
            item: line.item.to_string(),
            quantity: Some(-Decimal::from(dice.between(1, most))),
            returns: dice.chance(0.7).then_some(returns),
            ..LineDraft::default()
        };
        let mut lines = vec![back];
        if dice.chance(0.3) {
            // An exchange: something else is taken home at once.
            lines.extend(till.basket(dice));
        }
        let trade = RecordTrade {
            number: Some(till::number(dice)),
            customer: customer.filter(|_| dice.chance(0.6)),
            lines,
            what: What::Sale,
            ..RecordTrade::default()
        };
        let tender = *dice.pick(&[Tender::Cash, Tender::Card]).expect("two");
        till.record(chain, dice, trade, tender)
    }
}

/// A line of any sale that somebody remembers.
fn sold(chain: &Chain, dice: &mut Dice) -> Option<(TransactionNumber, Option<CustomerKey>, Line)> {
    let memory = chain.memory();
    let sales: Vec<_> = memory
        .trades
        .iter()
        .filter(|(_, view)| view.kind == TradeKind::Sale)
        .flat_map(|(_, view)| view.trade.lines.iter().map(move |line| (view, line)))
        .filter(|(_, line)| !line.is_voided && line.quantity > Decimal::ZERO)
        .collect();
    let (view, line) = dice.pick(&sales)?;
    Some((view.number.clone(), view.trade.customer.clone(), (*line).clone()))
}
