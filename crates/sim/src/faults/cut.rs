//! A line is cut, in one direction or both, and mended after a while.

use std::sync::Arc;
use std::time::Duration;

use super::Fault;
use crate::chain::Chain;
use crate::dice::Dice;
use crate::net::Cut;

pub(super) struct CutLine;

impl Fault for CutLine {
    fn kind(&self) -> &'static str {
        "cut line"
    }

    fn share(&self) -> u32 {
        20
    }

    fn strike(&self, chain: &Arc<Chain>, dice: &mut Dice) -> bool {
        let edges = chain.all_edges();
        let Some(site) = dice.pick(&edges) else { return false };
        let cut = *dice.pick(&[Cut::Both, Cut::Up, Cut::Down]).expect("three ways");
        let line = site.id.to_string();
        let lasting = Duration::from_secs(dice.between(10, 3_600));
        chain.tell(format!("the line of {line} is cut: {cut:?}"));
        chain.net.cut(&line, cut);
        let mended = Arc::clone(chain);
        chain.turns.begin_after(lasting, move || {
            mended.tell(format!("the line of {line} is mended"));
            mended.net.mend(&line);
        });
        true
    }
}
