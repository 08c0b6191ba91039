//! What `tillsync staff` prints, and that a PIN is never among it.

use std::fs;

use expect_test::expect;

use super::{check, headquarters};

#[test]
fn staff_are_added_from_a_pin_file_changed_blocked_and_listed() {
    let folder = headquarters();
    let ok = |arguments, expected| check(folder.path(), arguments, expected);
    ok(
        "hq add-group north --address-book north --data-dir .",
        expect![[r#"
            group north is set
            exit 0
        "#]],
    );
    fs::write(folder.path().join("pin.txt"), "4711\n").unwrap();
    fs::write(folder.path().join("bad.txt"), "47 11").unwrap();
    ok(
        "staff add 000160 --first-name Ada --address-book north --pin-file pin.txt --data-dir .",
        expect![[r#"
            ┌────────┬──────┬─────────┬───────────────┬─────┬────────┐
            │ Number ┆ Name ┆ Role    ┆ Address books ┆ PIN ┆ State  │
            ╞════════╪══════╪═════════╪═══════════════╪═════╪════════╡
            │ 000160 ┆ Ada  ┆ cashier ┆ north         ┆ set ┆ active │
            └────────┴──────┴─────────┴───────────────┴─────┴────────┘
            exit 0
        "#]],
    );
    ok(
        "staff set-role 000160 manager --data-dir .",
        expect![[r#"
            000160 is a manager
            exit 0
        "#]],
    );
    ok(
        "staff set-pin 000160 --pin-file bad.txt --data-dir .",
        expect![[r#"
            error: a PIN has 4 to 16 digits and nothing else
            hint: correct what was given; --help shows an example
            exit 2
        "#]],
    );
    ok(
        "staff set-pin 000160 --pin-file pin.txt --data-dir .",
        expect![[r#"
            000160 has a new PIN
            exit 0
        "#]],
    );
    ok(
        "staff block 000160 --data-dir .",
        expect![[r#"
            000160 may not sign in any more
            exit 0
        "#]],
    );
    ok(
        "staff list --data-dir .",
        expect![[r#"
            ┌────────┬──────┬─────────┬───────────────┬─────┬─────────┐
            │ Number ┆ Name ┆ Role    ┆ Address books ┆ PIN ┆ State   │
            ╞════════╪══════╪═════════╪═══════════════╪═════╪═════════╡
            │ 000160 ┆ Ada  ┆ manager ┆ north         ┆ set ┆ blocked │
            └────────┴──────┴─────────┴───────────────┴─────┴─────────┘
            exit 0
        "#]],
    );
}

#[test]
fn a_headquarters_without_staff_says_how_somebody_is_added() {
    let folder = headquarters();
    check(
        folder.path(),
        "staff list --data-dir .",
        expect![[r#"
            there are no staff; `tillsync staff add` adds somebody
            exit 0
        "#]],
    );
}

#[test]
fn whoever_is_not_staff_is_named() {
    let folder = headquarters();
    check(
        folder.path(),
        "staff block 000170 --data-dir .",
        expect![[r#"
            error: there is no member of staff 000170; `tillsync staff add` adds one
            hint: check the name and --data-dir; `customer find` and the `list` commands ⏎
            show what there is
            exit 1
        "#]],
    );
}
