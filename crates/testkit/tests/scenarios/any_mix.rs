//! Any mix of sales, returns, voids and orders, with either key, over lines that break: the books
//! agree with the documents. What must hold is what every world checks when it is dropped.

use proptest::prelude::*;
use tillsync_domain::ids::{CustomerGuid, CustomerKey, TransactionNumber};
use tillsync_domain::trade::{Delivery, Tender};
use tillsync_testkit::world::{Basket, Fault, World};

use super::orders::chain;

const EDGES: [&str; 3] = ["S1", "S1.R1", "S2"];
const ITEMS: [&str; 3] = ["coffee", "tea", "gum"];

/// One thing that happens. Numbers choose among what there is at that moment.
#[derive(Debug, Clone)]
enum Event {
    Create { at: usize },
    Sell { at: usize, who: Option<usize>, what: Vec<(usize, i64)>, off: bool, tender: Tender },
    Return { at: usize, sale: usize, who: Option<usize> },
    Void { at: usize, who: usize },
    Order { at: usize, who: usize, deposit: u32 },
    Close { at: usize, difference: i32 },
    Cut { at: usize },
    Mend { at: usize },
    Settle,
    EndOfDay,
}

fn event() -> impl Strategy<Value = Event> {
    let at = 0..EDGES.len();
    let who = || proptest::option::of(any::<usize>());
    let what = proptest::collection::vec((0..ITEMS.len(), 1..9_i64), 1..4);
    let tender = proptest::sample::select(Tender::ALL.to_vec());
    prop_oneof![
        2 => at.clone().prop_map(|at| Event::Create { at }),
        6 => (at.clone(), who(), what, any::<bool>(), tender)
            .prop_map(|(at, who, what, off, tender)| Event::Sell { at, who, what, off, tender }),
        3 => (at.clone(), any::<usize>(), who())
            .prop_map(|(at, sale, who)| Event::Return { at, sale, who }),
        1 => (at.clone(), any::<usize>()).prop_map(|(at, who)| Event::Void { at, who }),
        2 => (at.clone(), any::<usize>(), 0..500_u32)
            .prop_map(|(at, who, deposit)| Event::Order { at, who, deposit }),
        1 => (at.clone(), -200..200_i32)
            .prop_map(|(at, difference)| Event::Close { at, difference }),
        1 => at.clone().prop_map(|at| Event::Cut { at }),
        1 => at.prop_map(|at| Event::Mend { at }),
        1 => Just(Event::Settle),
        2 => Just(Event::EndOfDay),
    ]
}

struct Story {
    world: World,
    customers: Vec<CustomerGuid>,
    sales: Vec<TransactionNumber>,
}

impl Story {
    fn begin() -> Self {
        let mut world = chain();
        world.default_customer("S1");
        world.default_customer("S2");
        let customers = vec![world.create("S1", "First")];
        Story { world, customers, sales: vec![] }
    }

    /// A customer, by its account where the edge knows it and the number is odd.
    fn key(&self, at: &str, who: usize) -> CustomerKey {
        let guid = self.customers[who % self.customers.len()];
        let by_guid = CustomerKey::Temporary(guid);
        let account = self.world.find(at, &by_guid).and_then(|view| view.account);
        account.filter(|_| who % 2 == 1).map_or(by_guid, CustomerKey::Numbered)
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Create { at } => self.customers.push(self.world.create(EDGES[at], "Waller")),
            Event::Sell { at, who, what, off, tender } => {
                let at = EDGES[at];
                let mut basket = Basket::of("coffee", 1).rest_by(tender);
                for (item, quantity) in what {
                    basket = basket.and(ITEMS[item], quantity);
                }
                let basket = if off { basket.off("0.33") } else { basket };
                self.sell(at, who.map(|who| self.key(at, who)), basket);
            }
            Event::Return { at, sale, who } => {
                if let Some(sale) = self.sales.get(sale % self.sales.len().max(1)).cloned() {
                    let who = who.map(|who| self.key(EDGES[at], who));
                    // Too much may come back; the till says so.
                    self.world.return_of(EDGES[at], &sale, who, 1).ok();
                }
            }
            Event::Void { at, who } => {
                let key = self.key(EDGES[at], who);
                self.world.void_sale(EDGES[at], key, Basket::of("tea", 1));
            }
            Event::Order { at, who, deposit } => {
                let basket = Basket::of("coffee", 1);
                let basket = match deposit {
                    0 => basket,
                    cents => {
                        basket.paid(Tender::Card, &format!("{}.{:02}", cents / 100, cents % 100))
                    }
                };
                let key = self.key(EDGES[at], who);
                self.world.order(EDGES[at], key, Delivery::Pickup, basket);
            }
            Event::Close { at, difference } => {
                if self.world.current_shift(EDGES[at]).is_some() {
                    let sign = if difference < 0 { "-" } else { "" };
                    self.world
                        .close_shift(EDGES[at], &format!("{sign}0.{:02}", difference.abs() % 100));
                }
            }
            Event::Cut { at } => self.world.line(EDGES[at]).suffer(Fault::Cut),
            Event::Mend { at } => self.world.line(EDGES[at]).mend(),
            Event::Settle => self.world.settle(),
            Event::EndOfDay => self.world.end_of_day(),
        }
    }

    fn sell(&mut self, at: &str, who: Option<CustomerKey>, basket: Basket) {
        if self.world.current_shift(at).is_none() {
            self.world.open_shift(at, "1000.00");
        }
        // On account pays only who has one there; the till says so.
        if let Ok(sale) = self.world.try_sell(at, who, basket) {
            self.sales.push(sale);
        }
    }

    /// When every line is whole again, everything is posted: nothing waits and nothing is wrong.
    fn end(mut self) {
        self.world.settle();
        self.world.end_of_day();
        for record in self.world.all_transactions() {
            let is_done = record.posted_at.is_some() || record.header.is_voided;
            assert!(is_done, "{}: {:?}", record.row.number, record.findings);
        }
        for guid in &self.customers {
            let Some(account) = self.world.account_of(*guid) else { panic!("{guid} has none") };
            assert_eq!(self.world.owes(guid), self.world.owes(account));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 12,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_mix_of_documents_leaves_books_that_agree_with_them(
        events in proptest::collection::vec(event(), 1..30)
    ) {
        let mut story = Story::begin();
        for event in events {
            story.happens(event);
        }
        story.end();
    }
}
