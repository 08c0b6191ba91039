//! Servers that fail under load: connections run out, the disk is full, the primary is lost and a
//! standby takes its place. What was acknowledged is there afterwards, once, under an account of
//! its own; whoever had to wait was told why. Each story has a server of its own, and prints what
//! it came to.
#![expect(clippy::print_stdout, reason = "the stories are told on standard output")]

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tillsync_domain::ids::CustomerKey;
use tillsync_exchange::messages::DatabaseKind;
use tillsync_hq::promote::Whom;
use tillsync_hq::storage::{NewDatabase, Storage, StorageError};
use tillsync_hq::{Headquarters, PackageStore, Ports};
use tillsync_hq_postgres::{PostgresStorage, Trouble, trouble_of};
use tillsync_testkit::builders::{
    SeededEntropy, at, book, creation, customer_guid, database, group, run_id, upload_at,
};
use tillsync_testkit::cluster::{Cluster, ServerPlan, SmallDisk};
use tillsync_testkit::world::StoryClock;

const TILLS: usize = 4;

/// How long a till waits before it sends the same again.
const AGAIN: Duration = Duration::from_millis(20);

/// Tries before a story is given up; each waits for [`AGAIN`].
const TRIES: u32 = 3_000;

/// Customers that several tills send, each until it is acknowledged.
struct Load {
    storage: Arc<dyn Storage>,
    next: AtomicU32,
    acknowledged: Mutex<Vec<u32>>,
    count: AtomicU64,
    busy: AtomicU64,
    /// The last reason why something had to be sent again.
    reason: Mutex<Option<(StorageError, Option<Trouble>)>>,
    is_over: AtomicBool,
}

impl Load {
    fn new(url: &str) -> Self {
        Load {
            storage: Arc::new(PostgresStorage::open(url).expect("the database opens")),
            next: AtomicU32::new(1),
            acknowledged: Mutex::default(),
            count: AtomicU64::new(0),
            busy: AtomicU64::new(0),
            reason: Mutex::default(),
            is_over: AtomicBool::new(false),
        }
    }

    /// Runs the trouble while the tills send; ends when some more was acknowledged after it.
    fn run(&self, trouble: impl FnOnce(&Self)) {
        std::thread::scope(|scope| {
            let (ends, ended) = channel::<()>();
            let ended = Arc::new(Mutex::new(ended));
            for _ in 0..TILLS {
                let ended = Arc::clone(&ended);
                scope.spawn(move || self.send(&ended));
            }
            // Tills end although the story panics.
            let _over = Over(self, ends);
            self.wait_for_more();
            trouble(self);
            self.wait_for_more();
        });
    }

    fn send(&self, ended: &Mutex<Receiver<()>>) {
        while !self.is_over.load(Ordering::SeqCst) {
            let n = self.next.fetch_add(1, Ordering::SeqCst);
            while !self.is_over.load(Ordering::SeqCst) {
                let rows = [creation(n)];
                match self.storage.write(|tx| tx.operations_insert_once(&upload_at(1), &rows)) {
                    Ok(_) => {
                        self.acknowledged.lock().expect("no panic").push(n);
                        self.count.fetch_add(1, Ordering::SeqCst);
                        break;
                    }
                    Err(error @ (StorageError::Busy { .. } | StorageError::Full { .. })) => {
                        self.busy.fetch_add(1, Ordering::SeqCst);
                        let trouble = trouble_of(&error);
                        *self.reason.lock().expect("no panic") = Some((error, trouble));
                        pause(ended);
                    }
                    Err(error) => panic!("a till is told that this is for ever: {error:?}"),
                }
            }
        }
    }

    /// Waits until every till has had some more acknowledged.
    fn wait_for_more(&self) {
        let goal = self.count.load(Ordering::SeqCst) + 10 * TILLS as u64;
        wait_until("nothing more is acknowledged", || self.count.load(Ordering::SeqCst) >= goal);
    }

    /// Waits until somebody is told to come again, for this reason.
    fn wait_for_reason(&self, is_meant: impl Fn(&StorageError) -> bool) {
        *self.reason.lock().expect("no panic") = None;
        wait_until("nobody is told why", || {
            let reason = self.reason.lock().expect("no panic");
            reason.as_ref().is_some_and(|(error, _)| is_meant(error))
        });
    }

    /// Promotes everything and counts what became of what was acknowledged.
    fn judge(&self, story: &str) {
        let folder = tempfile::tempdir().expect("a folder");
        let hq = Headquarters::new(Ports {
            storage: Arc::clone(&self.storage),
            packages: PackageStore::open_folder(&folder.path().join("packages")).expect("a folder"),
            work_folder: folder.path().to_owned(),
            clock: Arc::new(StoryClock::default()),
            entropy: Arc::new(SeededEntropy::new(1)),
        });
        hq.initialize().expect("sequences");
        let channel = NewDatabase {
            id: database("S1"),
            kind: DatabaseKind::Channel,
            group: group("default"),
            parent: None,
            address_book: book("north"),
            created_at: at(1),
        };
        assert!(self.storage.write(|tx| tx.database_insert_once(&channel)).expect("added"));
        // What was never acknowledged may be there as well: its answer was lost.
        let sent: Vec<_> = (1..self.next.load(Ordering::SeqCst)).map(customer_guid).collect();
        for lot in sent.chunks(100) {
            let whom = Whom::Only(lot.to_vec());
            hq.promote_customers(&whom, run_id(1), &mut |_| true).expect("promoted");
        }
        let acknowledged = self.acknowledged.lock().expect("no panic").clone();
        let (mut lost, mut doubled, mut accounts) = (0, 0, BTreeSet::new());
        for n in &acknowledged {
            let guid = customer_guid(*n);
            let key = CustomerKey::Temporary(guid);
            let alias = self.storage.read(|tx| tx.alias_get(&key)).expect("readable");
            let rows = self.storage.read(|tx| tx.operations_of(&guid)).expect("readable");
            lost += usize::from(alias.is_none() || rows.is_empty());
            doubled += rows.len().saturating_sub(1);
            doubled += usize::from(alias.is_some_and(|alias| !accounts.insert(alias.account)));
        }
        let customers = self.storage.read(|tx| tx.customers_count()).expect("readable");
        let findings = self.storage.read(|tx| tx.customers_check()).expect("the check runs");
        println!(
            "{story}: acknowledged {}, told to come again {}, customers {customers}, lost {lost}, \
             doubled {doubled}",
            acknowledged.len(),
            self.busy.load(Ordering::SeqCst),
        );
        assert_eq!((lost, doubled, findings), (0, 0, vec![]), "{story}");
        assert!(customers >= acknowledged.len() as u64 && !acknowledged.is_empty());
    }
}

/// Ends the tills when it goes.
struct Over<'l>(&'l Load, Sender<()>);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.is_over.store(true, Ordering::SeqCst);
        // A till that is gone hears nothing.
        self.1.send(()).unwrap_or_default();
    }
}

/// Waits a little, or until the story is over.
fn pause(ended: &Mutex<Receiver<()>>) {
    if let Ok(ended) = ended.try_lock() {
        // Sooner when the story is over.
        ended.recv_timeout(AGAIN).unwrap_or_default();
    } else {
        std::thread::yield_now();
    }
}

fn wait_until(failing: &str, mut is_so: impl FnMut() -> bool) {
    let (_never, nothing) = channel::<()>();
    for _ in 0..TRIES {
        if is_so() {
            return;
        }
        assert_eq!(nothing.recv_timeout(AGAIN), Err(RecvTimeoutError::Timeout));
    }
    panic!("{failing}");
}

fn words(error: &StorageError) -> String {
    std::error::Error::source(error).expect("a cause").to_string()
}

#[test]
fn when_a_stuck_session_holds_every_connection_others_are_told_and_go_on_after_it() {
    let server = Cluster::start(&ServerPlan::default());
    let database = server.new_database();
    let load = Load::new(&format!("{database} pool_size=2 pool_wait=1"));
    load.run(|load| {
        let stuck = "BEGIN; LOCK TABLE write_turn IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(4)";
        std::thread::scope(|scope| {
            let session = scope.spawn(|| server.sql(&database, stuck));
            load.wait_for_reason(|error| {
                let said = words(error);
                matches!(error, StorageError::Busy { .. })
                    && said.contains("all 2 connections that this process may have")
                    && said.contains("none came free in 1 s")
            });
            // Looking needs nobody's turn.
            load.storage.read(|tx| tx.inbox_counts()).expect("readable");
            session.join().expect("no panic").expect("it slept");
        });
    });
    load.judge("connections run out");
}

#[test]
#[ignore = "mounts a small file system, which takes root: cargo xtask ci --long"]
fn when_the_disk_of_the_server_is_full_uploads_are_refused_for_now_and_none_is_lost() {
    let disk = SmallDisk::mount(192);
    let server = Cluster::start(&ServerPlan { disk: Some(disk.path()), ..ServerPlan::default() });
    let load = Load::new(&server.new_database());
    load.run(|load| {
        disk.fill();
        load.wait_for_reason(|error| {
            matches!(error, StorageError::Full { .. })
                && words(error).contains("No space left on device")
                && trouble_of(error) == Some(Trouble::Answer("53100".to_owned()))
        });
        load.storage.read(|tx| tx.inbox_counts()).expect("what is there can be read");
        disk.free();
    });
    load.judge("disk of the server full");
}

#[test]
fn when_the_primary_is_lost_its_synchronous_standby_has_everything() {
    let primary = Cluster::start(&ServerPlan::default());
    let standby = primary.start_standby();
    let synchronous = "ALTER SYSTEM SET synchronous_standby_names = '*'";
    let url = primary.new_database();
    primary.sql(&url, synchronous).expect("set");
    primary.sql(&url, "SELECT pg_reload_conf()").expect("reloaded");
    let database = url.rsplit_once("dbname=").expect("a name").1;
    let both = format!(
        "{} user=postgres dbname={database} pool_wait=60",
        Cluster::hosts(&[&standby, &primary])
    );
    let load = Load::new(&both);
    let alone = standby.url_of(database);
    load.run(|load| {
        // A standby is looked at, and never changed.
        let count = || -> Option<u64> {
            let replica = PostgresStorage::open_read_only(&alone).ok()?;
            let counts = (&replica as &dyn Storage).read(|tx| tx.inbox_counts());
            counts.expect("readable").by_status.get("Pending").copied()
        };
        // It lags behind even a primary that waits for it.
        wait_until("nothing arrives at the standby", || count() > Some(0));
        let error = PostgresStorage::open(&alone).err().expect("it takes no changes");
        assert_eq!(trouble_of(&error), Some(Trouble::Unreachable), "{error:?}");
        assert!(words(&error).contains("does not allow writes"), "{}", words(&error));
        primary.stop();
        standby.promote();
        load.wait_for_more();
    });
    load.judge("primary lost, standby promoted");
}
