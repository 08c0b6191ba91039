//! Whether the upstream answers, since when, and how far its clock is off.

use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

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
    /// The last thing that went wrong; cleared when all is well.
    pub error: Option<String>,
    /// The upstream's clock minus ours.
    pub skew: Option<SignedDuration>,
}

/// What a call upstream changed about the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LinkChange {
    None,
    Reconnected,
}

pub(crate) struct Link(Mutex<LinkHealth>);

impl Default for Link {
    fn default() -> Self {
        let (state, since) = (LinkState::Unknown, None);
        Link(Mutex::new(LinkHealth { state, since, error: None, skew: None }))
    }
}

impl Link {
    pub(crate) fn health(&self) -> LinkHealth {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes what a call upstream came to.
    pub(crate) fn note<T>(&self, result: &Result<T, UpstreamError>, now: Timestamp) -> LinkChange {
        let mut health = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = health.state;
        health.state = match result {
            Err(error) if error.is_communication() => LinkState::Cut,
            Ok(_) | Err(_) => LinkState::Connected,
        };
        if health.state != before {
            health.since = Some(now);
        }
        match result {
            Ok(_) if before != LinkState::Connected => health.error = None,
            Ok(_) => {}
            Err(error) => health.error = Some(error.to_string()),
        }
        if before == LinkState::Cut && health.state == LinkState::Connected {
            LinkChange::Reconnected
        } else {
            LinkChange::None
        }
    }

    /// Forgets the last error: a whole round went well.
    pub(crate) fn note_all_well(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).error = None;
    }

    /// Notes the upstream's clock.
    pub(crate) fn note_clock(&self, theirs: Timestamp, ours: Timestamp) {
        let skew = theirs.duration_since(ours);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).skew = Some(skew);
    }
}
