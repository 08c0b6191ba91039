//! Nodes that are paused in the middle of a job and wake when another one has taken it over.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use jiff::SignedDuration;
use tillsync_domain::ids::RunId;
use tillsync_domain::job::JobName;
use tillsync_domain::statement::StatementKind;
use tillsync_domain::trade::Delivery;
use tillsync_exchange::messages::ExchangeMode;
use tillsync_hq::jobs::JobOptions;
use tillsync_hq::promote::{PromotionSummary, Whom};
use tillsync_hq::storage::{GroupRecord, NodeName, RunOutcome, Trigger};
use tillsync_hq::validate::ValidationScope;
use tillsync_hq::workers::Workers;
use tillsync_hq::{Announcer, News};
use tillsync_testkit::world::{Basket, GROUP, World};

use super::orders::chain;

const RUN: RunId = RunId::from_uuid(uuid::Uuid::nil());

/// A store that has sent a customer, sales and an order.
fn busy_chain() -> World {
    let mut world = chain();
    let guid = world.create("S1", "Waller");
    for _ in 0..5 {
        world.sell("S1", guid, Basket::of("coffee", 1));
    }
    world.order("S1", guid, Delivery::Pickup, Basket::of("coffee", 1));
    world.upload("S1").unwrap();
    world
}

#[test]
fn a_node_that_wakes_with_an_old_lease_leaves_its_heirs_lease_and_work_alone() {
    let mut world = busy_chain();
    let heir = world.second_headquarters();
    let jobs = JobName::ALL.into_iter();
    // Sales are posted by trickle feed here.
    for job in jobs.filter(|job| *job != JobName::ClassicStatements) {
        let asleep = world.hq().begin_run(job, Trigger::Manual, JobOptions::default()).unwrap();
        world.pass(SignedDuration::from_mins(1));
        let taken = heir.begin_run(job, Trigger::Manual, JobOptions::default()).unwrap();
        let old = asleep.id();
        asleep.execute().unwrap();
        let held = world.hq().storage().read(|tx| tx.lease_get(job)).unwrap();
        assert_eq!(held.map(|lease| lease.run), Some(taken.id()), "{job}: it is still its heir's");
        let ended = world.hq().show_run(&old).unwrap().unwrap();
        assert_ne!(ended.outcome, RunOutcome::Running, "{job}");
        let run = taken.execute().unwrap();
        assert_ne!(run.outcome, RunOutcome::Failed, "{job}: {:?}", run.error);
        assert_eq!(world.hq().storage().read(|tx| tx.lease_get(job)).unwrap(), None, "{job}");
    }
    world.end_of_day();
}

#[test]
fn a_run_whose_lease_was_taken_stops_after_its_batch() {
    let world = busy_chain();
    let job = JobName::SynchronizeCustomers;
    let asleep = world.hq().begin_run(job, Trigger::Manual, JobOptions::default()).unwrap();
    world.pass(SignedDuration::from_mins(1));
    let heir = world.second_headquarters();
    let taken = heir.begin_run(job, Trigger::Manual, JobOptions::default()).unwrap();
    let woken = asleep.execute().unwrap();
    assert_eq!(woken.outcome, RunOutcome::Failed);
    assert!(woken.error.as_deref().unwrap().contains("lost its lease"), "{:?}", woken.error);
    assert_eq!(taken.execute().unwrap().outcome, RunOutcome::Succeeded);
}

/// What a run is told when it asks whether it may go on: yes, but the first time, `meanwhile`
/// happens before it is told.
fn paused(meanwhile: impl FnOnce()) -> impl FnMut() -> bool {
    let mut meanwhile = Some(meanwhile);
    move || {
        if let Some(meanwhile) = meanwhile.take() {
            meanwhile();
        }
        true
    }
}

/// The worst that a pause can do: the lease is looked at, then the node sleeps, and goes on as if
/// nothing had happened.
#[test]
fn whoever_goes_on_without_looking_at_its_lease_does_nothing_twice() {
    let mut world = busy_chain();
    let heir = world.second_headquarters();
    let promote = || {
        heir.promote_customers(&Whom::Due, RUN, &mut |_| true).unwrap();
    };
    let hq = world.hq();
    let mut asleep = paused(promote);
    let mut promoting = |_: &PromotionSummary| asleep();
    hq.promote_customers(&Whom::Due, RUN, &mut promoting).unwrap();
    heir.run_job(JobName::SynchronizeOrders, Trigger::Manual, JobOptions::default()).unwrap();
    let validate = || {
        heir.validate_transactions(&ValidationScope::default(), RUN, &mut || true).unwrap();
    };
    let mut while_asleep = paused(validate);
    hq.validate_transactions(&ValidationScope::default(), RUN, &mut while_asleep).unwrap();
    for kind in [StatementKind::Transactional, StatementKind::Financial] {
        let post = || {
            heir.run_statements(kind, None, RUN, &mut || true).unwrap();
        };
        hq.run_statements(kind, None, RUN, &mut paused(post)).unwrap();
    }
    world.end_of_day();
    assert_eq!(world.all_statements().iter().filter(|one| one.transactions > 0).count(), 1);
}

#[test]
fn a_node_is_silent_after_a_pause_and_forgotten_after_a_day() {
    let world = chain();
    let hq = world.hq();
    assert_eq!(hq.list_nodes().unwrap(), []);
    hq.join(NodeName("north".into()), "1");
    hq.send_heartbeat().unwrap();
    let is_present = || hq.list_nodes().unwrap().iter().map(|n| n.is_present).collect::<Vec<_>>();
    assert_eq!(is_present(), [true]);
    world.pass(SignedDuration::from_mins(1));
    assert_eq!(is_present(), [false]);
    world.pass(SignedDuration::from_hours(24));
    let other = world.second_headquarters();
    other.join(NodeName("south".into()), "1");
    other.send_heartbeat().unwrap();
    let names: Vec<_> = hq.list_nodes().unwrap().into_iter().map(|n| n.node.name.0).collect();
    assert_eq!(names, ["south"]);
    hq.send_heartbeat().unwrap();
    assert_eq!(is_present().len(), 2, "who wakes is back on the list");
}

/// A way to the other nodes that only keeps what it was told.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<News>>>);

impl Announcer for Told {
    fn announce(&self, news: News) {
        self.0.lock().unwrap().push(news);
    }
}

/// Wakes the thread that waits.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for what must happen, far longer than it can take.
fn wait<T>(awaited: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut awaited = pin!(awaited);
    for _ in 0..60 {
        if let Poll::Ready(happened) = awaited.as_mut().poll(&mut Context::from_waker(&waker)) {
            return happened;
        }
        thread::park_timeout(Duration::from_secs(1));
    }
    panic!("it did not happen");
}

#[test]
fn a_poll_hears_of_what_another_node_made_and_its_own_node_tells_nobody() {
    let mut world = chain();
    let guid = world.create("S1", "Waller");
    world.upload("S1").unwrap();
    world.run(JobName::SynchronizeCustomers);
    // The other node has nothing to do by itself.
    let id = GROUP.parse().unwrap();
    let group = GroupRecord {
        id,
        address_books: vec![GROUP.parse().unwrap()],
        mode: ExchangeMode::Scheduled,
    };
    world.hq().put_group(&group).unwrap();
    let other = Arc::new(world.second_headquarters());
    let told = Told::default();
    other.signals().connect(Box::new(told.clone()));
    let mut offers = other.signals().watch_offers();
    let workers = Workers::start(&other).unwrap();
    wait(offers.changed()).unwrap();
    world.run(JobName::Customers1010);
    wait(offers.changed()).unwrap();
    assert_eq!(*told.0.lock().unwrap(), [], "whoever made the package has told the others");
    workers.stop(&other);
    world.download("S1").unwrap();
    assert_eq!(world.account_at("S1", guid), "C-00000001");
}
