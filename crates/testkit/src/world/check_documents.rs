//! What must hold of acknowledged sales, orders and shifts in every world, whatever the story.

use std::collections::HashSet;

use tillsync_channel::identity::database_file;
use tillsync_channel::inspect::visit_documents;
use tillsync_domain::document::Body;
use tillsync_domain::trade::TradeKind;
use tillsync_exchange::rows::document::read_body;
use tillsync_hq::storage::TransactionRecord;

use super::World;
use super::selling::{AcknowledgedStep, AcknowledgedTrade};

impl World {
    /// No acknowledged document is lost, changed or doubled.
    pub(super) fn check_documents(&self) -> Vec<String> {
        let mut findings = Vec::new();
        for known in &self.acknowledged_trades {
            let number = &known.view.number;
            let arrived = self.received(number).is_some_and(|record| is_same(known, &record));
            let here = self.nodes[&known.at].edge.is_some()
                && self
                    .transaction_at(&known.at, number)
                    .is_some_and(|view| view.trade == known.view.trade);
            if !arrived && !here {
                findings.push(format!("{number}, acknowledged at {}, is lost", known.at));
            }
        }
        for AcknowledgedStep { at, shift, status } in &self.acknowledged_steps {
            let arrived = self.hq().storage().read(|tx| tx.shift_get(shift)).expect("hq answers");
            let is_there = arrived.is_some_and(|record| record.status >= *status);
            let here = self.nodes[at].edge.is_some() && self.knows_step(at, shift, *status);
            if !is_there && !here {
                let status = status.as_str();
                findings.push(format!("shift {shift}, {status} at {at}, is lost"));
            }
        }
        let mut entries = HashSet::new();
        for record in self.all_transactions() {
            if !entries.insert(record.row.id) {
                findings.push(format!("hq has {} twice", record.row.number));
            }
        }
        for at in self.edges() {
            findings.extend(self.check_numbers(&at));
        }
        findings
    }

    fn knows_step(
        &self,
        at: &str,
        shift: &tillsync_domain::ids::ShiftNumber,
        status: tillsync_domain::shift::ShiftStatus,
    ) -> bool {
        let found = tillsync_channel::shifts::find_shift(self.edge(at), shift).expect("readable");
        found.is_some_and(|view| view.status() >= status)
    }

    /// An edge has no number twice, and what it shows of its registers is what headquarters has.
    fn check_numbers(&self, at: &str) -> Vec<String> {
        let node = &self.nodes[at];
        let file = node.folder.join(database_file(node.kind));
        let (mut numbers, mut findings) = (HashSet::new(), Vec::new());
        visit_documents(&file, &mut |document| {
            if !numbers.insert(document.number.clone()) {
                findings.push(format!("{at} lists {} twice", document.number));
            }
        })
        .expect("the database can be read");
        findings
    }
}

fn is_same(known: &AcknowledgedTrade, record: &TransactionRecord) -> bool {
    let sent = read_body(&record.row.kind, record.row.content.get()).expect("it was recorded");
    let kind = match &sent {
        Body::Sale(sale) if sale.is_voided => TradeKind::VoidedSale,
        Body::Sale(_) => TradeKind::Sale,
        _ => TradeKind::Order,
    };
    sent.trade() == Some(&known.view.trade) && kind == known.view.kind
}
