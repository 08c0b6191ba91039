//! Customer orders.

use expect_test::expect;

use crate::site::{check, check_words, headquarters_with_sales, tillsync};

#[test]
fn an_order_that_waits_is_locked_and_given_back() {
    let folder = headquarters_with_sales();
    let check = |arguments, expected| check(&folder, arguments, expected);
    check(
        "job run synchronize-orders --store S1",
        expect![[r#"
        synchronize-orders succeeded: changed 1, waiting 1
        exit 0
    "#]],
    );
    check(
        "order list",
        expect![[r#"
            Position | Number | Store | Recorded (UTC) | Account | Total | Status | Tries | ⏎
            Sales order | Hold | Error
            2 | T-000003 | S1 | DATE TIME | Pending sync | 23.85 EUR | Waiting | 0 | - | - ⏎
            | waits for customer Pending sync (00000001-0000-0000-0000-000000000009), which ⏎
            has not arrived from its store yet
            exit 0
        "#]],
    );
    check(
        "order lock T-000003 --operator bob",
        expect![[r#"
        order T-000003 is Editing by bob
        exit 0
    "#]],
    );
    let customer = "--set=/trade/customer=\"00000001-0000-0000-0000-000000000001\"";
    check_words(
        &folder,
        &["order", "repair", "T-000003", customer],
        expect![[r#"
            error: order T-000003 is being edited by bob; it can be given up for them
            hint: look at how it stands (`customer show`, `session show`, `order show`, ⏎
            `statement show`, another --data-dir) and decide what should be
            exit 1
        "#]],
    );
    check(
        "order synchronize T-000003",
        expect![[r#"
            error: order T-000003 is being edited by bob; save the edit or give it up first
            hint: look at how it stands (`customer show`, `session show`, `order show`, ⏎
            `statement show`, another --data-dir) and decide what should be
            exit 1
        "#]],
    );
    check(
        "order unlock T-000003",
        expect![[r#"
        order T-000003 is Waiting
        exit 0
    "#]],
    );
    check(
        "order unlock T-000003",
        expect![[r#"
            error: order T-000003 is not being edited
            hint: look at how it stands (`customer show`, `session show`, `order show`, ⏎
            `statement show`, another --data-dir) and decide what should be
            exit 1
        "#]],
    );
}

#[test]
fn a_repaired_order_is_created_on_hold() {
    let folder = headquarters_with_sales();
    let check = |arguments, expected| check(&folder, arguments, expected);
    let customer = "--set=/trade/customer=\"00000001-0000-0000-0000-000000000001\"";
    check_words(
        &folder,
        &["order", "repair", "T-000003", customer],
        expect![[r#"
            Number       T-000003
            Kind         customer order
            Store        S1
            Recorded     DATE TIME at S1
            Received     DATE TIME
            Account      Pending sync
            Written as   00000001-0000-0000-0000-000000000009
            Receipt      R-000003
            Shift        SH-1
            Total        23.85 EUR
            Order status New
            Validation   New
            Line | Item | Name | Quantity | Price | Discount | Net | Tax % | Tax
            1 | I-001 | Coffee | 2 | 10.00 | 1.00 | 19.00 | 25.5 | 4.85
            Payment      23.85 EUR, cash
            Changed (UTC) | By | Field | From | To
            DATE TIME | ann | /trade/customer | "00000001-0000-0000-0000-000000000009" | ⏎
            "00000001-0000-0000-0000-000000000001"
            exit 0
        "#]],
    );
    check(
        "order synchronize T-000003",
        expect![[r#"
            Number       T-000003
            Kind         customer order
            Store        S1
            Recorded     DATE TIME at S1
            Received     DATE TIME
            Account      C-00000001
            Written as   00000001-0000-0000-0000-000000000009
            Receipt      R-000003
            Shift        SH-1
            Total        23.85 EUR
            Order status Succeeded
            Sales order  SO-00000001
            On hold      ORDERSYNC
            Validation   New
            Line | Item | Name | Quantity | Price | Discount | Net | Tax % | Tax
            1 | I-001 | Coffee | 2 | 10.00 | 1.00 | 19.00 | 25.5 | 4.85
            Payment      23.85 EUR, cash
            Changed (UTC) | By | Field | From | To
            DATE TIME | ann | /trade/customer | "00000001-0000-0000-0000-000000000009" | ⏎
            "00000001-0000-0000-0000-000000000001"
            exit 0
        "#]],
    );
}

#[test]
fn a_hold_is_lifted() {
    let folder = headquarters_with_sales();
    let customer = "--set=/trade/customer=\"00000001-0000-0000-0000-000000000001\"";
    for arguments in [
        ["order", "repair", "T-000003", customer].as_slice(),
        &["order", "synchronize", "T-000003"],
    ] {
        let output = tillsync(folder.path(), arguments).output();
        assert!(output.expect("the program starts").status.success(), "{arguments:?}");
    }
    let check = |arguments, expected| check(&folder, arguments, expected);
    check(
        "order list --on-hold",
        expect![[r#"
        Position | Number | Store | Recorded (UTC) | Account | Total | Status | Tries | ⏎
        Sales order | Hold | Error
        2 | T-000003 | S1 | DATE TIME | C-00000001 | 23.85 EUR | Succeeded | 0 | ⏎
        SO-00000001 | ORDERSYNC |
        exit 0
    "#]],
    );
    check(
        "order lift-hold T-000003",
        expect![[r#"
        order T-000003 is Succeeded; its sales order SO-00000001 is not on hold
        exit 0
    "#]],
    );
    check(
        "order list --on-hold",
        expect![[r#"
        no order matches
        exit 0
    "#]],
    );
}

#[test]
fn what_is_no_order_is_said_so() {
    let folder = headquarters_with_sales();
    let check = |arguments, expected| check(&folder, arguments, expected);
    check(
        "order show T-000004",
        expect![[r#"
            error: T-000004 is no customer order; `tillsync transaction show` shows sales
            hint: check the name and --data-dir; `customer find` and the `list` commands ⏎
            show what there is
            exit 1
        "#]],
    );
    check(
        "order show T-999999",
        expect![[r#"
            error: headquarters knows no sale or order T-999999; if a till shows it, its ⏎
            store has not uploaded it yet
            hint: check the name and --data-dir; `customer find` and the `list` commands ⏎
            show what there is
            exit 1
        "#]],
    );
    check(
        "order repair T-000003",
        expect![[r#"
        error: say what to change: --set /POINTER=JSON or --remove /POINTER
        hint: correct what was given; --help shows an example
        exit 2
    "#]],
    );
    check(
        "order list --status lost",
        expect![[r#"
        error: invalid value 'lost' for '--status <STATUS>': it is one of New, Waiting, ⏎
        Failed, Editing, Succeeded

        For more information, try '--help'.
        exit 2
    "#]],
    );
}
