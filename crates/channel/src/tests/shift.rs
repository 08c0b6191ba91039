//! Shifts: one drawer, one count.

use tillsync_domain::ids::ShiftNumber;
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::shift::ShiftStatus;

use super::counter::{coffee, counter, number, parsed};
use super::world::{Shop, at, restored_copy, shop};
use crate::shifts::{
    CloseShift, CountDraft, OpenShift, ShiftError, ShiftView, blind_close_shift, close_shift,
    current_shift, find_shift, open_shift,
};

fn count(tender: &str, amount: &str) -> CountDraft {
    CountDraft { tender: Some(tender.into()), currency: None, amount: number(amount) }
}

fn open(shop: &Shop, amount: &str, second: i64) -> Result<ShiftView, ShiftError> {
    open_shift(&shop.edge, OpenShift { float: vec![count("1", amount)], staff: None }, at(second))
}

fn close(
    shop: &Shop,
    shift: &ShiftNumber,
    counted: Vec<CountDraft>,
) -> Result<ShiftView, ShiftError> {
    close_shift(&shop.edge, CloseShift { shift: shift.clone(), counted, staff: None }, at(90))
}

#[test]
fn a_shift_goes_from_its_float_to_its_count_and_repeats_change_nothing() {
    let shop = shop("S1", None, 1);
    assert_eq!(current_shift(&shop.edge).expect("reads"), None);
    let opened = open(&shop, "100", 0).expect("opens");
    assert_eq!(opened.status(), ShiftStatus::Open);
    assert_eq!(open(&shop, "100.00", 1).expect("is open"), opened);
    assert_eq!(current_shift(&shop.edge).expect("reads"), Some(opened.clone()));
    for _ in 0..2 {
        let blind = blind_close_shift(&shop.edge, opened.number.clone(), None, at(50));
        assert_eq!(blind.expect("closes").status(), ShiftStatus::BlindClosed);
    }
    for counted in
        [vec![count("1", "112.54"), count("3", "0")], vec![count("3", "0"), count("1", "112.540")]]
    {
        let closed = close(&shop, &opened.number, counted).expect("closes");
        assert_eq!((closed.status(), closed.closed_at), (ShiftStatus::Closed, Some(at(90))));
        assert_eq!(closed.counted.len(), 2);
    }
    assert_eq!(shop.number("SELECT count(*) FROM document"), 3);
    let again = blind_close_shift(&shop.edge, opened.number.clone(), None, at(99));
    assert_eq!(again.expect("was blind closed").status(), ShiftStatus::Closed);
    let error = close(&shop, &opened.number, vec![count("1", "1")]).expect_err("is refused");
    assert!(matches!(error, ShiftError::ClosedBefore(_)), "{error}");
    assert_eq!(shop.number("SELECT count(*) FROM document"), 3);
}

#[test]
fn one_shift_is_open_and_a_blind_closed_one_may_wait_beside_it() {
    let shop = counter("S1", None, 1);
    let first = current_shift(&shop.edge).expect("reads").expect("is open").number;
    let error = open(&shop, "7", 1).expect_err("is refused");
    assert!(matches!(error, ShiftError::AnotherOpen(_)), "{error}");
    shop.sell(coffee());
    blind_close_shift(&shop.edge, first.clone(), None, at(1)).expect("closes");
    assert_eq!(shop.try_sell(coffee()).expect_err("is refused").kind(), ErrorKind::Conflict);
    // In the same second, and by a clock that went back.
    let second = open(&shop, "7", 0).expect("opens");
    assert_ne!(second.number, first);
    assert_eq!(shop.sell(coffee()).trade.shift, second.number);
    close(&shop, &first, vec![]).expect("closes, counted as empty");
    assert_eq!(current_shift(&shop.edge).expect("reads"), Some(second));
}

#[test]
fn counts_are_checked_field_by_field() {
    let shop = counter("S1", None, 1);
    let shift = current_shift(&shop.edge).expect("reads").expect("is open").number;
    let counted = vec![count("8", "1"), count("1", "-1"), count("1", "0.001"), count("3", "-1")];
    let ShiftError::Rules(violations) = close(&shop, &shift, counted).expect_err("is refused")
    else {
        panic!("rules")
    };
    let paths: Vec<&str> = violations.0.iter().map(|violation| violation.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "TenderLines[0].TenderTypeId",
            "TenderLines[1].Amount",
            "TenderLines[2].Amount",
            "TenderLines[2].TenderTypeId"
        ]
    );
    let error = close(&shop, &parsed("S1-S9"), vec![]).expect_err("is refused");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(find_shift(&shop.edge, &parsed("S1-S9")).expect("reads").is_none());
}

#[test]
fn a_restored_copy_never_opens_a_shift_that_was_opened_before() {
    let shop = shop("S1", None, 1);
    let first = open(&shop, "100", 0).expect("opens").number;
    close(&shop, &first, vec![]).expect("closes");
    let restored = restored_copy(&shop, 50);
    let lost = open(&shop, "100", 100).expect("opens").number;
    assert_ne!(open(&restored, "100", 200).expect("opens").number, lost);
}
