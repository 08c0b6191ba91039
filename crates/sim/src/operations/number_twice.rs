//! A till draws a transaction number that another store used already, and sells other goods under
//! it. Headquarters keeps the one that it has, and sets the other aside; it overwrites neither.

use std::sync::Arc;

use tillsync_channel::sell::RecordTrade;
use tillsync_domain::ids::DatabaseId;
use tillsync_domain::trade::Tender;

use super::office::look;
use super::till::Till;
use super::{Operation, Performed};
use crate::chain::Chain;
use crate::dice::Dice;
use crate::observe::Observation;

pub(super) struct UseNumberTwice;

impl Operation for UseNumberTwice {
    fn kind(&self) -> &'static str {
        "use another store's number"
    }

    fn share(&self) -> u32 {
        4
    }

    fn perform(&self, chain: &Arc<Chain>, dice: &mut Dice) -> Performed {
        let Some(till) = Till::any(chain, dice) else { return Performed::NotNow };
        if let Err(refused) = till.open_drawer(chain, dice) {
            return Performed::Refused(refused);
        }
        let store_of = |at: &DatabaseId| {
            let site = chain.edge(at.as_str())?;
            Some(site.parent.clone().unwrap_or_else(|| site.id.clone()))
        };
        let here = store_of(&till.site.id);
        let used: Vec<_> = {
            let trades = chain.memory().trades.clone();
            trades.into_iter().map(|(at, view)| (at, view.number)).collect()
        };
        let elsewhere: Vec<_> =
            used.into_iter().filter(|(at, _)| store_of(at) != here).map(|it| it.1).collect();
        let Some(number) = dice.pick(&elsewhere) else { return Performed::NotNow };
        // Of two that are on their way, either may be set aside; this one shall be.
        if look(chain, |tx| tx.transaction_get(number)).is_none() {
            return Performed::NotNow;
        }
        let trade = RecordTrade {
            number: Some(number.clone()),
            lines: till.basket(dice),
            ..RecordTrade::default()
        };
        match till.pay(dice, trade, Tender::Card) {
            Ok(view) => {
                let at = till.site.id.clone();
                chain.saw(Observation::UsedTwice { at, view: Box::new(view) });
                Performed::Done
            }
            Err(error) => Performed::Refused(error.to_string()),
        }
    }
}
