//! Headquarters changes a price or a tax rate, adds an item, or takes one off the market for a
//! while.

use std::sync::Arc;

use tillsync_testkit::world::item;

use super::office::{ask, performed};
use super::{Operation, Performed};
use crate::chain::{Chain, ITEMS};
use crate::dice::Dice;

pub(super) struct ChangeItems;

impl Operation for ChangeItems {
    fn kind(&self) -> &'static str {
        "change items"
    }

    fn share(&self) -> u32 {
        4
    }

    fn perform(&self, chain: &Arc<Chain>, dice: &mut Dice) -> Performed {
        let fresh = format!("item-{}", dice.between(1, 9_999));
        let known = *dice.pick(ITEMS).expect("several");
        let is_new = dice.chance(0.3);
        let number = if is_new { fresh.as_str() } else { known.0 };
        let price = format!("{}.{:02}", dice.between(1, 30), dice.between(0, 99));
        let tax_rate = *dice.pick(&[known.1, "0", "7.5", "19"]).expect("several");
        let mut changed = item(number, tax_rate, &[("EUR", &price), ("SEK", "25.00")]);
        changed.is_active = dice.chance(0.9);
        let answer = ask(chain, |hq| hq.put_items(std::slice::from_ref(&changed)));
        if let Some(Ok(_)) = &answer {
            chain.tell(format!("headquarters sells {number} at {price} with {tax_rate} % tax"));
        }
        performed(answer)
    }
}
