//! A register that is switched by hand, or loses its store.

use serde_json::{Value, json};

use super::fake_hq::FakeHq;
use super::node::{Node, until};
use super::register::offer;

fn switch(node: &Node, what: &str) -> (u16, Value) {
    node.call("POST", &format!("/Commerce/Connectivity/{what}"), &Value::Null)
}

/// A register to which the customers of its store have come.
fn stocked(hq: &FakeHq, channel: &Node) -> Node {
    let register = Node::start("S1.R1", &channel.url());
    offer(hq, &["S1.R1"]);
    until("the download", || register.status()["applied"] == json!({"1010": 5}));
    register
}

#[test]
fn a_register_is_switched_to_offline_and_back_by_hand() {
    let hq = FakeHq::start();
    let channel = Node::start("S1", &hq.url());
    let register = stocked(&hq, &channel);
    assert_eq!(register.status()["line"]["state"], "online");
    let (status, answer) = switch(&register, "Disconnect");
    assert_eq!(
        (status, &answer["IsOnline"], &answer["Reason"]),
        (200, &json!(false), &json!("manual"))
    );
    register.create("Till");
    let shown = register.status();
    assert_eq!((&shown["line"]["reason"], &shown["unsent"]), (&json!("manual"), &json!(1)));
    assert!(hq.desk().inbox.is_empty());
    let (status, answer) = switch(&register, "Connect");
    assert_eq!((status, &answer["IsOnline"], &answer["Reason"]), (200, &json!(true), &Value::Null));
    until("the upload", || hq.desk().inbox.len() == 1);
    until("the acknowledgement", || register.status()["unsent"] == 0);
}

#[test]
fn a_register_without_customers_and_a_channel_are_not_switched() {
    let hq = FakeHq::start();
    let channel = Node::start("S1", &hq.url());
    let register = Node::start("S1.R1", &channel.url());
    for node in [&register, &channel] {
        let (status, answer) = switch(node, "Disconnect");
        assert_eq!((status, &answer["error"]["code"]), (409, &json!("conflict")), "{answer}");
    }
    assert_eq!(channel.status()["line"], Value::Null);
}

#[test]
fn a_register_that_loses_its_store_is_offline_and_sells_on() {
    let hq = FakeHq::start();
    let mut channel = Node::start("S1", &hq.url());
    let register = stocked(&hq, &channel);
    channel.stop();
    until("the register notices", || register.status()["line"]["reason"] == "cut_off");
    register.create("Till");
    let (status, answer) = switch(&register, "Connect");
    assert_eq!((status, &answer["IsOnline"]), (200, &json!(false)), "its store is still away");
    assert_eq!(register.status()["unsent"], 1);
}
