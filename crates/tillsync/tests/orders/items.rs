//! Items and parameters.

use expect_test::expect;

use crate::site::{check, headquarters};

#[test]
fn items_are_imported_and_what_is_none_is_listed_with_row_and_field() {
    let folder = headquarters();
    let check = |arguments, expected| check(&folder, arguments, expected);
    let rows = "number,name,tax_rate,EUR,SEK\n\
                0001,Coffee,14,2.90,32\n\
                0002,Tea,much,2.999,\n\
                0003,Bun,14,3.40,\n";
    std::fs::write(folder.path().join("items.csv"), rows).expect("a file");
    check(
        "item import items.csv",
        expect![[r#"
        2 items are set
        Row | Field | Why it is no item
        2 | tax_rate | "much" is no number such as 12.30
        2 | EUR | Price: 2.999 EUR is negative or finer than the currency's smallest ⏎
        unit
        exit 1
    "#]],
    );
    check(
        "item import items.csv --json",
        expect![[r#"
        {
          "items": 2,
          "refused": [
            {
              "field": "tax_rate",
              "reason": "\"much\" is no number such as 12.30",
              "row": 2
            },
            {
              "field": "EUR",
              "reason": "Price: 2.999 EUR is negative or finer than the currency's ⏎
        smallest unit",
              "row": 2
            }
          ],
          "version": null
        }
        exit 1
    "#]],
    );
}

#[test]
fn items_are_listed_with_their_prices() {
    let folder = headquarters();
    let rows = "number,name,tax_rate,EUR,SEK\n0001,Coffee,14,2.90,32\n0003,Bun,14,3.40,\n";
    std::fs::write(folder.path().join("items.csv"), rows).expect("a file");
    let check = |arguments, expected| check(&folder, arguments, expected);
    check(
        "item import items.csv",
        expect![[r#"
        2 items are set
        exit 0
    "#]],
    );
    check(
        "item list",
        expect![[r#"
        Item | Name | Tax % | Prices without tax | Sold
        0001 | Coffee | 14 | 2.90 EUR, 32.00 SEK | yes
        0003 | Bun | 14 | 3.40 EUR | yes
        exit 0
    "#]],
    );
    check(
        "item list --text bun --json",
        expect![[r#"
        [
          {
            "is_active": true,
            "name": "Bun",
            "number": "0003",
            "prices": [
              {
                "amount": "3.40",
                "currency": "EUR"
              }
            ],
            "tax_rate": "14"
          }
        ]
        exit 0
    "#]],
    );
}

#[test]
fn a_file_that_holds_no_items_is_refused_whole() {
    let folder = headquarters();
    let check = |arguments, expected| check(&folder, arguments, expected);
    check(
        "item import nothing.csv",
        expect![[r#"
            error: read nothing.csv
              because: No such file or directory (os error 2)
            hint: check the name and --data-dir; `customer find` and the `list` commands ⏎
            show what there is
            exit 1
        "#]],
    );
    std::fs::write(folder.path().join("other.csv"), "a,b\n").expect("a file");
    check(
        "item import other.csv",
        expect![[r#"
        error: the header must begin with number,name,tax_rate, but begins with a,b
        hint: correct what was given; --help shows an example
        exit 2
    "#]],
    );
    check(
        "item list",
        expect![[r#"
        no item matches
        exit 0
    "#]],
    );
}

#[test]
fn parameters_are_shown_and_set_one_by_one() {
    let folder = headquarters();
    let check = |arguments, expected| check(&folder, arguments, expected);
    check(
        "parameter show",
        expect![[r#"
        Parameter | Value
        rule.customer-exists | on
        rule.totals-agree | on
        rule.tax | on
        rule.currency | on
        rule.item-exists | on
        rule.unique-receipt | on
        rule.shift-known | on
        posting-mode | trickle-feed
        order-hold-code | ORDERSYNC
        order-tries-max | 5
        order-workers | 2
        exit 0
    "#]],
    );
    check(
        "parameter set rule.customer-exists off --json",
        expect![[r#"
        {
          "order_hold_code": "ORDERSYNC",
          "order_tries_max": 5,
          "order_workers": 2,
          "posting_mode": "trickle-feed",
          "rules_off": [
            "customer-exists"
          ]
        }
        exit 0
    "#]],
    );
    check(
        "parameter set order-hold-code none --json",
        expect![[r#"
        {
          "order_hold_code": null,
          "order_tries_max": 5,
          "order_workers": 2,
          "posting_mode": "trickle-feed",
          "rules_off": [
            "customer-exists"
          ]
        }
        exit 0
    "#]],
    );
    check(
        "parameter set posting-mode classic --json",
        expect![[r#"
        {
          "order_hold_code": null,
          "order_tries_max": 5,
          "order_workers": 2,
          "posting_mode": "classic",
          "rules_off": [
            "customer-exists"
          ]
        }
        exit 0
    "#]],
    );
}

#[test]
fn a_parameter_that_makes_no_sense_is_refused() {
    let folder = headquarters();
    let check = |arguments, expected| check(&folder, arguments, expected);
    check(
        "parameter set order-workers many",
        expect![[r#"
        error: "many" is no whole number
        hint: correct what was given; --help shows an example
        exit 2
    "#]],
    );
    check(
        "parameter set order-workers 99",
        expect![[r#"
        error: the workers of synchronize-orders: must be 1 to 16, not 99
        hint: correct what was given; --help shows an example
        exit 2
    "#]],
    );
    check(
        "parameter set rule.customer off",
        expect![[r#"
        error: invalid value 'rule.customer' for '<NAME>': there is no validation rule ⏎
        "customer"; the rules are customer-exists, totals-agree, tax, currency, ⏎
        item-exists, unique-receipt and shift-known

        For more information, try '--help'.
        exit 2
    "#]],
    );
    check(
        "parameter set rule.tax maybe",
        expect![[r#"
        error: a rule is on or off, not maybe
        hint: correct what was given; --help shows an example
        exit 2
    "#]],
    );
}
