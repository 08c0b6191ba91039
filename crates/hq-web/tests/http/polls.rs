//! Long polls: they wait without a thread and wake for news.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::site::{Site, package, wait_for};

/// Applies whatever is offered until nothing is.
fn drain(site: &Site, secret: &str, id: &str) {
    loop {
        let answer = site.poll(secret, id, 2_000).expect(200);
        let Some(offer) = answer["offers"].as_array().expect("offers").first().cloned() else {
            return;
        };
        site.apply(secret, id, &offer).expect(200);
    }
}

/// Sends a poll and leaves it waiting.
fn begin_poll(site: &Site, secret: &str, id: &str) -> TcpStream {
    let body = site.poll_body(id, 25_000).to_string();
    let mut stream = TcpStream::connect(site.address).expect("a connection");
    write!(
        stream,
        "POST /exchange/v1/poll HTTP/1.1\r\nHost: hq\r\nConnection: close\r\n\
         Authorization: Bearer {secret}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .expect("sent");
    stream
}

/// Waits for the answer to a poll that was begun.
fn finish_poll(mut stream: TcpStream) -> (u16, Value) {
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("a whole answer");
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
    let (_, body) = text.split_once("\r\n\r\n").expect("a head");
    (status.expect("a status"), serde_json::from_str(body).expect("JSON"))
}

fn wait_until_polls_wait(site: &Site, polls: f64) {
    wait_for("the polls wait", || {
        site.metric("tillsync_polls_waiting").filter(|waiting| *waiting == polls)
    });
}

#[test]
fn a_waiting_poll_wakes_when_a_package_becomes_available() {
    let site = Site::open();
    let secret = site.enrol_store("S1");
    drain(&site, &secret, "S1");
    let waiting = begin_poll(&site, &secret, "S1");
    wait_until_polls_wait(&site, 1.0);
    site.upload(Some(&secret), &package("S1", 1, 1)).expect(200);
    let (status, answer) = finish_poll(waiting);
    assert_eq!(status, 200);
    assert_eq!(answer["offers"].as_array().expect("offers").len(), 1, "{answer}");
    wait_until_polls_wait(&site, 0.0);
}

#[test]
fn a_poll_without_news_is_answered_when_its_time_is_over() {
    let site = Site::open();
    let secret = site.enrol_store("S1");
    drain(&site, &secret, "S1");
    let answer = site.poll(&secret, "S1", 30).expect(200);
    assert_eq!(answer, json!({"mode": "live", "pull": 0, "offers": []}));
}

#[test]
fn a_poll_for_a_stranger_is_refused_and_one_for_its_own_register_is_not() {
    let site = Site::open();
    let secret = site.enrol_store("S1");
    let stranger = site.enrol_store("S2");
    site.enrol_register("S1.R1", "S1", &secret);
    site.poll(&stranger, "S1", 0).refusal(403, "forbidden");
    site.poll(&stranger, "S1.R1", 0).refusal(403, "forbidden");
    site.poll(&stranger, "NOBODY", 0).refusal(403, "forbidden");
    site.poll(&secret, "S1.R1", 0).expect(200);
}

#[test]
fn a_pull_and_a_change_of_mode_wake_a_poll() {
    let site = Site::open();
    let secret = site.enrol_store("S1");
    drain(&site, &secret, "S1");
    let waiting = begin_poll(&site, &secret, "S1");
    wait_until_polls_wait(&site, 1.0);
    site.operate("POST", "/api/v1/jobs/P-0001/runs", Some(json!({}))).expect(202);
    let (_, answer) = finish_poll(waiting);
    assert_eq!(answer["pull"], 1, "{answer}");

    let settings = json!({"address_books": ["retail"], "mode": "scheduled"});
    site.operate("PUT", "/api/v1/groups/retail", Some(settings)).expect(200);
    let answer = site.poll(&secret, "S1", 20_000).expect(200);
    assert_eq!(answer["mode"], "scheduled");
}

#[test]
fn a_device_that_is_revoked_while_it_waits_gets_no_news() {
    let site = Site::open();
    let secret = site.enrol_store("S1");
    let other = site.enrol_store("S2");
    drain(&site, &secret, "S1");
    let waiting = begin_poll(&site, &secret, "S1");
    wait_until_polls_wait(&site, 1.0);
    site.operate("POST", "/api/v1/databases/S1/revoke", None).expect(204);
    site.upload(Some(&other), &package("S2", 1, 1)).expect(200);
    let (status, answer) = finish_poll(waiting);
    assert_eq!(status, 401, "{answer}");
    site.poll(&secret, "S1", 0).refusal(401, "forbidden");
}

#[test]
fn the_end_of_the_server_answers_every_waiting_poll() {
    let mut site = Site::open();
    let secret = site.enrol_store("S1");
    drain(&site, &secret, "S1");
    let waiting = begin_poll(&site, &secret, "S1");
    wait_until_polls_wait(&site, 1.0);
    site.begin_stop();
    let (status, answer) = finish_poll(waiting);
    assert_eq!((status, &answer["offers"]), (200, &json!([])));
    site.wait_until_stopped();
}

fn threads() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let threads = status.lines().find_map(|line| line.strip_prefix("Threads:"));
    threads.expect("a count").trim().parse().expect("a count")
}

#[test]
fn hundreds_of_waiting_polls_hold_no_thread_and_all_of_them_wake() {
    const POLLS: usize = 200;
    let site = Site::open();
    let secret = site.enrol_store("S1");
    drain(&site, &secret, "S1");
    let waiting: Vec<_> = (0..POLLS).map(|_| begin_poll(&site, &secret, "S1")).collect();
    wait_until_polls_wait(&site, POLLS as f64);
    // Threads that looked for the polls on their arrival stay for some seconds.
    wait_for("fewer threads than polls", || (threads() < POLLS).then_some(()));
    site.upload(Some(&secret), &package("S1", 1, 1)).expect(200);
    let sessions: std::collections::BTreeSet<String> = waiting
        .into_iter()
        .map(|poll| finish_poll(poll).1["offers"][0]["session"].to_string())
        .collect();
    assert_eq!(sessions.len(), 1, "one package, one session, however many ask: {sessions:?}");
}
