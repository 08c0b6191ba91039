//! A small world for the tests of checkers: two stores that share nobody, one of them with a
//! register, run by hand in good weather; then a database is broken by hand.

use std::sync::Arc;

use rusqlite::Connection;
use rust_decimal::Decimal;
use tillsync_channel::create::{AddAddresses, CreateCustomer, add_addresses, create_customer};
use tillsync_channel::sell::{RecordTrade, SellError, What, record_trade};
use tillsync_channel::shifts::{
    CloseShift, CountDraft, OpenShift, close_shift, current_shift, open_shift,
};
use tillsync_domain::clock::Clock;
use tillsync_domain::customer::{AddressDraft, CustomerDraft};
use tillsync_domain::ids::{CustomerGuid, CustomerKey};
use tillsync_domain::job::JobName;
use tillsync_domain::trade::{LineDraft, PaymentDraft, Tender};
use tillsync_hq::storage::Trigger;

use super::{Checker, Eyes, Scene};
use crate::chain::Chain;
use crate::machines::edge::EdgeSite;
use crate::observe::Observation;
use crate::plan::{Store, Topology};

/// The world, and what was acknowledged in it.
pub(super) struct Small {
    chain: Arc<Chain>,
    seen: Vec<Observation>,
}

impl Small {
    /// Stores S1, with register S1.1, and A1, of another group.
    pub(super) fn new() -> Self {
        let group = |name: &str| (name.to_owned(), vec![name.to_owned()]);
        let store = |id: &str, group: &str, registers| Store {
            id: id.to_owned(),
            group: group.to_owned(),
            registers,
        };
        let topology = Topology {
            nodes: 1,
            groups: vec![group("retail"), group("abroad")],
            stores: vec![store("S1", "retail", 1), store("A1", "abroad", 0)],
        };
        let small = Small { chain: Chain::build(1, &topology), seen: vec![] };
        small.round();
        small
    }

    /// Creates a customer.
    pub(super) fn customer(&mut self, at: &str) -> CustomerGuid {
        let site = self.site(at);
        let name = format!("N{}", self.seen.len());
        let customer = CustomerDraft { last_name: Some(name.clone()), ..CustomerDraft::default() };
        let request = CreateCustomer { customer, addresses: vec![], staff: None, request: None };
        let edge = site.running().expect("it runs");
        let view = create_customer(&edge, request, site.clock.now()).expect("a good customer");
        let (at, guid) = (site.id.clone(), view.guid);
        self.saw(Observation::Created { at, guid, name, addresses: vec![], account: None });
        guid
    }

    /// Adds an address.
    pub(super) fn address(&mut self, at: &str, customer: CustomerGuid) {
        let site = self.site(at);
        let customer = CustomerKey::Temporary(customer);
        let street = Some("Street 1".to_owned());
        let request = AddAddresses {
            customer: customer.clone(),
            addresses: vec![AddressDraft { street, ..AddressDraft::default() }],
            staff: None,
            request: None,
        };
        let edge = site.running().expect("it runs");
        let view = add_addresses(&edge, request, site.clock.now()).expect("a good address");
        let address = view.addresses.last().expect("it was added").content.guid;
        self.saw(Observation::AddressAdded { at: site.id.clone(), customer, address });
    }

    /// Sells a coffee for cash, to the last customer if there is one.
    pub(super) fn sale(&mut self, at: &str) {
        let site = self.site(at);
        let edge = site.running().expect("it runs");
        if current_shift(&edge).expect("readable").is_none() {
            let open = OpenShift { float: vec![cash("100")], staff: None };
            let view = open_shift(&edge, open, site.clock.now()).expect("no other is open");
            let (at, status) = (site.id.clone(), view.status());
            self.saw(Observation::ShiftStep { at, shift: view.number, status });
        }
        let customer = self.seen.iter().rev().find_map(|seen| match seen {
            Observation::Created { guid, .. } => Some(CustomerKey::Temporary(*guid)),
            _ => None,
        });
        let line = LineDraft { item: "coffee".into(), ..LineDraft::default() };
        let mut trade =
            RecordTrade { customer, lines: vec![line], what: What::Sale, ..RecordTrade::default() };
        let amount = Decimal::from(12);
        trade.payments = vec![PaymentDraft { tender: Tender::Cash.type_id().into(), amount }];
        let view = record_trade(&edge, trade, site.clock.now()).map_err(|error| match error {
            SellError::Rules(refused) => format!("{refused:?}"),
            other => other.to_string(),
        });
        let view = Box::new(view.expect("a good sale"));
        self.saw(Observation::Traded { at: site.id.clone(), view });
    }

    /// Counts the drawer and closes its shift.
    pub(super) fn close_shift(&mut self, at: &str) {
        let site = self.site(at);
        let edge = site.running().expect("it runs");
        let shift = current_shift(&edge).expect("readable").expect("one is open").number;
        let close = CloseShift { shift, counted: vec![cash("110")], staff: None };
        let view = close_shift(&edge, close, site.clock.now()).expect("it can be closed");
        let (at, status) = (site.id.clone(), view.status());
        self.saw(Observation::ShiftStep { at, shift: view.number, status });
    }

    /// Remembers that something was told to somebody.
    pub(super) fn saw(&mut self, observation: Observation) {
        self.seen.push(observation);
    }

    /// Lets everything come to rest.
    pub(super) fn settle(&self) {
        for _ in 0..4 {
            self.round();
        }
    }

    fn round(&self) {
        let mut sites = self.chain.all_edges();
        // Registers first, so that what they have goes all the way.
        sites.sort_by_key(|site| site.parent.is_none());
        for site in &sites {
            self.chain.upload(site);
        }
        let node = self.chain.hq.running().pop().expect("it runs");
        for job in JobName::ALL.into_iter().filter(|job| *job != JobName::P0001) {
            self.chain.run_job(&node, job, Trigger::Manual);
        }
        for site in &sites {
            for _ in 0..4 {
                self.chain.download(site);
            }
        }
    }

    /// Breaks the database of headquarters, past everything that guards it.
    pub(super) fn harm_hq(&self, sql: &str) {
        harm(&Connection::open(self.chain.hq.file()).expect("a database"), sql);
    }

    /// Breaks the database of an edge likewise.
    pub(super) fn harm_edge(&self, at: &str, sql: &str) {
        harm(&Connection::open(self.site(at).file()).expect("a database"), sql);
    }

    /// What a checker finds.
    pub(super) fn look(&self, checker: &mut dyn Checker) -> Vec<String> {
        let eyes = Eyes::default();
        checker.look(&Scene::of(&self.chain, &eyes))
    }

    /// What a checker finds at rest.
    pub(super) fn look_at_rest(&self, checker: &mut dyn Checker) -> Vec<String> {
        let eyes = Eyes::default();
        checker.look_at_rest(&Scene::of(&self.chain, &eyes))
    }

    fn new_checker<C: Checker + Default>(&self) -> C {
        let mut checker = C::default();
        for observation in &self.seen {
            checker.saw(observation);
        }
        checker
    }

    /// Sees that a new checker finds nothing.
    pub(super) fn assert_sound<C: Checker + Default>(&self) {
        assert_eq!(self.look(&mut self.new_checker::<C>()), [""; 0]);
    }

    /// Sees that a new checker finds nothing although everything should be at rest.
    pub(super) fn assert_rests<C: Checker + Default>(&self) {
        assert_eq!(self.look_at_rest(&mut self.new_checker::<C>()), [""; 0]);
    }

    /// Sees that a new checker finds something that is wrong at any time.
    pub(super) fn assert_finds<C: Checker + Default>(&self, sentence: &str) {
        let findings = self.look(&mut self.new_checker::<C>());
        assert!(findings.iter().any(|found| found.contains(sentence)), "{findings:#?}");
    }

    /// Sees that a new checker finds something that is wrong at rest.
    pub(super) fn assert_unrest<C: Checker + Default>(&self, sentence: &str) {
        let findings = self.look_at_rest(&mut self.new_checker::<C>());
        assert!(findings.iter().any(|found| found.contains(sentence)), "{findings:#?}");
    }

    fn site(&self, at: &str) -> Arc<EdgeSite> {
        self.chain.edge(at).expect("a known edge")
    }
}

fn cash(amount: &str) -> CountDraft {
    let amount = amount.parse().expect("an amount");
    CountDraft { tender: None, currency: None, amount }
}

/// Without the triggers that guard a database; witnesses stay.
fn harm(connection: &Connection, sql: &str) {
    connection
        .execute_batch("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON")
        .expect("settings");
    let guards = "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND name NOT LIKE 'sim_%'";
    for guard in super::scene::rows(connection, guards, [], |row| super::scene::text(row, 0)) {
        connection.execute_batch(&format!("DROP TRIGGER {guard}")).expect("it was there");
    }
    connection.execute_batch(sql).expect("good SQL");
}
