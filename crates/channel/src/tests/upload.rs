//! The way up: lost answers, restored copies, clones, refusals.

use tillsync_domain::kind::ErrorKind;
use tillsync_exchange::messages::ExchangeMode;

use super::fake_upstream::{FakeUpstream, Fault, source_of};
use super::world::{Shop, restored_copy, shop};
use crate::health::{LinkState, read_health};
use crate::upload::{Conversation, UploadError};

const APPLIED: &str = "SELECT count(*) FROM upload_session WHERE status = 3";
const FAILED: &str = "SELECT count(*) FROM upload_session WHERE status = 5";

fn unsent(shop: &Shop) -> u64 {
    read_health(&shop.edge).expect("reads").unsent
}

#[test]
fn a_second_upload_sends_nothing() {
    let (shop, hq) = (shop("S1", None, 1), FakeUpstream::default());
    shop.create("One");
    shop.create("Two");
    assert_eq!(unsent(&shop), 2);
    let sent = shop.upload(&hq).expect("uploads");
    assert_eq!((sent.entries, sent.packages), (2, 1));
    assert_eq!(unsent(&shop), 0);
    let sent = shop.upload(&hq).expect("uploads");
    assert_eq!((sent.entries, sent.packages), (0, 0));
    assert_eq!(source_of(&hq.lock().uploads[0].0), Some(shop.id()));
    assert_eq!(shop.number(APPLIED), 1);
}

#[test]
fn one_conversation_needs_one_hello() {
    let (shop, hq) = (shop("S1", None, 1), FakeUpstream::default());
    let mut conversation = Conversation::default();
    for name in ["One", "Two", "Three"] {
        shop.create(name);
        shop.upload_in(&hq, &mut conversation).expect("uploads");
    }
    assert_eq!(hq.lock().hellos, 1);
    assert_eq!(hq.received(), 3);
}

#[test]
fn a_lost_answer_costs_nothing_and_doubles_nothing() {
    let (shop, hq) = (shop("S1", None, 1), FakeUpstream::default());
    shop.create("Lost");
    hq.lock().upload_faults.extend([Fault::Cut, Fault::AnswerLost]);
    for _ in 0..2 {
        let error = shop.upload(&hq).expect_err("no answer comes");
        assert!(error.is_communication());
        assert_eq!(shop.number(FAILED), 1);
        assert_eq!(read_health(&shop.edge).expect("reads").link.state, LinkState::Cut);
    }
    shop.create("Later");
    let sent = shop.upload(&hq).expect("uploads");
    assert_eq!(sent.new_epoch, None);
    assert_eq!((hq.received(), unsent(&shop)), (2, 0));
    assert_eq!(shop.number(APPLIED), 2, "the lost one is known to have arrived");
    assert_eq!(read_health(&shop.edge).expect("reads").link.state, LinkState::Connected);
}

#[test]
fn a_retried_package_is_the_same_package() {
    let (shop, hq) = (shop("S1", None, 1), FakeUpstream::default());
    shop.create("Same");
    hq.lock().upload_faults.push_back(Fault::AnswerLost);
    shop.upload(&hq).expect_err("no answer comes");
    // Headquarters itself is restored from before the upload: it wants the package again.
    hq.change(|state| {
        state.watermarks.clear();
        state.hashes.clear();
        state.inbox.clear();
    });
    shop.create("More");
    shop.upload(&hq).expect("uploads");
    let uploads = &hq.lock().uploads;
    assert_eq!(uploads.len(), 3);
    assert_eq!(uploads[0], uploads[1], "manifest and bytes are rebuilt from the log");
}

#[test]
fn a_refusal_keeps_everything_for_a_later_try() {
    let (shop, hq) = (shop("S1", None, 1), FakeUpstream::default());
    shop.create("Kept");
    hq.lock().upload_faults.push_back(Fault::Refused);
    let error = shop.upload(&hq).expect_err("is refused");
    assert_eq!(error.kind(), ErrorKind::Broken);
    assert_eq!(shop.number("SELECT count(*) FROM upload_session WHERE status = 6"), 1);
    let link = read_health(&shop.edge).expect("reads").link;
    assert_eq!(link.state, LinkState::Connected);
    assert!(link.error.is_some());
    shop.upload(&hq).expect("uploads");
    assert_eq!((hq.received(), shop.number(APPLIED)), (1, 1));
}

#[test]
fn a_database_restored_from_an_older_copy_loses_and_doubles_nothing() {
    let (original, hq) = (shop("S1", None, 1), FakeUpstream::default());
    original.create("Before");
    let restored = restored_copy(&original, 70);
    original.create("Lost with the disk");
    original.upload(&hq).expect("uploads");
    drop(original);
    restored.create("After");
    restored.create("Afterwards");
    let sent = restored.upload(&hq).expect("uploads");
    assert!(sent.new_epoch.is_some(), "the log holds another operation at the watermark");
    assert_eq!((hq.received(), unsent(&restored)), (4, 0));
    assert_eq!(hq.lock().quarantined.len(), 0);
    restored.create("And on");
    assert_eq!(restored.upload(&hq).expect("uploads").new_epoch, None);
    assert_eq!(hq.received(), 5);
}

#[test]
fn a_restored_copy_that_is_shorter_than_the_watermark_is_unmasked() {
    let (original, hq) = (shop("S1", None, 1), FakeUpstream::default());
    original.create("Before");
    let restored = restored_copy(&original, 70);
    for name in ["Two", "Three"] {
        original.create(name);
    }
    original.upload(&hq).expect("uploads");
    let sent = restored.upload(&hq).expect("uploads");
    assert!(sent.new_epoch.is_some());
    assert_eq!(hq.received(), 3);
    restored.create("Four");
    restored.upload(&hq).expect("uploads");
    assert_eq!(hq.received(), 4);
}

#[test]
fn two_clones_that_run_at_once_are_told_apart() {
    let (original, hq) = (shop("S1", None, 1), FakeUpstream::default());
    original.create("Shared");
    let clone = restored_copy(&original, 70);
    let (mut ours, mut theirs) = (Conversation::default(), Conversation::default());
    original.upload_in(&hq, &mut ours).expect("uploads");
    clone.upload_in(&hq, &mut theirs).expect("uploads");
    let mut epochs = 0;
    for n in 0..3 {
        original.create(&format!("Original {n}"));
        clone.create(&format!("Clone {n}"));
        for (shop, conversation) in [(&original, &mut ours), (&clone, &mut theirs)] {
            let sent = shop.upload_in(&hq, conversation).expect("uploads");
            epochs += usize::from(sent.new_epoch.is_some());
        }
    }
    assert_eq!(hq.received(), 7, "nothing of either is lost");
    assert!(epochs >= 1, "one of them noticed");
    assert_eq!(hq.lock().quarantined.len(), 0);
}

#[test]
fn an_upstream_restored_from_an_older_copy_gets_what_it_lost() {
    let (shop, hq) = (shop("S1", None, 1), FakeUpstream::default());
    shop.create("One");
    shop.upload(&hq).expect("uploads");
    let watermarks = hq.lock().watermarks.clone();
    let hashes = hq.lock().hashes.clone();
    shop.create("Two");
    let mut conversation = Conversation::default();
    shop.upload_in(&hq, &mut conversation).expect("uploads");
    hq.change(|state| {
        (state.watermarks, state.hashes) = (watermarks, hashes);
        state.inbox.truncate(1);
    });
    shop.create("Three");
    // The conversation still believes in the old watermark: the refusal says where to go on.
    let sent = shop.upload_in(&hq, &mut conversation).expect("uploads");
    assert_eq!((sent.new_epoch, hq.received()), (None, 3));
    assert_eq!(shop.number("SELECT count(*) FROM upload_session WHERE status = 4"), 1);
}

#[test]
fn a_long_log_goes_up_in_several_packages_without_gaps() {
    let (shop, hq) = (shop("S1", None, 1), FakeUpstream::default());
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let shop = &shop;
            scope
                .spawn(move || (0..700).for_each(|n| drop(shop.create(&format!("T{thread}N{n}")))));
        }
    });
    let sent = shop.upload(&hq).expect("uploads");
    assert_eq!((sent.entries, sent.packages), (5_600, 2));
    let counters: Vec<u64> = hq.lock().inbox.iter().map(|row| row.counter()).collect();
    assert_eq!(counters, (1..=5_600).collect::<Vec<_>>());
}

#[test]
fn an_upstream_that_points_in_circles_is_given_up_on() {
    let (shop, hq) = (shop("S1", None, 1), FakeUpstream::default());
    shop.create("Patience");
    hq.lock().upload_faults.extend([Fault::PointsBack; 100]);
    let error = shop.upload(&hq).expect_err("gives up");
    assert!(matches!(error, UploadError::Contradiction(_)), "{error}");
    assert_eq!(unsent(&shop), 1, "nothing is forgotten");
}

#[test]
fn the_mode_is_kept_for_the_next_start() {
    let (shop, hq) = (shop("S1", None, 1), FakeUpstream::default());
    hq.lock().mode = ExchangeMode::Scheduled;
    shop.upload(&hq).expect("says hello");
    let Shop { dir, edge } = shop;
    assert_eq!(edge.mode(), ExchangeMode::Scheduled);
    drop(edge);
    let kind = tillsync_exchange::messages::DatabaseKind::Channel;
    assert_eq!(super::world::open(dir.path(), kind, 5).mode(), ExchangeMode::Scheduled);
}
