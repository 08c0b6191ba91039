//! Small texts that people and programs write: what is accepted keeps its limits, and is written
//! as what it was read from.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use rust_decimal::Decimal;
use tillsync_channel::identity::UpstreamUrl;
use tillsync_domain::customer::{AddressDraft, CustomerDraft, CustomerType, Field};
use tillsync_domain::ids::{
    ACCOUNT_NUMBER_CHARS_MAX, AccountNumber, AddressGuid, CustomerKey, DatabaseId, DocumentNumber,
    EntryId, GroupId, ItemNumber, PENDING_SYNC, ReceiptNumber, ShiftNumber, StaffId,
    TransactionNumber,
};
use tillsync_domain::money::Currency;
use tillsync_domain::number_sequence::{
    NumberFormat, NumberSequence, SequenceChange, SequenceMode,
};
use tillsync_exchange::device::{ActivationCode, SecretHash};
use tillsync_exchange::session::{DownloadStatus, UploadStatus};
use tillsync_hq::PackageUrl;
use url::Url;
use uuid::Uuid;

/// A currency's code of three bytes, then an amount in it.
pub(crate) fn amount(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Some((code, amount)) = text.split_at_checked(3) else { return };
    assert_field_forms(code);
    let Ok(currency) = code.parse::<Currency>() else { return };
    assert_eq!(currency.code(), code);
    let Ok(amount) = Decimal::from_str_exact(amount) else { return };
    let rounded = currency.round(amount);
    assert!(rounded.scale() <= currency.decimals(), "{rounded} is finer than {currency}");
    assert_eq!(currency.round(rounded), rounded);
    match currency.to_minor(amount) {
        Ok(minor) => {
            assert_eq!(currency.from_minor(minor), amount, "{amount} {currency} became another");
            assert_eq!(rounded, amount, "an exact amount is its own rounding");
            assert_eq!(currency.to_minor(currency.from_minor(minor)), Ok(minor));
        }
        Err(refused) => assert_eq!((refused.amount, refused.currency), (amount, currency)),
    }
}

/// A format, a zero byte, and up to two numbers of eight bytes.
pub(crate) fn number_format(input: &[u8]) {
    let mut parts = input.splitn(2, |byte| *byte == 0);
    let format = parts.next().and_then(|text| std::str::from_utf8(text).ok());
    let Some(Ok(format)) = format.map(str::parse::<NumberFormat>) else { return };
    assert_eq!(format.as_str().parse().as_ref(), Ok(&format));
    let numbers = parts.next().unwrap_or_default();
    let number = |place: usize| {
        let bytes = numbers.get(place..place + 8).and_then(|bytes| bytes.try_into().ok());
        bytes.map_or(0, u64::from_le_bytes)
    };
    assert_spelling(&format, number(0), number(8));
    assert_taking(&format, number(0), number(8));
}

/// A text that may be any of the identities.
pub(crate) fn identity(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Ok(key) = text.parse::<CustomerKey>() {
        assert_eq!(key.to_string().parse().as_ref(), Ok(&key));
        match &key {
            CustomerKey::Temporary(guid) => {
                assert_eq!(key.for_people(), PENDING_SYNC);
                assert_eq!(guid.to_string().parse(), Ok(*guid));
            }
            CustomerKey::Numbered(account) => {
                assert!(Uuid::try_parse(text).is_err(), "people would read a GUID");
                assert_eq!(key.for_people(), account.as_str());
            }
        }
    }
    if let Ok(account) = AccountNumber::parse(text) {
        assert_printable(account.as_str(), ACCOUNT_NUMBER_CHARS_MAX);
        assert_eq!(account.as_str(), text);
    }
    name::<DatabaseId>(text, 30);
    name::<GroupId>(text, 30);
    name::<StaffId>(text, 30);
    name::<ItemNumber>(text, 20);
    name::<ReceiptNumber>(text, 40);
    name::<ShiftNumber>(text, 50);
    name::<TransactionNumber>(text, 60);
    same::<DocumentNumber>(text);
    same::<EntryId>(text);
    same::<SecretHash>(text);
    if let Ok(status) = text.parse::<DownloadStatus>() {
        assert_eq!(DownloadStatus::from_value(status.value()), Some(status));
    }
    if let Ok(status) = text.parse::<UploadStatus>() {
        assert_eq!(UploadStatus::from_value(status.value()), Some(status));
    }
}

/// An activation code, drawn or typed.
pub(crate) fn activation_code(input: &[u8]) {
    if let Ok(drawn) = <[u8; 10]>::try_from(input) {
        let code = ActivationCode::from_random(drawn);
        assert_eq!(code.to_string().len(), 11);
        for typed in [code.to_string(), code.to_string().to_lowercase().replace('-', " ")] {
            assert_eq!(ActivationCode::typed(&typed).hash(), code.hash());
        }
    }
    let Ok(text) = std::str::from_utf8(input) else { return };
    let code = ActivationCode::typed(text);
    let shown = code.to_string();
    assert!(shown.len() <= 12, "{} characters of a hostile text are kept", shown.len());
    assert_eq!(ActivationCode::typed(&shown).hash(), code.hash());
    assert_eq!(ActivationCode::typed(&text.to_ascii_lowercase()).hash(), code.hash());
    assert!(!format!("{code:?}").contains(&shown) || shown == "-");
}

/// The URL of an upstream, or of a package store.
pub(crate) fn url(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Ok(upstream) = UpstreamUrl::parse(text) {
        let base = upstream.as_str();
        assert_eq!(UpstreamUrl::parse(base).as_ref(), Ok(&upstream));
        assert!(!base.ends_with('/'));
        // Whoever calls it appends the path of a route.
        let route = format!("{base}/exchange/v1/hello");
        let url = Url::parse(&route).unwrap_or_else(|error| panic!("{base:?}: {error}"));
        assert!(url.host_str().is_some_and(|host| !host.is_empty()), "{base:?} has no host");
        assert!(url.path().ends_with("/exchange/v1/hello"), "{base:?} swallows the route");
        assert!(url.query().is_none() && url.fragment().is_none(), "{base:?}");
        assert!(url.username().is_empty() && url.password().is_none(), "{base:?} has a secret");
    }
    if let Ok(store) = text.parse::<PackageUrl>() {
        assert_eq!(store.to_string().parse().as_ref(), Ok(&store));
        let url = Url::parse(&store.to_string()).expect("it was accepted");
        assert!(url.password().is_none() && url.username().is_empty());
        assert!(url.query().is_none() && url.fragment().is_none());
        assert!(["file", "s3", "gs", "az"].contains(&url.scheme()));
    }
}

/// A code as a field of a customer: what is accepted has the form that is promised.
fn assert_field_forms(code: &str) {
    let draft = CustomerDraft {
        last_name: Some("Waller".to_owned()),
        currency: Some(code.to_owned()),
        ..CustomerDraft::default()
    };
    if let Ok(customer) = draft.check()
        && let Some(currency) = customer.currency
    {
        assert_eq!(currency.as_str(), code);
        assert_eq!(code.chars().count(), Field::CurrencyCode.chars_max());
        assert!(code.chars().all(|c| c.is_ascii_uppercase()));
    }
    let draft = AddressDraft {
        street: Some("High Street".to_owned()),
        country: Some(code.to_owned()),
        ..AddressDraft::default()
    };
    let guid = AddressGuid::from_uuid(Uuid::from_u128(1));
    if let Ok(address) = draft.check(guid, CustomerType::Person)
        && let Some(country) = address.country
    {
        assert_eq!(country.as_str(), code);
        assert!(code.chars().all(|c| c.is_ascii_uppercase()));
    }
}

fn assert_spelling(format: &NumberFormat, a: u64, b: u64) {
    let (spelled_a, spelled_b) = (format.spell(a), format.spell(b));
    // A format that could spell more than fits into 64 bits ends just below their end.
    if a < u64::MAX {
        assert_eq!(spelled_a.is_some(), a <= format.largest(), "{a} of {format}");
    }
    if let Some(spelled) = &spelled_a {
        assert_printable(spelled.as_str(), ACCOUNT_NUMBER_CHARS_MAX);
        assert_eq!(spelled.as_str().chars().count(), format.as_str().chars().count());
    }
    if let (Some(spelled_a), Some(spelled_b)) = (spelled_a, spelled_b) {
        assert_eq!(spelled_a == spelled_b, a == b, "{a} and {b} of {format}");
        // Letters and digits stand in order, so numbers sort as they are given.
        assert_eq!(spelled_a.cmp(&spelled_b), a.cmp(&b), "{a} and {b} of {format}");
    }
}

fn assert_taking(format: &NumberFormat, next: u64, wanted: u64) {
    let fresh = NumberSequence::new(format.clone(), SequenceMode::Continuous);
    let change = SequenceChange { next: Some(next), ..SequenceChange::default() };
    let Ok(mut sequence) = fresh.changed(change) else {
        return assert!(next < fresh.next, "only a step back is refused");
    };
    let mut given = Vec::new();
    for wanted in [wanted % 5, 1, wanted % 3] {
        let before = sequence.remaining();
        let wanted = usize::try_from(wanted).expect("a small number");
        let taken = sequence.take(wanted);
        assert!(taken.len() <= wanted);
        assert!(taken.len() == wanted || sequence.remaining() == 0, "{format} stops early");
        assert_eq!(before - sequence.remaining(), taken.len() as u64);
        given.extend(taken);
    }
    assert!(given.is_sorted_by(|a, b| a < b), "successive numbers do not ascend: {given:?}");
}

fn assert_printable(text: &str, chars_max: usize) {
    assert!((1..=chars_max).contains(&text.chars().count()));
    assert!(!text.chars().any(char::is_control) && text.trim() == text);
}

/// A name that stands in paths and URLs as it is.
fn name<T: FromStr + Display + PartialEq + Debug>(text: &str, bytes_max: usize) {
    let Ok(read) = text.parse::<T>() else { return };
    assert_eq!(read.to_string(), text);
    assert!((1..=bytes_max).contains(&text.len()));
    assert!(!text.contains("..") && !text.starts_with(['.', '/', '-']));
    assert!(text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\'));
}

/// A value that is written as a text which reads as the same value.
fn same<T: FromStr + Display + PartialEq + Debug>(text: &str) {
    if let Ok(read) = text.parse::<T>() {
        assert_eq!(read.to_string().parse::<T>().ok().as_ref(), Some(&read));
    }
}
