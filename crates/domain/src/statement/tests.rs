//! Double entry, whatever is sold, returned, voided, ordered and paid.

use std::collections::BTreeMap;

use proptest::prelude::*;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::*;
use crate::document::Body;
use crate::ids::{AccountNumber, CustomerGuid, CustomerKey, ShiftNumber};
use crate::money::Currency;
use crate::shift::Count;
use crate::trade::{CustomerOrder, Delivery, Line, Payment, Sale, Tender, Trade};

const POSTING: [StatementState; 4] = [
    StatementState::CustomerOrderInvoiced,
    StatementState::DiscountsPosted,
    StatementState::PaymentsPosted,
    StatementState::GiftCardsPosted,
];

fn currency(code: &str) -> Currency {
    code.parse().expect("a currency")
}

fn account(customer: u8) -> AccountNumber {
    AccountNumber::parse(&format!("C-{customer}")).expect("an account")
}

fn guid(customer: u8) -> CustomerGuid {
    CustomerGuid::from_uuid(Uuid::from_u128(u128::from(customer)))
}

/// What headquarters does with either key: the alias of a GUID, an account as it is.
fn resolve(key: &CustomerKey) -> AccountNumber {
    match key {
        CustomerKey::Temporary(guid) => {
            account(u8::try_from(guid.as_uuid().as_u128()).expect("a small number"))
        }
        CustomerKey::Numbered(account) => account.clone(),
    }
}

/// A ledger: what was posted, by currency, account and customer.
#[derive(Debug, Default, PartialEq, Eq)]
struct Ledger(BTreeMap<(Currency, LedgerAccount, Option<AccountNumber>), i64>);

impl Ledger {
    fn post(&mut self, currency: Currency, voucher: &PlannedVoucher) {
        assert!(voucher.entries.len() >= 2, "{voucher:?}");
        assert_eq!(voucher.entries.iter().map(|entry| entry.amount).sum::<i64>(), 0, "{voucher:?}");
        for PlannedEntry { account, customer, amount } in &voucher.entries {
            assert_ne!(*amount, 0, "{voucher:?}");
            assert_eq!(customer.is_some(), *account == LedgerAccount::Customers, "{voucher:?}");
            *self.0.entry((currency, *account, customer.clone())).or_default() += amount;
        }
    }

    fn balance(&self, currency: Currency, account: LedgerAccount) -> i64 {
        self.0.iter().filter(|((c, a, _), _)| (*c, *a) == (currency, account)).map(|(_, m)| m).sum()
    }

    fn owed_by(&self, currency: Currency, customer: AccountNumber) -> i64 {
        self.0.get(&(currency, LedgerAccount::Customers, Some(customer))).copied().unwrap_or(0)
    }

    /// Without accounts that came back to zero.
    fn settled(mut self) -> Self {
        self.0.retain(|_, amount| *amount != 0);
        self
    }
}

/// Posts documents in statements of a size.
fn post(documents: &[Body], size: usize) -> Ledger {
    let mut ledger = Ledger::default();
    for statement in documents.chunks(size) {
        let mut aggregates = Aggregates::default();
        for body in statement {
            let Ok(contribution) = Contribution::of(body) else { continue };
            let key = body.trade().and_then(|trade| trade.customer.as_ref());
            let account = key.map_or_else(|| account(0), resolve);
            aggregates.add(&account, &contribution).expect("small amounts");
        }
        for ((account, currency), sums) in aggregates.into_sums() {
            for state in POSTING {
                if let Some(voucher) = plan_voucher(state, &account, &sums.totals()) {
                    ledger.post(currency, &voucher);
                }
            }
        }
    }
    ledger
}

fn line(number: usize, parts: &(u8, i8, u16, u8, bool), currency: Currency) -> Line {
    let (item, quantity, price, discount, is_voided) = *parts;
    let quantity = Decimal::from(if quantity == 0 { 1 } else { quantity });
    let price = currency.from_minor(i64::from(price));
    let gross = currency.round(quantity * price);
    let discount = currency.round(gross * Decimal::from(discount % 101) / Decimal::ONE_HUNDRED);
    let tax_rate = Decimal::new(255, 1);
    let net = gross - discount;
    let tax = crate::trade::amounts::line_tax(currency, net, tax_rate);
    Line {
        number: u32::try_from(number).expect("few lines"),
        item: format!("item-{}", item % 4).parse().expect("an item"),
        name: None,
        quantity,
        price,
        discount,
        net,
        tax_rate,
        tax,
        is_voided,
        returns: None,
    }
}

/// Splits an amount over tenders: each share is a percentage of what is left, the last tender
/// takes the rest.
fn payments(due: Decimal, shares: [u8; 3], currency: Currency) -> Vec<Payment> {
    let mut left = due;
    let mut payments = Vec::new();
    let tenders = [Tender::Cash, Tender::Card, Tender::GiftCard, Tender::CustomerAccount];
    for (index, tender) in tenders.into_iter().enumerate() {
        let share = shares.get(index).map(|percent| Decimal::from(percent % 101));
        let amount =
            share.map_or(left, |share| currency.round(left * share / Decimal::ONE_HUNDRED));
        left -= amount;
        if !amount.is_zero() {
            payments.push(Payment { tender, amount });
        }
    }
    payments
}

fn trades() -> impl Strategy<Value = (Trade, u8)> {
    let line_parts = (any::<u8>(), -5_i8..6, 0_u16..5_000, any::<u8>(), any::<bool>());
    (
        (0_u8..5, any::<bool>(), prop_oneof![Just("EUR"), Just("JPY"), Just("KWD")]),
        prop::collection::vec(line_parts, 1..6),
        any::<[u8; 3]>(),
        any::<u8>(),
    )
        .prop_map(|((customer, by_guid, code), lines, shares, part)| {
            let currency = currency(code);
            let key = match (customer, by_guid) {
                (0, _) => None,
                (_, true) => Some(CustomerKey::Temporary(guid(customer))),
                (_, false) => Some(CustomerKey::Numbered(account(customer))),
            };
            let lines: Vec<_> =
                (1..).zip(&lines).map(|(number, parts)| line(number, parts, currency)).collect();
            let mut trade = Trade {
                customer: key,
                shift: "S1-S1".parse().expect("a shift"),
                receipt: "S1-000001".parse().expect("a receipt"),
                currency,
                lines,
                payments: vec![],
                total: Decimal::ZERO,
            };
            trade.total = trade.lines_total();
            trade.payments = payments(trade.total, shares, currency);
            (trade, part)
        })
}

fn documents() -> impl Strategy<Value = Body> {
    (trades(), 0_u8..10).prop_map(|((mut trade, part), kind)| match kind {
        0 => {
            trade.payments = vec![];
            Body::Sale(Box::new(Sale { trade, is_voided: true }))
        }
        1..=3 => {
            let part = Decimal::from(part % 101) / Decimal::ONE_HUNDRED;
            let amount = trade.currency.round(trade.total.abs() * part);
            trade.payments = vec![Payment { tender: Tender::ALL[usize::from(kind - 1)], amount }];
            trade.payments.retain(|payment| {
                payment.tender != Tender::CustomerAccount && !payment.amount.is_zero()
            });
            Body::Order(Box::new(CustomerOrder { trade, delivery: Delivery::Pickup }))
        }
        _ => Body::Sale(Box::new(Sale { trade, is_voided: false })),
    })
}

/// What a customer owes by the receipts in its hand: what it put on account less its deposits.
fn owed_by_receipts(documents: &[Body], currency: Currency, customer: u8) -> i64 {
    let is_of = |trade: &Trade| {
        let named = trade.customer.as_ref().map(resolve);
        trade.currency == currency && named.unwrap_or_else(|| account(0)) == account(customer)
    };
    let owed = documents.iter().map(|body| match body {
        Body::Sale(sale) if is_of(&sale.trade) => sale.trade.paid_by(Tender::CustomerAccount),
        Body::Order(order) if is_of(&order.trade) => -order.trade.payments_total(),
        _ => Decimal::ZERO,
    });
    currency.to_minor(owed.sum()).expect("whole smallest units")
}

fn with_keys(documents: &[Body], by_guid: bool) -> Vec<Body> {
    let rename = |trade: &mut Trade| {
        if let Some(key) = &trade.customer {
            let number = resolve(key);
            let customer = number.as_str()["C-".len()..].parse().expect("a small number");
            trade.customer = Some(match by_guid {
                true => CustomerKey::Temporary(guid(customer)),
                false => CustomerKey::Numbered(number),
            });
        }
    };
    let mut renamed = documents.to_vec();
    for body in &mut renamed {
        match body {
            Body::Sale(sale) => rename(&mut sale.trade),
            Body::Order(order) => rename(&mut order.trade),
            Body::Shift(_) => {}
        }
    }
    renamed
}

proptest! {
    #[test]
    fn each_customer_owes_what_its_documents_say(
        documents in prop::collection::vec(documents(), 0..40),
        size in 1_usize..50,
    ) {
        let ledger = post(&documents, size);
        for currency in ["EUR", "JPY", "KWD"].map(currency) {
            let sum: i64 = LedgerAccount::ALL.map(|a| ledger.balance(currency, a)).iter().sum();
            prop_assert_eq!(sum, 0);
            for customer in 0..5 {
                let by_ledger = ledger.owed_by(currency, account(customer));
                prop_assert_eq!(by_ledger, owed_by_receipts(&documents, currency, customer));
            }
        }
    }

    #[test]
    fn the_ledger_does_not_depend_on_keys_or_on_how_statements_are_cut(
        documents in prop::collection::vec(documents(), 0..40),
        sizes in (1_usize..50, 1_usize..50),
    ) {
        let by_guid = post(&with_keys(&documents, true), sizes.0).settled();
        prop_assert_eq!(&by_guid, &post(&with_keys(&documents, false), sizes.1).settled());
        prop_assert_eq!(&by_guid, &post(&documents, 40).settled());
    }

    #[test]
    fn what_is_sold_is_what_is_posted(documents in prop::collection::vec(documents(), 0..40)) {
        let ledger = post(&documents, 7);
        for currency in ["EUR", "JPY", "KWD"].map(currency) {
            let sold = documents.iter().filter_map(|body| match body {
                Body::Sale(sale) if !sale.is_voided && sale.trade.currency == currency => {
                    currency.to_minor(sale.trade.total).ok()
                }
                _ => None,
            });
            let books = [LedgerAccount::Sales, LedgerAccount::Discounts, LedgerAccount::SalesTax];
            let posted: i64 = books.map(|account| ledger.balance(currency, account)).iter().sum();
            prop_assert_eq!(-posted, sold.sum::<i64>());
        }
    }

    #[test]
    fn once_a_shift_is_closed_the_books_say_what_was_counted(
        documents in prop::collection::vec(documents(), 0..20),
        float in 0_i64..100_000,
        counted in prop::collection::vec(0_i64..1_000_000, 6),
    ) {
        let mut ledger = post(&documents, 7);
        let mut drawer = Drawer::default();
        let euro = currency("EUR");
        let cash = Count { tender: Tender::Cash, currency: euro, amount: euro.from_minor(float) };
        drawer.put_float(&[cash]).expect("exact");
        for trade in documents.iter().filter_map(Body::trade) {
            drawer.put_payments(trade).expect("exact");
        }
        let currencies = ["EUR", "JPY", "KWD"].map(currency);
        let places = currencies.iter().flat_map(|c| [(*c, Tender::Cash), (*c, Tender::Card)]);
        let counts: Vec<_> = places
            .zip(&counted)
            .map(|((currency, tender), minor)| {
                Count { tender, currency, amount: currency.from_minor(*minor) }
            })
            .collect();
        drawer.note_counted(&counts).expect("exact");
        let shift: ShiftNumber = "S1-S1".parse().expect("a shift");
        for (currency, voucher) in drawer.plan_differences(&shift).expect("small amounts") {
            ledger.post(currency, &voucher);
        }
        for count in counts {
            let account = match count.tender {
                Tender::Cash => LedgerAccount::Cash,
                _ => LedgerAccount::Cards,
            };
            let is_float = (count.tender, count.currency) == (Tender::Cash, euro);
            let float = if is_float { float } else { 0 };
            let minor = count.currency.to_minor(count.amount).expect("exact");
            prop_assert_eq!(ledger.balance(count.currency, account), minor - float);
        }
    }
}

fn sale(total: Decimal, line: Line) -> Body {
    let trade = Trade {
        customer: None,
        shift: "S1-S1".parse().expect("a shift"),
        receipt: "S1-000001".parse().expect("a receipt"),
        currency: currency("EUR"),
        lines: vec![line],
        payments: vec![],
        total,
    };
    Body::Sale(Box::new(Sale { trade, is_voided: false }))
}

#[test]
fn a_receipt_that_disagrees_with_its_lines_is_not_posted() {
    let line = line(1, &(1, 2, 1_000, 0, false), currency("EUR"));
    let (lines, total) = (2510, 2511);
    assert!(Contribution::of(&sale(Decimal::new(lines, 2), line.clone())).is_ok());
    let differs = Contribution::of(&sale(Decimal::new(total, 2), line));
    assert_eq!(differs, Err(Unpostable::TotalDiffers { lines, total }));
}

#[test]
fn amounts_that_no_ledger_holds_are_not_posted() {
    let euro = currency("EUR");
    let small = line(1, &(1, 1, 1_000, 0, false), euro);
    let fine = Line { net: Decimal::new(10_005, 3), ..small.clone() };
    let fine = Contribution::of(&sale(fine.total(), fine));
    assert!(matches!(fine, Err(Unpostable::NotExact(_))), "{fine:?}");
    for net in [Decimal::from(10_u64.pow(13)), Decimal::MAX] {
        let large = Line { net, tax: Decimal::ZERO, ..small.clone() };
        let total = large.total();
        assert!(Contribution::of(&sale(total, large)).is_err(), "{net}");
    }
}

#[test]
fn nothing_of_a_voided_sale_is_posted() {
    let body = sale(Decimal::ZERO, line(1, &(1, 1, 0, 0, false), currency("EUR")));
    let Body::Sale(sale) = body else { unreachable!("a sale was made") };
    let voided = Body::Sale(Box::new(Sale { is_voided: true, ..*sale }));
    assert_eq!(Contribution::of(&voided), Err(Unpostable::NeverPosted("a voided sale")));
}

#[test]
fn a_count_that_leaves_a_tender_out_counted_nothing_of_it() {
    let euro = currency("EUR");
    let count = |tender, minor| Count { tender, currency: euro, amount: euro.from_minor(minor) };
    let mut drawer = Drawer::default();
    drawer.put_float(&[count(Tender::Cash, 5_000)]).expect("exact");
    drawer.note_counted(&[count(Tender::Card, 700), count(Tender::GiftCard, 9)]).expect("exact");
    let vouchers = drawer.plan_differences(&"S1-S1".parse().expect("a shift")).expect("small");
    let shown: Vec<_> =
        vouchers.iter().map(|(_, v)| (v.text.as_str(), v.entries[0].amount)).collect();
    assert_eq!(shown, [("Shift S1-S1: cash short", -5_000), ("Shift S1-S1: cards over", 700)]);
}
