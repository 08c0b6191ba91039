//! What is kept from offline databases, as it is typed and answered.
#![allow(clippy::unwrap_used, reason = "a command that cannot be started has failed")]

use std::path::Path;
use std::process::{Command, Stdio};

/// What a command says on both channels, and its exit code.
fn run(folder: &Path, arguments: &str) -> (String, i32) {
    let output = Command::new(env!("CARGO_BIN_EXE_tillsync"))
        .args(arguments.split_whitespace())
        .args(["--data-dir", "."])
        .current_dir(folder)
        .env_remove("TILLSYNC_DATA_DIR")
        .env_remove("TILLSYNC_DATABASE")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout) + &text(&output.stderr), output.status.code().unwrap_or(-1))
}

/// A headquarters with a store and its register.
fn headquarters() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let serve = "hq serve --stop-with-stdin --listen 127.0.0.1:0";
    assert_eq!(run(folder.path(), serve).1, 0);
    for command in ["hq add-channel S1", "hq add-register S1.R1 --channel S1"] {
        assert_eq!(run(folder.path(), command).1, 0);
    }
    folder
}

#[test]
fn whoever_cannot_be_asked_has_to_confirm_the_filter_beforehand() {
    let folder = headquarters();
    let (refused, code) = run(folder.path(), "hq exclusion filter yes --operator ada");
    assert_eq!(code, 1, "{refused}");
    assert!(refused.contains("1010 (Customers)") && refused.contains("(--yes)"), "{refused}");
    let (list, _) = run(folder.path(), "hq exclusion list");
    assert!(list.contains("channel schema AX7: filter shared customer data no"), "{list}");
    let (set, code) = run(folder.path(), "hq exclusion filter yes --yes --operator ada");
    assert_eq!(code, 0, "{set}");
    let (list, _) = run(folder.path(), "hq exclusion list");
    assert!(list.contains("channel schema AX7: filter shared customer data yes"), "{list}");
    assert!(list.contains("filter:AX7 on by ada"), "{list}");
}

#[test]
fn a_job_and_a_table_are_excluded_and_the_command_says_what_follows() {
    let folder = headquarters();
    let (job, code) = run(folder.path(), "hq exclusion job 1010 yes");
    assert_eq!(code, 0, "{job}");
    assert!(job.contains("`tillsync job run 1010 --full GROUP`"), "{job}");
    let (again, _) = run(folder.path(), "hq exclusion job 1010 yes");
    assert!(again.contains("as before"), "{again}");
    let (party, code) = run(folder.path(), "hq exclusion subjob party yes");
    assert!(code == 0 && party.contains("registers lose their staff too"), "{party}");
    let (list, _) = run(folder.path(), "hq exclusion list");
    assert!(list.contains("excluded subjobs: party (1060, 1010)"), "{list}");
    let (needed, code) = run(folder.path(), "hq exclusion job 1090 yes");
    assert!(code == 2 && needed.contains("learns what is kept from it"), "{needed}");
}

#[test]
fn an_offline_profile_is_set_within_its_ranges_and_given_to_a_register() {
    let folder = headquarters();
    let (none, _) = run(folder.path(), "hq offline-profile list");
    assert!(none.contains("no offline profile is in force"), "{none}");
    let (far, code) = run(folder.path(), "hq offline-profile set slow --request-timeout-ms 9");
    assert!(code == 2 && far.contains("between 100 and 60000 milliseconds"), "{far}");
    let set = "hq offline-profile set slow --request-timeout-ms 9000";
    assert_eq!(run(folder.path(), set).1, 0);
    let (unknown, code) = run(folder.path(), "hq offline-profile assign S1.R1 quick");
    assert!(code == 1 && unknown.contains("there is no offline profile quick"), "{unknown}");
    let (channel, code) = run(folder.path(), "hq offline-profile assign S1 slow");
    assert!(code == 2 && channel.contains("only registers have"), "{channel}");
    assert_eq!(run(folder.path(), "hq offline-profile assign S1.R1 slow").1, 0);
    let (list, _) = run(folder.path(), "hq offline-profile list");
    assert!(list.contains("S1.R1") && list.contains("changed, not there yet"), "{list}");
}
