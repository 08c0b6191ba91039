//! The end of the day.

use expect_test::expect;

use crate::site::{check, headquarters_with_postings, headquarters_with_sales, tillsync};

#[test]
fn what_arrived_is_listed_and_counted() {
    let folder = headquarters_with_sales();
    let check = |arguments, expected| check(&folder, arguments, expected);
    check(
        "job run validate-transactions",
        expect![[r#"
        validate-transactions succeeded: changed 3, successful 2, waiting 1
        exit 0
    "#]],
    );
    check(
        "transaction list",
        expect![[r#"
            Position | Number | Kind | Store | Recorded (UTC) | Account | Total | ⏎
            Validation | Statement | Why
            2 | T-000003 | order | S1 | DATE TIME | Pending sync | 23.85 EUR | Waiting | - ⏎
            | waits for customer Pending sync (00000001-0000-0000-0000-000000000009), which ⏎
            has not arrived from its store yet; waits for its sales order
            3 | T-000004 | sale | S1 | DATE TIME | C-00000001 | 23.85 EUR | Successful | - |
            4 | T-000005 | sale | S1 | DATE TIME | - | 23.85 EUR | Successful | - |
            exit 0
        "#]],
    );
    check(
        "shift list",
        expect![[r#"
        Shift | Store | Opened at | Status | Opened (UTC) | Blind closed (UTC) | Closed ⏎
        (UTC) | Statement
        SH-1 | S1 | S1 | Closed | DATE TIME | - | DATE TIME | -
        exit 0
    "#]],
    );
    check(
        "shift list --status open",
        expect![[r#"
        no shift matches
        exit 0
    "#]],
    );
    check(
        "doctor",
        expect![[r#"
        Headquarters: 1 customers, 1 aliases; operations: 1 Succeeded
        Orders: 1 New
        Validation: 2 Successful, 1 Waiting; 2 ready for a statement, 0 posted
        warning: headquarters: job 1040 has no recurrence, and a group works by schedule
        warning: headquarters: job P-0001 has no recurrence, and a group works by ⏎
        schedule
        warning: headquarters: job synchronize-customers has no recurrence, and a group ⏎
        works by schedule
        warning: headquarters: job 1010 has no recurrence, and a group works by schedule
        warning: headquarters: job synchronize-orders has no recurrence, and a group ⏎
        works by schedule
        warning: headquarters: job validate-transactions has no recurrence, and a group ⏎
        works by schedule
        warning: headquarters: job transactional-statements has no recurrence, and a ⏎
        group works by schedule
        warning: headquarters: job financial-statements has no recurrence, and a group ⏎
        works by schedule
        exit 0
    "#]],
    );
}

#[test]
fn a_statement_that_stopped_is_retried_once_its_store_has_a_default_customer() {
    let folder = headquarters_with_sales();
    let check = |arguments, expected| check(&folder, arguments, expected);
    check(
        "job run validate-transactions --store S1",
        expect![[r#"
        validate-transactions succeeded: changed 3, successful 2, waiting 1
        exit 0
    "#]],
    );
    check(
        "job run transactional-statements",
        expect![[r#"
        transactional-statements completed with errors: begun 1, failed 1, 1 statements ⏎
        stopped with an error, which stands on each
        exit 1
    "#]],
    );
    check(
        "statement list --failed",
        expect![[r#"
        Statement | Store | Kind | Begun (UTC) | State | Transactions | Shifts | Sales ⏎
        | Error
        ST-00000001 | S1 | Transactional | DATE TIME | Checked | 2 | 0 | 47.70 EUR | 1 ⏎
        of its transactions name no customer, and S1 has no default customer; give it ⏎
        one with `tillsync hq default-customer`, then run the statement again
        exit 0
    "#]],
    );
    check(
        "hq default-customer S1 --create Walk-in",
        expect![[r#"
        unnamed sales of S1 are posted to C-00000002
        exit 0
    "#]],
    );
    check(
        "statement retry ST-00000001",
        expect![[r#"
        statement ST-00000001 is now Posted
        exit 0
    "#]],
    );
    check(
        "statement list --open",
        expect![[r#"
        no statement matches
        exit 0
    "#]],
    );
}

#[test]
fn a_default_customer_is_one_customer_of_one_channel() {
    let folder = headquarters_with_sales();
    let check = |arguments, expected| check(&folder, arguments, expected);
    check(
        "hq default-customer S1 --create x --customer C-1",
        expect![[r#"
        error: the argument '--create <NAME>' cannot be used with '--customer <KEY>'

        Usage: tillsync hq default-customer --data-dir <DIR> <--create ⏎
        <NAME>|--customer <KEY>> <CHANNEL>

        For more information, try '--help'.
        exit 2
    "#]],
    );
    check(
        "hq default-customer S9 --create x",
        expect![[r#"
            error: there is no channel S9; `tillsync hq add-channel` adds one
            hint: check the name and --data-dir; `customer find` and the `list` commands ⏎
            show what there is
            exit 1
        "#]],
    );
    check(
        "hq default-customer S1 --customer C-99999999",
        expect![[r#"
        error: headquarters knows no customer C-99999999 with an account
        hint: check the name and --data-dir; `customer find` and the `list` commands ⏎
        show what there is
        exit 1
    "#]],
    );
}

#[test]
fn a_posted_statement_is_shown_with_its_sums_and_is_final() {
    let folder = headquarters_with_postings();
    let check = |arguments, expected| check(&folder, arguments, expected);
    check(
        "statement show ST-00000001",
        expect![[r#"
        Statement    ST-00000001
        Id           ID
        Store        S1
        Kind         Transactional
        State        Posted
        Begun        DATE TIME
        Changed      DATE TIME
        Transactions 2
        Shifts       0
        Sales        47.70 EUR
        Account | Transactions | Net | Discount | Tax | Paid | Sales order | Invoice | ⏎
        Voucher
        C-00000001 | 1 | 19.00 EUR | 1.00 EUR | 4.85 EUR | cash 23.85 EUR | SO-00000001 ⏎
        | INV-00000001 | V-000000001
        C-00000002 | 1 | 19.00 EUR | 1.00 EUR | 4.85 EUR | cash 23.85 EUR | SO-00000002 ⏎
        | INV-00000002 | V-000000002
        exit 0
    "#]],
    );
    check(
        "statement release ST-00000001",
        expect![[r#"
            error: statement ST-00000001 has reached the state "Posted" and has posted: it ⏎
            can only be posted to its end
            hint: look at how it stands (`customer show`, `session show`, `order show`, ⏎
            `statement show`, another --data-dir) and decide what should be
            exit 1
        "#]],
    );
    check(
        "statement show ST-99999999",
        expect![[r#"
            error: there is no statement ST-99999999; `tillsync statement list` shows them
            hint: check the name and --data-dir; `customer find` and the `list` commands ⏎
            show what there is
            exit 1
        "#]],
    );
    check(
        "transaction list --statement ST-00000001",
        expect![[r#"
        Position | Number | Kind | Store | Recorded (UTC) | Account | Total | ⏎
        Validation | Statement | Why
        3 | T-000004 | sale | S1 | DATE TIME | C-00000001 | 23.85 EUR | Successful | ⏎
        posted |
        4 | T-000005 | sale | S1 | DATE TIME | - | 23.85 EUR | Successful | posted |
        exit 0
    "#]],
    );
    check(
        "job run classic-statements",
        expect![[r#"
        classic-statements failed: post statements: Classic statements do not fit the ⏎
        posting mode trickle-feed; a headquarters posts by trickle feed (transactional ⏎
        and financial statements) or classic, never both
        exit 1
    "#]],
    );
}

#[test]
fn a_page_that_is_not_the_last_names_the_next_one() {
    let folder = headquarters_with_postings();
    let check = |arguments, expected| check(&folder, arguments, expected);
    check(
        "transaction list --limit 2",
        expect![[r#"
        Position | Number | Kind | Store | Recorded (UTC) | Account | Total | ⏎
        Validation | Statement | Why
        2 | T-000003 | order | S1 | DATE TIME | Pending sync | 23.85 EUR | Waiting | - ⏎
        | waits for customer Pending sync (00000001-0000-0000-0000-000000000009), which ⏎
        has not arrived from its store yet; waits for its sales order
        3 | T-000004 | sale | S1 | DATE TIME | C-00000001 | 23.85 EUR | Successful | ⏎
        posted |
        there are more; add --after 3
        exit 0
    "#]],
    );
    check(
        "transaction list --limit 2 --after 3",
        expect![[r#"
        Position | Number | Kind | Store | Recorded (UTC) | Account | Total | ⏎
        Validation | Statement | Why
        4 | T-000005 | sale | S1 | DATE TIME | - | 23.85 EUR | Successful | posted |
        exit 0
    "#]],
    );
    check(
        "customer history C-00000001 --limit 1",
        expect![[r#"
        Position | Recorded (UTC) | Store | Kind | Number | Account | Total | How it ⏎
        stands
        3 | DATE TIME | S1 | sale | T-000004 | C-00000001 | 23.85 EUR | posted
        exit 0
    "#]],
    );
    check(
        "item list --limit 1",
        expect![[r#"
        Item | Name | Tax % | Prices without tax | Sold
        I-001 | Coffee | 25.5 | 10.00 EUR | yes
        exit 0
    "#]],
    );
    let mut listing = tillsync(folder.path(), &["transaction", "list", "--limit", "2", "--json"]);
    let output = listing.output().expect("the program starts");
    let listed: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(listed.as_array().map(Vec::len), Some(2), "{listed:#}");
}

#[test]
fn the_ledger_balances_by_store_and_currency() {
    let folder = headquarters_with_postings();
    let check = |arguments, expected| check(&folder, arguments, expected);
    check(
        "ledger show",
        expect![[r#"
            Store | Currency | cash | cards | customers | sales-tax | gift-cards | sales | ⏎
            discounts | over-short | Vouchers
            S1 | EUR | 47.15 | 0.00 | 0.00 | -9.70 | 0.00 | -40.00 | 2.00 | 0.55 | 7
            Debits are positive, credits negative: over-short 1.00 is 1.00 less in the ⏎
            drawers than there should be, -1.00 is 1.00 more.
            exit 0
        "#]],
    );
    check(
        "ledger show --store S2",
        expect![[r#"
        nothing is posted yet
        exit 0
    "#]],
    );
    check(
        "ledger vouchers --limit 1",
        expect![[r#"
            Voucher | Posted (UTC) | Store | What | Account | Customer | Amount
            V-000000001 | DATE TIME | S1 | Sales to C-00000001 | customers | C-00000001 | ⏎
            23.85 EUR
             |  |  |  | sales |  | -19.00 EUR
             |  |  |  | sales-tax |  | -4.85 EUR
            there are more; add --after V-000000001
            exit 0
        "#]],
    );
    check(
        "ledger vouchers --statement ST-00000009",
        expect![[r#"
            error: there is no statement ST-00000009; `tillsync statement list` shows them
            hint: check the name and --data-dir; `customer find` and the `list` commands ⏎
            show what there is
            exit 1
        "#]],
    );
}

#[test]
fn a_customer_is_found_by_what_it_bought() {
    let folder = headquarters_with_postings();
    let check = |arguments, expected| check(&folder, arguments, expected);
    check(
        "customer history C-00000001",
        expect![[r#"
        Position | Recorded (UTC) | Store | Kind | Number | Account | Total | How it ⏎
        stands
        3 | DATE TIME | S1 | sale | T-000004 | C-00000001 | 23.85 EUR | posted
        exit 0
    "#]],
    );
    check(
        "customer balance 00000001-0000-0000-0000-000000000001",
        expect![[r#"
        Account   C-00000001
        Unposted  0 transactions
        Currency | Owes by the ledger | Not posted yet | Together
        EUR | 0.00 | 0.00 | 0.00
        exit 0
    "#]],
    );
    check(
        "customer history C-99999999",
        expect![[r#"
            error: headquarters knows no customer C-99999999 and nothing that it bought; if ⏎
            a till shows it as "Pending sync", its store has not uploaded it yet
            hint: check the name and --data-dir; `customer find` and the `list` commands ⏎
            show what there is
            exit 1
        "#]],
    );
    check(
        "transaction show T-000004",
        expect![[r#"
        Number       T-000004
        Kind         sale
        Store        S1
        Recorded     DATE TIME at S1
        Received     DATE TIME
        Account      C-00000001
        Written as   00000001-0000-0000-0000-000000000001
        Receipt      R-000004
        Shift        SH-1
        Total        23.85 EUR
        Validation   Successful
        Statement    ST-00000001
        Posted       DATE TIME
        Voucher      V-000000001
        Line | Item | Name | Quantity | Price | Discount | Net | Tax % | Tax
        1 | I-001 | Coffee | 2 | 10.00 | 1.00 | 19.00 | 25.5 | 4.85
        Payment      23.85 EUR, cash
        exit 0
    "#]],
    );
}

#[test]
fn a_trace_follows_a_customer_into_the_ledger() {
    let folder = headquarters_with_postings();
    let trace = tillsync(folder.path(), &["customer", "trace", "C-00000001"]).output();
    let trace = String::from_utf8(trace.expect("the program starts").stdout).expect("text");
    for event in [
        "sale T-000004: recorded under 00000001-0000-0000-0000-000000000001",
        "sale T-000004: received from S1",
        "sale T-000004: validated, Successful",
        "sale T-000004: posted on account C-00000001 (voucher V-000000001)",
    ] {
        assert!(trace.contains(event), "{event} is missing in {trace}");
    }
}
