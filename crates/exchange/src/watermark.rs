//! What both ends conclude from how far a log has been received.
//!
//! A watermark is the receiver's word; the sender compares it with its log before every package.
//! These are all the decisions of an upload; whoever carries them out decides nothing else.

use tillsync_domain::ids::{Counter, EntryId, EpochId};
use tillsync_domain::operation::Watermark;

use crate::session::UploadStatus;

/// Whether the receiver acknowledged something that the sender's log does not hold at that place:
/// then the sender was restored from an older copy, or is a clone (F64). `ours` is the sender's
/// entry at the watermark's counter.
pub fn has_diverged(watermark: &Watermark, ours: Option<EntryId>) -> bool {
    // A receiver that does not say which entry it holds there proves nothing by it.
    watermark.counter != Counter::ZERO
        && (ours.is_none() || watermark.entry.is_some_and(|theirs| ours != Some(theirs)))
}

/// Whether a package that begins at `first` leaves no gap behind what was received.
pub fn continues(watermark: &Watermark, first: Counter) -> bool {
    first <= watermark.counter.next()
}

/// The watermark after the rows of a package were written, of which `last` is the last; nothing
/// when it stays. It never runs back: a repeat brings nothing new.
pub fn advanced(watermark: &Watermark, last: Option<(Counter, EntryId)>) -> Option<Watermark> {
    let (counter, entry) = last.filter(|(counter, _)| *counter > watermark.counter)?;
    Some(Watermark { epoch: watermark.epoch, counter, entry: Some(entry) })
}

/// The part of a log that an upload session brings, ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadSpan {
    /// The incarnation that sends it.
    pub epoch: EpochId,
    /// The first counter.
    pub first: Counter,
    /// The last counter.
    pub last: Counter,
}

/// How the open session of a sender ends because of where the receiver stands; nothing when it is
/// still the next one to send.
pub fn ended_by(watermark: &Watermark, open: UploadSpan) -> Option<UploadStatus> {
    let is_of_epoch = open.epoch == watermark.epoch;
    if is_of_epoch && open.first == watermark.counter.next() {
        return None;
    }
    let has_arrived = is_of_epoch && open.last <= watermark.counter;
    Some(if has_arrived { UploadStatus::Applied } else { UploadStatus::Canceled })
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn entry(number: u128) -> EntryId {
        EntryId::from_uuid(Uuid::from_u128(number))
    }

    fn at(counter: u64) -> Watermark {
        let epoch = EpochId::from_uuid(Uuid::from_u128(1));
        let held = (counter > 0).then(|| entry(counter.into()));
        Watermark { epoch, counter: Counter(counter), entry: held }
    }

    #[test]
    fn a_log_has_diverged_when_it_ends_earlier_or_holds_another_entry_there() {
        assert!(!has_diverged(&at(0), None));
        assert!(!has_diverged(&at(2), Some(entry(2))));
        assert!(has_diverged(&at(2), None));
        assert!(has_diverged(&at(2), Some(entry(9))));
        let silent = Watermark { entry: None, ..at(2) };
        assert!(!has_diverged(&silent, Some(entry(9))));
    }

    #[test]
    fn a_package_may_repeat_and_must_not_leave_a_gap() {
        let fits: Vec<_> = (1..=5).map(|first| continues(&at(2), Counter(first))).collect();
        assert_eq!(fits, [true, true, true, false, false]);
        assert_eq!(advanced(&at(2), Some((Counter(2), entry(2)))), None);
        assert_eq!(advanced(&at(2), None), None);
        assert_eq!(advanced(&at(2), Some((Counter(3), entry(3)))), Some(at(3)));
    }

    #[test]
    fn an_open_session_goes_on_only_from_the_watermark() {
        let open = |first, last| {
            let (first, last) = (Counter(first), Counter(last));
            UploadSpan { epoch: at(0).epoch, first, last }
        };
        assert_eq!(ended_by(&at(2), open(3, 4)), None);
        assert_eq!(ended_by(&at(4), open(3, 4)), Some(UploadStatus::Applied));
        assert_eq!(ended_by(&at(3), open(3, 4)), Some(UploadStatus::Canceled));
        assert_eq!(ended_by(&at(1), open(3, 4)), Some(UploadStatus::Canceled));
        let other = EpochId::from_uuid(Uuid::from_u128(7));
        let lost = UploadSpan { epoch: other, ..open(3, 4) };
        assert_eq!(ended_by(&at(2), lost), Some(UploadStatus::Canceled));
    }
}
