//! The commands on a database that is no file.

use expect_test::expect;

use crate::site::{Site, transcript_of};

#[test]
fn a_database_is_brought_up_to_date_once_and_after_it_was_asked_for() {
    let site = Site::new();
    let said = |arguments| transcript_of(&mut site.tillsync(arguments));
    let pending = said("hq migrate --dry-run");
    assert!(pending.starts_with("pending: V1__headquarters\n"), "{pending}");
    assert_eq!(said("hq migrate --dry-run"), pending, "asking changes nothing");
    assert_eq!(said("hq migrate"), pending.replace("pending: ", "done: "));
    site.check(
        "hq migrate",
        expect![[r#"
            the database is up to date
            exit 0
        "#]],
    );
}

#[test]
fn every_command_takes_the_database_beside_the_data_directory() {
    let site = Site::served();
    let hq = site.folder.path().join("hq");
    assert!(hq.join("operator.token").is_file() && hq.join("packages").is_dir());
    assert!(!hq.join("hq.db").exists(), "the database is elsewhere");
    site.check(
        "hq add-channel S1 --data-dir .",
        expect![[r#"
        channel S1 is added to group default
        exit 0
    "#]],
    );
    site.check(
        "hq add-channel S1 --data-dir hq",
        expect![[r#"
        error: there is a database S1 already
        hint: look at how it stands (`customer show`, `session show`, `order show`, ⏎
        `statement show`, another --data-dir) and decide what should be
        exit 1
    "#]],
    );
    site.check(
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
    site.check(
        "job run 1010 --data-dir .",
        expect![[r#"
        1010 succeeded: no data 1, nothing to do
        exit 0
    "#]],
    );
    site.check(
        "session list --for S1 --data-dir .",
        expect![[r#"
        no session
        exit 0
    "#]],
    );
    site.check(
        "doctor --data-dir .",
        expect![[r#"
        Headquarters: 0 customers, 0 aliases; operations: none
        All is well.
        exit 0
    "#]],
    );
}
