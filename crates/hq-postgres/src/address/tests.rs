//! What a URL and its environment come to.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use super::*;

fn read(url: &str, variables: &[(&str, &str)]) -> Result<Address, AddressError> {
    let look_up = |name: &str| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    Address::read(url, &look_up)
}

fn good(url: &str, variables: &[(&str, &str)]) -> Address {
    read(url, variables).unwrap_or_else(|error| panic!("{url}: {error}"))
}

#[test]
fn a_url_and_pairs_say_the_same() {
    let keys = "sslmode=verify-full&sslrootcert=%2Fca%20file&pool_size=3&pooler=transaction";
    let url = format!("postgres://ann:p%40ss?@db:6432/hq?{keys}&connect_timeout=5");
    let pairs = "host=db port = 6432 user=ann password='p@ss?' dbname=hq sslmode=verify-full
        sslrootcert='/ca file' pool_size=3 pooler=transaction connect_timeout=5";
    for text in [url.as_str(), pairs] {
        let address = good(text, &[]);
        assert_eq!(address.config.get_hosts(), [Host::Tcp("db".into())]);
        assert_eq!(address.config.get_ports(), [6432]);
        assert_eq!(address.config.get_password(), Some(&b"p@ss?"[..]));
        assert_eq!(address.config.get_dbname(), Some("hq"));
        assert_eq!(address.config.get_connect_timeout(), Some(&Duration::from_secs(5)));
        assert_eq!(address.config.get_ssl_mode(), SslMode::Require);
        assert_eq!(address.trust, Trust::Name);
        assert_eq!(address.files.roots, Some("/ca file".into()));
        assert_eq!((address.pooler, address.pool_size), (Pooler::Transaction, 3));
    }
}

#[test]
fn what_the_url_leaves_open_the_environment_says() {
    let variables = [
        ("PGHOST", "one,two"),
        ("PGPORT", "1,2"),
        ("PGUSER", "ann"),
        ("PGDATABASE", "hq"),
        ("PGPASSWORD", "it's \\ me"),
        ("PGSSLMODE", "require"),
        ("PGAPPNAME", ""),
    ];
    for text in ["postgres://", "", "postgresql:///?pool_wait=7"] {
        let address = good(text, &variables);
        assert_eq!(address.config.get_hosts(), [Host::Tcp("one".into()), Host::Tcp("two".into())]);
        assert_eq!(address.config.get_ports(), [1, 2]);
        assert_eq!(address.config.get_user(), Some("ann"));
        assert_eq!(address.config.get_password(), Some(&b"it's \\ me"[..]));
        assert_eq!(address.config.get_ssl_mode(), SslMode::Require);
    }
    let address = good("postgres://bob:x@db:7/other?sslmode=disable", &variables);
    assert_eq!(address.config.get_hosts(), [Host::Tcp("db".into())]);
    assert_eq!(address.config.get_ports(), [7]);
    assert_eq!(address.config.get_password(), Some(&b"x"[..]));
    assert_eq!((address.config.get_dbname(), address.trust), (Some("other"), Trust::Nothing));
}

#[test]
fn how_far_a_server_is_trusted_is_as_with_libpq() {
    for (parameters, trust, mode) in [
        ("", Trust::Anybody, SslMode::Prefer),
        ("sslmode=prefer", Trust::Anybody, SslMode::Prefer),
        ("sslmode=require", Trust::Anybody, SslMode::Require),
        ("sslmode=require&sslrootcert=ca", Trust::Authority, SslMode::Require),
        ("sslmode=verify-ca&sslrootcert=ca", Trust::Authority, SslMode::Require),
        ("sslmode=verify-full", Trust::Name, SslMode::Require),
        ("sslmode=disable&sslrootcert=ca", Trust::Nothing, SslMode::Disable),
    ] {
        let address = good(&format!("postgres://ann@db/hq?{parameters}"), &[]);
        assert_eq!((address.trust, address.config.get_ssl_mode()), (trust, mode), "{parameters}");
    }
    let socket = good("host=/run/pg user=ann sslmode=verify-full", &[]);
    assert_eq!(socket.trust, Trust::Nothing, "a socket is never encrypted");
}

#[test]
fn what_cannot_be_read_is_refused_without_a_word_of_it() {
    for (text, error) in [
        ("postgres://ann:geheim@db:five/hq", AddressError::Unreadable),
        ("postgres://ann@db/hq?geheim", AddressError::Unreadable),
        ("postgres://ann@db/hq?geheim=1", AddressError::Unreadable),
        ("password=not geheim host=db", AddressError::Unreadable),
        ("host='geheim", AddressError::Unreadable),
        ("hq.db", AddressError::Unreadable),
        ("host=db sslmode=geheim", AddressError::SslMode),
        ("host=db pooler=geheim", AddressError::Pooler),
        ("host=db pool_size=0", AddressError::PoolSize),
        ("host=db pool_wait=geheim", AddressError::PoolWait),
    ] {
        assert_eq!(read(text, &[]).err(), Some(error), "{text}");
        assert!(!error.to_string().contains("geheim"));
    }
}

#[test]
fn a_password_file_counts_only_when_nobody_else_can_read_it() {
    let home = tempfile::tempdir().expect("a folder");
    let file = home.path().join(".pgpass");
    std::fs::write(&file, "two:7:hq:ann:secret\nlocalhost:*:*:ann:local\n").expect("written");
    let folder = home.path().to_str().expect("UTF-8");
    let password = |url: &str, variables: &[(&str, &str)]| {
        let found = good(url, variables).config.get_password().map(<[u8]>::to_vec);
        found.map(|found| String::from_utf8(found).expect("UTF-8"))
    };
    let url = "postgres://ann@one,two:7/hq";
    let allow = |mode| std::fs::set_permissions(&file, Permissions::from_mode(mode)).expect("set");
    allow(0o644);
    assert_eq!(password(url, &[("HOME", folder)]), None);
    allow(0o600);
    let url = "postgres://ann@one:7,two:7/hq";
    assert_eq!(password(url, &[("HOME", folder)]).as_deref(), Some("secret"));
    assert_eq!(password(url, &[("HOME", folder), ("PGPASSWORD", "x")]).as_deref(), Some("x"));
    let socket = format!("host={SOCKETS} user=ann");
    let named = file.to_str().expect("UTF-8");
    assert_eq!(password(&socket, &[("PGPASSFILE", named)]).as_deref(), Some("local"));
    assert_eq!(password(&format!("{socket} user=bob"), &[("HOME", folder)]), None);
}
