//! Headquarters gives a group other address books, or lets it work by schedule or live.

use std::collections::BTreeSet;
use std::sync::Arc;

use tillsync_domain::ids::AddressBook;
use tillsync_exchange::messages::ExchangeMode;
use tillsync_hq::storage::GroupRecord;

use super::office::{ask, look, performed};
use super::{Operation, Performed};
use crate::chain::Chain;
use crate::dice::Dice;
use crate::observe::Observation;

pub(super) struct ChangeBooks;

impl Operation for ChangeBooks {
    fn kind(&self) -> &'static str {
        "change address books"
    }

    fn share(&self) -> u32 {
        2
    }

    fn perform(&self, chain: &Arc<Chain>, dice: &mut Dice) -> Performed {
        let (groups, databases) = look(chain, |tx| Ok((tx.groups_all()?, tx.databases_all()?)));
        let Some(group) = dice.pick(&groups) else { return Performed::NotNow };
        // Its own databases' customers must come back to them; the rest is up to the dice.
        let own = databases.iter().map(|record| &record.database);
        let own = own.filter(|database| database.group == group.id);
        let mut books: BTreeSet<AddressBook> =
            own.map(|database| database.address_book.clone()).collect();
        for book in ["retail", "outlet", "abroad"] {
            if dice.chance(0.4) {
                books.insert(book.parse().expect("a book"));
            }
        }
        if books.is_empty() || books.iter().eq(&group.address_books) {
            return Performed::NotNow;
        }
        let address_books: Vec<AddressBook> = books.into_iter().collect();
        let words: Vec<String> = address_books.iter().map(ToString::to_string).collect();
        let changed = GroupRecord { address_books, ..group.clone() };
        let answer = ask(chain, |hq| hq.put_group(&changed));
        // A node can die before anybody hears that it was done.
        let now = look(chain, |tx| tx.group_get(&changed.id));
        if answer.is_some() && now.is_some_and(|now| now.address_books == changed.address_books) {
            let group = changed.id.to_string();
            chain.saw(Observation::BooksChanged { group, books: words });
        }
        performed(answer)
    }
}

pub(super) struct ChangeMode;

impl Operation for ChangeMode {
    fn kind(&self) -> &'static str {
        "change mode"
    }

    fn share(&self) -> u32 {
        3
    }

    fn perform(&self, chain: &Arc<Chain>, dice: &mut Dice) -> Performed {
        let groups = look(chain, |tx| tx.groups_all());
        let Some(group) = dice.pick(&groups) else { return Performed::NotNow };
        let mode = match group.mode {
            ExchangeMode::Live => ExchangeMode::Scheduled,
            ExchangeMode::Scheduled => ExchangeMode::Live,
        };
        chain.tell(format!("an operator wants group {} to work {mode:?}", group.id));
        performed(ask(chain, |hq| hq.set_mode(&group.id, mode)))
    }
}
