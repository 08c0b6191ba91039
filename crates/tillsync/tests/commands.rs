//! What the commands print and how they end, as scripts see it.

#[path = "commands/jobs.rs"]
mod jobs;
#[path = "commands/staff.rs"]
mod staff;

use std::path::Path;
use std::process::Command;

use expect_test::{Expect, expect};

/// Runs a command in a folder and compares its exit code, standard output and standard error.
fn check(folder: &Path, arguments: &str, expected: Expect) {
    let output = Command::new(env!("CARGO_BIN_EXE_tillsync"))
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .env_remove("TILLSYNC_DATA_DIR")
        .env_remove("TILLSYNC_DATABASE")
        .output()
        .expect("the program starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    let code = output.status.code().unwrap_or(-1);
    expected.assert_eq(&folded(&format!("{stdout}{stderr}exit {code}\n")));
}

/// Breaks lines that are too long for this file, each time with a mark.
fn folded(text: &str) -> String {
    let mut folded = String::new();
    for line in text.lines() {
        let mut rest = line;
        while let Some((at, _)) = rest.char_indices().nth(80) {
            // The edge of a table has no spaces.
            let (end, next) = match rest[..at].rfind(' ') {
                Some(space) => (space, space + 1),
                None => (at, at),
            };
            folded += &format!("{} ⏎\n", &rest[..end]);
            rest = &rest[next..];
        }
        folded += &format!("{rest}\n");
    }
    folded
}

/// A folder with a headquarters that serves nobody yet.
fn headquarters() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut server = Command::new(env!("CARGO_BIN_EXE_tillsync"))
        .args(["hq", "serve", "--data-dir", "hq", "--stop-with-stdin"])
        .current_dir(folder.path())
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("the program starts");
    assert!(server.wait().expect("the server ends").success());
    folder
}

#[test]
fn a_folder_without_databases_is_named_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    check(
        folder.path(),
        "doctor --data-dir nothing",
        expect![[r#"
            error: there is no headquarters database in nothing (looked for hq/hq.db and ⏎
            hq.db)
            hint: check the name and --data-dir; `customer find` and the `list` commands ⏎
            show what there is
            exit 1
        "#]],
    );
}

#[test]
fn stores_and_registers_are_added_once() {
    let folder = headquarters();
    let ok = |arguments, expected| check(folder.path(), arguments, expected);
    ok(
        "hq add-channel S1 --data-dir .",
        expect![[r#"
        channel S1 is added to group default
        exit 0
    "#]],
    );
    ok(
        "hq add-register S1.R1 --channel S1 --data-dir .",
        expect![[r#"
        register S1.R1 is added to channel S1
        exit 0
    "#]],
    );
    ok(
        "hq add-channel S1 --data-dir .",
        expect![[r#"
            error: there is a database S1 already
            hint: look at how it stands (`customer show`, `session show`, `order show`, ⏎
            `statement show`, another --data-dir) and decide what should be
            exit 1
        "#]],
    );
    ok(
        "hq add-register S9.R1 --channel S9 --data-dir .",
        expect![[r#"
        error: register S9.R1 needs a channel that exists, but S9 is none
        hint: correct what was given; --help shows an example
        exit 2
    "#]],
    );
}

#[test]
fn a_functionality_profile_is_made_before_a_channel_gets_it() {
    let folder = headquarters();
    let check = |arguments, expected| check(folder.path(), arguments, expected);
    check(
        "hq add-channel S1 --data-dir .",
        expect![[r#"
        channel S1 is added to group default
        exit 0
    "#]],
    );
    check(
        "hq profile list --data-dir .",
        expect![[r#"
        no functionality profile is in force: tills create customers and orders without ⏎
        asking headquarters; `tillsync hq profile set` or a run of job 1070 changes that
        exit 0
    "#]],
    );
    check(
        "hq profile set kiosk --data-dir .",
        expect![[r#"
        error: say what to set: --create-customers-async, ⏎
        --allow-offline-customer-create or --create-orders-async
        hint: correct what was given; --help shows an example
        exit 2
    "#]],
    );
    check(
        "hq profile assign S1 kiosk --data-dir .",
        expect![[r#"
        error: there is no functionality profile kiosk; `tillsync hq profile set` makes ⏎
        it
        hint: check the name and --data-dir; `customer find` and the `list` commands ⏎
        show what there is
        exit 1
    "#]],
    );
}

#[test]
fn functionality_profiles_are_listed_with_what_channels_have_applied() {
    let folder = headquarters();
    let check = |arguments, expected| check(folder.path(), arguments, expected);
    check(
        "hq add-channel S1 --data-dir .",
        expect![[r#"
        channel S1 is added to group default
        exit 0
    "#]],
    );
    let set = "hq profile set kiosk --allow-offline-customer-create no --data-dir .";
    check(
        set,
        expect![[r#"
        functionality profile kiosk (version 2): create_customers_async no, ⏎
        allow_offline_customer_create no, create_orders_async yes
        exit 0
    "#]],
    );
    check(
        "hq profile assign S1 kiosk --data-dir .",
        expect![[r#"
        S1 and its registers have functionality profile kiosk
        exit 0
    "#]],
    );
    check(
        "hq profile list --data-dir .",
        expect![[r#"
        ┌─────────┬───────────────────────────────┬───────┬─────────┐
        │ Profile ┆ Option                        ┆ Value ┆ Version │
        ╞═════════╪═══════════════════════════════╪═══════╪═════════╡
        │ default ┆ create_customers_async        ┆ no    ┆ 1       │
        │ default ┆ allow_offline_customer_create ┆ yes   ┆ 1       │
        │ default ┆ create_orders_async           ┆ yes   ┆ 1       │
        │ kiosk   ┆ create_customers_async        ┆ no    ┆ 2       │
        │ kiosk   ┆ allow_offline_customer_create ┆ no    ┆ 2       │
        │ kiosk   ┆ create_orders_async           ┆ yes   ┆ 2       │
        └─────────┴───────────────────────────────┴───────┴─────────┘
        ┌─────────┬─────────┬─────────┬─────────┬────────────────────────┐
        │ Channel ┆ Profile ┆ Version ┆ Applied ┆ State                  │
        ╞═════════╪═════════╪═════════╪═════════╪════════════════════════╡
        │ S1      ┆ kiosk   ┆ 3       ┆ -       ┆ changed, not there yet │
        └─────────┴─────────┴─────────┴─────────┴────────────────────────┘
        exit 0
    "#]],
    );
}

#[test]
fn a_new_headquarters_is_sound_and_says_what_it_has() {
    let folder = headquarters();
    let token = std::fs::metadata(folder.path().join("hq/operator.token")).unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&token.permissions()) & 0o777, 0o600);
    check(
        folder.path(),
        "doctor --data-dir .",
        expect![[r#"
        Headquarters: 0 customers, 0 aliases; operations: none
        All is well.
        exit 0
    "#]],
    );
}

#[test]
fn a_headquarters_without_stores_says_how_one_is_added() {
    let folder = headquarters();
    check(
        folder.path(),
        "database list --data-dir .",
        expect![[r#"
        there is no store yet; `tillsync hq add-channel` adds one
        exit 0
    "#]],
    );
}

#[test]
fn a_headquarters_that_nobody_serves_has_no_nodes() {
    let folder = headquarters();
    check(
        folder.path(),
        "hq nodes --data-dir .",
        expect![[r#"
            no node serves this headquarters
            exit 0
        "#]],
    );
}

#[test]
fn every_number_sequence_is_shown() {
    let folder = headquarters();
    check(
        folder.path(),
        "number-sequence show --data-dir .",
        expect![[r#"
            ┌──────────────────┬──────────────┬──────┬───────────┬───────────┬──────┐
            │ Sequence         ┆ Format       ┆ Next ┆ Largest   ┆ Left      ┆ Gaps │
            ╞══════════════════╪══════════════╪══════╪═══════════╪═══════════╪══════╡
            │ customer-account ┆ C-########   ┆ 1    ┆ 99999999  ┆ 99999999  ┆ none │
            │ party            ┆ P-#########  ┆ 1    ┆ 999999999 ┆ 999999999 ┆ none │
            │ sales-order      ┆ SO-########  ┆ 1    ┆ 99999999  ┆ 99999999  ┆ none │
            │ invoice          ┆ INV-######## ┆ 1    ┆ 99999999  ┆ 99999999  ┆ none │
            │ voucher          ┆ V-#########  ┆ 1    ┆ 999999999 ┆ 999999999 ┆ none │
            │ statement        ┆ ST-########  ┆ 1    ┆ 99999999  ┆ 99999999  ┆ none │
            └──────────────────┴──────────────┴──────┴───────────┴───────────┴──────┘
            exit 0
        "#]],
    );
}

#[test]
fn a_recurrence_is_checked_before_it_is_kept() {
    let folder = headquarters();
    check(
        folder.path(),
        "job schedule P-0001 often --data-dir .",
        expect![[r#"
        error: "often" is not a recurrence; write a cron pattern such as "*/5 * * * *"
          because: Invalid pattern: Pattern must have between 5 and 7 fields.
        hint: correct what was given; --help shows an example
        exit 2
    "#]],
    );
    check(
        folder.path(),
        "job schedule P-0001 @hourly --data-dir .",
        expect![[r#"
        P-0001 runs at @hourly (UTC)
        exit 0
    "#]],
    );
    check(
        folder.path(),
        "job schedule P-0001 --none --data-dir .",
        expect![[r#"
        P-0001 runs only when it is started
        exit 0
    "#]],
    );
}

#[test]
fn a_number_sequence_never_goes_back() {
    let folder = headquarters();
    let ok = |arguments, expected| check(folder.path(), arguments, expected);
    ok(
        "number-sequence set customer-account --next 100 --data-dir . --json",
        expect![[r#"
        [
          {
            "block_size": null,
            "continuous": true,
            "format": "C-########",
            "largest": 99999999,
            "name": "customer-account",
            "next": 100,
            "remaining": 99999900
          }
        ]
        exit 0
    "#]],
    );
    ok(
        "number-sequence set customer-account --next 5 --data-dir .",
        expect![[r#"
            error: change the number sequence customer-account
              because: the next number cannot go back from 100 to 5: numbers in between ⏎
            were given out
            hint: correct what was given; --help shows an example
            exit 2
        "#]],
    );
    ok(
        "number-sequence set customer-account --data-dir .",
        expect![[r#"
        error: say what to change: --format, --largest, --next, --continuous or --blocks
        hint: correct what was given; --help shows an example
        exit 2
    "#]],
    );
}

#[test]
fn a_customer_that_nobody_knows_is_not_found() {
    let folder = headquarters();
    check(
        folder.path(),
        "customer trace C-00000001 --data-dir .",
        expect![[r#"
            error: neither headquarters nor any store or register in this folder knows ⏎
            customer C-00000001
            hint: check the name and --data-dir; `customer find` and the `list` commands ⏎
            show what there is
            exit 1
        "#]],
    );
    check(
        folder.path(),
        "customer why-not-here C-00000001 --channel S1 --data-dir .",
        expect![[r#"
            error: there is no database S1
            hint: check the name and --data-dir; `customer find` and the `list` commands ⏎
            show what there is
            exit 1
        "#]],
    );
    check(
        folder.path(),
        "customer status --data-dir .",
        expect![[r#"
        Operations: Pending 0, Succeeded 0, Failed 0, Quarantined 0
        none is Pending
        exit 0
    "#]],
    );
}

#[test]
fn a_device_without_its_upstream_says_so() {
    let folder = tempfile::tempdir().unwrap();
    check(
        folder.path(),
        "channel token --data-dir nothing --name pos",
        expect![[r#"
            error: nothing/channel.db does not exist; enrol first
            hint: check the name and --data-dir; `customer find` and the `list` commands ⏎
            show what there is
            exit 1
        "#]],
    );
    check(
        folder.path(),
        "channel serve --data-dir nothing",
        expect![[r#"
            error: nothing/channel.db is not enrolled: run `tillsync channel enrol` with an ⏎
            activation code first
            hint: check the name and --data-dir; `customer find` and the `list` commands ⏎
            show what there is
            exit 1
        "#]],
    );
}

#[test]
fn a_restore_is_declared_shown_and_ended() {
    let folder = headquarters();
    let place = folder.path().join("hq");
    check(
        &place,
        "hq recovery show --data-dir .",
        expect![[r#"
            headquarters was never restored, as far as it knows
            exit 0
        "#]],
    );
    check(
        &place,
        "hq restored --data-dir .",
        expect![[r#"
            headquarters recovers: nobody is promoted until every channel was heard
            exit 0
        "#]],
    );
    check(
        &place,
        "hq restored --data-dir .",
        expect![[r#"
            headquarters is recovering already; `tillsync hq recovery show` says for whom ⏎
            it waits
            exit 0
        "#]],
    );
    check(
        &place,
        "hq recovery settle 0190a8f0-0000-7000-8000-000000000001 C-7 --by ann --data-dir .",
        expect![[r#"
            error: nothing is in conflict between customer ⏎
            0190a8f0-0000-7000-8000-000000000001 and account C-7; `tillsync hq recovery ⏎
            show` lists conflicts
            hint: check the name and --data-dir; `customer find` and the `list` commands ⏎
            show what there is
            exit 1
        "#]],
    );
    check(
        &place,
        "hq recovery finish --by ann --data-dir .",
        expect![[r#"
        the recovery has ended; everybody was heard
        exit 0
    "#]],
    );
    check(
        &place,
        "hq recovery finish --by ann --data-dir .",
        expect![[r#"
        error: headquarters is not recovering; `tillsync hq recovery show` shows the ⏎
        last time
        hint: look at how it stands (`customer show`, `session show`, `order show`, ⏎
        `statement show`, another --data-dir) and decide what should be
        exit 1
    "#]],
    );
}
