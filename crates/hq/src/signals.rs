//! Wake-ups inside one process, and between the nodes of one headquarters: they carry no data, only
//! "look again".
//!
//! Losing one is harmless: every listener also looks by itself now and then.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tillsync_domain::ids::GroupId;
use tokio::sync::watch;

use crate::distribution::Download;

/// What nodes tell one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum News {
    /// There may be something new for databases that poll.
    Offers,
    /// A node leaves work behind that it can not do itself.
    Work,
}

impl News {
    /// Every kind of news.
    pub const ALL: [News; 2] = [News::Offers, News::Work];

    /// The name under which it travels.
    pub fn as_str(self) -> &'static str {
        match self {
            News::Offers => "offers",
            News::Work => "work",
        }
    }
}

/// The way to the other nodes. It must not wait for them; what it loses costs them only time.
pub trait Announcer: Send + Sync {
    /// Tells every other node.
    fn announce(&self, news: News);
}

/// What woke a worker.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Wake {
    /// Operations arrived in a group that works live.
    pub operations: bool,
    /// Sales, orders or shifts arrived, or what they waited for did.
    pub documents: bool,
    /// Customers changed.
    pub customers: bool,
    /// Items changed.
    pub items: bool,
    /// Functionality profiles changed.
    pub profiles: bool,
    /// Registers changed: their offline profiles, or what is kept from them.
    pub registers: bool,
    /// Feature switches changed.
    pub features: bool,
    /// Staff changed.
    pub staff: bool,
    /// Groups in which a database needs a snapshot of something.
    pub snapshots: BTreeSet<(Download, GroupId)>,
}

impl Wake {
    /// Whether something may have to be packed.
    pub(crate) fn asks_for_packages(&self) -> bool {
        self.customers
            || self.items
            || self.profiles
            || self.registers
            || self.features
            || self.staff
            || !self.snapshots.is_empty()
    }
}

#[derive(Debug, Default)]
struct State {
    operations: bool,
    documents: bool,
    customers: bool,
    items: bool,
    profiles: bool,
    registers: bool,
    features: bool,
    staff: bool,
    snapshots: BTreeSet<(Download, GroupId)>,
    stop: bool,
}

/// The signals of one headquarters process.
pub struct Signals {
    state: Mutex<State>,
    changed: Condvar,
    offers: watch::Sender<u64>,
    announcer: OnceLock<Box<dyn Announcer>>,
}

impl fmt::Debug for Signals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signals").field("state", &self.state).finish_non_exhaustive()
    }
}

impl Default for Signals {
    fn default() -> Self {
        let (offers, _) = watch::channel(0);
        Signals {
            state: Mutex::default(),
            changed: Condvar::new(),
            offers,
            announcer: OnceLock::new(),
        }
    }
}

impl Signals {
    /// Operations arrived that should be promoted at once.
    pub fn operations_arrived(&self) {
        self.update(|state| state.operations = true);
    }

    /// Sales or orders arrived, or something that they may wait for was settled.
    pub fn documents_arrived(&self) {
        self.update(|state| state.documents = true);
    }

    /// Customers changed: they should be distributed at once, and documents may wait for them.
    pub fn customers_changed(&self) {
        self.update(|state| {
            state.customers = true;
            state.documents = true;
        });
    }

    /// Items changed and should be distributed at once.
    pub fn items_changed(&self) {
        self.update(|state| state.items = true);
    }

    /// Functionality profiles changed and should be distributed at once.
    pub fn profiles_changed(&self) {
        self.update(|state| state.profiles = true);
    }

    /// Registers changed and should hear of it at once.
    pub fn registers_changed(&self) {
        self.update(|state| state.registers = true);
    }

    /// Feature switches changed and should be distributed at once.
    pub fn features_changed(&self) {
        self.update(|state| state.features = true);
    }

    /// Staff changed and should be distributed at once.
    pub fn staff_changed(&self) {
        self.update(|state| state.staff = true);
    }

    /// A database of this group can only go on from a snapshot.
    pub(crate) fn snapshot_wanted(&self, download: Download, group: &GroupId) {
        self.update(|state| {
            state.snapshots.insert((download, group.clone()));
        });
    }

    /// There may be something new for databases that poll, here or at other nodes.
    pub fn offers_changed(&self) {
        self.heard(News::Offers);
        self.announce(News::Offers);
    }

    /// Opens the way to the other nodes. Only the first call counts.
    pub fn connect(&self, announcer: Box<dyn Announcer>) {
        // Two ways would only tell everything twice.
        drop(self.announcer.set(announcer));
    }

    /// Tells the other nodes, where there is a way to them.
    pub(crate) fn announce(&self, news: News) {
        if let Some(announcer) = self.announcer.get() {
            announcer.announce(news);
        }
    }

    /// Takes what another node tells, and does not pass it on.
    pub fn heard(&self, news: News) {
        match news {
            News::Offers => self.offers.send_modify(|generation| *generation += 1),
            News::Work => self.update(|state| {
                state.operations = true;
                state.documents = true;
                state.customers = true;
                state.items = true;
                state.profiles = true;
                state.registers = true;
                state.features = true;
                state.staff = true;
            }),
        }
    }

    /// A receiver that changes whenever polls should look again.
    pub fn watch_offers(&self) -> watch::Receiver<u64> {
        self.offers.subscribe()
    }

    /// Ends every worker and every waiting poll.
    pub fn stop(&self) {
        self.update(|state| state.stop = true);
        self.heard(News::Offers);
    }

    /// Whether the process ends.
    pub fn is_stopping(&self) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).stop
    }

    /// Waits a moment, or until the process ends.
    pub(crate) fn pause(&self, moment: Duration) {
        self.wait(moment, |wake| {
            *wake = Wake::default();
            false
        });
    }

    /// Waits until `take` finds something in the state, or for `at_most`; takes what it found.
    pub(crate) fn wait(&self, at_most: Duration, mut take: impl FnMut(&mut Wake) -> bool) -> Wake {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found = Wake::default();
        let (mut state, _) = self
            .changed
            .wait_timeout_while(state, at_most, |state| {
                let mut wake = Wake {
                    operations: state.operations,
                    documents: state.documents,
                    customers: state.customers,
                    items: state.items,
                    profiles: state.profiles,
                    registers: state.registers,
                    features: state.features,
                    staff: state.staff,
                    snapshots: state.snapshots.clone(),
                };
                let is_wanted = take(&mut wake);
                found = wake;
                !is_wanted && !state.stop
            })
            .unwrap_or_else(PoisonError::into_inner);
        state.operations &= !found.operations;
        state.documents &= !found.documents;
        state.customers &= !found.customers;
        state.items &= !found.items;
        state.profiles &= !found.profiles;
        state.registers &= !found.registers;
        state.features &= !found.features;
        state.staff &= !found.staff;
        state.snapshots.retain(|group| !found.snapshots.contains(group));
        found
    }

    fn update(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_signal_given_before_the_wait_is_not_lost_and_is_taken_once() {
        let signals = Signals::default();
        signals.operations_arrived();
        let only_operations = |wake: &mut Wake| {
            *wake = Wake { operations: wake.operations, ..Wake::default() };
            wake.operations
        };
        assert!(signals.wait(Duration::from_secs(5), only_operations).operations);
        assert!(!signals.wait(Duration::ZERO, only_operations).operations);
    }

    #[test]
    fn one_workers_wake_up_leaves_the_others_signals_alone() {
        let signals = Signals::default();
        let group: GroupId = "retail".parse().expect("a group");
        signals.operations_arrived();
        signals.snapshot_wanted(Download::Customers, &group);
        let wake = signals.wait(Duration::ZERO, |wake| {
            wake.operations = false;
            wake.customers || !wake.snapshots.is_empty()
        });
        assert_eq!(wake.snapshots, BTreeSet::from([(Download::Customers, group)]));
        let rest = signals.wait(Duration::ZERO, |wake| wake.operations);
        assert!(rest.operations);
    }

    #[test]
    fn what_was_heard_is_taken_and_never_passed_on() {
        struct Recorder(Arc<Mutex<Vec<News>>>);
        impl Announcer for Recorder {
            fn announce(&self, news: News) {
                self.0.lock().unwrap().push(news);
            }
        }
        let told = Arc::new(Mutex::new(Vec::new()));
        let signals = Signals::default();
        signals.connect(Box::new(Recorder(Arc::clone(&told))));
        let mut offers = signals.watch_offers();
        for news in News::ALL {
            signals.heard(news);
        }
        assert!(offers.has_changed().unwrap());
        assert!(signals.wait(Duration::ZERO, |wake| wake.operations).items);
        assert!(told.lock().unwrap().is_empty());
        offers.borrow_and_update();
        signals.offers_changed();
        assert!(offers.has_changed().unwrap(), "its own polls wait for no other node");
        assert_eq!(*told.lock().unwrap(), [News::Offers]);
        signals.stop();
        assert_eq!(told.lock().unwrap().len(), 1, "the end of one node is not that of the others");
    }
}
