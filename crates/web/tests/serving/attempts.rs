//! Limits for an address that fails too often.

use std::time::Duration;

use tillsync_web::{Allowance, AttemptLimits, Bounds, Entrance};

use crate::site::{Site, get_request, status};

/// Three attempts, and then nothing for as long as the test runs.
fn strict() -> Entrance {
    let three = Allowance { at_once: 3, one_every: Duration::from_secs(3_600) };
    let attempts = AttemptLimits { enrolments: three, credentials: three };
    Entrance { attempts, ..Entrance::default() }
}

fn asks(site: &Site, path: &str, header: &str) -> String {
    site.ask(&get_request(path, &format!("{header}\r\n")))
}

#[test]
fn bad_credentials_are_told_to_wait_and_good_ones_never() {
    let site = Site::open(strict(), Bounds::default());
    let (good, bad) = ("authorization: good", "authorization: bad");
    for _ in 0..3 {
        assert_eq!(status(&asks(&site, "/secret", bad)), "401");
    }
    let refused = asks(&site, "/secret", bad);
    assert_eq!(status(&refused), "429", "{refused}");
    assert!(refused.contains("retry-after: 3600"), "{refused}");
    assert!(refused.contains("try again in 3600 s"), "{refused}");
    for _ in 0..20 {
        assert_eq!(status(&asks(&site, "/secret", good)), "200");
        assert_eq!(status(&asks(&site, "/hello", bad)), "200", "nobody asked for one");
    }
}

#[test]
fn codes_are_not_looked_at_any_more_after_too_many_bad_ones() {
    let site = Site::open(strict(), Bounds::default());
    let enrol = |code: &str| {
        let answer = asks(&site, "/exchange/v1/enrol", &format!("code: {code}"));
        status(&answer).to_owned()
    };
    for _ in 0..10 {
        assert_eq!(enrol("good"), "200", "a roll-out may enrol as many as it likes");
        assert_eq!(enrol("away"), "503", "that is not the caller's fault");
    }
    for _ in 0..3 {
        assert_eq!(enrol("bad"), "403");
    }
    assert_eq!(enrol("bad"), "429");
    assert_eq!(enrol("good"), "429", "or it could be guessed");
}

#[test]
fn failures_through_a_trusted_proxy_count_against_who_is_behind_it() {
    let trusted_proxies = vec!["127.0.0.1".parse().expect("an address")];
    let site = Site::open(Entrance { trusted_proxies, ..strict() }, Bounds::default());
    let from = |address: &str| {
        let answer = asks(&site, "/secret", &format!("x-forwarded-for: {address}"));
        status(&answer).to_owned()
    };
    for _ in 0..3 {
        assert_eq!(from("198.51.100.1"), "401");
    }
    assert_eq!(from("198.51.100.1"), "429");
    assert_eq!(from("198.51.100.2"), "401");
}
