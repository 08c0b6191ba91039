//! A whole chain in one thread: headquarters, stores and registers through their real code, joined
//! by lines that a story can cut. Time stands still until the story moves it.
//!
//! Dropping a world runs every check on everything in it.

mod basket;
mod check_documents;
mod checks;
mod creating;
mod day;
mod exclusion;
mod line;
mod mortal;
mod moving;
mod ports;
mod render;
mod render_books;
mod selling;
mod staffing;
mod switching;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::SignedDuration;
use tempfile::TempDir;
use tillsync_channel::create::{AddAddresses, CreateCustomer, add_addresses, create_customer};
use tillsync_channel::download::{DownloadError, answer_pull, poll_once};
use tillsync_channel::find::{CustomerView, find_customer};
use tillsync_channel::identity::{Enrolment, UpstreamUrl, database_file, enrol_database};
use tillsync_channel::upload::{Attempt, Conversation, UploadError, Uploaded, upload_pending};
use tillsync_channel::upstream::Upstream;
use tillsync_channel::{Db, Edge, EdgeOptions, RealDisk};
use tillsync_domain::clock::Clock;
use tillsync_domain::customer::{AddressDraft, CustomerDraft};
use tillsync_domain::ids::{
    AccountNumber, AddressGuid, CustomerGuid, CustomerKey, DatabaseId, GroupId,
};
use tillsync_domain::job::JobName;
use tillsync_domain::number_sequence::SequenceChange;
use tillsync_exchange::messages::{DatabaseKind, ExchangeMode};
use tillsync_exchange::retry::{Jitter, RetryPolicy};
use tillsync_hq::access::Addition;
use tillsync_hq::jobs::JobOptions;
use tillsync_hq::storage::{GroupRecord, RunRecord, SequenceName, Storage, Trigger};
use tillsync_hq::trace::CustomerTrace;
use tillsync_hq::{Headquarters, PackageStore, Ports};
use tillsync_hq_sqlite::SqliteStorage;

pub use basket::{Basket, Buyer};
pub use exclusion::excluded_rows;
pub use line::{Fault, Line};
pub use ports::StoryClock;
pub use selling::item;

use crate::builders::SeededEntropy;
use mortal::{Life, MortalStorage};
use selling::{AcknowledgedStep, AcknowledgedTrade};

/// The group that stores of a world are in unless a story says otherwise.
pub const GROUP: &str = "retail";

/// A store or register of a world.
struct Node {
    edge: Option<Arc<Edge>>,
    conversation: Conversation,
    folder: PathBuf,
    kind: DatabaseKind,
    line: Arc<Line>,
}

/// A chain in one thread.
pub struct World {
    folder: TempDir,
    clock: Arc<StoryClock>,
    entropy: Arc<SeededEntropy>,
    life: Arc<Life>,
    hq: Arc<Headquarters>,
    nodes: BTreeMap<String, Node>,
    acknowledged: Vec<(CustomerGuid, String)>,
    acknowledged_trades: Vec<AcknowledgedTrade>,
    acknowledged_steps: Vec<AcknowledgedStep>,
}

impl World {
    /// A headquarters with a group of one address book, and nothing else.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let clock = Arc::new(StoryClock::default());
        let entropy = Arc::new(SeededEntropy::new(1));
        let life = Life::endless();
        let hq = open_headquarters(folder.path(), &clock, &entropy, &life);
        let world = World {
            folder,
            clock,
            entropy,
            life,
            hq,
            nodes: BTreeMap::new(),
            acknowledged: vec![],
            acknowledged_trades: vec![],
            acknowledged_steps: vec![],
        };
        world.add_group(GROUP, &[GROUP]);
        world
    }

    /// Headquarters itself.
    pub fn hq(&self) -> &Headquarters {
        &self.hq
    }

    /// The folder of the world: `hq/` and one folder per edge.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Adds a group with address books.
    pub fn add_group(&self, group: &str, books: &[&str]) {
        let record = GroupRecord {
            id: group.parse().expect("a group"),
            address_books: books.iter().map(|book| book.parse().expect("a book")).collect(),
            mode: ExchangeMode::Live,
        };
        self.hq.put_group(&record).expect("the group is stored");
    }

    /// Adds and enrols a store in the usual group.
    pub fn add_store(&mut self, store: &str) {
        self.add_store_to(store, GROUP);
    }

    /// Adds and enrols a store in a group.
    pub fn add_store_to(&mut self, store: &str, group: &str) {
        let id: DatabaseId = store.parse().expect("a database id");
        let group: GroupId = group.parse().expect("a group");
        let addition = Addition::Channel { id: id.clone(), group };
        self.hq.add_database(&addition).expect("a new store");
        let line = Arc::new(Line::to_headquarters(Arc::clone(&self.hq)));
        self.enrol(&id, DatabaseKind::Channel, line);
    }

    /// Adds and enrols a register of a store.
    pub fn add_register(&mut self, register: &str, store: &str) {
        let id: DatabaseId = register.parse().expect("a database id");
        let channel: DatabaseId = store.parse().expect("a database id");
        let addition = Addition::Register { id: id.clone(), channel };
        self.hq.add_database(&addition).expect("a new register");
        let store = &self.nodes[store];
        let line = Arc::new(Line::to_channel(
            Arc::clone(store.edge.as_ref().expect("the store runs")),
            Arc::clone(&store.line),
            Arc::clone(&self.clock),
        ));
        self.enrol(&id, DatabaseKind::Register, line);
    }

    fn enrol(&mut self, id: &DatabaseId, kind: DatabaseKind, line: Arc<Line>) {
        let folder = self.folder.path().join(id.as_str());
        fs::create_dir_all(&folder).expect("a folder");
        let code = self.hq.issue_activation_code(id).expect("a code").to_string();
        let upstream = UpstreamUrl::parse("http://127.0.0.1:1").expect("a URL");
        {
            let db = Db::open(&folder.join(database_file(kind))).expect("a new database");
            let enrolment = Enrolment { kind, upstream, code };
            enrol_database(&db, line.as_ref(), enrolment, self.entropy.as_ref())
                .expect("the code is good");
        }
        let node = Node { edge: None, conversation: Conversation::default(), folder, kind, line };
        self.nodes.insert(id.to_string(), node);
        self.start(id.as_str());
    }

    /// Starts an edge that was stopped.
    pub fn start(&mut self, at: &str) {
        let entropy = Arc::clone(&self.entropy);
        let node = self.nodes.get_mut(at).expect("a known edge");
        let currency_default = "EUR".parse().expect("a currency");
        let disk = Arc::new(RealDisk);
        let options = EdgeOptions { entropy, country_default: None, currency_default, disk };
        let edge = Edge::open(&node.folder, node.kind, options).expect("an enrolled edge");
        let edge = Arc::new(edge);
        node.line.present_as(edge.identity());
        node.edge = Some(Arc::clone(&edge));
        node.conversation = Conversation::default();
        let prefix = format!("{at}.");
        for (_, register) in self.nodes.iter().filter(|(id, _)| id.starts_with(&prefix)) {
            register.line.lead_to(Arc::clone(&edge));
        }
    }

    /// The edge, running.
    pub fn edge(&self, at: &str) -> &Edge {
        self.nodes[at].edge.as_ref().expect("the edge runs")
    }

    /// The line from an edge to its upstream.
    pub fn line(&self, at: &str) -> &Line {
        &self.nodes[at].line
    }

    /// Moves everybody's time on.
    pub fn pass(&self, time: SignedDuration) {
        self.clock.pass(time);
    }

    /// Creates a person at an edge, acknowledged when this returns.
    pub fn create(&mut self, at: &str, last_name: &str) -> CustomerGuid {
        let customer =
            CustomerDraft { last_name: Some(last_name.into()), ..CustomerDraft::default() };
        self.create_as(at, CreateCustomer { customer, ..CreateCustomer::default() })
    }

    /// Creates a customer at an edge, acknowledged when this returns.
    pub fn create_as(&mut self, at: &str, request: CreateCustomer) -> CustomerGuid {
        let view =
            create_customer(self.edge(at), request, self.clock.now()).expect("a valid customer");
        self.acknowledged.push((view.guid, at.to_owned()));
        view.guid
    }

    /// Adds an address to a customer at an edge.
    pub fn add_address(&self, at: &str, customer: CustomerKey, street: &str) -> AddressGuid {
        let address = AddressDraft { street: Some(street.into()), ..AddressDraft::default() };
        let addresses = vec![address];
        let request = AddAddresses { customer, addresses, staff: None, request: None };
        let view = add_addresses(self.edge(at), request, self.clock.now());
        let addresses = view.expect("a valid address").addresses;
        addresses.last().expect("it was added just now").content.guid
    }

    /// Looks a customer up at an edge.
    pub fn find(&self, at: &str, key: &CustomerKey) -> Option<CustomerView> {
        find_customer(self.edge(at), key).expect("the database answers")
    }

    /// What people read as a customer's account at an edge; "unknown" when it is not there.
    pub fn account_at(&self, at: &str, guid: CustomerGuid) -> String {
        let found = self.find(at, &CustomerKey::Temporary(guid));
        found.map_or("unknown".into(), |view| view.account_for_people().to_owned())
    }

    /// The account that headquarters gave, if it did.
    pub fn account_of(&self, guid: CustomerGuid) -> Option<AccountNumber> {
        let key = CustomerKey::Temporary(guid);
        let alias = self.hq.storage().read(|tx| tx.alias_get(&key)).expect("hq answers");
        alias.map(|alias| alias.account)
    }

    /// The way of a customer, as headquarters tells it.
    pub fn trace(&self, guid: CustomerGuid) -> CustomerTrace {
        self.hq.trace_customer(&CustomerKey::Temporary(guid)).expect("hq knows the customer")
    }

    /// Sends what an edge has to its upstream.
    ///
    /// # Errors
    /// What the line or the upstream made of it.
    pub fn upload(&mut self, at: &str) -> Result<Uploaded, UploadError> {
        let attempt =
            Attempt { now: self.clock.now(), jitter: Jitter(0.0), policy: RetryPolicy::SESSION };
        let node = self.nodes.get_mut(at).expect("a known edge");
        let edge = node.edge.as_ref().expect("the edge runs");
        upload_pending(edge, node.line.as_ref(), &mut node.conversation, &attempt)
    }

    /// Lets an edge poll and apply until nothing is offered; returns how many packages it applied.
    ///
    /// # Errors
    /// The first package that failed.
    pub fn download(&mut self, at: &str) -> Result<u64, DownloadError> {
        let mut applied = 0;
        loop {
            let node = &self.nodes[at];
            let edge = node.edge.as_ref().expect("the edge runs");
            let polled = poll_once(
                edge,
                node.line.as_ref(),
                std::time::Duration::ZERO,
                self.clock.as_ref(),
            )?;
            if let Some(pull) = polled.pull
                && self.upload(at).is_ok()
            {
                answer_pull(self.edge(at), pull).expect("the database answers");
                continue;
            }
            if polled.applied == 0 {
                return Ok(applied);
            }
            applied += u64::from(polled.applied);
        }
    }

    /// Runs a job at headquarters.
    pub fn run(&self, job: JobName) -> RunRecord {
        let groups = self.hq.list_groups().expect("hq answers");
        let snapshots_for = groups.into_iter().map(|group| group.id).collect();
        let options = JobOptions { snapshots_for, ..JobOptions::default() };
        self.hq.run_job(job, Trigger::Manual, options).expect("the job is free")
    }

    /// The names of all edges, registers before the stores they belong to.
    pub fn edges(&self) -> Vec<String> {
        let mut names: Vec<_> = self.nodes.keys().cloned().collect();
        names.sort_by_key(|name| !name.contains('.'));
        names
    }

    /// Mends every line and runs everything until it has come to rest.
    pub fn settle(&mut self) {
        for node in self.nodes.values() {
            node.line.mend();
        }
        for _ in 0..4 {
            self.pass(SignedDuration::from_hours(2));
            for at in self.edges() {
                self.upload(&at).expect("the line is mended");
            }
            self.run(JobName::SynchronizeCustomers);
            self.run(JobName::Customers1010);
            for at in self.edges() {
                self.download(&at).expect("the line is mended");
            }
        }
    }

    /// Copies an edge's database as a backup would.
    pub fn back_up(&mut self, at: &str) -> PathBuf {
        self.stop(at);
        let node = &self.nodes[at];
        let copy = node.folder.join(format!("backup-{}", self.clock.now().as_microsecond()));
        fs::copy(node.folder.join(database_file(node.kind)), &copy).expect("a copy");
        self.start(at);
        copy
    }

    /// Puts an edge's database back to a copy.
    pub fn restore(&mut self, at: &str, copy: &Path) {
        self.stop(at);
        let node = &self.nodes[at];
        let file = node.folder.join(database_file(node.kind));
        for suffix in ["-wal", "-shm"] {
            let beside = PathBuf::from(format!("{}{suffix}", file.display()));
            if beside.exists() {
                fs::remove_file(beside).expect("removed");
            }
        }
        fs::copy(copy, file).expect("a copy");
        self.start(at);
    }

    /// Stops an edge: nothing of it stays in memory.
    pub fn stop(&mut self, at: &str) {
        let prefix = format!("{at}.");
        for (_, register) in self.nodes.iter().filter(|(id, _)| id.starts_with(&prefix)) {
            register.line.lead_nowhere();
        }
        let node = self.nodes.get_mut(at).expect("a known edge");
        let edge = node.edge.take().expect("the edge runs");
        edge.db().checkpoint().expect("the log is folded in");
        let alone = Arc::into_inner(edge).is_some();
        assert!(alone, "somebody still holds the edge {at}");
    }

    /// Opens headquarters' database anew, as another process would.
    pub fn second_headquarters(&self) -> Headquarters {
        let storage = SqliteStorage::open(&self.folder.path().join("hq/hq.db")).expect("opens");
        let storage = Box::new(storage);
        headquarters_over(storage, self.folder.path(), &self.clock, &self.entropy, &self.life)
    }

    /// Changes the account sequence.
    pub fn change_sequence(&self, change: &SequenceChange) {
        self.hq.change_sequence(SequenceName::CustomerAccount, change).expect("a valid change");
    }

    /// The upstream of an edge, for stories that speak the protocol by hand.
    pub fn upstream(&self, at: &str) -> Arc<dyn Upstream> {
        Arc::clone(&self.nodes[at].line) as Arc<dyn Upstream>
    }
}

impl Default for World {
    fn default() -> Self {
        World::new()
    }
}

fn open_headquarters(
    folder: &Path,
    clock: &Arc<StoryClock>,
    entropy: &Arc<SeededEntropy>,
    life: &Arc<Life>,
) -> Arc<Headquarters> {
    fs::create_dir_all(folder.join("hq")).expect("a folder");
    let storage = SqliteStorage::open(&folder.join("hq/hq.db")).expect("a new database");
    let hq = headquarters_over(Box::new(storage), folder, clock, entropy, life);
    hq.initialize().expect("a new headquarters");
    // Where this fails, it was killed before it looked; whoever starts next looks again.
    hq.look_back().ok();
    Arc::new(hq)
}

fn headquarters_over(
    storage: Box<dyn Storage>,
    folder: &Path,
    clock: &Arc<StoryClock>,
    entropy: &Arc<SeededEntropy>,
    life: &Arc<Life>,
) -> Headquarters {
    Headquarters::new(Ports {
        storage: Arc::new(MortalStorage { storage, life: Arc::clone(life) }),
        packages: PackageStore::open_folder(&folder.join("hq/packages")).expect("a folder"),
        work_folder: folder.join("hq"),
        clock: Arc::clone(clock) as Arc<dyn Clock>,
        entropy: Arc::clone(entropy) as Arc<dyn tillsync_domain::entropy::Entropy>,
    })
}
