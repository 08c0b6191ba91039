//! The whole chain of one run: its machines, its network, and what people in it remember.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::Connection;
use tempfile::TempDir;
use tillsync_channel::Edge;
use tillsync_channel::download::{answer_pull, poll_once};
use tillsync_channel::offline::register_line;
use tillsync_channel::upload::{Attempt, upload_pending};
use tillsync_domain::clock::Clock;
use tillsync_domain::ids::{DatabaseId, GroupId};
use tillsync_domain::job::JobName;
use tillsync_exchange::messages::{DatabaseKind, ExchangeMode};
use tillsync_exchange::retry::{Jitter, RetryPolicy};
use tillsync_hq::access::Addition;
use tillsync_hq::jobs::JobOptions;
use tillsync_hq::storage::{GroupRecord, RunRecord, Trigger};

use crate::coverage::Coverage;
use crate::dice::Dice;
use crate::machines::edge::EdgeSite;
use crate::machines::hq::{HqNode, HqSite};
use crate::net::{Line, Net};
use crate::observe::{Memory, Observation};
use crate::plan::Topology;
use crate::turns::Turns;
use tillsync_testkit::world::item;

/// The first channel database group; every run has it.
pub const GROUP: &str = "retail";

/// The items that every run begins with: number, tax rate, price in EUR.
pub const ITEMS: &[(&str, &str, &str)] =
    &[("coffee", "20", "10.00"), ("tea", "10", "5.00"), ("gum", "14", "0.33")];

type Listener = Arc<dyn Fn(&Chain, &Observation) + Send + Sync>;

/// Everything there is in one run.
pub struct Chain {
    /// The seed of the run.
    pub seed: u64,
    /// Virtual time, and who acts now.
    pub turns: Turns,
    /// Headquarters.
    pub hq: Arc<HqSite>,
    /// The network.
    pub net: Net,
    folder: TempDir,
    edges: Mutex<BTreeMap<String, Arc<EdgeSite>>>,
    gone: Mutex<BTreeMap<String, Arc<EdgeSite>>>,
    node_dice: Mutex<Dice>,
    memory: Mutex<Memory>,
    seen: Mutex<Vec<Observation>>,
    coverage: Mutex<Coverage>,
    story: Mutex<Vec<String>>,
    /// What is planted into the database of every store and register, those of later ones too.
    planted: Mutex<Vec<&'static str>>,
    listener: Mutex<Option<Listener>>,
    is_over: AtomicBool,
    /// Whether faults have ended and everything must come to rest.
    pub is_healing: AtomicBool,
}

impl Chain {
    /// Builds the chain of a plan: every machine enrolled and running, in good weather.
    pub fn build(seed: u64, topology: &Topology) -> Arc<Self> {
        let turns = Turns::default();
        let folder = working_folder();
        let hq = HqSite::new(folder.path(), seed, &turns, topology.nodes);
        let chain = Arc::new(Chain {
            seed,
            turns,
            hq,
            net: Net::default(),
            folder,
            edges: Mutex::default(),
            gone: Mutex::default(),
            node_dice: Mutex::new(Dice::of(seed, "which node")),
            memory: Mutex::default(),
            seen: Mutex::default(),
            coverage: Mutex::default(),
            story: Mutex::default(),
            planted: Mutex::default(),
            listener: Mutex::default(),
            is_over: AtomicBool::new(false),
            is_healing: AtomicBool::new(false),
        });
        chain.net.heal();
        let items: Vec<_> = ITEMS
            .iter()
            .map(|(number, tax_rate, price)| item(number, tax_rate, &[("EUR", price)]))
            .collect();
        chain.hq.nodes[0].running().expect("it runs").hq.put_items(&items).expect("good items");
        for (group, books) in &topology.groups {
            chain.put_group(group, books, ExchangeMode::Live);
        }
        for store in &topology.stores {
            chain.add_store(&store.id, &store.group);
            for register in 1..=store.registers {
                chain.add_register(&format!("{}.{register}", store.id), &store.id);
            }
        }
        chain
    }

    /// Adds a group with its address books, or changes it.
    pub fn put_group(&self, group: &str, books: &[String], mode: ExchangeMode) {
        let record = GroupRecord {
            id: group.parse().expect("a group"),
            address_books: books.iter().map(|book| book.parse().expect("a book")).collect(),
            mode,
        };
        if let Some(node) = self.hq.running().first() {
            // Refused where it would break a rule; the story says so.
            if let Err(error) = node.hq.put_group(&record) {
                self.tell(format!("the change of group {group} is refused: {error}"));
            }
        }
    }

    /// Adds a store to a group, enrols and starts it. Needs a running headquarters.
    pub fn add_store(self: &Arc<Self>, store: &str, group: &str) {
        let id: DatabaseId = store.parse().expect("a database id");
        let group: GroupId = group.parse().expect("a group");
        let addition = Addition::Channel { id: id.clone(), group };
        self.enrol(&addition, (id, DatabaseKind::Channel, None));
    }

    /// Adds a register to a store, enrols and starts it. Needs both to run.
    pub fn add_register(self: &Arc<Self>, register: &str, store: &str) {
        let id: DatabaseId = register.parse().expect("a database id");
        let channel: DatabaseId = store.parse().expect("a database id");
        let addition = Addition::Register { id: id.clone(), channel: channel.clone() };
        self.enrol(&addition, (id, DatabaseKind::Register, Some(channel)));
    }

    fn enrol(
        self: &Arc<Self>,
        addition: &Addition,
        (id, kind, parent): (DatabaseId, DatabaseKind, Option<DatabaseId>),
    ) {
        let nodes = self.hq.running();
        let hq = &nodes.first().expect("headquarters runs").hq;
        hq.add_database(addition).expect("a new database");
        if kind == DatabaseKind::Channel {
            let name = format!("Counter sales {id}");
            hq.create_default_customer(&id, &name).expect("the store has none yet");
        }
        let code = hq.issue_activation_code(&id).expect("a code").to_string();
        let site =
            EdgeSite::new((id.clone(), kind, parent), self.folder.path(), self.seed, &self.turns);
        let site = Arc::new(site);
        self.put_edge(&site);
        site.enrol(code, &Line::of(self, &id)).expect("the code is good");
        self.start_enrolled(&site);
    }

    /// Adds a store or register.
    pub(crate) fn put_edge(&self, site: &Arc<EdgeSite>) {
        self.edges().insert(site.id.to_string(), Arc::clone(site));
    }

    /// Starts a store or register for the first time.
    pub(crate) fn start_enrolled(&self, site: &EdgeSite) {
        for sql in self.planted.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            plant(&site.file(), sql);
        }
        site.start();
    }

    /// Where every machine has its folder.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Plants triggers into headquarters' database; copies of it take them along.
    pub(crate) fn plant_at_headquarters(&self, sql: &str) {
        plant(&self.hq.file(), sql);
    }

    /// Plants triggers into the database of every store and register, those of later ones too.
    pub(crate) fn plant_at_edges(&self, sql: &'static str) {
        for site in self.all_edges() {
            plant(&site.file(), sql);
        }
        self.planted.lock().unwrap_or_else(PoisonError::into_inner).push(sql);
    }

    /// Lets somebody hear of everything that people are told.
    pub(crate) fn listen(&self, listener: impl Fn(&Chain, &Observation) + Send + Sync + 'static) {
        let mut place = self.listener.lock().unwrap_or_else(PoisonError::into_inner);
        *place = Some(Arc::new(listener));
    }

    /// Takes a machine away for ever; only those who name it still find it.
    pub(crate) fn take_away(&self, site: &Arc<EdgeSite>) {
        site.take_away();
        let mut gone = self.gone.lock().unwrap_or_else(PoisonError::into_inner);
        gone.insert(site.id.to_string(), Arc::clone(site));
        self.edges().remove(site.id.as_str());
    }

    /// A store or register by name, even if it was taken away.
    pub fn edge(&self, id: &str) -> Option<Arc<EdgeSite>> {
        let gone = self.gone.lock().unwrap_or_else(PoisonError::into_inner);
        self.edges().get(id).or_else(|| gone.get(id)).cloned()
    }

    /// Every store and register that was not taken away, by name.
    pub fn all_edges(&self) -> Vec<Arc<EdgeSite>> {
        self.edges().values().cloned().collect()
    }

    /// The stores and registers that run, by name.
    pub fn running_edges(&self) -> Vec<(Arc<EdgeSite>, Arc<Edge>)> {
        let sites = self.all_edges();
        sites.into_iter().filter_map(|site| site.running().map(|edge| (site, edge))).collect()
    }

    /// The node that a request reaches.
    pub fn pick_node(&self, nodes: &[Arc<HqNode>]) -> Option<Arc<HqNode>> {
        let mut dice = self.node_dice.lock().unwrap_or_else(PoisonError::into_inner);
        dice.pick(nodes).cloned()
    }

    /// Any running node, for what operators do.
    pub fn any_node(&self) -> Option<Arc<HqNode>> {
        self.pick_node(&self.hq.running())
    }

    /// Lets an edge send what it has, once.
    pub fn upload(self: &Arc<Self>, site: &Arc<EdgeSite>) {
        let Some(edge) = site.running().filter(|edge| !is_disconnected(site, edge)) else { return };
        site.upload_alone(|| {
            let attempt = Attempt {
                now: site.clock.now(),
                jitter: Jitter(0.5),
                policy: RetryPolicy::SESSION,
            };
            let mut conversation = site.take_conversation();
            let line = Line::of(self, &site.id);
            let sent = upload_pending(&edge, &line, &mut conversation, &attempt);
            site.keep(conversation, &edge);
            match sent {
                Ok(sent) => {
                    if sent.new_epoch.is_some() {
                        self.count("edge", "new epoch");
                        self.tell(format!("{} notices that it is a copy", site.id));
                    }
                    if sent.entries > 0 {
                        self.tell(format!("{} sent {} entries", site.id, sent.entries));
                    }
                }
                Err(error) => self.count("edge", &format!("upload failed: {:?}", error.kind())),
            }
        });
    }

    /// Lets an edge ask for packages and apply them, once.
    pub fn download(self: &Arc<Self>, site: &Arc<EdgeSite>) {
        let Some(edge) = site.running().filter(|edge| !is_disconnected(site, edge)) else { return };
        let mut pull = None;
        site.poll_alone(|| {
            let line = Line::of(self, &site.id);
            match poll_once(&edge, &line, Duration::ZERO, site.clock.as_ref()) {
                Ok(polled) => {
                    pull = polled.pull;
                    if polled.applied > 0 {
                        self.tell(format!("{} applied {} packages", site.id, polled.applied));
                    }
                }
                Err(error) => self.count("edge", &format!("download failed: {:?}", error.kind())),
            }
        });
        if let Some(pull) = pull {
            self.upload(site);
            // What is not noted is asked for once more.
            let _ = answer_pull(&edge, pull);
        }
    }

    /// Runs a job at a node, as an operator or its workers would.
    pub fn run_job(&self, node: &HqNode, job: JobName, trigger: Trigger) {
        let groups = node.hq.list_groups().unwrap_or_default();
        let snapshots_for = groups.into_iter().map(|group| group.id).collect();
        let options = JobOptions { snapshots_for, ..JobOptions::default() };
        self.run_job_with(node, job, trigger, options);
    }

    /// Runs a job with its options at a node, unless the node works already; the record of the run,
    /// if there was one.
    pub fn run_job_with(
        &self,
        node: &HqNode,
        job: JobName,
        trigger: Trigger,
        options: JobOptions,
    ) -> Option<RunRecord> {
        let mut done = None;
        node.work(|hq| match hq.run_job(job, trigger, options) {
            Ok(run) => {
                self.count("job", &format!("{job}: {:?}", run.outcome));
                if run.detail.get("idle") != Some(&true.into()) {
                    self.tell(format!("{job}: {:?} {}", run.outcome, run.detail));
                }
                done = Some(run);
            }
            Err(error) => self.count("job", &format!("{job} refused: {:?}", error.kind())),
        });
        done
    }

    /// What the people of the chain remember.
    pub fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the checkers what was seen.
    pub fn saw(&self, observation: Observation) {
        self.tell(observation.to_string());
        self.memory().note(&observation);
        let listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(listener) = listener {
            listener(self, &observation);
        }
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(observation);
    }

    /// What was seen since the last call.
    pub fn take_seen(&self) -> Vec<Observation> {
        std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Adds a line to the story of the run.
    pub fn tell(&self, line: impl Into<String>) {
        let seconds = self.turns.now().as_secs_f64();
        let line = format!("{seconds:>10.3} s  {}", line.into());
        self.story.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    /// The story so far.
    pub fn story(&self) -> Vec<String> {
        self.story.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Counts that something really happened.
    pub fn count(&self, what: &'static str, kind: &str) {
        self.coverage.lock().unwrap_or_else(PoisonError::into_inner).count(what, kind);
    }

    /// What happened how often.
    pub fn coverage(&self) -> Coverage {
        self.coverage.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the loops of machines end.
    pub fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }

    /// Ends the loops of machines.
    pub fn end(&self) {
        self.is_over.store(true, Ordering::SeqCst);
    }

    fn edges(&self) -> MutexGuard<'_, BTreeMap<String, Arc<EdgeSite>>> {
        self.edges.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A register that was switched to offline by hand exchanges nothing.
fn is_disconnected(site: &EdgeSite, edge: &Edge) -> bool {
    site.kind == DatabaseKind::Register
        && register_line(edge).is_ok_and(|line| line.is_disconnected())
}

fn plant(file: &Path, sql: &str) {
    let connection = Connection::open(file).expect("a database");
    connection.execute_batch(sql).expect("a bug that fits the tables");
}

/// In memory where the system has such a place: what a disk does is simulated anyway.
fn working_folder() -> TempDir {
    let folder = tempfile::Builder::new().prefix("tillsync-sim-").tempdir_in("/dev/shm");
    folder.or_else(|_| tempfile::tempdir()).expect("a temporary folder")
}
