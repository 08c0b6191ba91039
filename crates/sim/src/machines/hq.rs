//! Headquarters: one database, one package store, several nodes.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use tillsync_domain::clock::Clock;
use tillsync_hq::storage::{NodeName, Storage};
use tillsync_hq::{Headquarters, PackageStore, Ports};
use tillsync_hq_sqlite::SqliteStorage;

use super::storage::{Life, NodeStorage, Room};
use crate::checkers::witness::watch_headquarters;
use crate::clock::MachineClock;
use crate::dice::MachineEntropy;
use crate::turns::Turns;

/// Headquarters of a run.
pub struct HqSite {
    folder: PathBuf,
    seed: u64,
    turns: Turns,
    /// A restored database is another file, so that nobody writes to both.
    database: Mutex<Database>,
    /// What stands between every node and the database, if anything does.
    wrap: Mutex<Option<Wrap>>,
    /// The disk of the database.
    pub room: Arc<Room>,
    /// The nodes, dead or alive.
    pub nodes: Vec<NodeSite>,
}

type Wrap = Arc<dyn Fn(Arc<dyn Storage>) -> Arc<dyn Storage> + Send + Sync>;

struct Database {
    file: PathBuf,
    storage: Arc<SqliteStorage>,
    copies: u32,
}

/// The place of one node.
pub struct NodeSite {
    /// Its number from zero.
    pub index: usize,
    /// Its clock.
    pub clock: Arc<MachineClock>,
    starts: AtomicU64,
    running: Mutex<Option<Arc<HqNode>>>,
}

/// A running process of headquarters.
pub struct HqNode {
    /// The use cases.
    pub hq: Headquarters,
    /// Ends at any commit.
    pub life: Arc<Life>,
    /// One node's jobs run one after another, as the locks inside of a process have it.
    is_working: AtomicBool,
}

impl HqNode {
    /// Does some work of the node's jobs, unless the node works already.
    pub fn work(&self, work: impl FnOnce(&Headquarters)) {
        if self.is_working.swap(true, Ordering::SeqCst) {
            return;
        }
        work(&self.hq);
        self.is_working.store(false, Ordering::SeqCst);
    }
}

impl HqSite {
    /// A new headquarters with so many nodes, all of them running.
    pub fn new(folder: &Path, seed: u64, turns: &Turns, nodes: usize) -> Arc<Self> {
        let folder = folder.join("hq");
        fs::create_dir_all(folder.join("packages")).expect("a folder");
        let file = folder.join("hq.db");
        let storage = open(&file);
        watch_headquarters(&file);
        let database = Mutex::new(Database { storage, file, copies: 0 });
        let node = |index| NodeSite {
            index,
            clock: Arc::new(MachineClock::new(turns)),
            starts: AtomicU64::new(0),
            running: Mutex::new(None),
        };
        let site = HqSite {
            folder,
            seed,
            turns: turns.clone(),
            database,
            wrap: Mutex::default(),
            room: Arc::default(),
            nodes: (0..nodes).map(node).collect(),
        };
        for node in &site.nodes {
            site.start(node);
        }
        Arc::new(site)
    }

    /// The database itself, past every node: for those who look on.
    pub fn storage(&self) -> Arc<SqliteStorage> {
        Arc::clone(&self.database().storage)
    }

    /// The file of the database.
    pub fn file(&self) -> PathBuf {
        self.database().file.clone()
    }

    /// The folder of packages.
    pub fn packages(&self) -> PathBuf {
        self.folder.join("packages")
    }

    /// Takes the package store away: its folder is gone, or something stands in its place so that
    /// nothing can be written either. Nothing happens while it is away already.
    pub fn take_packages_away(&self, can_write: bool) -> bool {
        let (packages, away) = (self.packages(), self.folder.join("packages-away"));
        if away.exists() {
            return false;
        }
        fs::rename(&packages, &away).expect("a folder");
        if !can_write {
            fs::write(&packages, "away").expect("room for a file");
        }
        true
    }

    /// Brings the package store back, with what was written in its place meanwhile.
    pub fn bring_packages_back(&self) {
        let (packages, away) = (self.packages(), self.folder.join("packages-away"));
        if !away.exists() {
            return;
        }
        if packages.is_dir() {
            merge_folder(&packages, &away);
            fs::remove_dir_all(&packages).expect("a folder");
        } else if packages.exists() {
            fs::remove_file(&packages).expect("a file");
        }
        fs::rename(&away, &packages).expect("a folder");
    }

    /// The nodes that run.
    pub fn running(&self) -> Vec<Arc<HqNode>> {
        self.nodes.iter().filter_map(NodeSite::running).collect()
    }

    /// Starts a node, unless it runs.
    pub fn start(&self, node: &NodeSite) {
        if node.running().is_some() {
            return;
        }
        // Without the folder of its packages no node starts.
        let Ok(packages) = PackageStore::open_folder(&self.packages()) else { return };
        let start = node.starts.fetch_add(1, Ordering::SeqCst);
        let life = Arc::<Life>::default();
        let mut storage = self.storage() as Arc<dyn Storage>;
        if let Some(wrap) = self.wrap().clone() {
            storage = wrap(storage);
        }
        let storage = NodeStorage {
            storage,
            life: Arc::clone(&life),
            room: Arc::clone(&self.room),
            turns: self.turns.clone(),
            pace: Duration::from_millis(2),
        };
        let name = format!("node {} start {start}", node.index);
        let hq = Headquarters::new(Ports {
            storage: Arc::new(storage),
            packages,
            work_folder: self.folder.clone(),
            clock: Arc::clone(&node.clock) as Arc<dyn Clock>,
            entropy: Arc::new(MachineEntropy::of(self.seed, &name)),
        });
        // A disk without room refuses even this; the node serves nevertheless.
        let _ = hq.initialize();
        // As a server does at its start; a package store that is away keeps nobody from serving.
        let _ = hq.look_back();
        hq.join(NodeName(format!("node-{}", node.index)), "sim");
        let running = HqNode { hq, life, is_working: AtomicBool::new(false) };
        *node.lock() = Some(Arc::new(running));
    }

    /// Puts something between every node and the database, and starts the nodes anew.
    pub(crate) fn wrap_storage(
        &self,
        wrap: impl Fn(Arc<dyn Storage>) -> Arc<dyn Storage> + Send + Sync + 'static,
    ) {
        *self.wrap() = Some(Arc::new(wrap));
        for node in &self.nodes {
            self.kill(node);
            self.start(node);
        }
    }

    fn wrap(&self) -> MutexGuard<'_, Option<Wrap>> {
        self.wrap.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Kills a node: what it had not committed never happened.
    pub fn kill(&self, node: &NodeSite) {
        if let Some(running) = node.lock().take() {
            running.life.end();
        }
    }

    /// Copies the database as a backup would, without disturbing anybody.
    pub fn back_up(&self) -> PathBuf {
        let mut database = self.database();
        database.copies += 1;
        let copy = self.folder.join(format!("copy-{}.db", database.copies));
        copy_database(&database.file, &copy);
        copy
    }

    /// Puts a copy in the place of the database and starts every node anew.
    pub fn restore(&self, copy: &Path) {
        for node in &self.nodes {
            self.kill(node);
        }
        {
            let mut database = self.database();
            database.copies += 1;
            let file = self.folder.join(format!("restored-{}.db", database.copies));
            fs::copy(copy, &file).expect("a copy");
            database.storage = open(&file);
            database.file = file;
        }
        for node in &self.nodes {
            self.start(node);
        }
    }

    fn database(&self) -> MutexGuard<'_, Database> {
        self.database.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl NodeSite {
    /// The running process, if there is one.
    pub fn running(&self) -> Option<Arc<HqNode>> {
        let mut running = self.lock();
        // It died at a commit and nobody has noticed yet.
        if running.as_ref().is_some_and(|node| node.life.is_over()) {
            *running = None;
        }
        running.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<HqNode>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Moves every file of one folder into another.
fn merge_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("readable").path();
        let target = to.join(path.file_name().expect("a file in a folder"));
        if path.is_dir() {
            merge_folder(&path, &target);
        } else {
            fs::rename(&path, &target).expect("a file");
        }
    }
}

fn open(file: &Path) -> Arc<SqliteStorage> {
    Arc::new(SqliteStorage::open(file).expect("a database"))
}

/// Copies a database that may be in use, whole.
pub fn copy_database(from: &Path, to: &Path) {
    let connection = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_ONLY);
    let connection = connection.expect("a database");
    let to = to.to_str().expect("a plain path");
    connection.execute("VACUUM INTO ?1", [to]).expect("room for a copy");
}
