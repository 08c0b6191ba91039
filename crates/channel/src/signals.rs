//! What wakes the exchange threads: new log entries, pulls, a link that came back, stop.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tillsync_exchange::messages::ExchangeMode;

/// Why a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Woken {
    Stop,
    Signal,
    TimedOut,
}

/// How an upload asked for by a pull went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PullOutcome {
    Answered,
    NotAnswered,
}

/// Everything that can wake, counted so that no signal is lost between two waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tickets {
    /// Operations recorded since the start, in groups.
    pub(crate) recorded: u64,
    /// The highest pull that upstream asked for.
    pub(crate) pull: u64,
    /// How often the link came back.
    pub(crate) reconnected: u64,
    /// How often a register went offline or came back, or somebody wants it to look.
    pub(crate) line: u64,
}

struct State {
    stop: bool,
    mode: ExchangeMode,
    tickets: Tickets,
    pull_answered: u64,
    attempts: u64,
}

pub(crate) struct Signals {
    state: Mutex<State>,
    bell: Condvar,
}

impl Signals {
    pub(crate) fn new(mode: ExchangeMode) -> Self {
        let tickets = Tickets { recorded: 0, pull: 0, reconnected: 0, line: 0 };
        let state = State { stop: false, mode, tickets, pull_answered: 0, attempts: 0 };
        Signals { state: Mutex::new(state), bell: Condvar::new() }
    }

    pub(crate) fn mode(&self) -> ExchangeMode {
        self.lock().mode
    }

    pub(crate) fn tickets(&self) -> Tickets {
        self.lock().tickets
    }

    /// The highest pull that an upload has covered since the start.
    pub(crate) fn pull_answered(&self) -> u64 {
        self.lock().pull_answered
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.lock().stop
    }

    /// A change to live mode sends what waits.
    pub(crate) fn enter_mode(&self, mode: ExchangeMode) {
        self.change(|state| {
            state.mode = mode;
            state.tickets.recorded += 1;
        });
    }

    pub(crate) fn entries_recorded(&self) {
        self.change(|state| state.tickets.recorded += 1);
    }

    pub(crate) fn link_came_back(&self) {
        self.change(|state| {
            state.tickets.reconnected += 1;
            state.tickets.line += 1;
        });
    }

    pub(crate) fn line_changed(&self) {
        self.change(|state| state.tickets.line += 1);
    }

    pub(crate) fn stop(&self) {
        self.change(|state| state.stop = true);
    }

    /// Lets a stopped edge be driven again.
    pub(crate) fn resume(&self) {
        self.change(|state| state.stop = false);
    }

    /// One try to upload ended; `answered` is the pull that it covered, if it succeeded.
    pub(crate) fn upload_tried(&self, answered: Option<u64>) {
        self.change(|state| {
            state.attempts += 1;
            state.pull_answered = state.pull_answered.max(answered.unwrap_or(0));
        });
    }

    /// Asks for an upload and waits until it went well, failed, or took too long.
    pub(crate) fn pull_and_wait(&self, pull: u64, wait_max: Duration) -> PullOutcome {
        let mut state = self.lock();
        state.tickets.pull = state.tickets.pull.max(pull);
        // An upload under way may have begun before the pull: the one after it counts.
        let enough = state.attempts + 2;
        self.bell.notify_all();
        let waits = |state: &mut State| {
            !state.stop && state.pull_answered < pull && state.attempts < enough
        };
        let (state, _) = self
            .bell
            .wait_timeout_while(state, wait_max, waits)
            .unwrap_or_else(PoisonError::into_inner);
        if state.pull_answered >= pull { PullOutcome::Answered } else { PullOutcome::NotAnswered }
    }

    /// Waits until something of interest has changed since `seen`.
    pub(crate) fn wait(
        &self,
        seen: Tickets,
        wait_max: Duration,
        matters: impl Fn(Tickets, Tickets, ExchangeMode) -> bool,
    ) -> Woken {
        let (state, timeout) = self
            .bell
            .wait_timeout_while(self.lock(), wait_max, |state| {
                !state.stop && !matters(seen, state.tickets, state.mode)
            })
            .unwrap_or_else(PoisonError::into_inner);
        match (state.stop, timeout.timed_out()) {
            (true, _) => Woken::Stop,
            (false, true) => Woken::TimedOut,
            (false, false) => Woken::Signal,
        }
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.bell.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
