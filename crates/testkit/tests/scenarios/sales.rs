//! Sales, returns, receipts and items at the tills, and their way to headquarters.

use tillsync_channel::history::order_history;
use tillsync_channel::receipts::receipt_text;
use tillsync_channel::search::Page;
use tillsync_channel::sell::SellError;
use tillsync_domain::ids::{CustomerKey, ShiftNumber, TransactionNumber};
use tillsync_domain::item::Item;
use tillsync_domain::job::JobName;
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::statement::LedgerAccount;
use tillsync_domain::trade::{Delivery, Tender};
use tillsync_domain::validation::ValidationStatus;
use tillsync_hq::jobs::JobOptions;
use tillsync_hq::storage::{DocumentPosition, Trigger};
use tillsync_testkit::world::{Basket, Fault, GROUP, World, item};

use super::orders::chain;

const ALL: Page = Page { top: 100, skip: 0 };

fn coffee() -> Basket {
    Basket::of("coffee", 1)
}

/// The numbers of what a customer bought, as an edge and as headquarters tell it.
fn history(world: &World, at: &str, key: &CustomerKey) -> [Vec<TransactionNumber>; 2] {
    let here = order_history(world.edge(at), key, ALL).unwrap();
    let there = world.hq().order_history(key, None, 100).unwrap().transactions;
    [
        here.into_iter().map(|view| view.number).collect(),
        there.into_iter().map(|record| record.row.number).collect(),
    ]
}

#[test]
fn a_sale_of_a_register_that_comes_back_a_week_later_is_posted_then_and_held_nobody_up() {
    let mut world = chain();
    world.line("S1.R1").suffer(Fault::Cut);
    let guid = world.create("S1.R1", "Waller");
    let late = world.sell("S1.R1", guid, coffee());
    let same_customer = world.sell("S1", guid, coffee());
    for day in 0..7 {
        let other = world.create("S1", &format!("Customer of day {day}"));
        let sale = world.sell("S1", other, coffee());
        world.end_of_day();
        assert!(world.posted_in(&sale).is_some(), "day {day} is not held up");
        assert_eq!(world.posted_in(&same_customer), None);
        assert_eq!(world.validation(&same_customer).0, ValidationStatus::Waiting);
        world.pass(jiff::SignedDuration::from_hours(24));
    }
    world.line("S1.R1").mend();
    world.end_of_day();
    assert_eq!(world.posted_in(&late).unwrap().as_str(), "ST-00000008");
    assert_eq!(world.posted_in(&late), world.posted_in(&same_customer));
    assert_eq!(world.transaction(&late).source.source.as_str(), "S1", "it counts for its store");
    assert_eq!(world.booked("S1", LedgerAccount::Cash), 9 * 1200);
}

#[test]
fn what_was_sold_on_the_guid_can_be_returned_on_the_account_and_never_more_of_it() {
    let mut world = chain();
    let guid = world.create("S1", "Waller");
    let sale = world.sell("S1", guid, Basket::of("coffee", 5).off("5.00"));
    world.settle();
    let account = CustomerKey::Numbered(world.account_of(guid).unwrap());
    let back = world.return_of("S1", &sale, Some(account.clone()), 2).unwrap();
    let refused = world.return_of("S1", &sale, Some(account.clone()), 4).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Invalid);
    let why = refused.to_string();
    assert!(why.contains("only 3 of what the line sold can still be returned"), "{why}");
    world.return_of("S1", &sale, Some(CustomerKey::Temporary(guid)), 3).unwrap();
    assert!(world.return_of("S1", &sale, None, 1).is_err(), "nothing is left");
    world.end_of_day();
    let [statement] = world.all_statements().try_into().unwrap();
    let number = &statement.number;
    let detail = world.hq().show_statement(number, None, 10).unwrap();
    let [aggregate] = detail.aggregates.try_into().unwrap();
    assert_eq!(Some(aggregate.account), world.account_of(guid));
    assert_eq!((aggregate.transactions, aggregate.net, aggregate.tax), (3, 0, 0));
    assert_eq!(world.posted_in(&back).as_ref(), Some(number));
    assert_eq!(world.owes(guid), 0);
    assert_eq!(world.booked("S1", LedgerAccount::Cash), 0, "all of it was paid back");
}

#[test]
fn a_return_at_another_store_is_taken_and_posted_there() {
    let mut world = chain();
    let guid = world.create("S1", "Waller");
    let sale = world.sell("S1", guid, Basket::of("coffee", 2));
    world.settle();
    world.return_of("S2", &sale, Some(CustomerKey::Temporary(guid)), 1).unwrap();
    world.end_of_day();
    assert_eq!(world.booked("S1", LedgerAccount::Cash), 2400);
    assert_eq!(world.booked("S2", LedgerAccount::Cash), -1200);
    assert_eq!(world.all_statements().len(), 2);
}

#[test]
fn a_number_with_other_content_is_refused_at_the_till_and_a_repeat_is_no_second_sale() {
    let mut world = chain();
    let guid = world.create("S1", "Waller");
    let first = world.sell("S1", guid, coffee().numbered("WEB-1"));
    let again = world.sell("S1", guid, coffee().numbered("WEB-1"));
    assert_eq!(first, again);
    let other = coffee().and("tea", 1).numbered("WEB-1").paid(Tender::Cash, "17.50");
    let refused = world.try_sell("S1", Some(CustomerKey::Temporary(guid)), other).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    assert!(matches!(refused, SellError::NumberUsed(_)));
    world.end_of_day();
    assert_eq!(world.all_transactions().len(), 1);
    assert_eq!(world.transaction(&first).header.total.unwrap().1, 1200);
}

#[test]
fn two_stores_that_chose_one_number_keep_both_sales_and_the_first_is_untouched() {
    let mut world = chain();
    let (ann, bob) = (world.create("S1", "Ann"), world.create("S2", "Bob"));
    let number = world.sell("S1", ann, coffee().numbered("WEB-1"));
    world.sell("S2", bob, Basket::of("tea", 1).numbered("WEB-1"));
    world.upload("S1").unwrap();
    let before = world.transaction(&number);
    for _ in 0..2 {
        world.upload("S2").unwrap();
    }
    let set_aside =
        world.hq().storage().read(|tx| tx.documents_quarantined(DocumentPosition(0), 10)).unwrap();
    let [(_, row, source)] = set_aside.as_slice() else { panic!("{set_aside:?}") };
    assert_eq!((&row.number, source.source.as_str()), (&number, "S2"));
    assert!(row.content.get().contains(&bob.to_string()), "word for word");
    world.end_of_day();
    let after = world.transaction(&number);
    assert_eq!(after.row.content.get(), before.row.content.get());
    assert_eq!(after.source.source.as_str(), "S1");
    assert!(!world.trial_balance().contains("S2"), "nothing of S2 is posted");
}

#[test]
fn a_number_of_two_registers_is_settled_at_their_store() {
    let mut world = chain();
    world.add_register("S1.R2", "S1");
    world.settle();
    let guid = world.create("S1.R1", "Waller");
    let first = world.sell("S1.R1", guid, coffee().numbered("WEB-1"));
    world.sell("S1.R2", guid, Basket::of("tea", 1).numbered("WEB-1"));
    for at in ["S1.R1", "S1.R2", "S1"] {
        world.upload(at).unwrap();
    }
    assert_eq!(world.transaction_at("S1", &first).unwrap().origin.as_str(), "S1.R1");
    assert_eq!(world.transaction(&first).row.origin.as_str(), "S1.R1");
    assert_eq!(world.all_transactions().len(), 1);
}

#[test]
fn a_store_restored_from_an_older_copy_loses_and_repeats_no_sale() {
    let mut world = chain();
    let guid = world.create("S1", "Waller");
    let kept = world.sell("S1", guid, coffee());
    let copy = world.back_up("S1");
    let uploaded = world.sell("S1", guid, coffee());
    world.end_of_day();
    world.restore("S1", &copy);
    assert_eq!(world.transaction_at("S1", &uploaded), None, "the copy is older");
    assert!(world.upload("S1").unwrap().new_epoch.is_some(), "the copy was recognised");
    world.pass(jiff::SignedDuration::from_mins(1));
    let fresh = world.sell("S1", guid, coffee());
    world.close_shift("S1", "0.00");
    world.end_of_day();
    assert_eq!(world.all_transactions().len(), 3);
    for sale in [&kept, &uploaded] {
        assert_eq!(world.posted_in(sale).unwrap().as_str(), "ST-00000001");
    }
    assert_eq!(world.posted_in(&fresh).unwrap().as_str(), "ST-00000002");
    assert_eq!(world.booked("S1", LedgerAccount::Sales), -3000);
}

#[test]
fn a_receipt_number_that_a_restored_store_drew_again_is_found_and_repaired() {
    let mut world = chain();
    let guid = world.create("S1", "Waller");
    let copy = world.back_up("S1");
    let lost = world.sell("S1", guid, coffee());
    world.end_of_day();
    world.restore("S1", &copy);
    world.pass(jiff::SignedDuration::from_mins(1));
    let fresh = world.sell("S1", guid, coffee());
    world.end_of_day();
    let (status, why) = world.validation(&fresh);
    assert_eq!(status, ValidationStatus::Error);
    assert!(why.contains("has receipt number S1-000001 already"), "{why}");
    assert!(world.posted_in(&lost).is_some());
    world.repair(&fresh, "/trade/receipt", "S1-000001-b").unwrap();
    world.end_of_day();
    assert!(world.posted_in(&fresh).is_some());
}

#[test]
fn lost_answers_double_neither_a_sale_nor_a_customer() {
    let mut world = chain();
    world.default_customer("S1");
    for lost in [1, 2, 3] {
        world.line("S1").suffer(Fault::LoseAnswers(lost));
        world.line("S1.R1").suffer(Fault::LoseAnswers(lost));
        let guid = world.create("S1.R1", "Waller");
        world.sell("S1.R1", guid, coffee());
        world.order("S1.R1", guid, Delivery::Pickup, coffee().paid(Tender::Cash, "2.00"));
        world.sell_unnamed("S1", Basket::of("tea", 1));
        while world.upload("S1.R1").is_err() {}
        while world.upload("S1").is_err() {}
    }
    world.end_of_day();
    assert_eq!(world.all_transactions().len(), 9);
    assert_eq!(world.booked("S1", LedgerAccount::Cash), 3 * (1200 + 200 + 550));
}

#[test]
fn a_new_store_gets_its_items_by_snapshot_and_a_price_change_reaches_every_till() {
    let mut world = chain();
    world.add_store("S3");
    world.add_register("S3.R1", "S3");
    let early = world.try_sell("S3", None, coffee());
    assert!(matches!(early, Err(SellError::NoShift(_))), "{early:?}");
    world.open_shift("S3", "50.00");
    let unknown = world.try_sell("S3", None, coffee()).unwrap_err().to_string();
    assert!(unknown.contains("no item \"coffee\" is sold here"), "{unknown}");
    world.distribute_items();
    world.default_customer("S3");
    world.sell_unnamed("S3", coffee());
    world.sell_unnamed("S3.R1", coffee());

    let dearer = item("coffee", "20", &[("EUR", "11.00")]);
    world.hq().put_items(&[dearer]).unwrap();
    let before = world.sell_unnamed("S3.R1", coffee());
    world.distribute_items();
    for at in ["S1", "S2", "S1.R1", "S3.R1"] {
        let sale = world.sell_unnamed(at, coffee());
        let view = world.transaction_at(at, &sale).unwrap();
        assert_eq!(view.trade.total.to_string(), "13.20", "{at}");
    }
    let swedish = world.try_sell("S1", None, coffee().in_currency("SEK")).unwrap_err();
    assert!(swedish.to_string().contains("the item has no price in SEK"), "{swedish}");
    assert_eq!(world.transaction_at("S3.R1", &before).unwrap().trade.total.to_string(), "12.00");
    world.default_customer("S1");
    world.default_customer("S2");
    world.end_of_day();
    assert_eq!(world.booked("S3", LedgerAccount::Cash), 3 * 1200 + 1320);
}

#[test]
fn a_store_that_was_cut_off_meanwhile_ends_at_the_last_price_and_stays_there() {
    let mut world = chain();
    world.default_customer("S1");
    world.line("S1").suffer(Fault::Cut);
    for price in ["11.00", "12.00", "13.00"] {
        world.hq().put_items(&[item("coffee", "20", &[("EUR", price)])]).unwrap();
        world.distribute_items();
    }
    world.line("S1").mend();
    let price = |world: &mut World| {
        let sale = world.sell_unnamed("S1", coffee());
        world.transaction_at("S1", &sale).unwrap().trade.lines[0].price.to_string()
    };
    assert_eq!(price(&mut world), "10.00", "nothing has come yet");
    world.download("S1").unwrap();
    assert_eq!(price(&mut world), "13.00");
    let full_sync_of = Some(GROUP.parse().unwrap());
    let options = JobOptions { full_sync_of, ..JobOptions::default() };
    world.hq().run_job(JobName::Products1040, Trigger::Manual, options).unwrap();
    world.download("S1").unwrap();
    assert_eq!(price(&mut world), "13.00", "the same once more changes nothing");
}

#[test]
fn what_is_sold_no_longer_can_still_be_brought_back() {
    let mut world = chain();
    let guid = world.create("S1", "Waller");
    let sale = world.sell("S1", guid, coffee());
    let gone = Item { is_active: false, ..item("coffee", "20", &[("EUR", "99.00")]) };
    world.hq().put_items(&[gone]).unwrap();
    world.distribute_items();
    let refused = world.try_sell("S1", None, coffee()).unwrap_err();
    assert!(refused.to_string().contains("no item \"coffee\" is sold here"), "{refused}");
    let back = world.return_of("S1", &sale, Some(CustomerKey::Temporary(guid)), 1).unwrap();
    assert_eq!(world.transaction_at("S1", &back).unwrap().trade.total.to_string(), "-12.00");
    world.end_of_day();
    assert!(world.posted_in(&back).is_some());
    assert_eq!(world.booked("S1", LedgerAccount::Cash), 0);
}

#[test]
fn both_keys_lead_to_the_same_history_and_balance_before_and_after_promotion() {
    let mut world = chain();
    let guid = world.create("S1", "Waller");
    let by_guid = CustomerKey::Temporary(guid);
    let first = world.sell("S1", guid, coffee());
    world.upload("S1").unwrap();
    assert_eq!(history(&world, "S1", &by_guid), [vec![first.clone()], vec![first.clone()]]);
    let balance = world.hq().customer_balance(&by_guid).unwrap();
    assert_eq!((balance.unposted_transactions, balance.keys.account), (1, None));

    world.settle();
    let account = world.account_of(guid).unwrap();
    let by_account = CustomerKey::Numbered(account.clone());
    let second = world.sell("S1", &account, coffee().rest_by(Tender::CustomerAccount));
    let deposit = coffee().paid(Tender::Cash, "5.00");
    let third = world.order("S1", guid, Delivery::Pickup, deposit);
    world.upload("S1").unwrap();
    let all = vec![third, second.clone(), first.clone()];
    for key in [&by_guid, &by_account] {
        assert_eq!(history(&world, "S1", key), [all.clone(), all.clone()]);
        let balance = world.hq().customer_balance(key).unwrap();
        assert_eq!((balance.keys.guid, balance.keys.account), (Some(guid), Some(account.clone())));
        let unposted: Vec<_> = balance.unposted.into_values().collect();
        assert_eq!(unposted, [1200 - 500], "on account, less the deposit");
    }
    world.end_of_day();
    for key in [by_guid, by_account] {
        assert_eq!(world.owes(&key), 700);
    }
    let old = world.transaction_at("S1", &first).unwrap();
    assert_eq!(old.trade.customer, Some(CustomerKey::Temporary(guid)), "as it was written");
    assert_eq!(old.customer_account.as_ref(), Some(&account));
    let record = world.transaction(&first);
    assert_eq!(record.header.customer, Some(CustomerKey::Temporary(guid)));
    assert_eq!(record.account, Some(account));
}

#[test]
fn a_receipt_shows_the_account_or_that_it_is_pending_and_never_the_guid() {
    let mut world = chain();
    let guid = world.create("S1", "Waller");
    let sale = world.sell("S1", guid, coffee());
    let print = |world: &World| receipt_text(&world.transaction_at("S1", &sale).unwrap());
    assert!(print(&world).contains("Customer: Pending sync"), "{}", print(&world));
    world.settle();
    let text = print(&world);
    assert!(text.contains("Customer: C-00000001"), "{text}");
    assert!(!text.contains(&guid.to_string()));
}

#[test]
fn nothing_is_put_on_an_account_that_is_not_known_here() {
    let mut world = chain();
    let guid = world.create("S1", "Waller");
    world.sell("S1", guid, coffee());
    let on_account = || coffee().paid(Tender::CustomerAccount, "12.00");
    let refused =
        world.try_sell("S1", Some(CustomerKey::Temporary(guid)), on_account()).unwrap_err();
    assert!(refused.to_string().contains("the customer has no account at this database yet"));
    world.settle();
    world.sell("S1", guid, on_account());
    world.end_of_day();
    assert_eq!(world.owes(guid), 1200);
}

#[test]
fn a_sale_sees_its_customer_through_a_relay_and_both_arrive_in_one_upload() {
    let mut world = chain();
    let guid = world.create("S1.R1", "Waller");
    let sale = world.sell("S1.R1", guid, coffee());
    world.upload("S1.R1").unwrap();
    let at_store = world.transaction_at("S1", &sale).unwrap();
    assert!(at_store.is_customer_known);
    assert_eq!(at_store.origin.as_str(), "S1.R1");
    let shift: ShiftNumber = at_store.trade.shift.clone();
    world.upload("S1").unwrap();
    assert_eq!(world.validate()["successful"], 1, "validation promotes first");
    assert_eq!(world.account_of(guid).unwrap().as_str(), "C-00000001");
    assert_eq!(world.transaction(&sale).header.shift, Some(shift));
}
