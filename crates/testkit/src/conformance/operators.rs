//! What operators do with operations: they find, repair and apply them, and read who did what.

use std::sync::{Arc, Barrier};

use serde_json::json;
use tillsync_domain::ids::{AccountNumber, CustomerKey, OperationId};
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::operation::OperationStatus;
use tillsync_exchange::rows::operation::OperationRow;
use tillsync_hq::operations::{
    CustomerAudit, FieldSetting, OperationError, OperationFilter, describe,
};
use tillsync_hq::promote::Whom;
use tillsync_hq::storage::{OperationAct, OperationEvent, Storage};

use super::operations::{ids, raw};
use super::realtime::Site;
use crate::builders::{
    Rank, addition, address_guid, creation, customer_guid, operation_id, run_id,
};

/// A creation with a name that no field is wide enough for.
fn refused(n: u32) -> OperationRow {
    let content = json!({ "customer_type": 1, "first_name": "Ann", "last_name": "x".repeat(26) });
    OperationRow { content: raw(&content), ..creation(n) }
}

fn setting(field: &str, value: &str) -> FieldSetting {
    FieldSetting { field: field.to_owned(), value: Some(value.into()) }
}

fn promote(site: &Site) {
    site.hq.promote_customers(&Whom::Due, run_id(7), &mut |_| true).expect("promoted");
}

fn key(n: u32) -> CustomerKey {
    CustomerKey::Temporary(customer_guid(n))
}

/// What was done at headquarters, as lines.
fn shown(audit: &CustomerAudit) -> Vec<String> {
    let done = audit.entries.iter().filter(|it| !["recorded", "received"].contains(&it.what));
    done.map(|entry| {
        let who = entry.who.as_deref().unwrap_or("-");
        let mut text = format!("{} by {who}", entry.what);
        if let Some(field) = &entry.field {
            text += &format!(" {field}: {:?} -> {:?}", entry.old, entry.new);
        }
        if let Some(error) = &entry.error {
            text += &format!(": {error}");
        }
        text
    })
    .collect()
}

fn failed(site: &Site) -> Vec<OperationId> {
    let status = Some(OperationStatus::Failed);
    let filter = OperationFilter { status, limit: 10, ..OperationFilter::default() };
    let list = site.hq.find_operations(&filter).expect("a list");
    assert_eq!(list.next, None);
    list.operations.iter().map(|it| it.record.row.id).collect()
}

/// F19, F22, F23, F24, F52 in one story.
pub fn a_failed_operation_is_found_repaired_and_completed(storage: Arc<dyn Storage>) {
    let site = Site::open(storage);
    site.upload(&[refused(1), addition(2, 1, Rank::Primary), creation(3)]);
    promote(&site);
    assert_eq!(failed(&site), [operation_id(1)], "its address waits, the other one is promoted");
    let detail = site.hq.show_operation(&operation_id(1)).expect("it arrived");
    let description = describe(&detail.record);
    assert!(description.starts_with("Customer created; failed: LastName"), "{description}");
    let grid: Vec<_> = detail.grid.iter().map(|it| (it.property.as_str(), &it.old)).collect();
    assert_eq!(grid, [("customer_type", &None), ("first_name", &None), ("last_name", &None)]);
    assert_eq!(detail.grid[2].new, Some("x".repeat(26)));

    let repaired = site.hq.repair_operation(
        &operation_id(1),
        "ann",
        &[setting("LastName", "Berry"), setting("email", "ann@berry.fi")],
    );
    let detail = repaired.expect("it is valid now");
    assert_eq!(detail.record.status, OperationStatus::Pending);
    assert_eq!(detail.record.row.content.get(), refused(1).content.get(), "what was sent stays");
    let detail = site.hq.synchronize_operation(&operation_id(1), "ann").expect("applied");
    assert_eq!(detail.record.status, OperationStatus::Succeeded);
    let account = detail.account.expect("it has its account");
    let customer = site.hq.show_customer(&CustomerKey::Numbered(account.clone())).expect("there");
    assert_eq!(customer.customer.content.last_name.as_deref(), Some("Berry"));
    assert_eq!(customer.customer.content.email.as_deref(), Some("ann@berry.fi"));
    assert_eq!(customer.addresses.len(), 1, "what waited for it came with it");
    assert_eq!(failed(&site), []);

    let audit = site.hq.audit_customer(&CustomerKey::Numbered(account)).expect("a log");
    let lines = shown(&audit);
    let long = "x".repeat(26);
    let expected = [
        "failed by -: LastName: 26 characters, but at most 25 fit".to_owned(),
        format!("repaired by ann last_name: Some({long:?}) -> Some(\"Berry\")"),
        "repaired by ann email: None -> Some(\"ann@berry.fi\")".to_owned(),
        "synchronized by ann".to_owned(),
        "applied by -".to_owned(),
        "applied by -".to_owned(),
    ];
    assert_eq!(lines, expected);
    assert_eq!(audit.entries.iter().filter(|entry| entry.what == "received").count(), 2);
    let recorded = audit.entries.iter().filter(|entry| entry.what == "recorded");
    assert!(recorded.clone().any(|it| it.field.as_deref() == Some("first_name")), "{audit:?}");
    assert!(recorded.into_iter().all(|it| it.place == "S1"));
    assert_eq!(audit.account, site.hq.show_operation(&operation_id(2)).expect("there").account);
}

/// What is refused names the field and leaves nothing behind.
pub fn a_repair_that_breaks_a_rule_is_refused_by_field(storage: Arc<dyn Storage>) {
    let site = Site::open(storage);
    site.upload(&[refused(1), addition(2, 9, Rank::Primary)]);
    promote(&site);
    let repair = |n: u32, settings: &[FieldSetting]| {
        let refused = site.hq.repair_operation(&operation_id(n), "ann", settings);
        let error = refused.expect_err("it is refused");
        let mut text = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            text += &format!(": {cause}");
            source = cause.source();
        }
        (error.kind(), text)
    };
    let (kind, text) = repair(1, &[setting("email", "no address")]);
    assert_eq!(kind, ErrorKind::Invalid);
    assert!(text.contains("LastName: 26 characters") && text.contains("Email"), "{text}");
    let (kind, text) = repair(1, &[setting("shoe_size", "44")]);
    assert_eq!(kind, ErrorKind::Invalid);
    assert!(text.contains("shoe_size") && text.contains("first_name"), "{text}");
    let guid = address_guid(5).to_string();
    assert!(repair(2, &[setting("guid", &guid)]).1.contains("cannot be changed"));
    assert!(repair(2, &[setting("country", "nowhere")]).1.contains("ThreeLetterISORegionName"));
    assert_eq!(repair(7, &[setting("a", "b")]).0, ErrorKind::NotFound);
    let many = vec![setting("email", "a@b.fi"); 101];
    assert_eq!(repair(1, &many).0, ErrorKind::Invalid);
    let record = site.hq.show_operation(&operation_id(1)).expect("there").record;
    assert_eq!((record.status, record.repaired.is_none()), (OperationStatus::Failed, true));
    let audit = site.hq.audit_customer(&key(1)).expect("a log");
    assert!(!audit.entries.iter().any(|entry| entry.what == "repaired"));
}

/// A repeat of a request, another operator, and one who comes too late.
pub fn a_repair_can_be_repeated_and_followed_until_it_is_completed(storage: Arc<dyn Storage>) {
    let site = Site::open(storage);
    site.upload(&[refused(1)]);
    promote(&site);
    let repair = |operator: &str, field: &str, value: &str| {
        site.hq.repair_operation(&operation_id(1), operator, &[setting(field, value)])
    };
    repair("ann", "last_name", "Berry").expect("valid");
    repair("ann", "last_name", "Berry").expect("a repeat changes nothing");
    repair("otto", "phone", "040 1").expect("another field");
    repair("otto", "last_name", "Perry").expect("the same field");
    let audit = site.hq.audit_customer(&key(1)).expect("a log");
    let repairs: Vec<_> =
        shown(&audit).into_iter().filter(|line| line.starts_with("repaired")).collect();
    assert_eq!(repairs.len(), 3, "{repairs:?}");
    assert_eq!(repairs[2], "repaired by otto last_name: Some(\"Berry\") -> Some(\"Perry\")");
    promote(&site);
    let detail = site.hq.show_operation(&operation_id(1)).expect("there");
    assert_eq!(detail.record.status, OperationStatus::Succeeded, "the job took it up by itself");
    let late = repair("ann", "last_name", "Late").expect_err("it is completed");
    assert!(matches!(late, OperationError::Completed(_)), "{late:?}");
    let again = site.hq.synchronize_operation(&operation_id(1), "ann").expect("it stays so");
    assert_eq!(again.record.completed_at, detail.record.completed_at);
    let customer = site.hq.show_customer(&key(1)).expect("promoted");
    assert_eq!(customer.customer.content.last_name.as_deref(), Some("Perry"));
    assert_eq!(customer.customer.content.phone.as_deref(), Some("040 1"));
}

/// What a run applies is what counted when it was applied, whatever comes first.
pub fn repairs_while_the_job_runs_are_applied_or_refused(storage: Arc<dyn Storage>) {
    let site = Site::open(storage);
    let rows: Vec<_> = (1..=8).map(creation).collect();
    site.upload(&rows);
    let barrier = Barrier::new(3);
    let outcomes = std::thread::scope(|threads| {
        let job = threads.spawn(|| {
            barrier.wait();
            promote(&site);
        });
        let repairs = ["ann", "otto"].map(|operator| {
            let (site, barrier) = (&site, &barrier);
            threads.spawn(move || {
                barrier.wait();
                let phone = if operator == "ann" { "1" } else { "2" };
                (1..=8)
                    .map(|n| {
                        let settings = [setting("cellphone", phone)];
                        site.hq.repair_operation(&operation_id(n), operator, &settings).is_ok()
                    })
                    .collect::<Vec<_>>()
            })
        });
        job.join().expect("the job");
        repairs.map(|repair| repair.join().expect("an operator"))
    });
    promote(&site);
    for n in 1..=8 {
        let record = site.hq.show_operation(&operation_id(n)).expect("there").record;
        assert_eq!(record.status, OperationStatus::Succeeded);
        let customer = site.hq.show_customer(&key(n)).expect("promoted").customer;
        let counts: serde_json::Value = serde_json::from_str(record.content().get()).expect("JSON");
        let cellphone = customer.content.cellphone.as_deref();
        assert_eq!(cellphone, counts["cellphone"].as_str(), "customer {n} is what counted");
        let audit = site.hq.audit_customer(&key(n)).expect("a log");
        let repairs = audit.entries.iter().filter(|entry| entry.what == "repaired").count();
        let accepted = outcomes.iter().filter(|of| of[n as usize - 1]).count();
        assert_eq!(repairs, accepted, "each accepted repair stands in the log, and no other");
        let last = audit.entries.iter().rev().find(|entry| entry.what == "repaired");
        if let Some(last) = last {
            assert_eq!(last.new.as_deref(), cellphone, "the last one counts");
        }
    }
}

/// A failure that repeats itself is one line, a new one is another.
pub fn failures_stand_in_the_log_once_each(storage: Arc<dyn Storage>) {
    let site = Site::open(storage);
    site.upload(&[refused(1)]);
    promote(&site);
    for _ in 0..3 {
        let detail = site.hq.synchronize_operation(&operation_id(1), "ann").expect("tried");
        assert_eq!(detail.record.status, OperationStatus::Failed);
    }
    let detail = site.hq.show_operation(&operation_id(1)).expect("there");
    assert_eq!(detail.record.tries, 4);
    let failures = |events: &[OperationEvent]| {
        events.iter().filter(|it| matches!(it.act, OperationAct::Failed(_))).count()
    };
    assert_eq!(failures(&detail.events), 1);
    assert_eq!(detail.events.len(), 4, "each time that somebody asked is a line: {detail:?}");
}

/// F21: by what is known of the customer, whether it has an account or not.
pub fn operations_are_found_by_what_is_known_of_the_customer(storage: Arc<dyn Storage>) {
    let site = Site::open(storage);
    let named =
        |n: u32, content: serde_json::Value| OperationRow { content: raw(&content), ..creation(n) };
    site.upload(&[
        named(
            1,
            json!({"customer_type": 1, "first_name": "Ann", "last_name": "Berry",
            "email": "ann@berry.fi", "phone": "+358 40-123"}),
        ),
        addition(2, 1, Rank::Primary),
        named(3, json!({"customer_type": 1, "last_name": "x".repeat(26), "email": "Ann@x.fi"})),
        named(4, json!({"customer_type": 2, "name": "Berry Oy"})),
    ]);
    promote(&site);
    let all = OperationFilter { limit: 50, ..OperationFilter::default() };
    let find = |filter: OperationFilter| {
        let list = site.hq.find_operations(&filter).expect("a list");
        ids(list.operations.iter().map(|it| &it.record))
    };
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(find(all.clone()), [1, 2, 3, 4]);
    assert_eq!(find(OperationFilter { name: text("ann BERRY"), ..all.clone() }), [1, 2]);
    assert_eq!(find(OperationFilter { name: text("berry"), ..all.clone() }), [1, 2, 4]);
    assert_eq!(find(OperationFilter { name: text("xxxx"), ..all.clone() }), [3], "the failed one");
    assert_eq!(find(OperationFilter { email: text("ANN@"), ..all.clone() }), [1, 2, 3]);
    assert_eq!(find(OperationFilter { phone: text("35840 12"), ..all.clone() }), [1, 2]);
    let both = OperationFilter { email: text("ann@"), name: text("berry"), ..all.clone() };
    assert_eq!(find(both), [1, 2]);
    let account = site.hq.show_operation(&operation_id(1)).expect("there").account.expect("one");
    let by_account = Some(CustomerKey::Numbered(account.clone()));
    let list = OperationFilter { customer: by_account, ..all.clone() };
    assert_eq!(find(list.clone()), [1, 2]);
    let listed = site.hq.find_operations(&list).expect("a list").operations;
    assert_eq!(listed[1].account, Some(account));
    assert_eq!(find(OperationFilter { customer: Some(key(3)), ..all.clone() }), [3]);
    let nobody = Some(CustomerKey::Numbered(AccountNumber::parse("C-99999").expect("a number")));
    assert_eq!(find(OperationFilter { customer: nobody, ..all.clone() }), [0; 0]);
    let one = Some(operation_id(4));
    assert_eq!(find(OperationFilter { operation: one, ..all.clone() }), [4]);
    let not_this = OperationFilter { operation: one, customer: Some(key(3)), ..all.clone() };
    assert_eq!(find(not_this), [0; 0]);
}

/// Nothing is cut without saying so.
pub fn a_list_of_operations_says_that_there_is_more(storage: Arc<dyn Storage>) {
    let site = Site::open(storage);
    let rows: Vec<_> = (1..=1_200).map(creation).collect();
    site.upload(&rows);
    let mut filter = OperationFilter { limit: 500, ..OperationFilter::default() };
    let mut pages = Vec::new();
    loop {
        let list = site.hq.find_operations(&filter).expect("a list");
        pages.push(list.operations.len());
        let Some(next) = list.next else { break };
        filter.after = next;
    }
    assert_eq!(pages, [500, 500, 200]);
    let last = OperationFilter { limit: 1_200, ..OperationFilter::default() };
    let list = site.hq.find_operations(&last).expect("a list");
    assert_eq!((list.operations.len(), list.next), (1_200, None), "a full page may be the last");
}
