//! Headquarters that outgrew its file goes on with PostgreSQL, and back: for its stores nothing has
//! happened.
#![allow(clippy::unwrap_used, reason = "a story that cannot go on has failed")]

use std::collections::BTreeMap;
use std::path::Path;

use tillsync_domain::feature::Feature;
use tillsync_domain::ids::CustomerKey;
use tillsync_domain::operation::OperationStatus;
use tillsync_domain::promotion::InboxPosition;
use tillsync_domain::staff::{StaffName, StaffRole};
use tillsync_domain::statement::PostingMode;
use tillsync_domain::trade::{Delivery, Tender};
use tillsync_hq::check::{CheckDepth, Severity};
use tillsync_hq::copy::{Progress, TABLES, WholeRead, WholeWrite, copy_headquarters};
use tillsync_hq::exclusion::{Lever, Subjob};
use tillsync_hq::staff::NewStaff;
use tillsync_hq::storage::Storage;
use tillsync_hq_postgres::{PostgresStorage, PostgresWhole};
use tillsync_hq_sqlite::{SqliteStorage, SqliteWhole};
use tillsync_testkit::cluster::cluster;
use tillsync_testkit::world::{Basket, GROUP, World};

fn cashier() -> NewStaff {
    NewStaff {
        id: "100".parse().unwrap(),
        name: StaffName { first: Some("Ada".into()), last: None },
        role: StaffRole::Cashier,
        address_books: vec![GROUP.parse().unwrap()],
        pin: None,
    }
}

/// A chain in the middle of its days: something is posted, something waits, something is on its
/// way, something is repaired and something failed.
fn busy_chain() -> World {
    let mut world = World::new();
    world.add_store("S1");
    world.add_register("S1.R1", "S1");
    world.add_store("S2");
    world.stock();
    world.default_customer("S1");
    world.default_customer("S2");
    world.hq().create_operator_token("operator").unwrap();
    world.change_parameters(|parameters| parameters.posting_mode = PostingMode::Classic);
    let (store, profile) = ("S1".parse().unwrap(), "default".parse().unwrap());
    world.hq().assign_profile(&store, &profile).unwrap();
    world.set_feature(Feature::CaptureMultipleContacts, false);
    world.set_offline_profile(|profile| profile.request_timeout_ms = 8_000);
    let (register, profile) = ("S1.R1".parse().unwrap(), "default".parse().unwrap());
    world.hq().assign_offline_profile(&register, &profile).unwrap();
    for is_on in [true, false] {
        world.pull_lever(Lever::Subjob(Subjob::Price), is_on);
    }
    world.hq().add_staff(&cashier(), "a story").unwrap();
    world.open_shift("S1", "50.00");
    day(&mut world, "first");
    world.close_shift("S1", "1.00");
    world.settle();
    world.end_of_day();
    day(&mut world, "second");
    world.upload("S1.R1").unwrap();
    world.upload("S1").unwrap();
    apply_one(&world);
    world
}

/// Somebody asks for one waiting operation to be applied; the log of operations says so.
fn apply_one(world: &World) {
    let (waiting, _) =
        world.hq().list_operations(OperationStatus::Pending, InboxPosition(0), 1).unwrap();
    world.hq().synchronize_operation(&waiting[0].row.id, "otto").unwrap();
}

fn day(world: &mut World, name: &str) {
    let ann = world.create("S1", &format!("Ann {name}"));
    let bob = world.create("S1.R1", &format!("Bob {name}"));
    let address = world.add_address("S1", CustomerKey::Temporary(ann), "Main Street");
    world.sell("S1", ann, Basket::of("coffee", 2).off("0.55").and("gum", 1));
    world.sell("S1.R1", bob, Basket::of("tea", 2).paid(Tender::GiftCard, "4.00"));
    world.sell_unnamed("S2", Basket::of("tea", 1).rest_by(Tender::Card));
    let deposit = Basket::of("coffee", 9).paid(Tender::Card, "20.00");
    world.order("S1", ann, Delivery::Ship(address), deposit);
}

fn books(world: &World) -> [String; 4] {
    [
        world.render_transactions(),
        world.render_statements(),
        world.render_ledger(),
        world.trial_balance(),
    ]
}

fn copy(source: &mut dyn WholeRead, target: Box<dyn WholeWrite>) -> BTreeMap<&'static str, u64> {
    let mut rows = BTreeMap::new();
    let mut note = |progress: Progress| {
        rows.insert(progress.table, progress.rows);
    };
    let copied = copy_headquarters(source, target, &mut note).unwrap();
    assert_eq!(copied, rows.values().sum::<u64>());
    rows
}

fn to_postgres(file: &Path, url: &str) -> BTreeMap<&'static str, u64> {
    let mut source = SqliteWhole::open_source(file).unwrap();
    copy(&mut source, Box::new(PostgresWhole::open_target(url).unwrap()))
}

fn postgres(url: &str) -> Box<dyn Storage> {
    Box::new(PostgresStorage::open(url).unwrap())
}

fn errors(world: &World) -> Vec<String> {
    let report = world.hq().check(CheckDepth::EveryRow).unwrap();
    let errors = report.findings.into_iter().filter(|finding| finding.severity == Severity::Error);
    errors.map(|finding| finding.message).collect()
}

/// What happens after the middle, and what the books say then.
fn go_on(world: &mut World) -> [String; 4] {
    day(world, "third");
    world.upload("S1").unwrap();
    apply_one(world);
    world.settle();
    world.end_of_day();
    books(world)
}

#[test]
fn a_chain_whose_headquarters_moves_to_postgresql_keeps_the_books_of_one_that_stays() {
    let mut stayed = busy_chain();
    let (middle, end) = (books(&stayed), go_on(&mut stayed));
    let mut moved = busy_chain();
    let url = cluster().new_database();
    moved.move_headquarters(|file| {
        let rows = to_postgres(file, &url);
        // Few tables are empty, or this story would say little about them.
        let empty: Vec<_> = TABLES.iter().filter(|table| rows[**table] == 0).copied().collect();
        let expected = [
            "quarantine",
            "job_lease",
            "job_schedule",
            "document_quarantine",
            "transaction_edit",
            "recovery",
            "recovery_hearing",
            "number_promise",
            "number_conflict",
        ];
        assert_eq!(empty, expected);
        postgres(&url)
    });
    assert_eq!(errors(&moved), [""; 0]);
    assert_eq!(books(&moved), middle);
    assert_eq!(moved.upload("S1").unwrap().new_epoch, None, "headquarters remembers the store");
    assert_eq!(go_on(&mut moved), end);
    assert_eq!(errors(&moved), [""; 0]);
}

#[test]
fn what_comes_back_from_postgresql_is_what_went_there() {
    let mut world = busy_chain();
    let before = books(&world);
    let url = cluster().new_database();
    world.move_headquarters(|file| {
        let there = to_postgres(file, &url);
        let back = file.with_file_name("back.db");
        let mut source = PostgresWhole::open_source(&url).unwrap();
        let target = Box::new(SqliteWhole::open_target(&back).unwrap());
        assert_eq!(copy(&mut source, target), there);
        Box::new(SqliteStorage::open(&back).unwrap())
    });
    assert_eq!(errors(&world), [""; 0]);
    assert_eq!(books(&world), before);
    go_on(&mut world);
    assert_eq!(errors(&world), [""; 0]);
}
