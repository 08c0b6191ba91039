//! The rows of the truth table of creation (`domain.md` 6.1), with the calls that each makes.

use std::io::Write;

use tillsync_domain::ids::{PackageId, SessionId};
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::profile::{Creation, FunctionalityProfile, NotHere};
use tillsync_exchange::breaker::BreakerState;
use tillsync_exchange::messages::{
    DatabaseKind, DownloadReport, DownloadReportAnswer, EnrolRequest, Enrolled, Hello, Poll,
    PollAnswer, RefusedField, UploadReceipt, Welcome,
};
use tillsync_exchange::package::Manifest;
use tillsync_exchange::realtime::{CreateCustomerCall, CreatedCustomer, SearchCall};

use super::fake_upstream::{FakeUpstream, Fault};
use super::profile::{ASKS, distribute};
use super::register::Lan;
use super::world::{Shop, at, draft, open, shop, street};
use crate::clients::ClientName;
use crate::create::{CreateCustomer, CreateError, RequestKey};
use crate::creation::{create_by_mode, creation_mode};
use crate::find::CustomerView;
use crate::health::read_health;
use crate::realtime::{CallError, pass_on_create_customer};
use crate::remote_search::{RemoteError, add_to_store, search_all_stores};
use crate::upstream::{Upstream, UpstreamError};

const ASKS_NOBODY: FunctionalityProfile =
    FunctionalityProfile { create_customers_async: true, ..ASKS };
const ONLY_ONLINE: FunctionalityProfile =
    FunctionalityProfile { allow_offline_customer_create: false, ..ASKS };

/// A store whose profile says so, and its headquarters.
fn store(options: FunctionalityProfile) -> (Shop, FakeUpstream) {
    let shop = shop("S1", None, 1);
    distribute(&shop, "S1", options, 7);
    (shop, FakeUpstream::default())
}

fn keyed(last_name: &str, key: &str) -> CreateCustomer {
    let client = ClientName::parse("till").expect("a name");
    let request = Some(RequestKey::parse(&client, key).expect("a key"));
    CreateCustomer { request, ..draft(last_name) }
}

fn ask(
    shop: &Shop,
    upstream: &dyn Upstream,
    request: CreateCustomer,
    second: i64,
) -> Result<CustomerView, CreateError> {
    create_by_mode(&shop.edge, upstream, request, at(second))
}

fn calls(hq: &FakeUpstream) -> usize {
    hq.lock().calls.len()
}

fn logged(shop: &Shop) -> i64 {
    shop.number("SELECT count(*) FROM operation")
}

fn customers(shop: &Shop) -> i64 {
    shop.number("SELECT count(*) FROM customer")
}

fn intentions(shop: &Shop) -> i64 {
    shop.number("SELECT count(*) FROM intention")
}

#[test]
fn online_and_synchronous_the_customer_has_its_account_at_once() {
    let (shop, hq) = store(ASKS);
    let addresses = vec![street("Main"), street("Side")];
    let request = CreateCustomer { addresses, ..draft("Ada") };
    let view = ask(&shop, &hq, request, 5).expect("is created");
    assert_eq!(view.account_for_people(), "C-100");
    assert_eq!((view.created_at, view.addresses.len(), calls(&hq)), (at(5), 2, 1));
    let found = crate::find::find_customer(&shop.edge, &view.key()).expect("reads");
    assert_eq!(found, Some(view));
    // The log has it, too: headquarters knows it already.
    let sent = shop.upload(&hq).expect("uploads");
    assert_eq!((sent.entries, hq.received(), hq.lock().quarantined.len()), (3, 3, 0));
}

#[test]
fn online_and_asynchronous_headquarters_is_never_called() {
    let (shop, hq) = store(ASKS_NOBODY);
    let view = ask(&shop, &hq, draft("Ada"), 5).expect("is created");
    assert_eq!((view.account, calls(&hq), logged(&shop)), (None, 0, 1));
}

#[test]
fn a_profile_that_comes_later_changes_what_happens_from_then_on() {
    let shop = shop("S1", None, 1);
    let hq = FakeUpstream::default();
    assert_eq!(ask(&shop, &hq, draft("Before"), 5).expect("is created").account, None);
    distribute(&shop, "S1", ASKS, 7);
    assert!(ask(&shop, &hq, draft("After"), 6).expect("is created").account.is_some());
    assert_eq!(calls(&hq), 1);
}

#[test]
fn when_no_answer_comes_the_same_customer_is_created_here_and_headquarters_has_it_once() {
    for fault in [Fault::Cut, Fault::AnswerLost, Fault::Garbled, Fault::Refused] {
        let (shop, hq) = store(ASKS);
        hq.lock().call_faults.push_back(fault);
        let addresses = vec![street("Main")];
        let request = CreateCustomer { addresses, ..draft("Ada") };
        let view = ask(&shop, &hq, request, 5).expect("is created");
        assert_eq!((&view.account, calls(&hq)), (&None, 1), "{fault:?}");
        assert_eq!(hq.lock().calls[0].operations[0].customer, view.guid, "{fault:?}");
        shop.upload(&hq).expect("uploads");
        let state = hq.lock();
        assert_eq!((state.inbox.len(), state.quarantined.len()), (2, 0), "{fault:?}");
    }
}

#[test]
fn a_refusal_by_headquarters_creates_nothing_and_names_the_fields() {
    let (shop, hq) = store(ASKS);
    let field = RefusedField { field: "VatNumber".into(), message: "is in use".into() };
    hq.lock().refuses_calls = Some((ErrorKind::Invalid, vec![field.clone()]));
    let error = ask(&shop, &hq, keyed("Ada", "1"), 5).expect_err("is refused");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let CreateError::Refused { fields, message, .. } = error else { panic!("{error}") };
    assert_eq!((fields, message.as_str()), (vec![field], "not like this"));
    assert_eq!((customers(&shop), logged(&shop), intentions(&shop)), (0, 0, 0));
    assert_eq!(read_health(&shop.edge).expect("reads").realtime.failures(), 0);
    // Corrected, the request may have its key again.
    hq.lock().refuses_calls = None;
    assert!(ask(&shop, &hq, keyed("Adah", "1"), 6).expect("is created").account.is_some());
}

#[test]
fn what_breaks_a_rule_here_is_not_asked_for() {
    let (shop, hq) = store(ASKS);
    let error = ask(&shop, &hq, draft(&"x".repeat(26)), 5).expect_err("is refused");
    assert!(matches!(error, CreateError::Rules(_)), "{error}");
    assert_eq!(calls(&hq), 0);
}

#[test]
fn after_three_calls_without_answer_nobody_waits_until_a_probe_is_answered() {
    let (shop, hq) = store(ASKS);
    hq.lock().call_faults.extend([Fault::Cut; 4]);
    for second in 0..10 {
        assert_eq!(ask(&shop, &hq, draft("Ada"), second).expect("is created").account, None);
    }
    assert_eq!(calls(&hq), 3);
    let breaker = read_health(&shop.edge).expect("reads").realtime;
    assert_eq!(breaker.state(at(9)), BreakerState::Open { until: at(32) });
    assert_eq!(ask(&shop, &hq, draft("Probe"), 32).expect("is created").account, None);
    assert_eq!(ask(&shop, &hq, draft("Ada"), 33).expect("is created").account, None);
    assert_eq!(calls(&hq), 4);
    for second in 70..73 {
        assert!(ask(&shop, &hq, draft("Ada"), second).expect("is created").account.is_some());
    }
    assert_eq!((calls(&hq), customers(&shop)), (7, 15));
}

#[test]
fn refusals_do_not_stop_calls() {
    let (shop, hq) = store(ASKS);
    hq.lock().refuses_calls = Some((ErrorKind::Conflict, Vec::new()));
    for second in 0..5 {
        ask(&shop, &hq, draft("Ada"), second).expect_err("is refused");
    }
    assert_eq!(calls(&hq), 5);
}

#[test]
fn searches_of_all_stores_without_answer_do_not_stop_creations() {
    let (shop, hq) = store(ASKS);
    let call = SearchCall { keyword: "lovelace".into(), top: 10, skip: 0 };
    let mut searched = None;
    for second in 0..4 {
        searched = search_all_stores(&shop.edge, &hq, &call, at(second)).err();
        let key = "C-00000001".parse().expect("a key");
        add_to_store(&shop.edge, &hq, &key, at(second)).expect_err("no answer");
    }
    let skipped = matches!(searched, Some(RemoteError::Unanswered(CallError::Skipped)));
    assert!(skipped, "nobody waits for them either: {searched:?}");
    assert_eq!(read_health(&shop.edge).expect("reads").realtime.failures(), 0);
    assert!(ask(&shop, &hq, draft("Ada"), 5).expect("is created").account.is_some());
}

/// An upstream whose calls go their own way.
struct Calling<'a, F> {
    rest: &'a dyn Upstream,
    create: F,
}

type Created = Result<CreatedCustomer, UpstreamError>;

impl<F: Fn(&CreateCustomerCall) -> Created + Send + Sync> Upstream for Calling<'_, F> {
    fn create_customer(&self, call: &CreateCustomerCall) -> Created {
        (self.create)(call)
    }
    fn enrol(&self, request: &EnrolRequest) -> Result<Enrolled, UpstreamError> {
        self.rest.enrol(request)
    }
    fn hello(&self, hello: &Hello) -> Result<Welcome, UpstreamError> {
        self.rest.hello(hello)
    }
    fn upload(&self, manifest: &Manifest, bytes: &[u8]) -> Result<UploadReceipt, UpstreamError> {
        self.rest.upload(manifest, bytes)
    }
    fn poll(&self, poll: &Poll) -> Result<PollAnswer, UpstreamError> {
        self.rest.poll(poll)
    }
    fn fetch(&self, package: PackageId, sink: &mut dyn Write) -> Result<(), UpstreamError> {
        self.rest.fetch(package, sink)
    }
    fn report(
        &self,
        session: SessionId,
        report: &DownloadReport,
    ) -> Result<DownloadReportAnswer, UpstreamError> {
        self.rest.report(session, report)
    }
}

/// The store asks under key 1 and is killed before it hears the answer; then it is started again.
fn killed_during_the_call(hq: &FakeUpstream) -> Shop {
    let shop = shop("S1", None, 1);
    distribute(&shop, "S1", ASKS, 7);
    let dying = Calling {
        rest: hq,
        create: |call: &CreateCustomerCall| {
            hq.create_customer(call).map(|_| panic!("the process dies here"))
        },
    };
    let asked = std::panic::AssertUnwindSafe(|| ask(&shop, &dying, keyed("Ada", "1"), 5));
    std::panic::catch_unwind(asked).expect_err("dies");
    assert_eq!((calls(hq), customers(&shop), intentions(&shop)), (1, 0, 1));
    let Shop { dir, edge } = shop;
    drop(edge);
    let edge = open(dir.path(), DatabaseKind::Channel, 90);
    Shop { dir, edge }
}

#[test]
fn a_repeat_after_a_crash_during_the_call_asks_for_the_same_customer() {
    let hq = FakeUpstream::default();
    let shop = killed_during_the_call(&hq);
    let view = ask(&shop, &hq, keyed("Ada", "1"), 500).expect("is created");
    assert_eq!((view.account_for_people(), view.created_at), ("C-100", at(5)));
    assert_eq!((customers(&shop), intentions(&shop), hq.lock().created.len()), (1, 0, 1));
    // Settled: a further repeat calls nobody.
    assert_eq!(ask(&shop, &hq, keyed("Ada", "1"), 501).expect("is repeated"), view);
    assert_eq!(calls(&hq), 2);
}

#[test]
fn a_repeat_after_a_crash_is_the_same_customer_although_nobody_answers_or_is_asked_any_more() {
    for asks_nobody_now in [true, false] {
        let hq = FakeUpstream::default();
        let shop = killed_during_the_call(&hq);
        if asks_nobody_now {
            distribute(&shop, "S1", ASKS_NOBODY, 8);
        } else {
            hq.lock().call_faults.push_back(Fault::Cut);
        }
        let view = ask(&shop, &hq, keyed("Ada", "1"), 500).expect("is created");
        assert_eq!((&view.account, view.created_at), (&None, at(5)));
        assert_eq!(view.guid, hq.lock().created[0].customer.guid);
        assert_eq!((customers(&shop), intentions(&shop)), (1, 0));
        shop.upload(&hq).expect("uploads");
        assert_eq!((hq.received(), hq.lock().quarantined.len()), (1, 0));
        assert_eq!(ask(&shop, &hq, keyed("Ada", "1"), 501).expect("is repeated"), view);
    }
}

#[test]
fn a_key_that_was_used_for_other_content_is_refused_before_and_after_its_request_is_settled() {
    let hq = FakeUpstream::default();
    let shop = killed_during_the_call(&hq);
    for second in [500, 501] {
        let error = ask(&shop, &hq, keyed("Grace", "1"), second).expect_err("is refused");
        assert!(matches!(error, CreateError::RequestReused), "{error}");
        ask(&shop, &hq, keyed("Ada", "1"), second).expect("is created");
    }
    assert_eq!((calls(&hq), customers(&shop)), (2, 1));
}

#[test]
fn a_repeat_while_the_first_call_is_under_way_is_the_same_customer() {
    for last in [None, Some(Fault::Cut)] {
        let (shop, hq) = store(ASKS);
        // The repeat is answered; the first call's answer may be lost.
        hq.lock().call_faults.extend([Fault::PointsBack].into_iter().chain(last));
        let repeating = Calling {
            rest: &hq,
            create: |call: &CreateCustomerCall| {
                // The answer to the first is slow, and the till loses patience.
                let repeated = ask(&shop, &hq, keyed("Ada", "1"), 6).expect("is created");
                assert!(repeated.account.is_some());
                hq.create_customer(call)
            },
        };
        let view = ask(&shop, &repeating, keyed("Ada", "1"), 5).expect("is created");
        assert!(view.account.is_some());
        assert_eq!((customers(&shop), logged(&shop), hq.lock().created.len()), (1, 1, 1));
    }
}

#[test]
fn what_headquarters_answered_counts_as_learnt_from_it() {
    let (shop, hq) = store(ASKS);
    ask(&shop, &hq, draft("Ada"), 5).expect("is created");
    let learnt = shop.edge.db.read(crate::testimony::learnt).expect("reads");
    assert_eq!(learnt, 100, "beyond what was applied: a restored headquarters gives itself away");
}

/// The store passes a call of its register on.
fn passes_on(channel: &Shop, hq: &FakeUpstream, call: &CreateCustomerCall) -> Created {
    pass_on_create_customer(&channel.edge, hq, call, at(20)).map_err(|error| {
        let (kind, message) = (error.kind(), error.to_string());
        let fields = match error {
            CallError::Refused { fields, .. } => fields,
            CallError::Skipped | CallError::Unanswered(_) => Vec::new(),
        };
        UpstreamError::Refused { kind, message, watermark: None, fields }
    })
}

fn with_register(options: FunctionalityProfile) -> (Shop, Shop, FakeUpstream) {
    let (channel, hq) = store(options);
    let register = shop("S1.R1", Some("S1"), 30);
    distribute(&register, "S1", options, 7);
    (channel, register, hq)
}

/// The register notices that its channel does not answer.
fn loses_its_store(register: &Shop) {
    let lost: Result<(), _> = Err(UpstreamError::Unreachable("the line is cut".to_owned()));
    register.edge.link.note(&lost, at(1));
}

#[test]
fn a_register_that_is_online_asks_through_its_store_which_finds_the_customer_at_once() {
    let (channel, register, hq) = with_register(ASKS);
    let rest = Lan::between(&channel, &register);
    let lan = Calling { rest: &rest, create: |call: &_| passes_on(&channel, &hq, call) };
    let view = ask(&register, &lan, draft("Ada"), 5).expect("is created");
    assert_eq!(view.account_for_people(), "C-100");
    let there = crate::find::find_customer(&channel.edge, &view.key()).expect("reads");
    assert_eq!(there, Some(view));
    register.upload(&lan).expect("uploads");
    channel.upload(&hq).expect("uploads");
    assert_eq!((customers(&channel), logged(&channel)), (1, 1));
    assert_eq!((hq.received(), hq.lock().quarantined.len()), (1, 0));
}

#[test]
fn a_register_whose_store_does_not_reach_headquarters_creates_here_and_the_store_stops_waiting() {
    let (channel, register, hq) = with_register(ASKS);
    let rest = Lan::between(&channel, &register);
    let lan = Calling { rest: &rest, create: |call: &_| passes_on(&channel, &hq, call) };
    hq.lock().is_cut = true;
    for second in 0..5 {
        assert_eq!(ask(&register, &lan, draft("Ada"), second).expect("is created").account, None);
    }
    let breaker = read_health(&channel.edge).expect("reads").realtime;
    assert_eq!(breaker.failures(), 3);
    assert_eq!(customers(&register), 5);
}

#[test]
fn a_register_that_is_offline_asks_nobody() {
    let (channel, register, hq) = with_register(ASKS);
    let rest = Lan::between(&channel, &register);
    let lan = Calling { rest: &rest, create: |call: &_| passes_on(&channel, &hq, call) };
    loses_its_store(&register);
    assert_eq!(ask(&register, &lan, draft("Ada"), 5).expect("is created").account, None);
    assert_eq!(calls(&hq), 0);
    // A store without headquarters is not offline in this sense: it asks, and falls back.
    loses_its_store(&channel);
    assert_eq!(creation_mode(&channel.edge).expect("reads"), Creation::Synchronous);
}

#[test]
fn a_register_that_is_offline_refuses_where_the_profile_forbids_it_but_not_what_it_did_before() {
    let (channel, register, hq) = with_register(ONLY_ONLINE);
    let rest = Lan::between(&channel, &register);
    let lan = Calling { rest: &rest, create: |call: &_| passes_on(&channel, &hq, call) };
    let before = ask(&register, &lan, keyed("Ada", "1"), 5).expect("is created");
    loses_its_store(&register);
    let error = ask(&register, &lan, keyed("Grace", "2"), 6).expect_err("is refused");
    assert!(matches!(error, CreateError::NotHere(NotHere::OfflineForbidden)), "{error}");
    assert_eq!(ask(&register, &lan, keyed("Ada", "1"), 7).expect("is repeated"), before);
    assert_eq!((calls(&hq), customers(&register), logged(&register)), (1, 1, 1));
}
