//! Tables of transactions against the rules: what each breach is called, and what waits.

use expect_test::{Expect, expect};
use uuid::Uuid;

use super::*;
use crate::ids::{AddressGuid, CustomerGuid};
use crate::order::Staging;
use crate::trade::{CustomerOrder, Delivery, Line, Payment, Sale};

fn number(text: &str) -> Decimal {
    text.parse().expect("a number")
}

fn guid(n: u128) -> CustomerGuid {
    CustomerGuid::from_uuid(Uuid::from_u128(n))
}

fn line(number_on_receipt: u32, item: &str) -> Line {
    Line {
        number: number_on_receipt,
        item: item.parse().expect("an item"),
        name: None,
        quantity: number("2"),
        price: number("5.00"),
        discount: number("1.00"),
        net: number("9.00"),
        tax_rate: number("25.5"),
        tax: number("2.30"),
        is_voided: false,
        returns: None,
    }
}

fn trade() -> Trade {
    Trade {
        customer: None,
        shift: "S1-S1".parse().expect("a shift"),
        receipt: "S1-000001".parse().expect("a receipt"),
        currency: "EUR".parse().expect("a currency"),
        lines: vec![line(1, "coffee")],
        payments: vec![Payment { tender: Tender::Cash, amount: number("11.30") }],
        total: number("11.30"),
    }
}

fn transaction() -> TransactionNumber {
    "S1-000001-1".parse().expect("a number")
}

fn sale(trade: Trade) -> Subject {
    let body = Ok(Body::Sale(Box::new(Sale { trade, is_voided: false })));
    Subject { number: transaction(), body, order_pending: None }
}

/// Customer 1 is C-1; customer 3 is staged, customer 4 failed.
fn known() -> Surroundings {
    let account = AccountNumber::parse("C-1").expect("an account");
    Surroundings {
        parties: KnownParties {
            accounts: [(guid(1), account.clone())].into(),
            guids: [(account, guid(1))].into(),
            staged: [
                (guid(3), Staging::Pending),
                (guid(4), Staging::Failed("Email: too long".into())),
            ]
            .into(),
            ..KnownParties::default()
        },
        items: [line(1, "coffee").item].into(),
        currencies: Some([trade().currency].into()),
        receipts: [(trade().receipt, vec![transaction()])].into(),
        shifts: [trade().shift].into(),
    }
}

fn judged(subject: &Subject, known: &Surroundings, off: &[Rule]) -> String {
    let judgement = judge(subject, known, &off.iter().copied().collect());
    let mut text = judgement.status.as_str().to_owned();
    if let Some(account) = &judgement.account {
        text.push_str(&format!(" for {account}"));
    }
    for Finding { rule, line, message } in &judgement.findings {
        let rule = rule.map_or("always", Rule::as_str);
        let line = line.map_or_else(String::new, |line| format!(", line {line}"));
        text.push_str(&format!("\n{rule}{line}: {message}"));
    }
    text
}

fn check(subject: &Subject, expected: Expect) {
    // The customers' GUIDs differ in their last digit only.
    let text = judged(subject, &known(), &[]).replace("00000000-0000-0000-0000-00000000000", "G");
    expected.assert_eq(&text);
}

fn of(customer: &str) -> Trade {
    Trade { customer: Some(customer.parse().expect("a key")), ..trade() }
}

#[test]
fn a_sale_that_keeps_every_rule_is_successful_whichever_key_it_names() {
    check(&sale(trade()), expect!["Successful"]);
    check(&sale(of("C-1")), expect!["Successful for C-1"]);
    check(&sale(of(&guid(1).to_string())), expect!["Successful for C-1"]);
}

#[test]
fn a_customer_that_has_no_account_is_waited_for_and_never_an_error() {
    check(
        &sale(of(&guid(3).to_string())),
        expect![[r#"
            Waiting
            always: waits for customer Pending sync (G3), which has no account yet"#]],
    );
    check(
        &sale(of(&guid(4).to_string())),
        expect![[r#"
    Waiting
    always: waits for customer Pending sync (G4), which could not be promoted: Email: too long"#]],
    );
    check(
        &sale(of(&guid(5).to_string())),
        expect![[r#"
    Waiting
    always: waits for customer Pending sync (G5), which has not arrived from its store yet"#]],
    );
}

#[test]
fn each_rule_finds_its_breach_and_is_silent_when_it_is_off() {
    let other: TransactionNumber = "S1-000000-9".parse().expect("a number");
    let mut taken = known();
    taken.receipts.insert(trade().receipt, vec![other, transaction()]);
    let changed = |change: fn(&mut Trade)| {
        let mut trade = trade();
        change(&mut trade);
        sale(trade)
    };
    let cases: [(Rule, Subject, Surroundings); 7] = [
        (Rule::CustomerExists, sale(of("C-9")), known()),
        (Rule::TotalsAgree, changed(|trade| trade.payments[0].amount = number("11.29")), known()),
        (Rule::Tax, changed(|trade| trade.lines[0].tax_rate = number("26")), known()),
        (Rule::Currency, changed(|trade| trade.currency = "SEK".parse().expect("SEK")), known()),
        (
            Rule::ItemExists,
            changed(|trade| trade.lines[0].item = "tea".parse().expect("tea")),
            known(),
        ),
        (Rule::UniqueReceipt, sale(trade()), taken),
        (Rule::ShiftKnown, changed(|trade| trade.shift = "S1-S2".parse().expect("S2")), known()),
    ];
    for (rule, subject, known) in &cases {
        let judgement = judge(subject, known, &BTreeSet::new());
        let broken: BTreeSet<_> = judgement.findings.iter().map(|found| found.rule).collect();
        assert_eq!(broken, [Some(*rule)].into(), "{}", judged(subject, known, &[]));
        assert_eq!(judgement.status, ValidationStatus::Error);
        let without = judge(subject, known, &[*rule].into());
        // An unknown account is no error then, but nothing can be posted to it either.
        let expected = match rule {
            Rule::CustomerExists => ValidationStatus::Waiting,
            _ => ValidationStatus::Successful,
        };
        assert_eq!(without.status, expected, "{}", judged(subject, known, &[*rule]));
    }
}

#[test]
fn every_breach_is_named_with_its_line() {
    let mut bad = of("C-9");
    bad.lines.push(Line { tax: number("2.31"), ..line(2, "tea") });
    bad.lines[0].net = number("9.01");
    check(
        &sale(bad),
        expect![[r#"
            Error
            customer-exists: no customer has account C-9
            totals-agree, line 1: the net amount is 9.01, but it comes to 9.00
            totals-agree: the total is 11.30, but the lines come to 22.62
            tax, line 2: the tax is 2.31, but 25.5 percent come to 2.30
            item-exists, line 2: there is no item tea"#]],
    );
}

#[test]
fn a_breach_outweighs_what_is_waited_for_and_both_are_named() {
    let mut bad = of(&guid(3).to_string());
    bad.total = number("11.31");
    check(
        &sale(bad),
        expect![[r#"
            Error
            totals-agree: the total is 11.31, but the lines come to 11.30
            totals-agree: 11.31 is due, but 11.30 was paid
            always: waits for customer Pending sync (G3), which has no account yet"#]],
    );
}

#[test]
fn an_order_waits_for_its_sales_order_and_may_be_paid_in_part() {
    let mut trade = of("C-1");
    trade.payments[0].amount = number("5");
    let delivery = Delivery::Ship(AddressGuid::from_uuid(Uuid::from_u128(9)));
    let body = Body::Order(Box::new(CustomerOrder { trade, delivery }));
    let mut order =
        Subject { order_pending: Some("waits".into()), body: Ok(body), ..sale(of("C-1")) };
    check(
        &order,
        expect![[r#"
            Waiting for C-1
            always: waits"#]],
    );
    order.order_pending = None;
    check(&order, expect!["Successful for C-1"]);
}

#[test]
fn a_voided_sale_needs_no_rules() {
    let empty = Trade { lines: vec![], payments: vec![], total: Decimal::ZERO, ..of("C-1") };
    let body = Ok(Body::Sale(Box::new(Sale { trade: empty, is_voided: true })));
    check(&Subject { body, ..sale(trade()) }, expect!["None for C-1"]);
}

#[test]
fn what_cannot_be_counted_with_is_an_error_whatever_is_switched_off() {
    for change in [
        (|trade: &mut Trade| trade.lines[0].price = Decimal::MAX) as fn(&mut Trade),
        |trade| trade.lines[0].quantity = Decimal::MAX,
        |trade| trade.lines[0].discount = Decimal::MIN,
        |trade| trade.payments[0].amount = number("0.001"),
        |trade| trade.total = number("1000000000000.01"),
    ] {
        let mut trade = trade();
        change(&mut trade);
        let judgement = judge(&sale(trade), &known(), &Rule::ALL.into());
        assert_eq!(judgement.status, ValidationStatus::Error);
        assert_eq!(judgement.findings[0].rule, None);
    }
    let unreadable = Subject { body: Err("it ends too early".into()), ..sale(trade()) };
    check(
        &unreadable,
        expect![[r#"
        Error
        always: the content cannot be read: it ends too early"#]],
    );
}

#[test]
fn where_there_are_no_items_every_currency_is_right() {
    let strange = Trade { currency: "JPY".parse().expect("a currency"), ..trade() };
    let known = Surroundings { currencies: None, ..known() };
    let judgement = judge(&sale(strange), &known, &BTreeSet::new());
    let broken: Vec<_> = judgement.findings.iter().filter_map(|found| found.rule).collect();
    assert!(!broken.contains(&Rule::Currency));
}

#[test]
fn what_no_statement_can_post_is_an_error_whatever_rules_are_off() {
    let differs = sale(Trade { total: number("99.00"), ..trade() });
    expect![[r#"
        Error
        always: its lines come to 1130, but its total is 9900"#]]
    .assert_eq(&judged(&differs, &known(), &[Rule::TotalsAgree]));
    let (price, tax) = (number("1000000000000"), number("255000000000"));
    let one = Decimal::ONE;
    let huge =
        Line { quantity: one, price, discount: 0.into(), net: price, tax, ..line(1, "coffee") };
    let total = price + tax;
    let payments = ["1000000000000", "255000000000"]
        .map(|amount| Payment { tender: Tender::Cash, amount: number(amount) });
    let trade = Trade { lines: vec![huge], payments: payments.into(), total, ..trade() };
    let text = judged(&sale(trade), &known(), &[]);
    assert!(text.starts_with("Error\nalways: "), "{text}");
}

#[test]
fn a_trade_that_is_wrong_in_every_line_is_answered_in_a_bounded_number_of_findings() {
    let mut lines: Vec<_> = (1..=5_000).map(|n| line(n, "nothing")).collect();
    lines.iter_mut().for_each(|line| line.net = number("7.00"));
    let subject = sale(Trade { lines, ..trade() });
    let judgement = judge(&subject, &known(), &BTreeSet::new());
    assert_eq!(judgement.findings.len(), 101);
    let last = judgement.findings.last().map(|finding| finding.message.as_str());
    assert_eq!(last, Some("14901 more things are wrong with it"));
}
