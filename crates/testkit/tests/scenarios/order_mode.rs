//! Orders taken through headquarters while a till waits (F49), or never (F50), and everything that
//! can come between.

use std::io::Write;
use std::sync::Mutex;

use jiff::SignedDuration;
use tillsync_channel::sell::{RecordTrade, SellError, What, record_by_mode};
use tillsync_channel::transactions::TransactionView;
use tillsync_channel::upstream::{Upstream, UpstreamError};
use tillsync_domain::ids::{CustomerGuid, CustomerKey, PackageId, SessionId};
use tillsync_domain::job::JobName;
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::order::OrderStatus;
use tillsync_domain::profile::FunctionalityProfile;
use tillsync_domain::trade::{Delivery, LineDraft, PaymentDraft, Tender};
use tillsync_exchange::messages::{
    DownloadReport, DownloadReportAnswer, EnrolRequest, Enrolled, Hello, Poll, PollAnswer,
    UploadReceipt, Welcome,
};
use tillsync_exchange::package::Manifest;
use tillsync_exchange::realtime::{
    CreateCustomerCall, CreateOrderCall, CreatedCustomer, OrderAnswer,
};
use tillsync_testkit::world::{Basket, Fault, World};

/// The stores create their customers alone, and take orders through headquarters.
fn asks(profile: &mut FunctionalityProfile) {
    profile.create_customers_async = true;
    profile.create_orders_async = false;
}

fn chain() -> World {
    let mut world = crate::orders::chain();
    world.set_profile(asks);
    // Their shifts are known, so that only the order is what comes new.
    world.open_shift("S1", "100.00");
    world.open_shift("S1.R1", "100.00");
    world
}

fn basket(number: &str) -> Basket {
    Basket::of("coffee", 3).paid(Tender::Cash, "5.00").numbered(number)
}

fn take(
    world: &mut World,
    at: &str,
    guid: CustomerGuid,
    number: &str,
) -> Result<TransactionView, SellError> {
    world.order_by_mode(at, guid, Delivery::Pickup, basket(number))
}

fn is_recorded(world: &World, at: &str, number: &str) -> bool {
    world.transaction_at(at, &number.parse().unwrap()).is_some()
}

fn at_headquarters(world: &World) -> usize {
    world.all_transactions().len()
}

#[track_caller]
fn refused_code(refused: &SellError) -> &'static str {
    match refused {
        SellError::Refused { code: Some(code), .. } => code,
        other => panic!("{other}"),
    }
}

/// Everything comes up, and each of these orders is there once, with a sales order.
#[track_caller]
fn settle_with(world: &mut World, orders: &[&str]) {
    world.settle();
    world.synchronize_orders();
    assert_eq!(at_headquarters(world), orders.len());
    for order in orders {
        let state = world.order_state(&order.parse().unwrap());
        assert_eq!(state.status, OrderStatus::Succeeded, "{order}");
    }
}

#[test]
fn headquarters_is_up_and_not_asked_where_the_profile_says_so() {
    let mut world = chain();
    world.set_profile(|profile| profile.create_orders_async = true);
    let guid = world.create("S1", "Waller");
    let taken = take(&mut world, "S1", guid, "O1").unwrap();
    assert_eq!(taken.sales_order, None);
    assert_eq!(at_headquarters(&world), 0, "nobody was asked");
    settle_with(&mut world, &["O1"]);
}

#[test]
fn before_1070_nobody_is_asked() {
    let mut world = crate::orders::chain();
    let guid = world.create("S1", "Waller");
    assert_eq!(take(&mut world, "S1", guid, "O1").unwrap().sales_order, None);
    settle_with(&mut world, &["O1"]);
}

#[test]
fn an_order_gets_its_sales_order_at_once_and_its_pending_customer_and_address_come_along() {
    let mut world = chain();
    let guid = world.create("S1", "Waller");
    let address = world.add_address("S1", CustomerKey::Temporary(guid), "Main Street 1");
    let taken = world.order_by_mode("S1", guid, Delivery::Ship(address), basket("O1")).unwrap();
    let number = taken.number.clone();
    let sales_order = world.order_state(&number).sales_order;
    assert!(sales_order.is_some());
    assert_eq!(taken.sales_order, sales_order);
    assert_eq!(taken.account_for_people(), Some("C-00000001"), "promoted on demand");
    assert_eq!(world.account_at("S1", guid), "C-00000001");
    let key = CustomerKey::Temporary(guid);
    assert_eq!(taken.trade.customer.as_ref(), Some(&key), "written with the GUID for ever");
    // A second address of the customer, who has an account now.
    let second = world.add_address("S1", key, "Side Street 2");
    let account = world.account_of(guid).unwrap();
    let to_second = Delivery::Ship(second);
    world.order_by_mode("S1", account, to_second, basket("O2")).unwrap();
    settle_with(&mut world, &["O1", "O2"]);
    assert_eq!(world.order_state(&number).sales_order, sales_order, "the upload changed nothing");
}

#[test]
fn the_customer_of_another_store_is_waited_for_and_then_promoted_on_demand() {
    let mut world = chain();
    let guid = world.create("S2", "Waller");
    let refused = take(&mut world, "S1", guid, "O1").unwrap_err();
    assert_eq!(refused_code(&refused), "customer_not_at_headquarters");
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    assert!(refused.to_string().contains("has not arrived from its store yet"), "{refused}");
    assert!(!is_recorded(&world, "S1", "O1"));
    assert_eq!(at_headquarters(&world), 0);
    // It has arrived, and nobody has promoted it yet.
    world.upload("S2").unwrap();
    let taken = take(&mut world, "S1", guid, "O1").unwrap();
    assert!(taken.sales_order.is_some());
    assert_eq!(world.account_at("S1", guid), "C-00000001", "the store sees the customer it needs");
    settle_with(&mut world, &["O1"]);
}

#[test]
fn a_store_that_takes_orders_alone_takes_those_of_customers_that_nobody_knows() {
    let mut world = chain();
    world.set_profile(|profile| profile.create_orders_async = true);
    let guid = world.create("S2", "Waller");
    take(&mut world, "S1", guid, "O1").unwrap();
    settle_with(&mut world, &["O1"]);
}

#[test]
fn no_receipt_is_missing_after_a_refusal() {
    let mut world = chain();
    let stranger = world.create("S2", "Waller");
    let known = world.create("S1", "Known");
    let first = take(&mut world, "S1", known, "O1").unwrap().trade.receipt;
    take(&mut world, "S1", stranger, "O2").unwrap_err();
    let sale = world.sell("S1", known, Basket::of("tea", 1));
    let second = world.transaction_at("S1", &sale).unwrap().trade.receipt;
    let third = take(&mut world, "S1", known, "O3").unwrap().trade.receipt;
    let receipts = [first, second, third].map(|receipt| receipt.to_string());
    assert_eq!(receipts, ["S1-000001", "S1-000002", "S1-000003"]);
}

#[test]
fn a_line_that_is_cut_records_nothing_and_the_same_request_works_later() {
    let mut world = chain();
    let guid = world.create("S1", "Waller");
    world.line("S1").suffer(Fault::Cut);
    let unanswered = take(&mut world, "S1", guid, "O1").unwrap_err();
    assert_eq!(unanswered.kind(), ErrorKind::Busy);
    assert!(unanswered.to_string().contains("order O1 is not recorded here"), "{unanswered}");
    assert!(!is_recorded(&world, "S1", "O1"));
    // A sale asks nobody.
    world.sell("S1", guid, Basket::of("tea", 1));
    world.line("S1").mend();
    world.pass(SignedDuration::from_mins(5));
    assert!(take(&mut world, "S1", guid, "O1").unwrap().sales_order.is_some());
    world.settle();
    assert_eq!(at_headquarters(&world), 2, "the sale and the order");
}

#[test]
fn an_answer_that_is_lost_makes_one_order_however_often_the_till_asks() {
    let mut world = chain();
    let guid = world.create("S1", "Waller");
    world.line("S1").suffer(Fault::LoseAnswers(1));
    take(&mut world, "S1", guid, "O1").unwrap_err();
    assert!(!is_recorded(&world, "S1", "O1"));
    assert_eq!(at_headquarters(&world), 1, "headquarters had carried it out");
    // Another order under the number of one that headquarters may have.
    let other = Basket::of("tea", 1).numbered("O1");
    let reused = world.order_by_mode("S1", guid, Delivery::Pickup, other).unwrap_err();
    assert!(reused.to_string().contains("still being asked for"), "{reused}");
    assert!(!reused.to_string().contains("another number"), "{reused}");
    assert_eq!(reused.kind(), ErrorKind::Conflict);
    let taken = take(&mut world, "S1", guid, "O1").unwrap();
    assert_eq!(take(&mut world, "S1", guid, "O1").unwrap(), taken);
    assert_eq!(taken.sales_order, world.order_state(&taken.number).sales_order);
    settle_with(&mut world, &["O1"]);
}

#[test]
fn a_profile_that_changes_meanwhile_makes_no_second_order() {
    let mut world = chain();
    let guid = world.create("S1", "Waller");
    world.line("S1").suffer(Fault::LoseAnswers(1));
    take(&mut world, "S1", guid, "O1").unwrap_err();
    world.set_profile(|profile| profile.create_orders_async = true);
    assert_eq!(take(&mut world, "S1", guid, "O1").unwrap().sales_order, None);
    settle_with(&mut world, &["O1"]);
}

#[test]
fn a_headquarters_that_is_killed_anywhere_in_a_call_has_one_order_or_none() {
    for commits in 0..3 {
        let mut world = chain();
        let guid = world.create("S1", "Waller");
        world.kill_headquarters_after(commits);
        let first = take(&mut world, "S1", guid, "O1");
        let recorded = is_recorded(&world, "S1", "O1");
        assert_eq!(first.is_ok(), recorded, "{commits}");
        world.restart_headquarters();
        assert_eq!(at_headquarters(&world), usize::from(recorded), "{commits}");
        world.pass(SignedDuration::from_mins(5));
        assert!(take(&mut world, "S1", guid, "O1").unwrap().sales_order.is_some());
        settle_with(&mut world, &["O1"]);
    }
}

#[test]
fn a_till_that_dies_before_it_hears_the_answer_asks_for_the_same_order_again() {
    let mut world = chain();
    let guid = world.create("S1", "Waller");
    world.line("S1").suffer(Fault::LoseAnswers(1));
    take(&mut world, "S1", guid, "O1").unwrap_err();
    world.stop("S1");
    world.start("S1");
    let taken = take(&mut world, "S1", guid, "O1").unwrap();
    assert_eq!(taken.sales_order, world.order_state(&taken.number).sales_order);
    settle_with(&mut world, &["O1"]);
}

#[test]
fn a_register_asks_through_its_store_which_adds_what_it_knows_of_the_customer() {
    let mut world = chain();
    // The register's own customer, which the store has never seen.
    let own = world.create("S1.R1", "Own");
    assert!(take(&mut world, "S1.R1", own, "O1").unwrap().sales_order.is_some());
    assert_eq!(world.account_at("S1", own), "C-00000001", "the store has it at once");
    // The store's customer, of whom the register knows the GUID only.
    let of_store = world.create("S1", "Of the store");
    assert!(take(&mut world, "S1.R1", of_store, "O2").unwrap().sales_order.is_some());
    world.line("S1").suffer(Fault::Cut);
    let refused = take(&mut world, "S1.R1", own, "O3").unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Busy, "{refused}");
    world.line("S1").mend();
    settle_with(&mut world, &["O1", "O2"]);
}

#[test]
fn a_register_that_is_offline_takes_no_order_that_headquarters_would_have_to_see() {
    let mut world = chain();
    let guid = world.create("S1.R1", "Waller");
    world.line("S1.R1").suffer(Fault::Cut);
    world.upload("S1.R1").unwrap_err();
    world.download("S1.R1").unwrap_err();
    let refused = take(&mut world, "S1.R1", guid, "O1").unwrap_err();
    assert!(matches!(refused, SellError::Offline(_)), "{refused}");
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    assert!(!is_recorded(&world, "S1.R1", "O1"));
    world.settle();
    assert_eq!(at_headquarters(&world), 0);
}

#[test]
fn a_headquarters_that_was_restored_gets_the_order_again() {
    let mut world = chain();
    let guid = world.create("S1", "Waller");
    world.settle();
    let copy = world.back_up_headquarters();
    world.pass(SignedDuration::from_secs(1));
    take(&mut world, "S1", guid, "O1").unwrap();
    world.restore_headquarters(&copy);
    assert_eq!(at_headquarters(&world), 0, "it has forgotten");
    settle_with(&mut world, &["O1"]);
}

#[test]
fn a_headquarters_that_recovers_refuses_no_order_for_what_it_has_forgotten() {
    let mut world = chain();
    world.settle();
    let copy = world.back_up_headquarters();
    world.pass(SignedDuration::from_secs(1));
    let guid = world.create("S1", "Waller");
    world.settle();
    let account = world.account_of(guid).unwrap();
    world.restore_headquarters(&copy);
    assert!(crate::hq_restore::is_recovering(&world));
    let by_account = |world: &mut World| {
        world.order_by_mode("S1", account.clone(), Delivery::Pickup, basket("O1"))
    };
    let held = by_account(&mut world).unwrap_err();
    assert_eq!(held.kind(), ErrorKind::Busy, "it may ask again: {held}");
    assert!(!is_recorded(&world, "S1", "O1"));
    world.settle();
    assert!(!crate::hq_restore::is_recovering(&world));
    assert!(by_account(&mut world).unwrap().sales_order.is_some());
    settle_with(&mut world, &["O1"]);
}

#[test]
fn an_order_that_came_by_a_call_is_synchronized_no_second_time() {
    let mut world = chain();
    let guid = world.create("S1", "Waller");
    take(&mut world, "S1", guid, "O1").unwrap();
    let run = world.synchronize_orders();
    assert_eq!((&run["created"], &run["waiting"]), (&0.into(), &0.into()));
    world.run(JobName::SynchronizeCustomers);
    settle_with(&mut world, &["O1"]);
}

#[test]
fn a_refusal_after_a_call_without_answer_gives_neither_number_nor_receipt_back() {
    let mut world = chain();
    let stranger = world.create("S2", "Waller");
    world.line("S1").suffer(Fault::Cut);
    assert_eq!(take(&mut world, "S1", stranger, "O1").unwrap_err().kind(), ErrorKind::Busy);
    world.line("S1").mend();
    world.pass(SignedDuration::from_mins(5));
    // The first call may still be on its way, and arrive after this one.
    let refused = take(&mut world, "S1", stranger, "O1").unwrap_err();
    assert_eq!(refused_code(&refused), "customer_not_at_headquarters");
    let known = world.create("S1", "Known");
    let second = take(&mut world, "S1", known, "O2").unwrap();
    world.upload("S2").unwrap();
    let first = take(&mut world, "S1", stranger, "O1").unwrap();
    let receipts = [first, second].map(|order| order.trade.receipt.to_string());
    assert_eq!(receipts, ["S1-000001", "S1-000002"]);
    settle_with(&mut world, &["O1", "O2"]);
}

fn take_as(world: &World, staff: &str, guid: CustomerGuid) -> Result<TransactionView, SellError> {
    take_by(world, world.upstream("S1").as_ref(), staff, guid)
}

fn take_by(
    world: &World,
    upstream: &dyn Upstream,
    staff: &str,
    guid: CustomerGuid,
) -> Result<TransactionView, SellError> {
    let order = RecordTrade {
        number: Some("O1".parse().unwrap()),
        customer: Some(CustomerKey::Temporary(guid)),
        lines: vec![LineDraft { item: "coffee".into(), ..LineDraft::default() }],
        payments: vec![PaymentDraft { tender: "1".into(), amount: "1.00".parse().unwrap() }],
        staff: Some(staff.parse().unwrap()),
        what: What::Order(Delivery::Pickup),
        ..RecordTrade::default()
    };
    record_by_mode(world.edge("S1"), upstream, order, world.now())
}

#[test]
fn another_cashier_who_repeats_an_order_asks_for_the_same_one() {
    let mut world = chain();
    let guid = world.create("S1", "Waller");
    world.line("S1").suffer(Fault::LoseAnswers(1));
    assert_eq!(take_as(&world, "100", guid).unwrap_err().kind(), ErrorKind::Busy);
    let taken = take_as(&world, "200", guid).unwrap();
    assert_eq!(taken.staff, Some("100".parse().unwrap()), "who took it");
    assert_eq!(take_as(&world, "200", guid).unwrap(), taken, "also after it was recorded");
    settle_with(&mut world, &["O1"]);
}

/// A line on which the same request comes a second time before the first call has gone out.
struct Twice<'w> {
    world: &'w World,
    customer: CustomerGuid,
    second: Mutex<Option<Result<TransactionView, SellError>>>,
}

impl Upstream for Twice<'_> {
    fn create_order(&self, call: &CreateOrderCall) -> Result<OrderAnswer, UpstreamError> {
        *self.second.lock().unwrap() = Some(take_as(self.world, "100", self.customer));
        self.world.upstream("S1").create_order(call)
    }
    fn enrol(&self, _: &EnrolRequest) -> Result<Enrolled, UpstreamError> {
        unimplemented!("not in this story")
    }
    fn hello(&self, _: &Hello) -> Result<Welcome, UpstreamError> {
        unimplemented!("not in this story")
    }
    fn upload(&self, _: &Manifest, _: &[u8]) -> Result<UploadReceipt, UpstreamError> {
        unimplemented!("not in this story")
    }
    fn poll(&self, _: &Poll) -> Result<PollAnswer, UpstreamError> {
        unimplemented!("not in this story")
    }
    fn fetch(&self, _: PackageId, _: &mut dyn Write) -> Result<(), UpstreamError> {
        unimplemented!("not in this story")
    }
    fn report(
        &self,
        _: SessionId,
        _: &DownloadReport,
    ) -> Result<DownloadReportAnswer, UpstreamError> {
        unimplemented!("not in this story")
    }
    fn create_customer(&self, _: &CreateCustomerCall) -> Result<CreatedCustomer, UpstreamError> {
        unimplemented!("not in this story")
    }
}

#[test]
fn of_two_requests_for_one_order_at_the_same_moment_one_asks_and_the_other_is_told_so() {
    let mut world = chain();
    let stranger = world.create("S2", "Waller");
    let twice = Twice { world: &world, customer: stranger, second: Mutex::default() };
    let refused = take_by(&world, &twice, "100", stranger).unwrap_err();
    assert_eq!(refused_code(&refused), "customer_not_at_headquarters");
    let second = twice.second.into_inner().unwrap().expect("it came").unwrap_err();
    assert_eq!(second.kind(), ErrorKind::Busy);
    assert!(second.to_string().contains("by another request"), "{second}");
    // Nobody else asked, so the refusal gives the receipt back; and the number can be used again.
    let known = world.create("S1", "Known");
    take(&mut world, "S1", known, "O2").unwrap();
    world.upload("S2").unwrap();
    let taken = take_as(&world, "100", stranger).unwrap();
    assert_eq!(taken.trade.receipt.to_string(), "S1-000002");
    settle_with(&mut world, &["O1", "O2"]);
}
