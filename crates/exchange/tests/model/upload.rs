//! A store that uploads its log while messages are lost, doubled and late, while it is killed,
//! restored from an older copy, or runs twice.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use tillsync_domain::ids::{Counter, EntryId, EpochId};
use tillsync_domain::operation::Watermark;
use tillsync_exchange::retry::{Jitter, RetryPolicy};
use tillsync_exchange::session::{Progress, UploadEvent, UploadStatus};
use tillsync_exchange::watermark::{UploadSpan, advanced, continues, ended_by, has_diverged};
use uuid::Uuid;

use crate::search::Model;

/// Entries in one package: fewer than in a log, so that packages follow one another.
const PACKAGE_ENTRIES_MAX: usize = 2;
/// Requests that are still on their way although nobody waits for them.
const DELAYED_MAX: usize = 1;
/// The incarnations that a copy can call for; more would be one without end.
const EPOCHS_MAX: u8 = 4;

pub(crate) struct World {
    /// How many entries are recorded in the whole world.
    pub(crate) entries_max: u8,
    pub(crate) copies: Copies,
    pub(crate) planted: Option<Planted>,
}

/// What becomes of a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Copies {
    /// The store goes on from it.
    Restored,
    /// That, or it runs beside the store.
    RestoredOrRunning,
}

/// An error in the glue, for the test of the search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Planted {
    /// The sender compares how far, but not with which entry.
    ComparesCountersOnly,
    /// The receiver moves the watermark in a transaction of its own, before the rows.
    AcknowledgesFirst,
    /// The receiver takes the last row of a repeat for how far it is.
    RunsBack,
    /// The receiver inserts without looking.
    InsertsAgain,
}

impl Planted {
    pub(crate) const ALL: [Planted; 4] = [
        Planted::ComparesCountersOnly,
        Planted::AcknowledgesFirst,
        Planted::RunsBack,
        Planted::InsertsAgain,
    ];

    /// As what it is found.
    pub(crate) fn finding(self) -> &'static str {
        match self {
            Planted::ComparesCountersOnly => OVERTAKEN,
            Planted::AcknowledgesFirst => LOST,
            Planted::RunsBack => BACK,
            Planted::InsertsAgain => TWICE,
        }
    }
}

const LOST: &str = "what the sender takes for received is not there";
const BACK: &str = "a watermark ran back";
const TWICE: &str = "an entry is there twice";
const OVERTAKEN: &str = "an entry came before one that was recorded before it";
const EPOCHS: &str = "epochs follow one another without end";
const VANISHED: &str = "what was received vanished";

type Entry = u8;
type Epoch = u8;
/// How far and, unless nothing was received, with which entry.
type Mark = (u8, Option<Entry>);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct State {
    /// The store, and its copy once it runs as well.
    senders: [Option<Sender>; 2],
    backup: Option<Sender>,
    has_restored: bool,
    marks: BTreeMap<Epoch, Mark>,
    received: Vec<Entry>,
    delayed: BTreeSet<Request>,
    /// Per entry what stood in the log before it.
    before: Vec<Vec<Entry>>,
    epochs: u8,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Sender {
    log: Vec<Entry>,
    epoch: Epoch,
    sent: Mark,
    open: Option<Open>,
    /// In memory only, as what follows.
    conversation: Option<Mark>,
    awaited: Option<Request>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Open {
    epoch: Epoch,
    first: u8,
    last: u8,
    status: UploadStatus,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Request {
    Hello { epoch: Epoch },
    Package { epoch: Epoch, first: u8, entries: Vec<Entry> },
}

enum Answer {
    /// To a hello or a package: where the receiver stands now.
    Stands(Mark),
    /// The package leaves a gap.
    Refused(Mark),
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Action {
    Record(usize),
    /// The sender does the next thing that it would do.
    GoOn(usize),
    /// The request arrives, and so does its answer.
    Answered(usize),
    AnswerLost(usize),
    RequestLost(usize),
    /// The request is on its way a second time.
    Doubled(usize),
    Crash(usize),
    /// The receiver has written; the sender dies before it hears of it.
    CrashBeforeAnswer(usize),
    /// The oldest of the delayed requests arrives.
    Late,
    BackUp,
    /// The store goes on from its backup.
    Restore,
    /// The backup runs beside the store.
    Clone,
}

impl Model for World {
    type State = State;
    type Action = Action;

    fn initial(&self) -> State {
        let store = Sender {
            log: vec![],
            epoch: 1,
            sent: (0, None),
            open: None,
            conversation: None,
            awaited: None,
        };
        State {
            senders: [Some(store), None],
            backup: None,
            has_restored: false,
            marks: BTreeMap::new(),
            received: vec![],
            delayed: BTreeSet::new(),
            before: vec![],
            epochs: 1,
        }
    }

    fn actions(&self, state: &State) -> Vec<Action> {
        let mut actions = vec![];
        for (index, sender) in state.senders.iter().enumerate() {
            let Some(sender) = sender else { continue };
            if state.before.len() < usize::from(self.entries_max) {
                actions.push(Action::Record(index));
            }
            actions.push(Action::Crash(index));
            if sender.awaited.is_none() {
                actions.push(Action::GoOn(index));
                continue;
            }
            let answers = [
                Action::Answered,
                Action::AnswerLost,
                Action::RequestLost,
                Action::Doubled,
                Action::CrashBeforeAnswer,
            ];
            actions.extend(answers.map(|action| action(index)));
        }
        actions.push(Action::Late);
        match (&state.backup, state.has_restored) {
            (None, false) => actions.push(Action::BackUp),
            (Some(_), false) => {
                actions.push(Action::Restore);
                if self.copies == Copies::RestoredOrRunning {
                    actions.push(Action::Clone);
                }
            }
            _ => {}
        }
        actions
    }

    fn step(&self, state: &State, action: Action) -> State {
        let mut after = state.clone();
        match action {
            Action::Record(index) => after.record(index),
            Action::GoOn(index) => self.go_on(&mut after, index),
            Action::Answered(index) => {
                let request = after.sender(index).awaited.take().expect("it is awaited");
                let answer = self.receive(&mut after, &request);
                after.sender(index).hear(&request, answer);
            }
            Action::AnswerLost(index) => {
                let request = after.sender(index).awaited.clone().expect("it is awaited");
                self.receive(&mut after, &request);
                after.sender(index).fail();
            }
            Action::RequestLost(index) => after.sender(index).fail(),
            Action::Doubled(index) => {
                let request = after.sender(index).awaited.clone().expect("it is awaited");
                if after.delayed.len() < DELAYED_MAX {
                    after.delayed.insert(request);
                }
            }
            Action::Crash(index) => after.sender(index).crash(),
            Action::CrashBeforeAnswer(index) => {
                let request = after.sender(index).awaited.clone().expect("it is awaited");
                if self.planted == Some(Planted::AcknowledgesFirst) {
                    after.acknowledge(&request);
                } else {
                    self.receive(&mut after, &request);
                }
                after.sender(index).crash();
            }
            Action::Late => {
                if let Some(request) = after.delayed.pop_first() {
                    self.receive(&mut after, &request);
                }
            }
            Action::BackUp => {
                let mut copy = after.sender(0).clone();
                copy.crash();
                after.backup = Some(copy);
            }
            Action::Restore => {
                (after.senders[0], after.has_restored) = (after.backup.take(), true);
            }
            Action::Clone => {
                (after.senders[1], after.has_restored) = (after.backup.take(), true);
            }
        }
        after
    }

    fn check(&self, before: &State, after: &State) -> Result<(), &'static str> {
        let holds = |holds: bool, broken| if holds { Ok(()) } else { Err(broken) };
        for (epoch, (counter, _)) in &before.marks {
            holds(after.marks.get(epoch).is_some_and(|now| now.0 >= *counter), BACK)?;
        }
        holds(after.received.starts_with(&before.received), VANISHED)?;
        holds(after.epochs <= EPOCHS_MAX, EPOCHS)?;
        for (place, entry) in after.received.iter().enumerate() {
            let earlier = &after.received[..place];
            holds(!earlier.contains(entry), TWICE)?;
            let needed = &after.before[usize::from(*entry)];
            holds(needed.iter().all(|needed| earlier.contains(needed)), OVERTAKEN)?;
        }
        for sender in after.senders.iter().flatten() {
            // One that sees that it is a copy sends everything anew before it trusts in anything.
            let sent = usize::from(sender.sent.0);
            let is_known = has_diverged(&watermark(sender.epoch, sender.sent), sender.own(sent));
            let arrived = |entry: &Entry| after.received.contains(entry);
            holds(is_known || sender.log[..sent].iter().all(arrived), LOST)?;
        }
        Ok(())
    }

    fn is_settled(&self, state: &State) -> bool {
        state.senders.iter().flatten().all(|sender| {
            let has_all = sender.log.iter().all(|entry| state.received.contains(entry));
            let is_told = sender.conversation.is_some_and(|mark| {
                usize::from(mark.0) == sender.log.len() && mark.1 == sender.log.last().copied()
            });
            has_all && is_told && sender.open.is_none() && sender.awaited.is_none()
        })
    }

    fn is_progress(&self, action: Action) -> bool {
        matches!(action, Action::GoOn(_) | Action::Answered(_))
    }
}

impl World {
    /// What `upload_all` does between two requests.
    fn go_on(&self, state: &mut State, index: usize) {
        let fresh = state.epochs + 1;
        let sender = state.sender(index);
        let Some(mark) = sender.conversation else {
            sender.awaited = Some(Request::Hello { epoch: sender.epoch });
            return;
        };
        let compared = match self.planted {
            Some(Planted::ComparesCountersOnly) => (mark.0, None),
            _ => mark,
        };
        let place = usize::from(mark.0);
        let told = watermark(sender.epoch, mark);
        if has_diverged(&watermark(sender.epoch, compared), sender.own(place)) {
            (sender.epoch, sender.sent) = (fresh, (0, None));
            (sender.open, sender.conversation) = (None, None);
            state.epochs = fresh;
            return;
        }
        if sender.open.is_some_and(|open| ended_by(&told, open.span()).is_some()) {
            sender.open = None;
        }
        let last = sender.log.len().min(place + PACKAGE_ENTRIES_MAX);
        if sender.open.is_none() && last > place {
            sender.open = Some(Open {
                epoch: sender.epoch,
                first: mark.0 + 1,
                last: u8::try_from(last).expect("a short log"),
                status: UploadStatus::Started,
            });
        }
        let Some(open) = sender.open else { return };
        sender.note(UploadEvent::Built);
        let entries = sender.log[usize::from(open.first) - 1..usize::from(open.last)].to_vec();
        sender.awaited = Some(Request::Package { epoch: open.epoch, first: open.first, entries });
    }

    /// What `receive_upload` does, in one transaction.
    fn receive(&self, state: &mut State, request: &Request) -> Answer {
        let Request::Package { epoch, first, entries } = request else {
            return Answer::Stands(state.mark(request.epoch()));
        };
        let known = state.mark(*epoch);
        if !continues(&watermark(*epoch, known), Counter(u64::from(*first))) {
            return Answer::Refused(known);
        }
        for entry in entries {
            if self.planted == Some(Planted::InsertsAgain) || !state.received.contains(entry) {
                state.received.push(*entry);
            }
        }
        if self.planted == Some(Planted::RunsBack) {
            let last = first + u8::try_from(entries.len()).expect("a short package") - 1;
            state.marks.insert(*epoch, (last, entries.last().copied()));
        } else {
            state.acknowledge(request);
        }
        Answer::Stands(state.mark(*epoch))
    }
}

impl State {
    fn sender(&mut self, index: usize) -> &mut Sender {
        self.senders[index].as_mut().expect("only senders that are there act")
    }

    fn record(&mut self, index: usize) {
        let entry = Entry::try_from(self.before.len()).expect("few entries");
        let log = &mut self.sender(index).log;
        let earlier = log.clone();
        log.push(entry);
        self.before.push(earlier);
    }

    fn mark(&self, epoch: Epoch) -> Mark {
        self.marks.get(&epoch).copied().unwrap_or((0, None))
    }

    fn acknowledge(&mut self, request: &Request) {
        let Request::Package { epoch, first, entries } = request else { return };
        let last = u64::from(*first) + entries.len() as u64 - 1;
        let last = entries.last().map(|entry| (Counter(last), entry_id(*entry)));
        let Some(now) = advanced(&watermark(*epoch, self.mark(*epoch)), last) else { return };
        let counter = u8::try_from(now.counter.0).expect("a short log");
        self.marks.insert(*epoch, (counter, entries.last().copied()));
    }
}

impl Sender {
    /// The entry at a counter.
    fn own(&self, counter: usize) -> Option<EntryId> {
        counter.checked_sub(1).and_then(|place| self.log.get(place)).map(|own| entry_id(*own))
    }

    fn hear(&mut self, request: &Request, answer: Answer) {
        let (Answer::Stands(mark) | Answer::Refused(mark)) = answer;
        match (request, answer) {
            (Request::Hello { .. }, _) => self.sent = mark,
            (Request::Package { .. }, Answer::Stands(_)) => {
                self.note(UploadEvent::Uploaded);
                self.note(UploadEvent::Applied);
                self.sent = mark;
            }
            (Request::Package { .. }, Answer::Refused(_)) => self.note(UploadEvent::Cancel),
        }
        self.conversation = Some(mark);
    }

    /// Nothing was heard: the next thing is to ask again.
    fn fail(&mut self) {
        if matches!(self.awaited, Some(Request::Package { .. })) {
            self.note(UploadEvent::UploadFailed);
        }
        self.crash();
    }

    fn crash(&mut self) {
        (self.conversation, self.awaited) = (None, None);
    }

    fn note(&mut self, event: UploadEvent) {
        let Some(open) = &mut self.open else { return };
        let policy = RetryPolicy { tries_max: None, ..RetryPolicy::SESSION };
        let progress = Progress::fresh(open.status);
        // A step that the status does not allow came too late to matter.
        if let Ok(next) = progress.step(event, Timestamp::UNIX_EPOCH, &policy, Jitter(0.0)) {
            open.status = next.status;
        }
        if matches!(open.status, UploadStatus::Applied | UploadStatus::Canceled) {
            self.open = None;
        }
    }
}

impl Open {
    fn span(self) -> UploadSpan {
        let (first, last) = (Counter(u64::from(self.first)), Counter(u64::from(self.last)));
        UploadSpan { epoch: epoch_id(self.epoch), first, last }
    }
}

impl Request {
    fn epoch(&self) -> Epoch {
        match self {
            Request::Hello { epoch } | Request::Package { epoch, .. } => *epoch,
        }
    }
}

fn watermark(epoch: Epoch, (counter, entry): Mark) -> Watermark {
    let entry = entry.map(entry_id);
    Watermark { epoch: epoch_id(epoch), counter: Counter(u64::from(counter)), entry }
}

fn entry_id(entry: Entry) -> EntryId {
    EntryId::from_uuid(Uuid::from_u128(u128::from(entry)))
}

fn epoch_id(epoch: Epoch) -> EpochId {
    EpochId::from_uuid(Uuid::from_u128(u128::from(epoch)))
}
