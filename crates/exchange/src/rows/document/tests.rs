//! Documents on the wire: their exact words, what is refused, what makes two of them the same.

use expect_test::expect;
use uuid::Uuid;

use super::*;

fn sale() -> Document {
    let number = |text: &str| text.parse::<Decimal>().expect("a number");
    let line = Line {
        number: 1,
        item: "coffee".parse().expect("an item"),
        name: Some("Coffee".into()),
        quantity: number("-2"),
        price: number("9.90"),
        discount: Decimal::ZERO,
        net: number("-19.80"),
        tax_rate: number("25.5"),
        tax: number("-5.05"),
        is_voided: false,
        returns: Some(ReturnOf { transaction: "S1-7".parse().expect("a number"), line: 3 }),
    };
    let trade = Trade {
        customer: Some("01980a5e-7c1f-7000-8000-000000000001".parse().expect("a key")),
        shift: "S1-S1".parse().expect("a shift"),
        receipt: "S1-000001".parse().expect("a receipt"),
        currency: "EUR".parse().expect("a currency"),
        lines: vec![line],
        payments: vec![Payment { tender: Tender::Cash, amount: number("-24.85") }],
        total: number("-24.85"),
    };
    Document {
        id: EntryId::from_uuid(Uuid::from_u128(1)),
        number: "S1-8".parse().expect("a number"),
        body: Body::Sale(Box::new(Sale { trade, is_voided: false })),
        created_at: Timestamp::from_second(1_700_000_000).expect("a time"),
        origin: "S1".parse().expect("a database"),
        staff: None,
    }
}

#[test]
fn a_sale_is_written_down_in_words_that_people_can_read() {
    let row = DocumentRow::record(&sale(), Counter(7));
    expect![[r#"
        {"trade":{"customer":"01980a5e-7c1f-7000-8000-000000000001",
        "shift":"S1-S1",
        "receipt":"S1-000001",
        "currency":"EUR",
        "lines":[{"number":1,
        "item":"coffee",
        "name":"Coffee",
        "quantity":"-2",
        "price":"9.90",
        "net":"-19.80",
        "tax_rate":"25.5",
        "tax":"-5.05",
        "returns":{"transaction":"S1-7",
        "line":3}}],
        "payments":[{"tender":"cash",
        "amount":"-24.85"}],
        "total":"-24.85"}}"#]]
    .assert_eq(&row.content.get().replace(",\"", ",\n\""));
}

#[test]
fn every_kind_of_document_reads_back_as_it_was() {
    let shift: ShiftNumber = "S1-S1".parse().expect("a shift");
    let counts = vec![Count {
        tender: Tender::Cash,
        currency: "EUR".parse().expect("a currency"),
        amount: Decimal::new(12_345, 2),
    }];
    let Body::Sale(sold) = sale().body else { panic!("a sale") };
    let step = |act| Body::Shift(ShiftEvent { shift: shift.clone(), act });
    let ship_to = Delivery::Ship(AddressGuid::from_uuid(Uuid::from_u128(9)));
    let order =
        |delivery| Body::Order(Box::new(CustomerOrder { trade: sold.trade.clone(), delivery }));
    for body in [
        Body::Sale(Box::new(Sale { is_voided: true, ..(*sold).clone() })),
        order(ship_to),
        order(Delivery::Pickup),
        step(ShiftAct::Opened { float: counts.clone() }),
        step(ShiftAct::BlindClosed),
        step(ShiftAct::Closed { counted: counts.clone() }),
    ] {
        let document = Document { body, ..sale() };
        let row = DocumentRow::record(&document, Counter(1));
        assert_eq!(row.document(), Ok(document));
    }
}

#[test]
fn the_hash_covers_all_but_the_counter_and_the_relay() {
    let row = DocumentRow::record(&sale(), Counter(1));
    let relayed =
        DocumentRow { counter: 9, relayed_at: Some(Timestamp::UNIX_EPOCH), ..row.clone() };
    assert_eq!(relayed.content_hash(), row.content_hash());
    for other in [
        DocumentRow { number: "S1-9".parse().expect("a number"), ..row.clone() },
        DocumentRow { kind: "customer_order".into(), ..row.clone() },
        DocumentRow { origin: "S2".parse().expect("a database"), ..row.clone() },
        DocumentRow { id: EntryId::from_uuid(Uuid::from_u128(2)), ..row.clone() },
    ] {
        assert_ne!(other.content_hash(), row.content_hash());
    }
}

#[test]
fn what_cannot_be_read_says_why() {
    let row = DocumentRow::record(&sale(), Counter(1));
    let unknown = DocumentRow { kind: "loan".into(), ..row.clone() };
    assert!(unknown.document().expect_err("unknown").0.contains("loan"));
    let content = RawValue::from_string(r#"{"trade":{}}"#.into()).expect("JSON");
    let empty = DocumentRow { content, ..row };
    assert!(empty.document().expect_err("empty").0.contains("missing field"));
}

#[test]
fn numbers_that_arithmetic_could_break_on_are_not_read() {
    let row = DocumentRow::record(&sale(), Counter(1));
    let read = |amount: &str| {
        let content = row.content.get().replacen(r#""9.90""#, &format!("{amount:?}"), 1);
        read_body("sale", &content)
    };
    assert!(read("1000000000000").is_ok());
    for absurd in ["1000000000001", "-79228162514264337593543950335"] {
        let refused = read(absurd).expect_err("beyond any till");
        assert!(refused.0.contains("beyond any till"), "{refused}");
    }
}

#[test]
fn what_cannot_be_read_is_said_without_quoting_it() {
    let row = DocumentRow::record(&sale(), Counter(1));
    let content = row.content.get().replacen(r#""S1-S1""#, r#""Aino Virtanen, Helsinki""#, 1);
    let refused = read_body("sale", &content).expect_err("no shift number");
    assert!(refused.0.starts_with("a value is not what belongs there, line 1"), "{refused}");
    assert!(!refused.0.contains("Aino"), "{refused}");
}

#[test]
fn a_blind_close_with_counts_is_not_read_as_one_without() {
    let counts = r#""counts":[{"tender":"cash","currency":"EUR","amount":"100"}]"#;
    let refused = read_body("shift_blind_closed", &format!(r#"{{"shift":"S1-S1",{counts}}}"#));
    assert!(refused.expect_err("the counts would be lost").0.contains("counts nothing"));
    assert!(read_body("shift_blind_closed", r#"{"shift":"S1-S1","counts":[]}"#).is_ok());
}

#[test]
fn content_is_an_object_and_no_list_of_values_without_names() {
    let named = r#" {"shift":"S1-S1"}"#;
    assert!(read_body("shift_opened", named).is_ok());
    for unnamed in [r#"["S1-S1"]"#, r#"  ["S1-S1",[]]"#] {
        let refused = read_body("shift_opened", unnamed).expect_err("no names");
        assert!(refused.0.contains("no JSON object"), "{refused}");
    }
}

#[test]
fn an_amount_with_more_digits_than_fit_is_refused_and_not_rounded() {
    let read = |amount: &str| {
        let counts = format!(r#"[{{"tender":"cash","currency":"EUR","amount":{amount}}}]"#);
        read_body("shift_opened", &format!(r#"{{"shift":"S1-S1","counts":{counts}}}"#))
    };
    for amount in [r#""0.10""#, "0.1", "100", "-7", r#""123456789012.1234567890123456""#] {
        assert!(read(amount).is_ok(), "{amount}");
    }
    for amount in [r#""0.12345678901234567890123456789012345""#, "123456789012.12345678", r#""""#] {
        assert!(read(amount).is_err(), "{amount}");
    }
}
