//! Certificates shown, renewed, refused.

use std::io::{Read, Write};
use std::time::Duration;

use rustls::version::{TLS12, TLS13};
use tillsync_domain::kind::ErrorKind;
use tillsync_web::{Bounds, Entrance, ServerTls, TlsFiles, trusted_authorities};

use crate::authority::{Authority, Signed};
use crate::site::{Site, files_in, get_request};

fn encrypted(files: TlsFiles) -> Site {
    let entrance = Entrance { tls: Some(files), ..Entrance::default() };
    Site::open(entrance, Bounds { renewal_every: Duration::from_millis(10), ..Bounds::default() })
}

#[test]
fn a_caller_is_served_over_both_versions_of_tls_and_not_in_the_clear() {
    let (authority, folder) = (Authority::new(), tempfile::tempdir().expect("a folder"));
    authority.sign("localhost").write(folder.path());
    let site = encrypted(files_in(folder.path()));
    for version in [&TLS12, &TLS13] {
        let (answer, _) = site.ask_encrypted(authority.trust(), version);
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("hello"), "{answer}");
    }
    let mut in_the_clear = site.connect();
    in_the_clear.write_all(get_request("/hello", "").as_bytes()).expect("sent");
    let mut answer = Vec::new();
    // It may hang up before all of the request was read.
    drop(in_the_clear.read_to_end(&mut answer));
    assert!(!String::from_utf8_lossy(&answer).contains("HTTP"), "{answer:?}");
}

#[test]
fn a_renewed_certificate_is_shown_without_a_restart_and_a_bad_one_never() {
    let (authority, folder) = (Authority::new(), tempfile::tempdir().expect("a folder"));
    authority.sign("localhost").write(folder.path());
    let site = encrypted(files_in(folder.path()));
    let shown = || site.ask_encrypted(authority.trust(), &TLS13).1;
    let first = shown();
    let second = authority.sign("localhost");
    std::fs::write(folder.path().join("server.pem"), &second.certificate).expect("written");
    for _ in 0..20 {
        assert_eq!(shown(), first, "the key has not come yet");
    }
    std::fs::write(folder.path().join("server.key"), &second.key).expect("written");
    let second = (0..10_000).map(|_| shown()).find(|now| *now != first).expect("it is taken up");
    std::fs::remove_file(folder.path().join("server.pem")).expect("removed");
    for _ in 0..20 {
        assert_eq!(shown(), second, "a missing file changes nothing");
    }
    authority.sign("localhost").write(folder.path());
    assert!((0..10_000).any(|_| shown() != second), "it goes on looking");
}

#[test]
fn a_file_that_is_of_no_use_is_named_with_what_is_wrong() {
    let (authority, folder) = (Authority::new(), tempfile::tempdir().expect("a folder"));
    let (pair, other) = (authority.sign("localhost"), authority.sign("localhost"));
    let locked =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let torn = &pair.certificate[..pair.certificate.len() / 2];
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (certificate, key, kind, words) in [
        ("", &*pair.key, ErrorKind::Invalid, "server.pem is of no use for TLS: there is no cert"),
        (&pair.key, &pair.key, ErrorKind::Invalid, "server.pem is of no use for TLS: there is no"),
        (torn, &pair.key, ErrorKind::Invalid, "server.pem is of no use for TLS"),
        (broken, &pair.key, ErrorKind::Invalid, "server.pem is of no use for TLS: its first"),
        (&pair.certificate, "", ErrorKind::Invalid, "server.key is of no use for TLS: there is no"),
        (&pair.certificate, locked, ErrorKind::Invalid, "has a passphrase"),
        (&pair.certificate, &pair.certificate, ErrorKind::Invalid, "there is no private key in it"),
        (&pair.certificate, &other.key, ErrorKind::Invalid, "does not fit the certificate"),
    ] {
        let files = Signed { certificate: certificate.to_owned(), key: key.to_owned() };
        files.write(folder.path());
        let error = ServerTls::open(&files_in(folder.path())).err().expect(words);
        assert!(error.to_string().contains(words), "{error} for {words}");
        assert_eq!(error.kind(), kind, "{error}");
    }
    std::fs::remove_file(folder.path().join("server.key")).expect("removed");
    let error = ServerTls::open(&files_in(folder.path())).err().expect("it is missing");
    assert!(error.to_string().contains("server.key"), "{error}");
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn authorities_are_read_whole_or_not_at_all() {
    let (authority, folder) = (Authority::new(), tempfile::tempdir().expect("a folder"));
    let path = folder.path().join("ca.pem");
    let error = trusted_authorities(Some(&path)).expect_err("it is missing");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let good = authority.sign("localhost");
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (text, words) in [
        (good.key.clone(), "there is no certificate"),
        (good.certificate.clone() + broken, "a certificate in it is broken"),
    ] {
        std::fs::write(&path, text).expect("written");
        let error = trusted_authorities(Some(&path)).expect_err(words);
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }
    std::fs::write(&path, good.certificate.clone() + &good.certificate).expect("written");
    assert_eq!(trusted_authorities(Some(&path)).expect("two").len(), 2);
}
