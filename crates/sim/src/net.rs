//! The network: requests and answers that are slow, lost, late or doubled.
//!
//! A request is carried to the production code of the other end; what goes wrong on the way is
//! drawn per line, so what happens on one line does not change another.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tillsync_channel::clients::remember_register;
use tillsync_channel::upstream::{Upstream, UpstreamError};
use tillsync_domain::clock::Clock;
use tillsync_domain::ids::{DatabaseId, PackageId, SessionId};
use tillsync_exchange::messages::{
    DownloadReport, DownloadReportAnswer, EnrolRequest, Enrolled, Hello, Offer, Poll, PollAnswer,
    UploadReceipt, Welcome,
};
use tillsync_exchange::package::{Manifest, Span};
use tillsync_exchange::realtime::{CreateCustomerCall, CreatedCustomer};
use tillsync_testkit::far_end::{AtChannel, AtHeadquarters, enrol_channel};

use crate::chain::Chain;
use crate::dice::Dice;

/// How long a caller waits for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long after it was sent a copy of a request may arrive.
const LATE_SECONDS_MAX: u64 = 600;

/// When bad weather has been over for so long, nothing of it is under way any more.
pub(crate) const ARRIVED_AFTER: Duration =
    Duration::from_secs(LATE_SECONDS_MAX + 2 * PATIENCE.as_secs());

type Answer<T> = Result<T, UpstreamError>;

/// How bad the network is, drawn once a run. Each is a probability per request.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Weather {
    /// The request gets lost.
    pub loses_requests: f64,
    /// The request takes effect, its answer gets lost.
    pub loses_answers: f64,
    /// The request takes effect after its caller has given up.
    pub delays: f64,
    /// The request takes effect a second time, later.
    pub doubles: f64,
    /// Package bytes are damaged.
    pub damages: f64,
    /// A package breaks off in the middle.
    pub breaks_off: f64,
    /// The longest way, one direction, in milliseconds.
    pub latency_ms_max: u64,
}

/// In which direction a line is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Nothing gets through.
    Both,
    /// Requests get lost.
    Up,
    /// Answers get lost.
    Down,
}

/// What a newer or tampering program does to what an edge sends or gets, for faults and planted
/// bugs. The default passes everything on as it is.
pub trait Wire: Send + Sync {
    /// A `hello` on its way up.
    fn hello(&self, _from: &DatabaseId, _hello: &mut Hello) {}
    /// Its answer.
    fn welcome(&self, _to: &DatabaseId, _welcome: &mut Welcome) {}
    /// A package on its way up.
    fn upload(&self, _from: &DatabaseId, _manifest: &mut Manifest, _bytes: &mut Vec<u8>) {}
    /// Its receipt.
    fn receipt(&self, _to: &DatabaseId, _receipt: &mut UploadReceipt) {}
    /// A poll on its way up.
    fn poll(&self, _from: &DatabaseId, _poll: &mut Poll) {}
    /// Its answer.
    fn poll_answer(&self, _to: &DatabaseId, _answer: &mut PollAnswer) {}
    /// A report on its way up.
    fn report(&self, _from: &DatabaseId, _report: &mut DownloadReport) {}
    /// A call of the Real-time Service on its way up.
    fn call(&self, _from: &DatabaseId, _call: &mut CreateCustomerCall) {}
    /// Its answer.
    fn created(&self, _to: &DatabaseId, _created: &mut CreatedCustomer) {}
    /// Whether it ends with all faults.
    fn is_fault(&self) -> bool {
        false
    }
}

/// Every line of a run, by the name of the edge at its lower end.
#[derive(Default)]
pub struct Net {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    weather: Weather,
    cuts: BTreeMap<String, Cut>,
    dice: BTreeMap<String, Dice>,
    wires: Vec<Arc<dyn Wire>>,
}

impl Net {
    /// Sets the weather.
    pub fn set_weather(&self, weather: Weather) {
        self.state().weather = weather;
    }

    /// Cuts a line.
    pub fn cut(&self, line: &str, cut: Cut) {
        self.state().cuts.insert(line.to_owned(), cut);
    }

    /// Mends a line.
    pub fn mend(&self, line: &str) {
        self.state().cuts.remove(line);
    }

    /// Mends every line and ends the bad weather and what faults put on lines.
    pub fn heal(&self) {
        let mut state = self.state();
        state.cuts.clear();
        state.wires.retain(|wire| !wire.is_fault());
        state.weather = Weather { latency_ms_max: 20, ..Weather::default() };
    }

    /// Lets every message pass through this from now on.
    pub fn add_wire(&self, wire: Arc<dyn Wire>) {
        self.state().wires.push(wire);
    }

    /// Ends what [`Net::add_wire`] began.
    pub fn remove_wire(&self, wire: &Arc<dyn Wire>) {
        self.state().wires.retain(|other| !Arc::ptr_eq(other, wire));
    }

    fn on_wires(&self, mut pass: impl FnMut(&dyn Wire)) {
        let wires = self.state().wires.clone();
        for wire in wires {
            pass(wire.as_ref());
        }
    }

    fn draw(&self, seed: u64, line: &str) -> Fate {
        let mut state = self.state();
        let (weather, cut) = (state.weather, state.cuts.get(line).copied());
        let dice = state
            .dice
            .entry(line.to_owned())
            .or_insert_with(|| Dice::of(seed, &format!("line {line}")));
        // The same number of draws whatever the fate, so that a cut changes nothing behind it.
        let way =
            |dice: &mut Dice| Duration::from_millis(dice.between(1, weather.latency_ms_max.max(1)));
        Fate {
            up: way(dice),
            down: way(dice),
            is_request_lost: dice.chance(weather.loses_requests)
                || matches!(cut, Some(Cut::Both | Cut::Up)),
            is_answer_lost: dice.chance(weather.loses_answers) || cut == Some(Cut::Down),
            is_delayed: dice.chance(weather.delays),
            is_doubled: dice.chance(weather.doubles),
            is_damaged: dice.chance(weather.damages),
            breaks_off: dice.chance(weather.breaks_off),
            later: Duration::from_secs(dice.between(1, LATE_SECONDS_MAX)),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What becomes of one request.
#[derive(Debug, Clone, Copy)]
struct Fate {
    up: Duration,
    down: Duration,
    is_request_lost: bool,
    is_answer_lost: bool,
    is_delayed: bool,
    is_doubled: bool,
    is_damaged: bool,
    breaks_off: bool,
    later: Duration,
}

/// The way from one edge to its upstream.
pub struct Line {
    chain: Arc<Chain>,
    from: DatabaseId,
    parent: Option<DatabaseId>,
}

impl Line {
    /// The line of an edge.
    pub fn of(chain: &Arc<Chain>, from: &DatabaseId) -> Self {
        let parent = chain.edge(from.as_str()).and_then(|site| site.parent.clone());
        Line { chain: Arc::clone(chain), from: from.clone(), parent }
    }

    /// The line of an edge that is about to be enrolled.
    pub fn of_new(chain: &Arc<Chain>, from: &DatabaseId, parent: Option<DatabaseId>) -> Self {
        Line { chain: Arc::clone(chain), from: from.clone(), parent }
    }

    fn tell_offer(&self, offer: &Offer) {
        let Span::Download { job, scope, from, to, .. } = &offer.manifest.span else { return };
        let scope = format!("{scope:?}").to_lowercase();
        let (to_whom, session) = (&self.from, offer.session);
        self.chain.tell(format!("{to_whom} is offered {job}, {scope} {from} to {to} ({session})"));
    }

    /// Carries one request over this line, as its fate is.
    fn carry<T: Send + 'static>(
        &self,
        serve: impl Fn(&Arc<Chain>) -> Answer<T> + Clone + Send + 'static,
    ) -> Answer<T> {
        let fate = self.chain.net.draw(self.chain.seed, self.from.as_str());
        self.carry_as(fate, serve)
    }

    fn carry_as<T: Send + 'static>(
        &self,
        fate: Fate,
        serve: impl Fn(&Arc<Chain>) -> Answer<T> + Clone + Send + 'static,
    ) -> Answer<T> {
        let (turns, chain) = (&self.chain.turns, &self.chain);
        let again = |wait: Duration| {
            let (chain, serve) = (Arc::clone(chain), serve.clone());
            // Nobody waits for what it says.
            turns.begin_after(wait, move || drop(serve(&chain)));
        };
        if fate.is_request_lost {
            chain.count("network", "lost request");
            turns.pause(PATIENCE);
            return Err(gave_up());
        }
        if fate.is_delayed {
            chain.count("network", "late request");
            again(PATIENCE + fate.later);
            turns.pause(PATIENCE);
            return Err(gave_up());
        }
        if fate.is_doubled {
            chain.count("network", "doubled request");
            again(fate.up + fate.later);
        }
        turns.pause(fate.up);
        let answer = serve(chain);
        if fate.is_answer_lost {
            chain.count("network", "lost answer");
            turns.pause(PATIENCE);
            return Err(gave_up());
        }
        turns.pause(fate.down);
        answer
    }

    /// The store at the other end, for a register.
    fn parent(&self) -> Option<DatabaseId> {
        self.parent.clone()
    }

    /// Asks headquarters as this database, over the line of its store if it is a register.
    fn ask<T: Send + 'static>(
        &self,
        fate: Fate,
        ask: impl Fn(AtHeadquarters<'_>) -> Answer<T> + Clone + Send + 'static,
    ) -> Answer<T> {
        let from = self.from.clone();
        match self.parent() {
            None => self.carry_as(fate, move |chain| at_headquarters(chain, &from, &ask)),
            Some(store) => self.carry_as(fate, move |chain| {
                running(chain, &store)?;
                let (from, ask) = (store.clone(), ask.clone());
                let onward = Line::of(chain, &store);
                onward.carry(move |chain| at_headquarters(chain, &from, &ask))
            }),
        }
    }

    fn draw(&self) -> Fate {
        self.chain.net.draw(self.chain.seed, self.from.as_str())
    }
}

fn gave_up() -> UpstreamError {
    UpstreamError::Unreachable("no answer in time".into())
}

fn running(chain: &Chain, store: &DatabaseId) -> Answer<Arc<tillsync_channel::Edge>> {
    let edge = chain.edge(store.as_str()).and_then(|site| site.running());
    edge.ok_or_else(|| UpstreamError::Unreachable("the store is down".into()))
}

/// Any node that runs answers; a node that dies meanwhile answers nothing.
fn at_headquarters<T>(
    chain: &Arc<Chain>,
    from: &DatabaseId,
    ask: &impl Fn(AtHeadquarters<'_>) -> Answer<T>,
) -> Answer<T> {
    let site = chain.edge(from.as_str()).expect("a known edge");
    let secret = site.credential().expect("an enrolled edge");
    let nodes = chain.hq.running();
    let down = || UpstreamError::Unreachable("headquarters is down".into());
    let node = chain.pick_node(&nodes).ok_or_else(down)?;
    let answer = ask(AtHeadquarters { hq: &node.hq, secret: &secret });
    if node.life.is_over() { Err(down()) } else { answer }
}

/// The store answers if it runs, unless it dies meanwhile.
fn at_channel<T>(
    chain: &Arc<Chain>,
    (store, register): (&DatabaseId, &DatabaseId),
    ask: impl FnOnce(AtChannel<'_>) -> Answer<T>,
) -> Answer<T> {
    let edge = running(chain, store)?;
    let now = chain.edge(store.as_str()).expect("a known edge").clock.now();
    let answer = ask(AtChannel { edge: &edge, register, now });
    let now = running(chain, store)?;
    if Arc::ptr_eq(&edge, &now) { answer } else { Err(gave_up()) }
}

impl Upstream for Line {
    fn enrol(&self, request: &EnrolRequest) -> Answer<Enrolled> {
        let (fate, parent, request) = (self.draw(), self.parent(), request.clone());
        self.carry_as(fate, move |chain| {
            let down = || UpstreamError::Unreachable("headquarters is down".into());
            let node = chain.pick_node(&chain.hq.running()).ok_or_else(down)?;
            let Some(store) = &parent else { return enrol_channel(&node.hq, &request) };
            let edge = running(chain, store)?;
            let site = chain.edge(store.as_str()).expect("a known store");
            let secret = site.credential().expect("an enrolled store");
            let hq = AtHeadquarters { hq: &node.hq, secret: &secret };
            let enrolled = hq.enrol_register(&request)?;
            let now = site.clock.now();
            remember_register(edge.db(), &enrolled.database, request.credential_hash, now)
                .map_err(|error| UpstreamError::Unreachable(error.to_string()))?;
            Ok(enrolled)
        })
    }

    fn hello(&self, hello: &Hello) -> Answer<Welcome> {
        let mut hello = hello.clone();
        self.chain.net.on_wires(|wire| wire.hello(&self.from, &mut hello));
        let from = self.from.clone();
        let mut answer = match self.parent() {
            None => self.ask(self.draw(), move |hq| hq.hello(&hello)),
            Some(store) => self.carry(move |chain| {
                at_channel(chain, (&store, &from), |channel| channel.hello(&hello))
            }),
        };
        if let Ok(welcome) = &mut answer {
            self.chain.net.on_wires(|wire| wire.welcome(&self.from, welcome));
        }
        answer
    }

    fn upload(&self, manifest: &Manifest, bytes: &[u8]) -> Answer<UploadReceipt> {
        let (mut manifest, mut bytes) = (manifest.clone(), bytes.to_vec());
        self.chain.net.on_wires(|wire| wire.upload(&self.from, &mut manifest, &mut bytes));
        let from = self.from.clone();
        let mut answer = match self.parent() {
            None => self.ask(self.draw(), move |hq| hq.upload(&manifest, &bytes)),
            Some(store) => self.carry(move |chain| {
                at_channel(chain, (&store, &from), |channel| channel.upload(&manifest, &bytes))
            }),
        };
        if let Ok(receipt) = &mut answer {
            self.chain.net.on_wires(|wire| wire.receipt(&self.from, receipt));
        }
        answer
    }

    fn poll(&self, poll: &Poll) -> Answer<PollAnswer> {
        let mut poll = poll.clone();
        self.chain.net.on_wires(|wire| wire.poll(&self.from, &mut poll));
        let mut answer = self.ask(self.draw(), move |hq| hq.poll(&poll));
        if let Ok(answer) = &mut answer {
            self.chain.net.on_wires(|wire| wire.poll_answer(&self.from, answer));
            for offer in &answer.offers {
                self.tell_offer(offer);
            }
        }
        answer
    }

    fn fetch(&self, package: PackageId, sink: &mut dyn Write) -> Answer<()> {
        let (fate, database) = (self.draw(), self.from.clone());
        let mut bytes = self.ask(fate, move |hq| hq.fetch(&database, package))?;
        if fate.is_damaged {
            self.chain.count("network", "damaged package");
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0x55;
        }
        if fate.breaks_off {
            self.chain.count("network", "broken-off package");
            bytes.truncate(bytes.len() / 2);
            sink.write_all(&bytes).map_err(UpstreamError::Sink)?;
            return Err(UpstreamError::Unreachable("the line broke off".into()));
        }
        sink.write_all(&bytes).map_err(UpstreamError::Sink)
    }

    fn report(&self, session: SessionId, report: &DownloadReport) -> Answer<DownloadReportAnswer> {
        let mut report = report.clone();
        self.chain.net.on_wires(|wire| wire.report(&self.from, &mut report));
        self.ask(self.draw(), move |hq| hq.report(&session, &report))
    }

    fn create_customer(&self, call: &CreateCustomerCall) -> Answer<CreatedCustomer> {
        let mut call = call.clone();
        self.chain.net.on_wires(|wire| wire.call(&self.from, &mut call));
        let (fate, from) = (self.draw(), self.from.clone());
        if fate.is_answer_lost && !(fate.is_request_lost || fate.is_delayed) {
            self.chain.count("network", "lost answer of the Real-time Service");
        }
        let mut answer = match self.parent() {
            None => self.ask(fate, move |hq| hq.create_customer(&call)),
            Some(store) => self.carry_as(fate, move |chain| {
                let onward = Line::of(chain, &store);
                at_channel(chain, (&store, &from), |channel| {
                    channel.create_customer(&onward, &call)
                })
            }),
        };
        if let Ok(created) = &mut answer {
            self.chain.net.on_wires(|wire| wire.created(&self.from, created));
        }
        answer
    }
}
