//! Sales as operators see and repair them.

use expect_test::expect;

use crate::site::{check, check_words, headquarters_with_sales, tillsync};

#[test]
fn a_sale_that_breaks_a_rule_is_listed_with_it() {
    let folder = headquarters_with_sales();
    let check = |arguments, expected| check(&folder, arguments, expected);
    let customer = "--set=/trade/customer=\"C-77777777\"";
    check_words(
        &folder,
        &["transaction", "repair", "T-000005", customer],
        expect![[r#"
            Number       T-000005
            Kind         sale
            Store        S1
            Recorded     DATE TIME at S1
            Received     DATE TIME
            Account      C-77777777
            Receipt      R-000005
            Shift        SH-1
            Total        23.85 EUR
            Validation   New
            Line | Item | Name | Quantity | Price | Discount | Net | Tax % | Tax
            1 | I-001 | Coffee | 2 | 10.00 | 1.00 | 19.00 | 25.5 | 4.85
            Payment      23.85 EUR, cash
            Changed (UTC) | By | Field | From | To
            DATE TIME | ann | /trade/customer | - | "C-77777777"
            exit 0
        "#]],
    );
    check(
        "transaction validate T-000005",
        expect![[r#"
            Number       T-000005
            Kind         sale
            Store        S1
            Recorded     DATE TIME at S1
            Received     DATE TIME
            Account      C-77777777
            Receipt      R-000005
            Shift        SH-1
            Total        23.85 EUR
            Validation   Error
            Why          no customer has account C-77777777
            Line | Item | Name | Quantity | Price | Discount | Net | Tax % | Tax
            1 | I-001 | Coffee | 2 | 10.00 | 1.00 | 19.00 | 25.5 | 4.85
            Payment      23.85 EUR, cash
            Changed (UTC) | By | Field | From | To
            DATE TIME | ann | /trade/customer | - | "C-77777777"
            exit 1
        "#]],
    );
}

#[test]
fn transactions_are_listed_for_programs_as_the_interface_describes_them() {
    let folder = headquarters_with_sales();
    let customer = "--set=/trade/customer=\"C-77777777\"";
    for arguments in [
        ["transaction", "repair", "T-000005", customer].as_slice(),
        &["job", "run", "validate-transactions"],
    ] {
        tillsync(folder.path(), arguments).output().expect("the program starts");
    }
    let check = |arguments, expected| check(&folder, arguments, expected);
    check(
        "transaction list --validation error --json",
        expect![[r#"
        [
          {
            "account": null,
            "created_at": "2026-01-01T00:00:05Z",
            "customer": "C-77777777",
            "findings": [
              {
                "line": null,
                "message": "no customer has account C-77777777",
                "rule": "customer-exists"
              }
            ],
            "is_repaired": true,
            "is_voided": false,
            "kind": "sale",
            "number": "T-000005",
            "order": null,
            "origin": "S1",
            "position": 4,
            "posted_at": null,
            "receipt": "R-000005",
            "received_at": "2026-01-01T00:00:10Z",
            "shift": "SH-1",
            "ship_to": null,
            "staff": null,
            "statement": null,
            "store": "S1",
            "total": {
              "amount": "23.85",
              "currency": "EUR"
            },
            "validated_at": NOW
            "validation": "Error",
            "voucher": null
          }
        ]
        exit 0
    "#]],
    );
}

#[test]
fn a_repair_that_makes_no_sense_is_refused() {
    let folder = headquarters_with_sales();
    let check = |arguments, expected| check(&folder, arguments, expected);
    check(
        "transaction repair T-000005 --set /trade/customer=C-1",
        expect![[r#"
        error: invalid value '/trade/customer=C-1' for '--set </POINTER=JSON>': C-1 is ⏎
        no JSON (expected value at line 1 column 1); put double quotes around a text

        For more information, try '--help'.
        exit 2
    "#]],
    );
    check(
        "transaction repair T-000005 --remove /trade/total",
        expect![[r#"
        error: the changes would leave transaction T-000005 unreadable
          because: the document cannot be read: missing field `total` at line 1 column ⏎
        259
        hint: correct what was given; --help shows an example
        exit 2
    "#]],
    );
    check(
        "transaction repair T-000005 --remove /trade/customer",
        expect![[r#"
        error: transaction T-000005
          because: the content has no place "/trade/customer"
        hint: correct what was given; --help shows an example
        exit 2
    "#]],
    );
    check(
        "transaction list --quarantined",
        expect![[r#"
        no document was set aside
        exit 0
    "#]],
    );
    check(
        "transaction list --validation lost",
        expect![[r#"
        error: invalid value 'lost' for '--validation <STATUS>': it is one of New, ⏎
        Waiting, Successful, Error, None

        For more information, try '--help'.
        exit 2
    "#]],
    );
}
