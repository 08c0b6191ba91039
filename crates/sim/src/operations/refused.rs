//! Somebody asks for what must be refused. Each request carries a word of its own, and nobody may
//! find that word anywhere afterwards.

use std::sync::Arc;

use rust_decimal::Decimal;
use tillsync_channel::create::{CreateCustomer, create_customer};
use tillsync_channel::sell::{RecordTrade, record_trade};
use tillsync_domain::clock::Clock;
use tillsync_domain::customer::CustomerDraft;
use tillsync_domain::ids::{CustomerKey, DatabaseId};
use tillsync_domain::number_sequence::SequenceChange;
use tillsync_domain::trade::{LineDraft, PaymentDraft, Tender};
use tillsync_hq::access::Addition;
use tillsync_hq::storage::SequenceName;
use tillsync_testkit::world::item;

use super::office::{ask, look};
use super::till::Till;
use super::{Operation, Performed};
use crate::chain::Chain;
use crate::dice::Dice;
use crate::observe::Observation;

pub(super) struct RefusedAtTill;

impl Operation for RefusedAtTill {
    fn kind(&self) -> &'static str {
        "request that a till must refuse"
    }

    fn share(&self) -> u32 {
        6
    }

    fn perform(&self, chain: &Arc<Chain>, dice: &mut Dice) -> Performed {
        let Some(till) = Till::any(chain, dice) else { return Performed::NotNow };
        if let Err(refused) = till.open_drawer(chain, dice) {
            return Performed::Refused(refused);
        }
        let word = word(dice);
        let accepted = match dice.between(0, 3) {
            0 => too_wide_a_name(&till, &word),
            1 => unknown_item(&till, &word, dice),
            2 => match on_account_of_a_pending(chain, &till, &word, dice) {
                Some(accepted) => accepted,
                None => return Performed::NotNow,
            },
            _ => match number_used(chain, &till, &word, dice) {
                Some(accepted) => accepted,
                None => return Performed::NotNow,
            },
        };
        done(chain, till.site.id.clone(), word, accepted)
    }
}

pub(super) struct RefusedAtHeadquarters;

impl Operation for RefusedAtHeadquarters {
    fn kind(&self) -> &'static str {
        "request that headquarters must refuse"
    }

    fn share(&self) -> u32 {
        3
    }

    fn perform(&self, chain: &Arc<Chain>, dice: &mut Dice) -> Performed {
        let word = word(dice);
        let wanted = dice.between(0, 3);
        let answer = ask(chain, |hq| match wanted {
            0 => {
                let mut bad = item(&word[..20], "20", &[("EUR", "1.00")]);
                bad.tax_rate = Decimal::from(101);
                hq.put_items(&[bad]).map(drop).map_err(|error| error.to_string())
            }
            1 => {
                let id = word.parse().expect("a database id");
                let group = word.parse().expect("a group");
                let addition = Addition::Channel { id, group };
                hq.add_database(&addition).map_err(|error| error.to_string())
            }
            2 => {
                let pattern = Some(word.as_str());
                let job = tillsync_domain::job::JobName::Customers1010;
                hq.set_schedule(job, pattern).map_err(|error| error.to_string())
            }
            _ => {
                // More numbers than two places can spell.
                let change = SequenceChange {
                    format: format!("{}-##", &word[..12]).parse().ok(),
                    largest: Some(1_000_000),
                    ..SequenceChange::default()
                };
                let changed = hq.change_sequence(SequenceName::CustomerAccount, &change);
                changed.map(drop).map_err(|error| error.to_string())
            }
        });
        let Some(answer) = answer else { return Performed::NotNow };
        let at = "headquarters".parse().expect("a name");
        let word = if wanted == 0 { word[..20].to_owned() } else { word };
        let word = if wanted == 3 { word[..12].to_owned() } else { word };
        done(chain, at, word, answer.map(drop))
    }
}

/// Capital letters and digits, so that it fits wherever a name or a number does.
fn word(dice: &mut Dice) -> String {
    format!("REFUSED{:016X}", dice.number())
}

fn done(chain: &Chain, at: DatabaseId, word: String, answer: Result<(), String>) -> Performed {
    // A word that was accepted is found by whoever looks for it.
    if answer.is_ok() {
        chain.tell(format!("{word} is accepted at {at}, although it must be refused"));
    }
    chain.saw(Observation::Refused { at, word });
    Performed::Done
}

fn too_wide_a_name(till: &Till, word: &str) -> Result<(), String> {
    let name = format!("{word} is too wide for headquarters");
    let customer = CustomerDraft { last_name: Some(name), ..CustomerDraft::default() };
    let request = CreateCustomer { customer, ..CreateCustomer::default() };
    let answer = create_customer(&till.edge, request, till.site.clock.now());
    answer.map(drop).map_err(|error| error.to_string())
}

fn unknown_item(till: &Till, word: &str, dice: &mut Dice) -> Result<(), String> {
    let unknown = LineDraft { item: "no-such-item".into(), ..LineDraft::default() };
    let mut lines = till.basket(dice);
    lines.push(unknown);
    record(
        till,
        RecordTrade {
            number: Some(word.parse().expect("letters and digits")),
            lines,
            ..RecordTrade::default()
        },
    )
}

/// On account pays only who has one, and has it at this till.
fn on_account_of_a_pending(
    chain: &Chain,
    till: &Till,
    word: &str,
    dice: &mut Dice,
) -> Option<Result<(), String>> {
    let customers: Vec<_> = chain.memory().customers.iter().map(|known| known.guid).collect();
    let has_none = |key: &CustomerKey| look(chain, |tx| tx.alias_get(key)).is_none();
    let mut pending = customers.into_iter().map(CustomerKey::Temporary).filter(has_none);
    let customer = pending.next()?;
    let payment = |amount| PaymentDraft {
        tender: Tender::CustomerAccount.type_id().into(),
        amount: Decimal::from(amount),
    };
    Some(record(
        till,
        RecordTrade {
            number: Some(word.parse().expect("letters and digits")),
            customer: Some(customer),
            lines: till.basket(dice),
            payments: vec![payment(dice.between(1, 50))],
            ..RecordTrade::default()
        },
    ))
}

/// A number that this till used, with other content.
fn number_used(
    chain: &Chain,
    till: &Till,
    word: &str,
    dice: &mut Dice,
) -> Option<Result<(), String>> {
    let used: Vec<_> = {
        let memory = chain.memory();
        let here = memory.trades.iter().filter(|(at, _)| *at == till.site.id);
        here.map(|(_, view)| view.number.clone()).collect()
    };
    let number = dice.pick(&used)?.clone();
    Some(record(
        till,
        RecordTrade {
            number: Some(number),
            lines: till.basket(dice),
            staff: Some(word.parse().expect("letters and digits")),
            ..RecordTrade::default()
        },
    ))
}

fn record(till: &Till, trade: RecordTrade) -> Result<(), String> {
    let answer = record_trade(&till.edge, trade, till.site.clock.now());
    answer.map(drop).map_err(|error| error.to_string())
}
