//! Whether the upstream answers, since when, how far its clock is off, and whether a register works
//! with its store.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use tillsync_domain::offline::{LineEvent, RegisterLine};
use tillsync_exchange::messages::DatabaseKind;

use crate::edge::Edge;
use crate::upstream::UpstreamError;

/// Whether the upstream answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    /// It was not asked yet.
    Unknown,
    /// It answered when last asked.
    Connected,
    /// It did not answer when last asked.
    Cut,
}

/// What is known about the way to the upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkHealth {
    /// Whether it answers.
    pub state: LinkState,
    /// Since when it has been so.
    pub since: Option<Timestamp>,
    /// When it answered last, since the start.
    pub answered_at: Option<Timestamp>,
    /// The last thing that went wrong; cleared when all is well.
    pub error: Option<String>,
    /// The upstream's clock minus ours.
    pub skew: Option<SignedDuration>,
    /// How many of the packages that were offered last are not applied yet.
    pub offers_left: u64,
}

/// What a call upstream changed about the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LinkChange {
    None,
    /// The upstream answers again.
    Reconnected,
    /// A register went offline or came back.
    Line,
}

pub(crate) struct Link(Mutex<Known>);

struct Known {
    health: LinkHealth,
    line: RegisterLine,
}

impl Default for Link {
    fn default() -> Self {
        let health = LinkHealth {
            state: LinkState::Unknown,
            since: None,
            answered_at: None,
            error: None,
            skew: None,
            offers_left: 0,
        };
        Link(Mutex::new(Known { health, line: RegisterLine::Online }))
    }
}

impl Link {
    pub(crate) fn health(&self) -> LinkHealth {
        self.lock().health.clone()
    }

    /// Notes what a call upstream came to.
    pub(crate) fn note<T>(&self, result: &Result<T, UpstreamError>, now: Timestamp) -> LinkChange {
        let mut known = self.lock();
        let line = known.line;
        let health = &mut known.health;
        let before = health.state;
        let event = match result {
            Err(UpstreamError::Slow(_)) => LineEvent::TooSlow,
            Err(error) if error.is_communication() => LineEvent::Failed,
            Ok(_) | Err(_) => LineEvent::Answered,
        };
        if event == LineEvent::Answered {
            health.state = LinkState::Connected;
            health.answered_at = Some(now);
        } else {
            health.state = LinkState::Cut;
        }
        if health.state != before {
            health.since = Some(now);
        }
        match result {
            Ok(_) if before != LinkState::Connected => health.error = None,
            Ok(_) => {}
            Err(error) => health.error = Some(error.to_string()),
        }
        let is_back = before == LinkState::Cut && health.state == LinkState::Connected;
        known.line = line.after(event, now);
        match (is_back, known.line != line) {
            (true, _) => LinkChange::Reconnected,
            (false, true) => LinkChange::Line,
            (false, false) => LinkChange::None,
        }
    }

    /// How a register works, as far as calls have told.
    pub(crate) fn line(&self) -> RegisterLine {
        self.lock().line
    }

    /// Notes something about the line that no call told.
    pub(crate) fn line_event(&self, event: LineEvent, now: Timestamp) -> RegisterLine {
        let mut known = self.lock();
        known.line = known.line.after(event, now);
        known.line
    }

    /// Forgets the last error: a whole round went well.
    pub(crate) fn note_all_well(&self) {
        self.lock().health.error = None;
    }

    /// Notes the upstream's clock.
    pub(crate) fn note_clock(&self, theirs: Timestamp, ours: Timestamp) {
        self.lock().health.skew = Some(theirs.duration_since(ours));
    }

    /// Notes how many packages that were offered are still to be applied.
    pub(crate) fn note_offers_left(&self, count: u64) {
        self.lock().health.offers_left = count;
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notes what a call upstream came to, and wakes whoever waits for the line.
pub(crate) fn note<T>(edge: &Edge, answer: &Result<T, UpstreamError>, now: Timestamp) {
    match edge.link.note(answer, now) {
        LinkChange::Reconnected => edge.signals.link_came_back(),
        LinkChange::Line if edge.identity().kind == DatabaseKind::Register => {
            edge.signals.line_changed();
        }
        LinkChange::Line | LinkChange::None => {}
    }
}
