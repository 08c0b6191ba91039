//! Taking turns: many activities, of which exactly one runs at any moment, on a virtual clock.
//!
//! Each activity has a thread of its own only because it must keep its stack while it waits. The
//! one that pauses hands the turn back to the stage, and the stage gives it to whoever is due
//! next; so a run depends on nothing but what the activities draw from their seed. An activity
//! must never pause while it holds a lock that another one takes.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

thread_local! {
    static IS_ACTIVITY: Cell<bool> = const { Cell::new(false) };
    static PANICKED_AT: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Keeps panics of activities from being printed where they happen: each is a finding, which says
/// where.
pub fn hush_panics() {
    let otherwise = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| match panic.location() {
        Some(place) if IS_ACTIVITY.get() => PANICKED_AT.set(format!(" ({place})")),
        _ => otherwise(panic),
    }));
}

type Task = Box<dyn FnOnce() + Send>;

/// The stage that activities share.
#[derive(Clone)]
pub struct Turns(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    stage: Condvar,
}

struct State {
    /// Virtual time since the beginning, in microseconds.
    now: u64,
    /// Whoever was queued earlier goes first among those that are due at once.
    queued: u64,
    queue: BTreeMap<(u64, u64), Entry>,
    /// Whether an activity has the turn.
    is_taken: bool,
    panics: Vec<String>,
}

enum Entry {
    Begin(Task),
    Resume(Arc<Seat>),
}

#[derive(Default)]
struct Seat {
    is_called: Mutex<bool>,
    bell: Condvar,
}

impl Default for Turns {
    fn default() -> Self {
        let state =
            State { now: 0, queued: 0, queue: BTreeMap::new(), is_taken: false, panics: vec![] };
        Turns(Arc::new(Shared { state: Mutex::new(state), stage: Condvar::new() }))
    }
}

impl Turns {
    /// Virtual time since the beginning.
    pub fn now(&self) -> Duration {
        Duration::from_micros(self.lock().now)
    }

    /// Lets an activity begin after a while.
    pub fn begin_after(&self, wait: Duration, task: impl FnOnce() + Send + 'static) {
        let mut state = self.lock();
        state.enqueue(wait, Entry::Begin(Box::new(task)));
    }

    /// Lets the calling activity wait, and others run meanwhile. Does nothing outside of one.
    pub fn pause(&self, wait: Duration) {
        if !IS_ACTIVITY.get() {
            return;
        }
        let seat = Arc::new(Seat::default());
        {
            let mut state = self.lock();
            state.enqueue(wait, Entry::Resume(Arc::clone(&seat)));
            state.is_taken = false;
        }
        // Once the lock is free: whoever wakes up earlier only waits for it.
        self.0.stage.notify_one();
        let mut is_called = seat.is_called.lock().unwrap_or_else(PoisonError::into_inner);
        while !*is_called {
            is_called = seat.bell.wait(is_called).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Runs everything that is due up to a virtual time. Returns whether anything is left for
    /// later.
    pub fn run_until(&self, end: Duration) -> bool {
        let end = micros(end);
        loop {
            let entry = {
                let mut state = self.lock();
                match state.queue.first_key_value() {
                    Some((&(at, _), _)) if at <= end => {
                        state.now = state.now.max(at);
                        state.is_taken = true;
                        state.queue.pop_first().expect("it was looked at just now").1
                    }
                    left => {
                        let is_left = left.is_some();
                        state.now = state.now.max(end);
                        return is_left;
                    }
                }
            };
            match entry {
                Entry::Begin(task) => self.start(task),
                Entry::Resume(seat) => {
                    *seat.is_called.lock().unwrap_or_else(PoisonError::into_inner) = true;
                    seat.bell.notify_one();
                }
            }
            let mut state = self.lock();
            while state.is_taken {
                state = self.0.stage.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    /// The panics of activities since the last call; each is a finding.
    pub fn take_panics(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().panics)
    }

    fn start(&self, task: Task) {
        let turns = self.clone();
        std::thread::spawn(move || {
            IS_ACTIVITY.set(true);
            let outcome = catch_unwind(AssertUnwindSafe(task));
            let mut state = turns.lock();
            if let Err(panic) = outcome {
                state.panics.push(words_of(panic.as_ref()) + &PANICKED_AT.take());
            }
            state.is_taken = false;
            drop(state);
            turns.0.stage.notify_one();
        });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn enqueue(&mut self, wait: Duration, entry: Entry) {
        self.queued += 1;
        self.queue.insert((self.now + micros(wait), self.queued), entry);
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).expect("a run is shorter than the age of the earth")
}

fn words_of(panic: &(dyn std::any::Any + Send)) -> String {
    let words = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    words.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn activities_alternate_by_time_and_nobody_overtakes() {
        let turns = Turns::default();
        let said = Arc::new(Mutex::new(Vec::new()));
        for (name, pace) in [("slow", 3), ("quick", 2)] {
            let (said, inner) = (Arc::clone(&said), turns.clone());
            turns.begin_after(Duration::ZERO, move || {
                for round in 1..=3 {
                    inner.pause(Duration::from_secs(pace));
                    said.lock().expect("no panic").push(format!("{name} {round}"));
                }
            });
        }
        assert!(turns.run_until(Duration::from_secs(5)));
        assert_eq!(said.lock().expect("no panic").join(", "), "quick 1, slow 1, quick 2");
        assert!(!turns.run_until(Duration::from_secs(60)));
        assert_eq!(turns.now(), Duration::from_secs(60));
    }

    #[test]
    fn a_panic_is_kept_and_the_others_go_on() {
        let turns = Turns::default();
        turns.begin_after(Duration::ZERO, || panic!("on purpose"));
        let went_on = Arc::new(Mutex::new(false));
        let seen = Arc::clone(&went_on);
        turns.begin_after(Duration::from_secs(1), move || *seen.lock().expect("sound") = true);
        turns.run_until(Duration::from_secs(2));
        assert_eq!(turns.take_panics(), ["on purpose"]);
        assert!(*went_on.lock().expect("sound"));
    }
}
