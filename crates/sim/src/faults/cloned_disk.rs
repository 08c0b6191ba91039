//! The disk of a store is cloned, and for a while two machines work under one identity, each on
//! its own copy. Then the second is switched off: what it alone acknowledged is gone.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tillsync_channel::Edge;
use tillsync_channel::create::{CreateCustomer, create_customer};
use tillsync_channel::sell::{RecordTrade, SellError, record_trade};
use tillsync_channel::violations::EdgeProblem;
use tillsync_domain::clock::Clock;
use tillsync_domain::customer::{AddressDraft, CustomerDraft};
use tillsync_domain::trade::{LineDraft, PaymentDraft, Tender, TradeProblem};
use tillsync_exchange::messages::DatabaseKind;

use super::Fault;
use super::loss::lost_with;
use crate::chain::Chain;
use crate::dice::Dice;
use crate::machines::edge::EdgeSite;
use crate::observe::Observation;

pub(super) struct ClonedDisk;

impl Fault for ClonedDisk {
    fn kind(&self) -> &'static str {
        "cloned disk"
    }

    fn share(&self) -> u32 {
        6
    }

    fn strike(&self, chain: &Arc<Chain>, dice: &mut Dice) -> bool {
        let mut sites = chain.all_edges();
        sites.retain(|site| site.kind == DatabaseKind::Channel || site.running().is_some());
        let Some(site) = dice.pick(&sites) else { return false };
        let copy = site.back_up();
        let second = SecondMachine {
            site: Arc::new(site.clone_machine(&copy)),
            copy,
            until: chain.turns.now() + Duration::from_secs(dice.between(60, 3_600)),
            pace: dice.between(5, 120),
            dice: Dice::of(dice.number(), "second machine"),
            acknowledged: vec![],
        };
        chain.saw(Observation::Cloned { at: site.id.clone() });
        second.site.start();
        let acting = Arc::clone(chain);
        chain.turns.begin_after(Duration::ZERO, move || second.run(&acting));
        true
    }
}

struct SecondMachine {
    site: Arc<EdgeSite>,
    copy: PathBuf,
    until: Duration,
    /// Seconds between two acts.
    pace: u64,
    dice: Dice,
    /// Told only when it is known to have arrived: the first machine knows nothing of it.
    acknowledged: Vec<Observation>,
}

impl SecondMachine {
    fn run(mut self, chain: &Arc<Chain>) {
        let is_healing = || chain.is_healing.load(Ordering::SeqCst) || chain.is_over();
        while chain.turns.now() < self.until && !is_healing() {
            chain.turns.pause(Duration::from_secs(self.pace));
            let Some(edge) = self.site.running() else { break };
            match self.dice.between(0, 4) {
                0 => self.create(&edge),
                1 => self.sell(&edge),
                2 => chain.download(&self.site),
                _ => chain.upload(&self.site),
            }
        }
        self.switch_off(chain);
    }

    fn create(&mut self, edge: &Edge) {
        let name = format!("N{:016x}", self.dice.number());
        let street = format!("Street {}", self.dice.between(1, 99));
        let request = CreateCustomer {
            customer: CustomerDraft { last_name: Some(name.clone()), ..CustomerDraft::default() },
            addresses: vec![AddressDraft { street: Some(street), ..AddressDraft::default() }],
            staff: None,
            request: None,
        };
        if let Ok(view) = create_customer(edge, request, self.site.clock.now()) {
            let addresses = view.addresses.iter().map(|address| address.content.guid).collect();
            let at = self.site.id.clone();
            let (guid, account) = (view.guid, view.account);
            let created = Observation::Created { at, guid, name, addresses, account };
            self.acknowledged.push(created);
        }
    }

    fn sell(&mut self, edge: &Edge) {
        let number = format!("T{:016X}", self.dice.number());
        let line = LineDraft { item: "coffee".into(), ..LineDraft::default() };
        let mut trade = RecordTrade {
            number: Some(number.parse().expect("letters and digits")),
            lines: vec![line],
            ..RecordTrade::default()
        };
        let now = self.site.clock.now();
        let mut answer = record_trade(edge, trade.clone(), now);
        if let Err(SellError::Rules(refused)) = &answer
            && let [violation] = refused.0.as_slice()
            && let EdgeProblem::Rule(TradeProblem::Unpaid { due, paid }) = &violation.problem
        {
            let tender = Tender::Cash.type_id().into();
            trade.payments.push(PaymentDraft { tender, amount: *due - *paid });
            answer = record_trade(edge, trade, now);
        }
        if let Ok(view) = answer {
            let at = self.site.id.clone();
            self.acknowledged.push(Observation::Traded { at, view: Box::new(view) });
        }
    }

    fn switch_off(self, chain: &Arc<Chain>) {
        self.site.kill();
        let lost = lost_with(chain, &self.site.file(), &self.copy, None);
        let id = &self.site.id;
        chain.tell(format!(
            "the second machine of {id} is switched off, with {} customers and {} trades that it \
             alone had",
            lost.customers.len(),
            lost.trades.len()
        ));
        for observation in self.acknowledged {
            let is_lost = match &observation {
                Observation::Created { guid, .. } => lost.customers.contains(guid),
                Observation::Traded { view, .. } => lost.trades.contains(&view.number),
                _ => false,
            };
            if !is_lost {
                chain.count("second machine", "sent what it acknowledged");
                chain.saw(observation);
            }
        }
    }
}
