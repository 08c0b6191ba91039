//! A small world: enrolled edges in temporary directories, a clock and randomness from a seed.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use jiff::Timestamp;
use tempfile::TempDir;
use tillsync_domain::clock::Clock;
use tillsync_domain::customer::{AddressDraft, CustomerDraft};
use tillsync_domain::entropy::Entropy;
use tillsync_domain::ids::{CustomerKey, DatabaseId};
use tillsync_exchange::messages::{DatabaseKind, Enrolled};
use tillsync_exchange::retry::{Jitter, RetryPolicy};

use super::fake_upstream::FakeUpstream;
use crate::create::{CreateCustomer, create_customer};
use crate::edge::{Edge, EdgeOptions};
use crate::find::CustomerView;
use crate::identity::{Enrolment, UpstreamUrl, database_file, enrol_database};
use crate::upload::{Attempt, Conversation, UploadError, Uploaded, upload_pending};
use crate::upstream::Upstream;
use crate::{Db, DbError};

/// Counts instead of drawing: every byte run differs, and a test replays.
pub(super) struct Counting(AtomicU64);

impl Counting {
    pub(super) fn from(seed: u64) -> Arc<Self> {
        Arc::new(Counting(AtomicU64::new(seed << 32)))
    }
}

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        let number = self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        bytes.fill(0);
        let at = bytes.len().saturating_sub(number.len());
        let count = number.len().min(bytes.len());
        bytes[at..].copy_from_slice(&number[number.len() - count..]);
    }
}

/// A clock that moves when told to.
pub(super) struct TestClock(pub(super) AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        at(self.0.load(Ordering::Relaxed))
    }
}

pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).expect("a time of this century")
}

pub(super) struct Shop {
    pub(super) dir: TempDir,
    pub(super) edge: Arc<Edge>,
}

pub(super) fn enrolled(name: &str, parent: Option<&str>) -> Enrolled {
    Enrolled {
        database: name.parse().expect("a database id"),
        kind: if parent.is_some() { DatabaseKind::Register } else { DatabaseKind::Channel },
        group: "shops".parse().expect("a group"),
        parent: parent.map(|parent| parent.parse().expect("a database id")),
    }
}

/// An enrolled channel, or a register when it has a parent.
pub(super) fn shop(name: &str, parent: Option<&str>, seed: u64) -> Shop {
    let dir = tempfile::tempdir().expect("a directory");
    let hq = FakeUpstream::default();
    let who = enrolled(name, parent);
    let kind = who.kind;
    hq.lock().enrols = Some(who);
    let path = dir.path().join(database_file(kind));
    let db = Db::open(&path).expect("a new database");
    let enrolment = Enrolment {
        kind,
        upstream: UpstreamUrl::parse("http://127.0.0.1:1").expect("a URL"),
        code: "ABCDE-FGHJK".to_owned(),
    };
    enrol_database(&db, &hq, enrolment, &*Counting::from(seed)).expect("enrols");
    drop(db);
    let edge = open(dir.path(), kind, seed + 1);
    Shop { dir, edge }
}

pub(super) fn open(dir: &Path, kind: DatabaseKind, seed: u64) -> Arc<Edge> {
    let options = options(Counting::from(seed), None);
    Arc::new(Edge::open(dir, kind, options).expect("opens"))
}

pub(super) fn options(entropy: Arc<dyn Entropy>, country: Option<&str>) -> EdgeOptions {
    EdgeOptions {
        entropy,
        country_default: country.map(str::to_owned),
        currency_default: "EUR".parse().expect("a currency"),
        disk: Arc::new(crate::db::RealDisk),
    }
}

/// A copy of the shop's database as it is now, opened as if restored from a backup.
pub(super) fn restored_copy(shop: &Shop, seed: u64) -> Shop {
    shop.edge.db().checkpoint().expect("checkpoints");
    let dir = tempfile::tempdir().expect("a directory");
    let kind = shop.edge.identity().kind;
    let file = database_file(kind);
    std::fs::copy(shop.dir.path().join(file), dir.path().join(file)).expect("copies");
    let edge = open(dir.path(), kind, seed);
    Shop { dir, edge }
}

pub(super) fn draft(last_name: &str) -> CreateCustomer {
    let customer = CustomerDraft {
        first_name: Some("Ada".into()),
        last_name: Some(last_name.into()),
        email: Some(format!("{}@Example.com", last_name.to_lowercase().replace(' ', "."))),
        phone: Some("+44 123-456-7890".into()),
        ..CustomerDraft::default()
    };
    CreateCustomer { customer, ..CreateCustomer::default() }
}

pub(super) fn street(name: &str) -> AddressDraft {
    AddressDraft { street: Some(name.into()), ..AddressDraft::default() }
}

impl Shop {
    pub(super) fn create(&self, last_name: &str) -> CustomerView {
        create_customer(&self.edge, draft(last_name), at(0)).expect("is created")
    }

    pub(super) fn upload(&self, upstream: &dyn Upstream) -> Result<Uploaded, UploadError> {
        self.upload_in(upstream, &mut Conversation::default())
    }

    pub(super) fn upload_in(
        &self,
        upstream: &dyn Upstream,
        conversation: &mut Conversation,
    ) -> Result<Uploaded, UploadError> {
        upload_pending(&self.edge, upstream, conversation, &attempt())
    }

    pub(super) fn id(&self) -> DatabaseId {
        self.edge.identity().database.clone()
    }

    /// Runs one statement that yields a number, in the database of the shop.
    pub(super) fn number(&self, statement: &'static str) -> i64 {
        let read = |connection: &rusqlite::Connection| {
            connection.query_row(statement, [], |row| row.get(0)).map_err(DbError::from)
        };
        self.edge.db.read(read).expect("counts")
    }
}

pub(super) fn attempt() -> Attempt {
    let policy = RetryPolicy { tries_max: None, ..RetryPolicy::SESSION };
    Attempt { now: at(10), jitter: Jitter(0.0), policy }
}

pub(super) fn temporary(view: &CustomerView) -> CustomerKey {
    CustomerKey::Temporary(view.guid)
}
