//! A drawer is closed: counted at once, or blind and counted later. Some counts are off.

use std::collections::BTreeMap;
use std::sync::Arc;

use rust_decimal::Decimal;
use tillsync_channel::shifts::{
    CloseShift as Request, CountDraft, ShiftView, blind_close_shift, close_shift, current_shift,
    find_shift,
};
use tillsync_domain::clock::Clock;
use tillsync_domain::ids::{DatabaseId, ShiftNumber};
use tillsync_domain::shift::ShiftStatus;
use tillsync_domain::trade::{Tender, TradeKind};

use super::till::Till;
use super::{Operation, Performed};
use crate::chain::Chain;
use crate::dice::Dice;
use crate::observe::Observation;

pub(super) struct OpenShift;

impl Operation for OpenShift {
    fn kind(&self) -> &'static str {
        "open shift"
    }

    fn share(&self) -> u32 {
        2
    }

    fn perform(&self, chain: &Arc<Chain>, dice: &mut Dice) -> Performed {
        let Some(till) = Till::any(chain, dice) else { return Performed::NotNow };
        match current_shift(&till.edge) {
            Ok(None) => match till.open_drawer(chain, dice) {
                Ok(()) => Performed::Done,
                Err(why) => Performed::Refused(why),
            },
            Ok(Some(_)) => Performed::NotNow,
            Err(error) => Performed::Refused(error.to_string()),
        }
    }
}

pub(super) struct BlindCloseShift;

impl Operation for BlindCloseShift {
    fn kind(&self) -> &'static str {
        "blind close shift"
    }

    fn share(&self) -> u32 {
        3
    }

    fn perform(&self, chain: &Arc<Chain>, dice: &mut Dice) -> Performed {
        let Some((till, shift)) = pick_shift(chain, dice, &[ShiftStatus::Open]) else {
            return Performed::NotNow;
        };
        told(chain, &till, blind_close_shift(&till.edge, shift, None, till.site.clock.now()))
    }
}

pub(super) struct CloseShift;

impl Operation for CloseShift {
    fn kind(&self) -> &'static str {
        "close shift"
    }

    fn share(&self) -> u32 {
        5
    }

    fn perform(&self, chain: &Arc<Chain>, dice: &mut Dice) -> Performed {
        let still_open = [ShiftStatus::Open, ShiftStatus::BlindClosed];
        let Some((till, shift)) = pick_shift(chain, dice, &still_open) else {
            return Performed::NotNow;
        };
        let float = match find_shift(&till.edge, &shift) {
            Ok(Some(view)) => view.float.iter().map(|count| count.amount).sum(),
            Ok(None) => return Performed::NotNow,
            Err(error) => return Performed::Refused(error.to_string()),
        };
        let counted = count(chain, dice, &shift, float);
        let request = Request { shift, counted, staff: None };
        let mut answer = close_shift(&till.edge, request.clone(), till.site.clock.now());
        if answer.is_ok() && dice.chance(0.2) {
            // Its answer got lost.
            answer = close_shift(&till.edge, request, till.site.clock.now());
        }
        told(chain, &till, answer)
    }
}

fn told<E: std::fmt::Display>(
    chain: &Chain,
    till: &Till,
    answer: Result<ShiftView, E>,
) -> Performed {
    match answer {
        Ok(view) => {
            let (at, status) = (till.site.id.clone(), view.status());
            chain.saw(Observation::ShiftStep { at, shift: view.number, status });
            Performed::Done
        }
        Err(error) => Performed::Refused(error.to_string()),
    }
}

/// A shift that people know to be so far, at a till that runs.
fn pick_shift(
    chain: &Chain,
    dice: &mut Dice,
    wanted: &[ShiftStatus],
) -> Option<(Till, ShiftNumber)> {
    let mut known: BTreeMap<(DatabaseId, ShiftNumber), ShiftStatus> = BTreeMap::new();
    for (at, shift, status) in &chain.memory().shifts {
        known.insert((at.clone(), shift.clone()), *status);
    }
    known.retain(|_, status| wanted.contains(status));
    let known: Vec<_> = known.into_keys().collect();
    let (at, shift) = dice.pick(&known)?.clone();
    let site = chain.edge(at.as_str())?;
    let edge = site.running()?;
    Some((Till { site, edge }, shift))
}

/// What somebody counts: mostly what must be there, now and then more or less.
fn count(chain: &Chain, dice: &mut Dice, shift: &ShiftNumber, float: Decimal) -> Vec<CountDraft> {
    let paid = |tender: Tender| -> Decimal {
        let memory = chain.memory();
        let of_shift = memory
            .trades
            .iter()
            .map(|(_, view)| view)
            .filter(|view| view.trade.shift == *shift && view.kind != TradeKind::VoidedSale);
        of_shift.map(|view| view.trade.paid_by(tender)).sum()
    };
    let mut off = || match dice.chance(0.3) {
        true => Decimal::new(dice.between(0, 2_000) as i64 - 1_000, 2),
        false => Decimal::ZERO,
    };
    let cash = (float + paid(Tender::Cash) + off()).max(Decimal::ZERO);
    let card = paid(Tender::Card) + off();
    let entry = |tender: Tender, amount| CountDraft {
        tender: Some(tender.type_id().into()),
        currency: None,
        amount,
    };
    let mut counted = vec![entry(Tender::Cash, cash)];
    if !card.is_zero() {
        counted.push(entry(Tender::Card, card));
    }
    counted
}
