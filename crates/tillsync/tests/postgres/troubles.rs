//! A database that cannot be used: what happened, why, and what to do. A password is never told.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use expect_test::{Expect, expect};
use tillsync_testkit::cluster::{Cluster, ServerPlan, cluster};

use crate::site::{Site, transcript_of};

fn check(command: &mut Command, expected: Expect) {
    let transcript = transcript_of(command);
    assert!(!transcript.contains("geheim") && !transcript.contains("/tmp"), "{transcript}");
    expected.assert_eq(&transcript);
}

/// A server that would end at once if it came up.
fn serve(site: &Site) -> Command {
    site.tillsync("hq serve --data-dir hq --stop-with-stdin")
}

#[test]
fn a_server_that_cannot_be_reached_is_told_from_a_wrong_url() {
    let site = Site { url: "postgres://ann:geheim@127.0.0.1:1/hq".into(), ..Site::new() };
    check(
        &mut serve(&site),
        expect![[r#"
        error: the PostgreSQL server of headquarters cannot be reached
          because: error connecting to server: Connection refused (os error 111)
        hint: check host and port of --database or TILLSYNC_DATABASE, that the server ⏎
        runs, and that it listens to this machine (listen_addresses, firewalls)
        exit 1
    "#]],
    );
    let wrong = [
        "postgres://ann:geheim@127.0.0.1:five/hq",
        "password=not geheim host=127.0.0.1",
        "host=127.0.0.1 port=geheim",
    ];
    for url in wrong {
        check(
            site.tillsync("hq migrate --dry-run --database").arg(url),
            expect![[r#"
                error: this is no address of a PostgreSQL database
                  because: the URL of the headquarters database cannot be read
                hint: write postgres://user:password@host:5432/name, with %-codes for what is ⏎
                special in a password, or host=… user=… password='…' dbname=…
                exit 2
            "#]],
        );
    }
    check(
        site.tillsync("hq migrate").env_remove("TILLSYNC_DATABASE"),
        expect![[r#"
        error: `hq migrate` needs --database URL; a database file is brought up to date ⏎
        by `hq serve`
        hint: correct what was given; --help shows an example
        exit 2
    "#]],
    );
}

#[test]
fn a_database_or_role_that_is_not_there_is_named() {
    let site = Site::new();
    let server = site.url.split(" user=").next().unwrap();
    let ask = |url: String, expected| {
        check(serve(&site).arg("--database").arg(url), expected);
    };
    ask(
        format!("{server} user=postgres dbname=nothing"),
        expect![[r#"
            error: the headquarters database on PostgreSQL cannot be opened
              because: connect to the headquarters database
              because: database "nothing" does not exist (SQLSTATE 3D000)
            hint: correct the name in --database or TILLSYNC_DATABASE, or make the ⏎
            database: createdb --owner ROLE --encoding UTF8 --template template0 NAME
            exit 1
        "#]],
    );
    ask(
        format!("{server} user=nobody dbname=postgres"),
        expect![[r#"
            error: the headquarters database on PostgreSQL cannot be opened
              because: connect to the headquarters database
              because: role "nobody" does not exist (SQLSTATE 28000)
            hint: check user and password in --database, TILLSYNC_DATABASE, PGPASSWORD or ⏎
            ~/.pgpass (which must be readable by its owner only), and the server's ⏎
            pg_hba.conf
            exit 1
        "#]],
    );
}

#[test]
fn a_role_without_rights_and_a_table_of_somebody_else_stop_headquarters() {
    let site = Site::new();
    cluster().sql(&site.url, "CREATE ROLE weak LOGIN").unwrap();
    let weak = site.url.replace("user=postgres", "user=weak");
    check(
        serve(&site).arg("--database").arg(&weak),
        expect![[r#"
        error: the headquarters database on PostgreSQL cannot be brought up to date
          because: bring the headquarters database to the schema of this program
          because: `error asserting migrations table`, `db error`
          because: db error
          because: ERROR: permission denied for schema public
        hint: give headquarters an empty database that its role owns: createdb --owner ⏎
        ROLE --encoding UTF8 --template template0 NAME
        exit 1
    "#]],
    );
    let served = Site::served();
    let weak = served.url.replace("user=postgres", "user=weak");
    check(
        served.tillsync("doctor --data-dir . --database").arg(&weak),
        expect![[r#"
        error: the headquarters database on PostgreSQL cannot be opened
          because: read the schema version of the headquarters database
          because: permission denied for table refinery_schema_history (SQLSTATE 42501)
        hint: let the role of --database or TILLSYNC_DATABASE own headquarters' ⏎
        database and everything in it (ALTER DATABASE … OWNER TO …)
        exit 1
    "#]],
    );
    cluster().sql(&site.url, "CREATE TABLE customer (name text)").unwrap();
    check(
        &mut serve(&site),
        expect![[r#"
            error: this PostgreSQL database belongs to another program
              because: the database holds no headquarters, but tables, views or sequences ⏎
            of another program: 1 in all, such as public.customer
            hint: give headquarters an empty database (createdb --owner ROLE --encoding ⏎
            UTF8 --template template0 NAME), or in this one a schema of its own: CREATE ⏎
            SCHEMA tillsync AUTHORIZATION ROLE; ALTER ROLE ROLE IN DATABASE NAME SET ⏎
            search_path = tillsync
            exit 1
        "#]],
    );
    let columns = "SELECT string_agg(column_name, ' ') FROM information_schema.columns
        WHERE table_name = 'customer'";
    assert_eq!(cluster().sql(&site.url, columns).as_deref(), Ok("name"));
}

#[test]
fn a_command_makes_no_headquarters_and_changes_no_schema() {
    let site = Site::new();
    check(
        &mut site.tillsync("doctor --data-dir ."),
        expect![[r#"
        error: there is no packages folder of headquarters in . (looked for hq/packages ⏎
        and packages)
        hint: check the name and --data-dir; `customer find` and the `list` commands ⏎
        show what there is
        exit 1
    "#]],
    );
    std::fs::create_dir(site.folder.path().join("packages")).unwrap();
    check(
        &mut site.tillsync("doctor --data-dir ."),
        expect![[r#"
        error: there is no headquarters in this PostgreSQL database yet
        hint: check the name of the database; the first `tillsync hq serve` makes a ⏎
        headquarters
        exit 1
    "#]],
    );
    check(
        &mut site.tillsync("hq add-channel S1 --data-dir ."),
        expect![[r#"
        error: there is no headquarters in this PostgreSQL database yet
        hint: check the name of the database; the first `tillsync hq serve` makes a ⏎
        headquarters
        exit 1
    "#]],
    );
    let pending = transcript_of(&mut site.tillsync("hq migrate --dry-run"));
    assert!(pending.starts_with("pending: V1__headquarters\n"), "{pending}");
}

#[test]
fn a_password_comes_from_the_environment_or_a_file_and_is_never_told() {
    let server = Cluster::start(&ServerPlan {
        options: "-c listen_addresses=127.0.0.1",
        files: &[("pg_hba.conf", "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n")],
        disk: None,
    });
    let socket = server.new_database();
    server.sql(&socket, "CREATE ROLE ann LOGIN SUPERUSER PASSWORD 'geheim'").unwrap();
    let database = socket.rsplit_once("dbname=").unwrap().1;
    let site = Site { url: "postgres://".into(), ..Site::new() };
    let port = server.port().to_string();
    let file = site.folder.path().join("passwords");
    std::fs::write(&file, format!("127.0.0.1:{port}:*:ann:geheim\n")).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let ask = |variable: &str, value: &str| {
        let mut command = site.tillsync("hq migrate --dry-run");
        command.env("PGHOST", "127.0.0.1").env("PGPORT", &port).env("PGUSER", "ann");
        transcript_of(command.env("PGDATABASE", database).env(variable, value))
    };
    for (variable, value) in [("PGPASSWORD", "geheim"), ("PGPASSFILE", file.to_str().unwrap())] {
        let said = ask(variable, value);
        assert!(said.starts_with("pending: V1__headquarters\n"), "{variable}: {said}");
    }
    expect![[r#"
        error: the headquarters database on PostgreSQL cannot be opened
          because: connect to the headquarters database
          because: password authentication failed for user "ann" (SQLSTATE 28P01)
        hint: check user and password in --database, TILLSYNC_DATABASE, PGPASSWORD or ⏎
        ~/.pgpass (which must be readable by its owner only), and the server's ⏎
        pg_hba.conf
        exit 1
    "#]]
    .assert_eq(&ask("PGPASSWORD", "falsches"));
    let secret = format!("postgres://ann:geheim@127.0.0.1:{port}/{database}");
    let help = site
        .tillsync("hq serve --help")
        .env("TILLSYNC_DATABASE", &secret)
        .env("TILLSYNC_LISTEN_URL", &secret)
        .output()
        .unwrap();
    assert!(!String::from_utf8_lossy(&help.stdout).contains("geheim"));
}

#[test]
fn a_database_of_a_newer_version_is_refused_and_says_so() {
    let site = Site::served();
    let newer = "INSERT INTO refinery_schema_history (version, name, applied_on, checksum)
        SELECT 9999, 'later', applied_on, checksum FROM refinery_schema_history WHERE version = 1";
    cluster().sql(&site.url, newer).unwrap();
    let said = transcript_of(&mut serve(&site));
    for words in ["has schema 9999", "run the version that wrote it"] {
        assert!(said.contains(words), "{said}");
    }
    assert_eq!(transcript_of(&mut site.tillsync("hq migrate --dry-run")), said);
}
