//! Headquarters changes its parameters: how it posts, when an order is held, how often one is
//! tried.

use std::sync::Arc;

use tillsync_domain::statement::PostingMode;

use super::office::{ask, look, performed};
use super::{Operation, Performed};
use crate::chain::Chain;
use crate::dice::Dice;

pub(super) struct ChangeParameters;

impl Operation for ChangeParameters {
    fn kind(&self) -> &'static str {
        "change parameters"
    }

    fn share(&self) -> u32 {
        3
    }

    fn perform(&self, chain: &Arc<Chain>, dice: &mut Dice) -> Performed {
        let mut parameters = look(chain, |tx| tx.parameters_get());
        if dice.chance(0.5) {
            parameters.posting_mode = match parameters.posting_mode {
                PostingMode::TrickleFeed => PostingMode::Classic,
                PostingMode::Classic => PostingMode::TrickleFeed,
            };
        }
        let hold = format!("HOLD{}", dice.between(1, 99));
        parameters.order_hold_code = dice.chance(0.7).then_some(hold);
        parameters.order_tries_max = u32::try_from(dice.between(1, 9)).expect("one digit");
        chain.tell(format!("an operator wants {parameters:?}"));
        performed(ask(chain, |hq| hq.change_parameters(&parameters)))
    }
}
