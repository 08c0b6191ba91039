//! A store or a register: one database, one process, its clock and its disk.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tillsync_channel::identity::{
    EnrolError, Enrolment, UpstreamUrl, database_file, enrol_database,
};
use tillsync_channel::upload::Conversation;
use tillsync_channel::upstream::Upstream;
use tillsync_channel::{Db, Disk, DiskRefusal, Edge, EdgeOptions};
use tillsync_domain::ids::DatabaseId;
use tillsync_exchange::device::Secret;
use tillsync_exchange::messages::DatabaseKind;

use super::hq::copy_database;
use crate::checkers::witness::watch_edge;
use crate::clock::MachineClock;
use crate::dice::MachineEntropy;
use crate::turns::Turns;

/// The place of a store or a register.
pub struct EdgeSite {
    /// Its database's name.
    pub id: DatabaseId,
    /// What it is.
    pub kind: DatabaseKind,
    /// The store of a register.
    pub parent: Option<DatabaseId>,
    /// Its clock.
    pub clock: Arc<MachineClock>,
    /// Whether its disk is full.
    pub is_full: Arc<AtomicBool>,
    /// What its entropy is drawn from: two machines never draw the same.
    machine: String,
    turns: Turns,
    is_gone: AtomicBool,
    folder: PathBuf,
    seed: u64,
    state: Mutex<State>,
    starts: AtomicU64,
    /// One upload and one poll at a time, as its two threads have it.
    is_uploading: AtomicBool,
    is_polling: AtomicBool,
}

#[derive(Default)]
struct State {
    running: Option<Running>,
    credential: Option<Secret>,
    conversation: Conversation,
    /// A restored database lies in another folder, so that nobody writes to both.
    copies: u32,
    folder: PathBuf,
}

#[derive(Clone)]
struct Running {
    edge: Arc<Edge>,
    disk: Arc<SimDisk>,
}

/// The disk of one start: the process can die at any commit.
struct SimDisk {
    commits_left: AtomicI64,
    is_full: Arc<AtomicBool>,
}

impl Disk for SimDisk {
    fn admit(&self) -> Result<(), DiskRefusal> {
        if self.commits_left.load(Ordering::SeqCst) <= 0 {
            return Err(DiskRefusal::Gone);
        }
        if self.is_full.load(Ordering::SeqCst) {
            return Err(DiskRefusal::Full);
        }
        self.commits_left.fetch_sub(1, Ordering::SeqCst);
        Ok(())
    }
}

impl EdgeSite {
    /// A place without a database.
    pub fn new(
        (id, kind, parent): (DatabaseId, DatabaseKind, Option<DatabaseId>),
        folder: &Path,
        seed: u64,
        turns: &Turns,
    ) -> Self {
        let folder = folder.join(id.as_str());
        let state = State { folder: folder.clone(), ..State::default() };
        EdgeSite {
            machine: id.to_string(),
            turns: turns.clone(),
            id,
            kind,
            parent,
            clock: Arc::new(MachineClock::new(turns)),
            is_full: Arc::default(),
            is_gone: AtomicBool::new(false),
            folder,
            seed,
            state: Mutex::new(state),
            starts: AtomicU64::new(0),
            is_uploading: AtomicBool::new(false),
            is_polling: AtomicBool::new(false),
        }
    }

    /// Makes the database and enrols it with a code.
    ///
    /// # Errors
    /// The code was refused, or nobody answered.
    pub fn enrol(&self, code: String, upstream: &dyn Upstream) -> Result<(), EnrolError> {
        let file = self.file();
        fs::create_dir_all(file.parent().expect("a file in a folder")).expect("a folder");
        let db = Db::open(&file).expect("a new database");
        watch_edge(&file);
        let url = UpstreamUrl::parse("http://127.0.0.1:1").expect("a URL");
        let enrolment = Enrolment { kind: self.kind, upstream: url, code };
        let entropy = MachineEntropy::of(self.seed, &format!("{} enrols", self.id));
        enrol_database(&db, upstream, enrolment, &entropy).map(drop)
    }

    /// Kills the process for ever.
    pub fn take_away(&self) {
        self.is_gone.store(true, Ordering::SeqCst);
        self.kill();
    }

    /// Starts the process, unless it runs or the machine was taken away.
    pub fn start(&self) {
        if self.running().is_some() || self.is_gone.load(Ordering::SeqCst) {
            return;
        }
        let start = self.starts.fetch_add(1, Ordering::SeqCst);
        let disk = Arc::new(SimDisk {
            commits_left: AtomicI64::new(i64::MAX),
            is_full: Arc::clone(&self.is_full),
        });
        let options = EdgeOptions {
            entropy: Arc::new(MachineEntropy::of(self.seed, &format!("{} {start}", self.machine))),
            country_default: None,
            currency_default: "EUR".parse().expect("a currency"),
            disk: Arc::clone(&disk) as Arc<dyn Disk>,
        };
        let folder = self.state().folder.clone();
        let edge = Arc::new(Edge::open(&folder, self.kind, options).expect("an enrolled edge"));
        let mut state = self.state();
        state.credential = Some(edge.identity().credential.clone());
        state.conversation = Conversation::default();
        state.running = Some(Running { edge, disk });
    }

    /// Kills the process: what it had not committed never happened.
    pub fn kill(&self) {
        if let Some(running) = self.state().running.take() {
            running.disk.commits_left.store(0, Ordering::SeqCst);
        }
    }

    /// Lets the process die right behind so many more commits: the last of them is durable.
    pub fn kill_after(&self, commits: i64) {
        if let Some(running) = &self.state().running {
            running.disk.commits_left.store(commits, Ordering::SeqCst);
        }
    }

    /// The running process, if there is one.
    pub fn running(&self) -> Option<Arc<Edge>> {
        let mut state = self.state();
        let is_dead = |running: &Running| running.disk.commits_left.load(Ordering::SeqCst) <= 0;
        if state.running.as_ref().is_some_and(is_dead) {
            state.running = None;
        }
        state.running.as_ref().map(|running| Arc::clone(&running.edge))
    }

    /// The credential it presents.
    pub fn credential(&self) -> Option<Secret> {
        self.state().credential.clone()
    }

    /// The file of the database.
    pub fn file(&self) -> PathBuf {
        self.state().folder.join(database_file(self.kind))
    }

    /// What the uploading side remembers of its upstream; given back by [`EdgeSite::keep`].
    pub fn take_conversation(&self) -> Conversation {
        std::mem::take(&mut self.state().conversation)
    }

    /// Gives the conversation back, unless the process was started anew meanwhile.
    pub fn keep(&self, conversation: Conversation, of: &Arc<Edge>) {
        let mut state = self.state();
        if state.running.as_ref().is_some_and(|running| Arc::ptr_eq(&running.edge, of)) {
            state.conversation = conversation;
        }
    }

    /// Runs one upload at a time.
    pub fn upload_alone(&self, work: impl FnOnce()) {
        alone(&self.is_uploading, work);
    }

    /// Runs one poll at a time.
    pub fn poll_alone(&self, work: impl FnOnce()) {
        alone(&self.is_polling, work);
    }

    /// Copies the database as a backup would.
    pub fn back_up(&self) -> PathBuf {
        let file = self.file();
        let copies = {
            let mut state = self.state();
            state.copies += 1;
            state.copies
        };
        let copy = self.folder.join(format!("copy-{copies}.db"));
        copy_database(&file, &copy);
        copy
    }

    /// Puts a copy in the place of the database and starts the process anew.
    pub fn restore(&self, copy: &Path) {
        self.kill();
        {
            let mut state = self.state();
            state.copies += 1;
            state.folder = self.folder.join(format!("restored-{}", state.copies));
            fs::create_dir_all(&state.folder).expect("a folder");
            fs::copy(copy, state.folder.join(database_file(self.kind))).expect("a copy");
        }
        self.start();
    }

    /// Another machine that runs a copy of the database under the same identity.
    pub fn clone_machine(&self, copy: &Path) -> EdgeSite {
        let number = {
            let mut state = self.state();
            state.copies += 1;
            state.copies
        };
        let identity = (self.id.clone(), self.kind, self.parent.clone());
        let folder = self.folder.join(format!("clone-{number}"));
        let mut clone = EdgeSite::new(identity, &folder, self.seed, &self.turns);
        clone.machine = format!("{} clone {number}", self.machine);
        let file = clone.file();
        fs::create_dir_all(file.parent().expect("a file in a folder")).expect("a folder");
        fs::copy(copy, file).expect("a copy");
        clone
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn alone(flag: &AtomicBool, work: impl FnOnce()) {
    if !flag.swap(true, Ordering::SeqCst) {
        work();
        flag.store(false, Ordering::SeqCst);
    }
}
