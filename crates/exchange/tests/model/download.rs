//! A database that fetches packages one after another while answers are lost, reports come late
//! or twice, packages cannot be written, and an operator acts at any time.

use jiff::Timestamp;
use tillsync_exchange::retry::{Jitter, RetryPolicy};
use tillsync_exchange::session::{DownloadEvent, DownloadStatus, Progress};

use crate::search::{DEAD, Model};

pub(crate) struct World {
    /// How many packages are made, each of which continues the one before.
    pub(crate) packages: u8,
    /// How often an operator wants a package applied once more.
    pub(crate) reruns_max: usize,
    pub(crate) operator: Operator,
    pub(crate) planted: Option<Planted>,
}

impl World {
    /// Somebody looks after it, and nothing is wrong with it.
    pub(crate) const WATCHED: World =
        World { packages: 2, reruns_max: 1, operator: Operator::Acts, planted: None };
}

/// Whether anybody looks after suspended sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Acts,
    Sleeps,
}

/// An error in the glue, for the test of the search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Planted {
    /// Headquarters goes on behind a session that is suspended.
    PassesSuspended,
    /// The database reports what it has not yet written.
    ReportsFirst,
    /// Every report of an application moves the position to its package.
    MovesBack,
    /// Nobody may retry or cancel what is suspended.
    LocksSuspended,
}

impl Planted {
    pub(crate) const ALL: [Planted; 4] = [
        Planted::PassesSuspended,
        Planted::ReportsFirst,
        Planted::MovesBack,
        Planted::LocksSuspended,
    ];

    /// As what it is found.
    pub(crate) fn finding(self) -> &'static str {
        match self {
            Planted::PassesSuspended => PASSED,
            Planted::ReportsFirst => CLAIMED,
            Planted::MovesBack => BACK,
            Planted::LocksSuspended => DEAD,
        }
    }
}

const CLAIMED: &str = "headquarters takes for applied what is not";
const BACK: &str = "the position of a database ran back";
const ORDER: &str = "a package was applied before the one that it continues";
const PASSED: &str = "a package was offered behind one that is suspended";
const UNDONE: &str = "an applied session became another";

/// A package, from 1.
type Package = u8;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct State {
    made: Package,
    position: Package,
    sessions: Vec<Session>,
    /// The sessions that the database has applied.
    applied: Vec<usize>,
    /// What the database is at.
    at: Option<(usize, Stage)>,
    /// A report that is still on its way although nobody waits for it.
    delayed: Option<(usize, DownloadEvent)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Session {
    package: Package,
    status: DownloadStatus,
    failures: u32,
    is_rerun: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Stage {
    Offered,
    Fetched,
    Ready,
    /// Something is to be reported.
    Reporting(DownloadEvent),
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Action {
    Make,
    Poll,
    /// The offer is made, but its answer is lost.
    OfferLost,
    Fetch,
    FetchFails,
    Apply,
    ApplyFails,
    Report,
    /// The report does not arrive, or comes later.
    ReportDelayed,
    /// The report arrives, and is on its way a second time.
    ReportDoubled,
    Late,
    Crash,
    Retry(usize),
    Cancel(usize),
    Rerun(usize),
}

impl Model for World {
    type State = State;
    type Action = Action;

    fn initial(&self) -> State {
        State { made: 0, position: 0, sessions: vec![], applied: vec![], at: None, delayed: None }
    }

    fn actions(&self, state: &State) -> Vec<Action> {
        let mut actions = vec![Action::Late];
        if state.made < self.packages {
            actions.push(Action::Make);
        }
        match state.at {
            None => actions.extend([Action::Poll, Action::OfferLost]),
            Some((_, Stage::Offered)) => actions.extend([Action::Fetch, Action::FetchFails]),
            Some((_, Stage::Ready)) => actions.extend([Action::Apply, Action::ApplyFails]),
            Some((_, Stage::Fetched | Stage::Reporting(_))) => {
                actions.extend([Action::Report, Action::ReportDelayed, Action::ReportDoubled]);
            }
        }
        if state.at.is_some() {
            actions.push(Action::Crash);
        }
        if self.operator == Operator::Acts {
            for session in 0..state.sessions.len() {
                actions.extend([Action::Retry(session), Action::Cancel(session)]);
                let reruns = state.sessions.iter().filter(|session| session.is_rerun).count();
                if reruns < self.reruns_max {
                    actions.push(Action::Rerun(session));
                }
            }
        }
        actions
    }

    fn step(&self, state: &State, action: Action) -> State {
        let mut after = state.clone();
        match action {
            Action::Make => after.made += 1,
            Action::Poll => self.offer(&mut after, true),
            Action::OfferLost => self.offer(&mut after, false),
            Action::Fetch => self.fetch(&mut after),
            Action::FetchFails => after.report_next(DownloadEvent::DownloadFailed),
            Action::Apply => {
                after.apply();
                after.report_next(DownloadEvent::Applied);
            }
            Action::ApplyFails => after.report_next(DownloadEvent::ApplyFailed),
            Action::Report => self.report(&mut after),
            Action::ReportDelayed => {
                after.delayed = after.reported();
                after.at = None;
            }
            Action::ReportDoubled => {
                after.delayed = after.reported();
                self.report(&mut after);
            }
            Action::Late => {
                if let Some((session, event)) = after.delayed.take() {
                    self.receive(&mut after, session, event);
                }
            }
            Action::Crash => after.at = None,
            Action::Retry(session) => self.command(&mut after, session, DownloadEvent::Retry),
            Action::Cancel(session) => self.command(&mut after, session, DownloadEvent::Cancel),
            Action::Rerun(session) => self.command(&mut after, session, DownloadEvent::Rerun),
        }
        after
    }

    fn check(&self, before: &State, after: &State) -> Result<(), &'static str> {
        let holds = |holds: bool, broken| if holds { Ok(()) } else { Err(broken) };
        holds(after.position >= before.position, BACK)?;
        for (index, session) in after.sessions.iter().enumerate() {
            let is_applied = session.status == DownloadStatus::Applied;
            holds(!is_applied || after.applied.contains(&index), CLAIMED)?;
            let was_applied = before.sessions.get(index).map(|session| session.status);
            holds(is_applied || was_applied != Some(DownloadStatus::Applied), UNDONE)?;
        }
        if after.applied.len() > before.applied.len() {
            let newest = &after.sessions[*after.applied.last().expect("it is longer")];
            let is_settled = |package: Package| {
                let of_package = |session: &&Session| session.package == package;
                let is_applied =
                    after.applied.iter().any(|s| after.sessions[*s].package == package);
                let is_given_up = |session: &Session| session.status == DownloadStatus::Canceled;
                is_applied || after.sessions.iter().filter(of_package).any(is_given_up)
            };
            holds((1..newest.package).all(is_settled), ORDER)?;
        }
        if before.at.is_none()
            && let Some((offered, _)) = after.at
        {
            let suspended = |session: &Session| session.status == DownloadStatus::Suspended;
            let is_passed = before.sessions.iter().any(suspended);
            holds(!is_passed || before.applied.contains(&offered), PASSED)?;
        }
        Ok(())
    }

    fn is_settled(&self, state: &State) -> bool {
        let ends_suspended = self.operator == Operator::Sleeps
            && state.sessions.iter().any(|s| s.status == DownloadStatus::Suspended);
        let has_ended = state.position == state.made
            && state.sessions.iter().all(|session| !session.progress().holds_up_followers());
        state.at.is_none() && (has_ended || ends_suspended)
    }

    fn is_progress(&self, action: Action) -> bool {
        match action {
            Action::Poll | Action::Fetch | Action::Apply | Action::Report => true,
            // Somebody has to decide on what is suspended.
            Action::Retry(_) | Action::Cancel(_) => true,
            Action::Make
            | Action::OfferLost
            | Action::FetchFails
            | Action::ApplyFails
            | Action::ReportDelayed
            | Action::ReportDoubled
            | Action::Late
            | Action::Crash
            | Action::Rerun(_) => false,
        }
    }
}

impl World {
    /// What `answer_poll` does: the oldest open session, or a session for the next package.
    fn offer(&self, state: &mut State, arrives: bool) {
        let passes = self.planted == Some(Planted::PassesSuspended);
        let open = state.sessions.iter().position(|session| {
            let is_passed = passes && session.status == DownloadStatus::Suspended;
            session.progress().holds_up_followers() && !is_passed
        });
        let offered = match open {
            Some(open) if state.sessions[open].status == DownloadStatus::Suspended => return,
            Some(open) => open,
            None if passes && state.sessions.len() < usize::from(state.made) => {
                state.open(u8::try_from(state.sessions.len()).expect("few sessions") + 1)
            }
            None if state.position < state.made => state.open(state.position + 1),
            None => return,
        };
        if arrives {
            // The report of the first time was lost: there is nothing left to do but to repeat it.
            let stage = match state.applied.contains(&offered) {
                true => Stage::Reporting(DownloadEvent::Applied),
                false => Stage::Offered,
            };
            state.at = Some((offered, stage));
        }
    }

    fn fetch(&self, state: &mut State) {
        let Some((session, _)) = state.at else { return };
        // Bytes are handed out only of what is offered.
        match self.receive(state, session, DownloadEvent::Requested) {
            true => state.at = Some((session, Stage::Fetched)),
            false => state.at = None,
        }
    }

    /// The report of the present stage arrives, and so does its answer.
    fn report(&self, state: &mut State) {
        let Some((session, event)) = state.reported() else { return };
        let is_taken = self.receive(state, session, event);
        let goes_on = is_taken && event == DownloadEvent::Downloaded;
        state.at = goes_on.then_some((session, Stage::Ready));
        if goes_on && self.planted == Some(Planted::ReportsFirst) {
            self.receive(state, session, DownloadEvent::Applied);
        }
    }

    /// What `report_download` does; whether it was accepted.
    fn receive(&self, state: &mut State, index: usize, event: DownloadEvent) -> bool {
        let session = &mut state.sessions[index];
        let was_applied = session.status == DownloadStatus::Applied;
        let Ok(next) = session.stepped(event) else { return false };
        (session.status, session.failures) = (next.status, next.failures);
        let package = session.package;
        let is_new = next.status == DownloadStatus::Applied && !was_applied;
        if self.planted == Some(Planted::MovesBack) && event == DownloadEvent::Applied {
            state.position = package;
        } else if is_new {
            state.position = state.position.max(package);
        }
        true
    }

    /// What `command_session` does.
    fn command(&self, state: &mut State, index: usize, event: DownloadEvent) {
        let session = &mut state.sessions[index];
        let is_locked = self.planted == Some(Planted::LocksSuspended);
        if is_locked && session.status == DownloadStatus::Suspended {
            return;
        }
        let Ok(next) = session.stepped(event) else { return };
        let package = session.package;
        if event == DownloadEvent::Rerun {
            // The old session keeps its history; the repeat has one of its own.
            let (status, failures) = (next.status, next.failures);
            state.sessions.push(Session { package, status, failures, is_rerun: true });
            return;
        }
        (session.status, session.failures) = (next.status, next.failures);
        if event == DownloadEvent::Cancel {
            state.position = state.position.max(package);
        }
    }
}

impl State {
    fn open(&mut self, package: Package) -> usize {
        let status = DownloadStatus::Available;
        self.sessions.push(Session { package, status, failures: 0, is_rerun: false });
        self.sessions.len() - 1
    }

    fn apply(&mut self) {
        let Some((session, _)) = self.at else { return };
        if !self.applied.contains(&session) {
            self.applied.push(session);
        }
    }

    fn report_next(&mut self, event: DownloadEvent) {
        self.at = self.at.map(|(session, _)| (session, Stage::Reporting(event)));
    }

    /// What the database has to report.
    fn reported(&self) -> Option<(usize, DownloadEvent)> {
        match self.at? {
            (session, Stage::Fetched) => Some((session, DownloadEvent::Downloaded)),
            (session, Stage::Reporting(event)) => Some((session, event)),
            (_, Stage::Offered | Stage::Ready) => None,
        }
    }
}

impl Session {
    fn progress(&self) -> Progress<DownloadStatus> {
        Progress { status: self.status, failures: self.failures, next_try_at: None }
    }

    fn stepped(&self, event: DownloadEvent) -> Result<Progress<DownloadStatus>, ()> {
        let policy = &RetryPolicy::SESSION;
        let stepped = self.progress().step(event, Timestamp::UNIX_EPOCH, policy, Jitter(0.0));
        stepped.map_err(|_| ())
    }
}
