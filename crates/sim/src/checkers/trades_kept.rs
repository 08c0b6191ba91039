//! No acknowledged sale or order is lost, changed or doubled.

use std::collections::BTreeMap;

use tillsync_channel::transactions::TransactionView;
use tillsync_domain::document::Body;
use tillsync_domain::ids::{DatabaseId, TransactionNumber};
use tillsync_domain::trade::TradeKind;
use tillsync_exchange::rows::document::read_body;

use super::scene::{Entry, rows, text};
use super::{Checker, Scene};
use crate::observe::Observation;

#[derive(Default)]
pub(super) struct TradesKept {
    acknowledged: BTreeMap<TransactionNumber, Known>,
    /// What was sold under a number that headquarters knows from elsewhere: it is set aside.
    contradicting: Vec<Known>,
}

struct Known {
    at: DatabaseId,
    view: Box<TransactionView>,
    /// The content that was compared with what was shown, so that it is read once.
    compared: Option<String>,
}

impl Checker for TradesKept {
    fn name(&self) -> &'static str {
        "trades kept"
    }

    fn saw(&mut self, observation: &Observation) {
        match observation {
            Observation::Traded { at, view } => {
                let known = Known::shown(at, view);
                self.acknowledged.entry(view.number.clone()).or_insert(known);
            }
            Observation::UsedTwice { at, view } => self.contradicting.push(Known::shown(at, view)),
            Observation::Restored { lost, .. } | Observation::Revoked { lost, .. } => {
                for number in &lost.trades {
                    self.acknowledged.remove(number);
                }
                self.contradicting.retain(|known| !lost.trades.contains(&known.view.number));
            }
            _ => {}
        }
    }

    fn look(&mut self, scene: &Scene<'_>) -> Vec<String> {
        let mut arrived: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
        for entry in scene.hq_log().values() {
            if let Some(number) = &entry.number {
                arrived.entry(number).or_default().push(entry);
            }
        }
        let mut findings = Vec::new();
        for (number, known) in &mut self.acknowledged {
            let found = arrived.get(number.as_str()).map_or(&[][..], Vec::as_slice);
            if found.len() > 1 {
                findings.push(format!("headquarters has {number} {} times", found.len()));
            }
            let at = known.at.clone();
            let mut here = None;
            if found.is_empty() {
                let mut on_the_way = scene.logs_on_the_way(&at);
                here = on_the_way.find(|entry| entry.number.as_deref() == Some(number.as_str()));
            }
            let is_there = !found.is_empty() || here.is_some();
            if !is_there {
                findings.push(format!("{number}, acknowledged at {at}, is lost"));
            }
            for entry in found.iter().copied().chain(here) {
                if !known.is_same(entry) {
                    findings.push(format!("{number} is not what {at} showed: {}", entry.content));
                }
            }
        }
        for known in &mut self.contradicting {
            let (at, number) = (known.at.clone(), known.view.number.clone());
            let mut kept = scene.set_aside().iter().chain(scene.logs_on_the_way(&at));
            if !kept.any(|entry| known.is_same(entry)) {
                findings.push(format!("{number}, which {at} used too, is lost"));
            }
        }
        findings
    }

    fn look_at_rest(&mut self, scene: &Scene<'_>) -> Vec<String> {
        let mut findings = self.look(scene);
        let sql = "SELECT number FROM transaction_state";
        let there = rows(&scene.hq(), sql, [], |row| text(row, 0));
        let there: std::collections::BTreeSet<String> = there.into_iter().collect();
        for number in self.acknowledged.keys().filter(|number| !there.contains(number.as_str())) {
            findings.push(format!("headquarters knows nothing of {number}"));
        }
        for known in &mut self.contradicting {
            if !scene.set_aside().iter().any(|entry| known.is_same(entry)) {
                let (at, number) = (&known.at, &known.view.number);
                findings.push(format!("{number}, which {at} used too, was not set aside"));
            }
        }
        findings
    }
}

impl Known {
    fn shown(at: &DatabaseId, view: &TransactionView) -> Self {
        Known { at: at.clone(), view: Box::new(view.clone()), compared: None }
    }

    fn is_same(&mut self, entry: &Entry) -> bool {
        if entry.number.as_deref() != Some(self.view.number.as_str()) {
            return false;
        }
        if self.compared.as_ref() == Some(&entry.content) {
            return true;
        }
        let Ok(body) = read_body(&entry.kind, &entry.content) else { return false };
        let kind = match &body {
            Body::Sale(sale) if sale.is_voided => TradeKind::VoidedSale,
            Body::Sale(_) => TradeKind::Sale,
            Body::Order(_) => TradeKind::Order,
            Body::Shift(_) => return false,
        };
        let is_same = body.trade() == Some(&self.view.trade) && kind == self.view.kind;
        if is_same {
            self.compared = Some(entry.content.clone());
        }
        is_same
    }
}

#[cfg(test)]
mod tests {
    use super::super::small::Small;
    use super::*;

    #[test]
    fn a_sale_that_is_nowhere_any_more_is_lost() {
        let mut small = Small::new();
        small.sale("S1");
        small.assert_sound::<TradesKept>();
        small.harm_edge("S1", "DELETE FROM document WHERE kind = 'sale'");
        small.assert_finds::<TradesKept>("acknowledged at S1, is lost");
    }

    #[test]
    fn a_sale_with_another_total_is_found() {
        let mut small = Small::new();
        small.sale("S1");
        small.settle();
        small.assert_rests::<TradesKept>();
        small.harm_hq(
            "UPDATE document SET content = replace(content, '\"quantity\":\"', '\"quantity\":\"9')",
        );
        small.assert_finds::<TradesKept>("is not what S1 showed");
    }

    #[test]
    fn a_sale_that_headquarters_kept_but_forgot_is_found_at_rest() {
        let mut small = Small::new();
        small.sale("S1");
        small.settle();
        small.harm_hq("DELETE FROM transaction_state");
        small.assert_unrest::<TradesKept>("headquarters knows nothing of");
    }
}
