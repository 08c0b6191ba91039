//! What travels as JSON besides packages: it reads again as what it was.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tillsync_exchange::messages::{
    DownloadReport, EnrolRequest, Enrolled, Hello, Poll, PollAnswer, Refusal, UploadReceipt,
    Welcome,
};
use tillsync_hq_web::api::databases::{DefaultCustomer, NewDatabase};
use tillsync_hq_web::api::groups::GroupSettings;
use tillsync_hq_web::api::items::ItemList;
use tillsync_hq_web::api::jobs::{RunRequest, Schedule};
use tillsync_hq_web::api::parameters::Parameters;
use tillsync_hq_web::api::sequences::SequencePatch;

use crate::lossless::texts;

/// Messages of the exchange. A newer end may say more than this one knows.
pub(crate) fn message(input: &[u8]) {
    if let Some(hello) = twice::<Hello>(input) {
        let spoken = tillsync_exchange::version::SPOKEN;
        if let Ok(version) = spoken.agree(hello.protocol) {
            assert!((spoken.min..=spoken.max).contains(&version), "agreed on {version}");
            assert!((hello.protocol.min..=hello.protocol.max).contains(&version));
        }
    }
    twice::<EnrolRequest>(input);
    twice::<Enrolled>(input);
    twice::<Welcome>(input);
    twice::<UploadReceipt>(input);
    twice::<Poll>(input);
    twice::<PollAnswer>(input);
    twice::<DownloadReport>(input);
    twice::<Refusal>(input);
}

/// Bodies that headquarters takes from operators. They refuse what they do not know, so nothing
/// that was sent can be lost.
pub(crate) fn headquarters_body(input: &[u8]) {
    whole::<NewDatabase>(input);
    whole::<DefaultCustomer>(input);
    whole::<GroupSettings>(input);
    whole::<ItemList>(input);
    whole::<RunRequest>(input);
    whole::<Schedule>(input);
    whole::<SequencePatch>(input);
    whole::<Parameters>(input);
}

/// Reads a value, and once more what it is written as.
fn twice<T: DeserializeOwned + Serialize + Debug + PartialEq>(input: &[u8]) -> Option<T> {
    let read: T = serde_json::from_slice(input).ok()?;
    let text = serde_json::to_string(&read).expect("what was read can be written");
    assert_eq!(serde_json::from_str::<T>(&text).ok().as_ref(), Some(&read), "{text}");
    Some(read)
}

fn whole<T: DeserializeOwned + Serialize + Debug + PartialEq>(input: &[u8]) {
    let Some(read) = twice::<T>(input) else { return };
    let sent: Value = serde_json::from_slice(input).expect("it was read");
    let kept = serde_json::to_value(&read).expect("what was read can be written");
    let kept = kept.to_string();
    for (name, text) in texts(&sent) {
        let quoted = Value::String(text).to_string();
        assert!(kept.contains(&quoted), "{name} was dropped: {quoted}");
    }
}
