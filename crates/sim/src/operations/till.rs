//! What several operations do at a till: find one, open its drawer, fill a basket, pay.

use std::sync::Arc;

use rust_decimal::Decimal;
use tillsync_channel::Edge;
use tillsync_channel::items::find_items;
use tillsync_channel::search::Page;
use tillsync_channel::sell::{RecordTrade, SellError, record_trade};
use tillsync_channel::shifts::{CountDraft, OpenShift, current_shift, open_shift};
use tillsync_channel::transactions::TransactionView;
use tillsync_channel::violations::{EdgeProblem, EdgeViolation};
use tillsync_domain::clock::Clock;
use tillsync_domain::ids::{CustomerKey, TransactionNumber};
use tillsync_domain::trade::{LineDraft, PaymentDraft, Tender, TradeProblem};
use tillsync_hq::storage::Storage;

use super::Performed;
use crate::chain::{Chain, ITEMS};
use crate::dice::Dice;
use crate::machines::edge::EdgeSite;
use crate::observe::Observation;

/// A till that runs.
pub(super) struct Till {
    pub(super) site: Arc<EdgeSite>,
    pub(super) edge: Arc<Edge>,
}

impl Till {
    /// Any one that runs.
    pub(super) fn any(chain: &Chain, dice: &mut Dice) -> Option<Self> {
        let running = chain.running_edges();
        dice.pick(&running).map(|(site, edge)| Till { site: site.clone(), edge: edge.clone() })
    }

    /// Opens a shift where none is open.
    pub(super) fn open_drawer(&self, chain: &Chain, dice: &mut Dice) -> Result<(), String> {
        if current_shift(&self.edge).map_err(|error| error.to_string())?.is_some() {
            return Ok(());
        }
        let amount = Decimal::from(dice.between(0, 200));
        let float = vec![CountDraft { tender: None, currency: None, amount }];
        let open = OpenShift { float, staff: None };
        let view = open_shift(&self.edge, open, self.site.clock.now());
        let view = view.map_err(|error| error.to_string())?;
        let (at, status) = (self.site.id.clone(), view.status());
        chain.saw(Observation::ShiftStep { at, shift: view.number, status });
        Ok(())
    }

    /// Records a trade, and tells the chain.
    pub(super) fn record(
        &self,
        chain: &Chain,
        dice: &mut Dice,
        trade: RecordTrade,
        tender: Tender,
    ) -> Performed {
        match self.pay(dice, trade, tender) {
            Ok(view) => {
                chain.saw(Observation::Traded { at: self.site.id.clone(), view: Box::new(view) });
                Performed::Done
            }
            Err(error) => Performed::Refused(error.to_string()),
        }
    }

    /// Records a trade, paying what is due; a client whose answer got lost asks once more.
    pub(super) fn pay(
        &self,
        dice: &mut Dice,
        mut trade: RecordTrade,
        tender: Tender,
    ) -> Result<TransactionView, SellError> {
        let now = || self.site.clock.now();
        let mut answer = record_trade(&self.edge, trade.clone(), now());
        if let Err(SellError::Rules(refused)) = &answer
            && let Some(amount) = due(&refused.0)
        {
            trade.payments.push(PaymentDraft { tender: tender.type_id().into(), amount });
            answer = record_trade(&self.edge, trade.clone(), now());
        }
        if answer.is_ok() && dice.chance(0.2) {
            answer = record_trade(&self.edge, trade, now());
        }
        answer
    }

    /// A few of what is sold here, now and then something else, and now and then a line that is
    /// taken off again before it is paid.
    pub(super) fn basket(&self, dice: &mut Dice) -> Vec<LineDraft> {
        let page = Page { skip: 0, top: 50 };
        let offered = find_items(&self.edge, "", page).unwrap_or_default();
        let count = dice.between(1, 3);
        let mut line = |index| LineDraft {
            item: match dice.pick(&offered) {
                Some(item) if dice.chance(0.95) => item.number.to_string(),
                _ => dice.pick(ITEMS).expect("several").0.into(),
            },
            quantity: Some(Decimal::from(dice.between(1, 4))),
            is_voided: index > 0 && dice.chance(0.1),
            ..LineDraft::default()
        };
        (0..count).map(&mut line).collect()
    }
}

/// What is still due, when that is all there is to complain about.
fn due(refused: &[EdgeViolation]) -> Option<Decimal> {
    match refused {
        [violation] => match &violation.problem {
            EdgeProblem::Rule(TradeProblem::Unpaid { due, paid }) => Some(*due - *paid),
            _ => None,
        },
        _ => None,
    }
}

/// Somebody whom people know, by either key.
pub(super) fn buyer(chain: &Chain, dice: &mut Dice) -> Option<CustomerKey> {
    let guid = dice.pick(&chain.memory().customers).map(|known| known.guid)?;
    let key = CustomerKey::Temporary(guid);
    if !dice.chance(0.3) {
        return Some(key);
    }
    let storage = chain.hq.storage();
    let storage: &dyn Storage = storage.as_ref();
    let alias = storage.read(|tx| tx.alias_get(&key)).expect("the database answers");
    Some(alias.map_or(key, |alias| CustomerKey::Numbered(alias.account)))
}

/// A number that the till's program draws.
pub(super) fn number(dice: &mut Dice) -> TransactionNumber {
    format!("T{:016X}", dice.number()).parse().expect("letters and digits")
}
