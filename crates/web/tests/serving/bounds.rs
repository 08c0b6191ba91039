//! What is not waited for, and how many are served at once.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use tillsync_web::{Bounds, Entrance};

use crate::authority::Authority;
use crate::site::{PATIENCE, Site, files_in, get_request, said, status};

const SOON: Duration = Duration::from_millis(200);

/// Reads until the server hangs up; fails the test when it does not.
fn is_hung_up(mut stream: TcpStream) -> String {
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
        Err(error) => panic!("the server keeps it for {PATIENCE:?}: {error}"),
    }
    String::from_utf8_lossy(&rest).into_owned()
}

#[test]
fn a_head_that_does_not_come_to_its_end_is_not_waited_for() {
    let bounds = Bounds { head_time_max: SOON, ..Bounds::default() };
    let site = Site::open(Entrance::default(), bounds);
    let silent = site.connect();
    let mut slow = site.connect();
    slow.write_all(b"GET /hello HTTP/1.1\r\nhost: a\r\nx-slow: ").expect("sent");
    assert!(!is_hung_up(slow).contains("200"));
    is_hung_up(silent);
    assert_eq!(status(&site.ask(&get_request("/hello", ""))), "200");
}

#[test]
fn a_body_that_stops_coming_is_not_waited_for() {
    let bounds = Bounds { body_silence_max: SOON, ..Bounds::default() };
    let site = Site::open(Entrance::default(), bounds);
    let head = "POST /length HTTP/1.1\r\nhost: a\r\nconnection: close\r\n";
    assert!(
        said(site.connect(), &format!("{head}content-length: 3\r\n\r\nabc")).ends_with("\r\n3")
    );
    let mut stuck = site.connect();
    stuck.write_all(format!("{head}content-length: 4\r\n\r\nabc").as_bytes()).expect("sent");
    let answer = is_hung_up(stuck);
    assert!(!answer.starts_with("HTTP/1.1 2"), "{answer}");
}

#[test]
fn a_caller_that_never_agrees_on_tls_is_not_waited_for() {
    let folder = tempfile::tempdir().expect("a folder");
    Authority::new().sign("localhost").write(folder.path());
    let tls = Some(files_in(folder.path()));
    let bounds = Bounds { handshake_time_max: SOON, ..Bounds::default() };
    let site = Site::open(Entrance { tls, ..Entrance::default() }, bounds);
    is_hung_up(site.connect());
}

#[test]
fn one_connection_too_many_waits_until_another_ends() {
    let bounds = Bounds { connections_max: 2, ..Bounds::default() };
    let site = Site::open(Entrance::default(), bounds);
    let (first, second) = (site.connect(), site.connect());
    let mut third = site.connect();
    third.write_all(get_request("/hello", "").as_bytes()).expect("sent");
    third.set_read_timeout(Some(SOON)).expect("a time-out");
    let early = third.read(&mut [0; 1]).expect_err("nobody has taken it");
    assert_eq!(early.kind(), std::io::ErrorKind::WouldBlock, "{early}");
    drop(first);
    third.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    assert_eq!(status(&is_hung_up(third)), "200");
    drop(second);
}
