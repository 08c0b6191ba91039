//! An operator repairs what a till recorded, locks an order meanwhile, gives a repair up, or lifts
//! a hold.

use std::sync::Arc;

use serde_json::Value;
use tillsync_domain::ids::TransactionNumber;
use tillsync_domain::order::OrderStatus;
use tillsync_hq::repair_transactions::FieldChange;
use tillsync_hq::storage::{TransactionFilter, TransactionRecord};

use super::office::{ask, at_work, look, operator, performed};
use super::{Operation, Performed, till};
use crate::chain::Chain;
use crate::dice::Dice;
use crate::observe::Observation;

pub(super) struct RepairTransaction;

impl Operation for RepairTransaction {
    fn kind(&self) -> &'static str {
        "repair transaction"
    }

    fn share(&self) -> u32 {
        5
    }

    fn perform(&self, chain: &Arc<Chain>, dice: &mut Dice) -> Performed {
        let Some(record) = pick_repairable(chain, dice) else { return Performed::NotNow };
        repair(chain, dice, &record)
    }
}

pub(super) struct LockOrder;

impl Operation for LockOrder {
    fn kind(&self) -> &'static str {
        "lock order"
    }

    fn share(&self) -> u32 {
        6
    }

    fn perform(&self, chain: &Arc<Chain>, dice: &mut Dice) -> Performed {
        let orders = listed(chain, TransactionFilter::default());
        let mut open: Vec<_> = orders.into_iter().filter(is_unfinished_order).collect();
        // Mostly one that it helps, now and then one that is done already.
        if dice.chance(0.1) {
            open = listed(chain, TransactionFilter::default());
        }
        let Some(record) = dice.pick(&open) else { return Performed::NotNow };
        let operator = operator(dice);
        chain.tell(format!("{operator} wants to edit {}", record.row.number));
        performed(ask(chain, |hq| hq.lock_order(&record.row.number, operator)))
    }
}

pub(super) struct GiveUpEdit;

impl Operation for GiveUpEdit {
    fn kind(&self) -> &'static str {
        "give up edit"
    }

    fn share(&self) -> u32 {
        3
    }

    fn perform(&self, chain: &Arc<Chain>, dice: &mut Dice) -> Performed {
        let status = Some(OrderStatus::Editing);
        let locked =
            listed(chain, TransactionFilter { order_status: status, ..Default::default() });
        let Some(record) = dice.pick(&locked) else { return Performed::NotNow };
        chain.tell(format!("the edit of {} is given up", record.row.number));
        performed(ask(chain, |hq| hq.give_up_edit(&record.row.number)))
    }
}

pub(super) struct LiftHold;

impl Operation for LiftHold {
    fn kind(&self) -> &'static str {
        "lift hold"
    }

    fn share(&self) -> u32 {
        3
    }

    fn perform(&self, chain: &Arc<Chain>, dice: &mut Dice) -> Performed {
        let on_hold = TransactionFilter { is_on_hold: true, ..Default::default() };
        let mut held = listed(chain, on_hold.clone());
        if held.is_empty() {
            // A repaired order is held as soon as it has its sales order.
            let orders = listed(chain, TransactionFilter::default());
            let orders: Vec<_> = orders.into_iter().filter(is_unfinished_order).collect();
            let Some(order) = dice.pick(&orders) else { return Performed::NotNow };
            repair(chain, dice, order);
            let number = &order.row.number;
            chain.tell(format!("an operator wants {number} synchronized now"));
            let _ = at_work(chain, |hq| hq.synchronize_order(number));
            held = listed(chain, on_hold);
        }
        let Some(record) = dice.pick(&held) else { return Performed::NotNow };
        chain.tell(format!("the hold of {} is lifted", record.row.number));
        performed(ask(chain, |hq| hq.lift_hold(&record.row.number)))
    }
}

/// An operator lets one order or one sale be settled now.
pub(super) struct SettleNow;

impl Operation for SettleNow {
    fn kind(&self) -> &'static str {
        "settle a transaction now"
    }

    fn share(&self) -> u32 {
        4
    }

    fn perform(&self, chain: &Arc<Chain>, dice: &mut Dice) -> Performed {
        let mut records = listed(chain, TransactionFilter::default());
        if dice.chance(0.8) {
            records.retain(|record| record.statement.is_none());
        }
        let Some(record) = dice.pick(&records) else { return Performed::NotNow };
        let number = &record.row.number;
        chain.tell(format!("an operator wants {number} settled now"));
        if record.order.is_some() && dice.chance(0.7) {
            return performed(at_work(chain, |hq| hq.synchronize_order(number)));
        }
        performed(at_work(chain, |hq| hq.validate_transaction(number)))
    }
}

/// Gives it a customer if it is for nobody, or changes what the receipt calls its first line.
fn repair(chain: &Chain, dice: &mut Dice, record: &TransactionRecord) -> Performed {
    let number = record.row.number.clone();
    let is_for_nobody = chain.memory().for_nobody.contains(&number);
    let is_sent = record.content().contains("\"ship_to\"");
    let change = |pointer: &str, value: String| FieldChange {
        pointer: pointer.to_owned(),
        value: Some(Value::String(value)),
    };
    let mut changes = Vec::new();
    if is_for_nobody || (!is_sent && dice.chance(0.3)) {
        let Some(buyer) = till::buyer(chain, dice) else { return Performed::NotNow };
        changes.push(change("/trade/customer", buyer.to_string()));
    }
    if dice.chance(0.6) || changes.is_empty() {
        let name = format!("Repaired {}", dice.between(1, 999));
        changes.push(change("/trade/lines/0/name", name));
    }
    let operator = operator(dice);
    let edits_before = look(chain, |tx| tx.transaction_edits(&number)).len();
    let answer = ask(chain, |hq| hq.repair_transaction(&number, operator, &changes));
    // A node can die before anybody hears that it was done.
    let edits = look(chain, |tx| tx.transaction_edits(&number)).len();
    if edits > edits_before {
        if is_for_nobody {
            chain.memory().for_nobody.retain(|other| *other != number);
        }
        chain.saw(Observation::Repaired { number });
    }
    performed(answer)
}

fn is_unfinished_order(record: &TransactionRecord) -> bool {
    record.order.as_ref().is_some_and(|order| order.sales_order.is_none())
}

/// Mostly one that needs it, else any.
fn pick_repairable(chain: &Chain, dice: &mut Dice) -> Option<TransactionRecord> {
    let for_nobody: Vec<TransactionNumber> = chain.memory().for_nobody.clone();
    if let Some(number) = dice.pick(&for_nobody)
        && dice.chance(0.7)
    {
        return look(chain, |tx| tx.transaction_get(number));
    }
    let records = listed(chain, TransactionFilter::default());
    let mut open = records;
    if dice.chance(0.9) {
        open.retain(|record| {
            let is_order = record.order.is_some();
            record.statement.is_none() && (!is_order || is_unfinished_order(record))
        });
    }
    dice.pick(&open).cloned()
}

fn listed(chain: &Chain, filter: TransactionFilter) -> Vec<TransactionRecord> {
    let filter = TransactionFilter { limit: 500, ..filter };
    look(chain, |tx| tx.transactions_list(&filter))
}
