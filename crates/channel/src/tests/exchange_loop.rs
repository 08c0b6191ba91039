//! The two threads: what wakes them, what they do when the upstream is away, how they stop.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use tillsync_exchange::messages::ExchangeMode;

use super::fake_upstream::FakeUpstream;
use super::world::{Shop, TestClock, shop};
use crate::exchange_loop::{ExchangeLoop, LoopOptions};
use crate::health::read_health;

fn start(shop: &Shop, hq: &Arc<FakeUpstream>) -> ExchangeLoop {
    let options = LoopOptions {
        reconnect_max: Duration::from_millis(400),
        poll_wait: Duration::from_millis(50),
    };
    let clock = Arc::new(TestClock(AtomicI64::new(0)));
    ExchangeLoop::start(shop.edge.clone(), hq.clone(), clock, options).expect("starts")
}

#[test]
fn in_live_mode_an_operation_travels_without_being_asked_for() {
    let (shop, hq) = (shop("S1", None, 1), Arc::new(FakeUpstream::default()));
    shop.create("Before the start");
    let running = start(&shop, &hq);
    hq.until("the first upload", |state| state.inbox.len() == 1);
    shop.create("Live");
    hq.until("the second upload", |state| state.inbox.len() == 2);
    running.stop();
    shop.create("After the stop");
    assert_eq!(hq.received(), 2);
}

#[test]
fn an_upstream_that_comes_back_gets_everything() {
    let (shop, hq) = (shop("S1", None, 1), Arc::new(FakeUpstream::default()));
    hq.lock().is_cut = true;
    let running = start(&shop, &hq);
    for n in 0..10 {
        shop.create(&format!("Offline {n}"));
    }
    hq.change(|state| state.is_cut = false);
    hq.until("the upload", |state| state.inbox.len() == 10);
    running.stop();
    assert_eq!(read_health(&shop.edge).expect("reads").unsent, 0);
}

#[test]
fn in_scheduled_mode_a_channel_waits_for_the_pull_and_answers_it() {
    let (shop, hq) = (shop("S1", None, 1), Arc::new(FakeUpstream::default()));
    hq.lock().mode = ExchangeMode::Scheduled;
    shop.upload(&*hq).expect("enters the mode");
    let running = start(&shop, &hq);
    shop.create("Waits");
    hq.until("a few polls", |state| state.polls >= 3);
    assert_eq!(hq.received(), 0);
    hq.change(|state| state.pull = 1);
    hq.until("the pull is answered", |state| state.pulled == 1);
    assert_eq!(hq.received(), 1);
    hq.change(|state| state.mode = ExchangeMode::Live);
    hq.until("the mode is seen", |state| state.polls >= 5);
    shop.create("Goes");
    hq.until("the upload", |state| state.inbox.len() == 2);
    running.stop();
}

#[test]
fn a_register_hands_over_at_once_in_every_mode() {
    let (register, channel) = (shop("S1.R1", Some("S1"), 1), Arc::new(FakeUpstream::default()));
    channel.lock().mode = ExchangeMode::Scheduled;
    let running = start(&register, &channel);
    register.create("At the till");
    channel.until("the upload", |state| state.inbox.len() == 1);
    running.stop();
}
