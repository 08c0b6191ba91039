//! The server itself: where it listens, how it is, what it measures.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use tillsync_hq_web::{Entrance, PackageLinks, PlainHttp, ServeError, ServeOptions, serve};

use crate::site::{Site, package, wait_for};

/// How long the server waits for requests that are under way.
const DRAIN: Duration = Duration::from_secs(10);

#[test]
fn plain_http_stays_on_loopback_unless_it_is_allowed() {
    let site = Site::open();
    let options = |plain_http| ServeOptions {
        hq: Arc::clone(&site.hq),
        listen: (Ipv4Addr::UNSPECIFIED, 0).into(),
        plain_http,
        entrance: Entrance::default(),
        package_links: PackageLinks::default(),
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let never = |address| panic!("it listens on {address}");
    let refused = runtime.block_on(serve(options(PlainHttp::LoopbackOnly), never, async {}));
    let error = refused.expect_err("a public address");
    assert!(matches!(error, ServeError::PlainHttp(_)), "{error}");
    assert!(error.to_string().contains("plain HTTP"), "{error}");
    let mut heard = None;
    let listening = |address| heard = Some(address);
    runtime
        .block_on(serve(options(PlainHttp::Allowed), listening, async {}))
        .expect("it serves and stops at once");
    assert!(heard.is_some());
}

#[test]
fn health_and_readiness_and_metrics_need_no_credential() {
    let site = Site::open();
    let secret = site.enrol_store("S1");
    assert_eq!(site.call(("GET", "/healthz"), None, None).bytes, b"ok\n");
    assert_eq!(site.call(("GET", "/readyz"), None, None).bytes, b"ready\n");
    let openapi = site.call(("GET", "/api/openapi.json"), None, None).expect(200);
    assert_eq!(openapi["openapi"], "3.1.0");

    site.upload(Some(&secret), &package("S1", 1, 3)).expect(200);
    site.upload(Some(&secret), &package("S1", 9, 9)).refusal(409, "conflict");
    wait_for("three customers are counted", || {
        site.metric("tillsync_customers").filter(|customers| *customers == 3.0)
    });
    let metric = |name: &str| site.metric(name).unwrap_or_else(|| panic!("no {name}"));
    assert_eq!(metric("tillsync_inbox_operations{status=\"Succeeded\"}"), 3.0);
    assert_eq!(metric("tillsync_inbox_operations{status=\"Failed\"}"), 0.0);
    assert_eq!(metric("tillsync_databases{state=\"absent\"}"), 1.0);
    assert_eq!(metric("tillsync_uploads_total{result=\"taken\"}"), 1.0);
    assert_eq!(metric("tillsync_uploads_total{result=\"refused\"}"), 1.0);
    assert_eq!(metric("tillsync_uploaded_entries_total{result=\"inserted\"}"), 3.0);
    assert_eq!(metric("tillsync_oldest_open_operation_seconds"), 0.0);
}

#[test]
fn a_connection_that_says_nothing_does_not_hold_up_the_end() {
    let mut site = Site::open();
    let mut silent = TcpStream::connect(site.address).expect("a connection");
    let mut half = TcpStream::connect(site.address).expect("a connection");
    half.write_all(b"GET /healthz HTTP/1.1\r\n").expect("sent");
    // The server takes connections in order, so it has both when it answers a third.
    site.call(("GET", "/healthz"), None, None);
    let was_quick = site.wait_until_stopped() < DRAIN / 2;
    assert!(was_quick, "nobody had asked anything");
    let mut rest = Vec::new();
    assert_eq!(silent.read_to_end(&mut rest).unwrap_or(0), 0);
}

#[test]
fn a_head_without_end_is_cut_off() {
    let site = Site::open();
    let mut endless = TcpStream::connect(site.address).expect("a connection");
    endless.write_all(b"GET /healthz HTTP/1.1\r\nx: ").expect("sent");
    let sent = (0..100_000).take_while(|_| endless.write_all(&[b'a'; 1_000]).is_ok()).count();
    assert!(sent < 100_000, "the server took {sent} kB of one head");
    assert_eq!(site.call(("GET", "/healthz"), None, None).status, 200);
}

#[test]
fn the_server_may_hold_the_last_handle_on_headquarters() {
    let folder = tempfile::tempdir().expect("a folder");
    let site = Site::open();
    let clock = Arc::new(tillsync_testkit::world::StoryClock::default());
    let hq = tillsync_testkit::headquarters::open_headquarters(folder.path(), clock);
    let options = ServeOptions {
        hq,
        listen: (Ipv4Addr::LOCALHOST, 0).into(),
        plain_http: PlainHttp::LoopbackOnly,
        entrance: Entrance::default(),
        package_links: PackageLinks::default(),
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(serve(options, |_| {}, async {})).expect("it ends well");
    drop(site);
}
