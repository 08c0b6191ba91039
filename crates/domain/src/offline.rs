//! Whether a register works with its store or by itself (`domain.md` 6.3).
//!
//! A register goes offline by itself when its store does not answer or answers too late, and comes
//! back by itself when a health check is answered. Somebody who switches it by hand is obeyed until
//! somebody switches it back.

use std::fmt;

use jiff::Timestamp;

/// How a register works.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RegisterLine {
    /// With its store.
    #[default]
    Online,
    /// By itself: nobody waits for the store, which is asked for nothing but whether it is there.
    Offline {
        /// Since when.
        since: Timestamp,
        /// Why.
        reason: OfflineReason,
    },
}

/// Why a register works by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OfflineReason {
    /// Its store did not answer.
    CutOff,
    /// Its store took longer than the offline profile allows.
    Slow,
    /// Somebody switched it (operation 917). It exchanges nothing, and returns only when somebody
    /// switches it back.
    Manual,
}

impl OfflineReason {
    /// The name in bodies and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            OfflineReason::CutOff => "cut_off",
            OfflineReason::Slow => "slow",
            OfflineReason::Manual => "manual",
        }
    }
}

impl fmt::Display for OfflineReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            OfflineReason::CutOff => "its store does not answer",
            OfflineReason::Slow => "its store answers too slowly",
            OfflineReason::Manual => "somebody disconnected it",
        })
    }
}

/// What a register learns about the way to its store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LineEvent {
    /// A call failed on the way.
    Failed,
    /// A call took longer than it may.
    TooSlow,
    /// The store answered, a health check or something else.
    Answered,
    /// Somebody switches to offline.
    Disconnected,
    /// Somebody switches back.
    Connected,
    /// The program starts. Only what somebody switched is remembered.
    Restarted,
}

impl RegisterLine {
    /// Whether it works by itself.
    pub fn is_offline(self) -> bool {
        self != RegisterLine::Online
    }

    /// Whether somebody switched it to offline: then it exchanges nothing at all.
    pub fn is_disconnected(self) -> bool {
        matches!(self, RegisterLine::Offline { reason: OfflineReason::Manual, .. })
    }

    /// How it works after an event.
    #[must_use]
    pub fn after(self, event: LineEvent, now: Timestamp) -> Self {
        use OfflineReason::{CutOff, Manual, Slow};
        use RegisterLine::{Offline, Online};
        let offline = |since, reason| Offline { since, reason };
        match (self, event) {
            (Offline { reason: Manual, since }, LineEvent::Connected) => {
                // Whether the store is there is not known yet; nobody has to find out by waiting.
                offline(since, CutOff)
            }
            (Offline { reason: Manual, .. }, _) => self,
            (_, LineEvent::Disconnected) => offline(now, Manual),
            (_, LineEvent::Answered | LineEvent::Restarted) => Online,
            (Online, LineEvent::Failed) => offline(now, CutOff),
            (Online, LineEvent::TooSlow) => offline(now, Slow),
            // What took it offline first is what people should hear.
            (Offline { .. }, LineEvent::Failed | LineEvent::TooSlow) => self,
            (_, LineEvent::Connected) => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [LineEvent; 6] = [
        LineEvent::Failed,
        LineEvent::TooSlow,
        LineEvent::Answered,
        LineEvent::Disconnected,
        LineEvent::Connected,
        LineEvent::Restarted,
    ];

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn offline(second: i64, reason: OfflineReason) -> RegisterLine {
        RegisterLine::Offline { since: at(second), reason }
    }

    #[test]
    fn each_event_in_each_state_leads_where_the_rules_say() {
        use OfflineReason::{CutOff, Manual, Slow};
        let online = RegisterLine::Online;
        let (cut, slow, manual) = (offline(1, CutOff), offline(1, Slow), offline(1, Manual));
        let new = |reason| offline(9, reason);
        // In the order of `ALL`.
        for (before, after) in [
            (online, [new(CutOff), new(Slow), online, new(Manual), online, online]),
            (cut, [cut, cut, online, new(Manual), cut, online]),
            (slow, [slow, slow, online, new(Manual), slow, online]),
            (manual, [manual, manual, manual, manual, cut, manual]),
        ] {
            for (event, expected) in ALL.into_iter().zip(after) {
                assert_eq!(before.after(event, at(9)), expected, "{before:?} {event:?}");
            }
        }
    }

    /// Every series of up to six events.
    #[test]
    fn only_a_switch_by_hand_ends_what_a_switch_by_hand_began() {
        fn walk(line: RegisterLine, is_switched: bool, depth: u32) {
            assert_eq!(line.is_disconnected(), is_switched);
            if depth == 0 {
                return;
            }
            for event in ALL {
                let is_switched = match event {
                    LineEvent::Disconnected => true,
                    LineEvent::Connected => false,
                    _ => is_switched,
                };
                walk(line.after(event, at(i64::from(depth))), is_switched, depth - 1);
            }
        }
        walk(RegisterLine::default(), false, 6);
    }
}
