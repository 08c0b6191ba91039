//! What is kept from offline databases (`domain.md` 6.2), each with a channel that stays full, and
//! everything that can come between a lever and a register.

use jiff::SignedDuration;
use tillsync_channel::create::CreateError;
use tillsync_channel::remote_search::add_to_store;
use tillsync_domain::ids::{CustomerGuid, CustomerKey};
use tillsync_domain::job::JobName;
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::profile::NotHere;
use tillsync_domain::staff::{StaffName, StaffRole};
use tillsync_domain::trade::{Delivery, Tender};
use tillsync_exchange::messages::{DownloadReport, DownloadResult};
use tillsync_exchange::rows::Table;
use tillsync_exchange::session::DownloadStatus;
use tillsync_hq::check::CheckDepth;
use tillsync_hq::distribution::SessionCommand;
use tillsync_hq::exclusion::{ExclusionError, Lever, LeverChange, Levers, Subjob};
use tillsync_hq::staff::NewStaff;
use tillsync_hq::storage::{DownloadSessionRecord, SessionFilter};
use tillsync_testkit::world::{Basket, Fault, GROUP, World};

const TILL: &str = "S1.R1";
const CUSTOMERS: Lever = Lever::Job(JobName::Customers1010);
const JOBS: [JobName; 4] =
    [JobName::Registers1090, JobName::Staff1060, JobName::Products1040, JobName::Customers1010];

/// A store with a register, and another store, all of which know one customer, one member of staff
/// and a few items.
fn chain() -> (World, CustomerGuid) {
    let mut world = World::new();
    world.add_store("S1");
    world.add_store("S2");
    world.add_register(TILL, "S1");
    world.stock();
    let staff = NewStaff {
        id: "100".parse().unwrap(),
        name: StaffName { first: Some("Ada".into()), last: None },
        role: StaffRole::Cashier,
        address_books: vec![GROUP.parse().unwrap()],
        pin: None,
    };
    world.hq().add_staff(&staff, "a story").unwrap();
    let guid = promoted(&mut world, "Waller");
    world.distribute(&JOBS);
    assert_eq!(customers(&world), [1, 1, 1]);
    (world, guid)
}

/// Somebody new at S2, who has an account and is in no package yet.
fn promoted(world: &mut World, name: &str) -> CustomerGuid {
    let guid = world.create("S2", name);
    world.upload("S2").unwrap();
    world.run(JobName::SynchronizeCustomers);
    guid
}

/// How many customers S1, its register and S2 know by their accounts.
fn customers(world: &World) -> [usize; 3] {
    ["S1", TILL, "S2"].map(|at| world.accounts_at(at))
}

fn sessions(world: &World) -> Vec<DownloadSessionRecord> {
    let database = Some(TILL.parse().unwrap());
    let filter = SessionFilter { database, limit: 100, ..SessionFilter::default() };
    let mut sessions = world.hq().list_sessions(&filter).unwrap();
    sessions.retain(|session| session.job == JobName::Customers1010);
    sessions
}

fn latest(world: &World) -> DownloadSessionRecord {
    sessions(world).remove(0)
}

#[test]
fn a_job_that_is_excluded_sends_nothing_to_registers_and_everything_to_channels() {
    let (mut world, _) = chain();
    let moved = world.pull_lever(CUSTOMERS, true);
    assert!(moved.is_change && moved.warnings[0].contains("job run 1010 --full"));
    promoted(&mut world, "Berry");
    world.distribute(&JOBS);
    assert_eq!(customers(&world), [2, 1, 2], "what it has stays");
    assert_eq!(world.rows_at(TILL, Table::Item), world.rows_at("S1", Table::Item));
    world.pull_lever(CUSTOMERS, false);
    world.distribute(&JOBS);
    assert_eq!(customers(&world), [2, 2, 2]);
}

#[test]
fn a_full_sync_of_an_excluded_job_empties_its_tables_and_lifting_it_fills_them() {
    let (mut world, _) = chain();
    let pending = world.create(TILL, "Pending");
    world.pull_lever(CUSTOMERS, true);
    world.full_sync(JobName::Customers1010);
    world.distribute(&JOBS);
    assert_eq!(customers(&world), [1, 0, 1], "rows before, none after");
    assert_eq!(world.account_at(TILL, pending), "Pending sync", "it is still on its way up");
    assert!(world.rows_at(TILL, Table::Item) > 0, "other jobs are not concerned");
    promoted(&mut world, "Berry");
    world.distribute(&JOBS);
    assert_eq!(customers(&world), [2, 0, 2], "nothing comes by itself");
    world.pull_lever(CUSTOMERS, false);
    world.settle();
    assert_eq!(customers(&world), [3, 3, 3]);
}

#[test]
fn a_subjob_that_is_excluded_is_gone_from_every_job_that_has_it() {
    let (mut world, _) = chain();
    let moved = world.pull_lever(Lever::Subjob(Subjob::Party), true);
    assert!(moved.warnings[0].contains("staff"), "{:?}", moved.warnings);
    for job in Subjob::Party.jobs() {
        let audience = world.hq().storage().read(|tx| Levers::read(tx)).unwrap().audience(job);
        assert!(!audience.is_everyone(), "{job} has parties");
    }
    world.distribute(&JOBS);
    assert_eq!(customers(&world), [1, 0, 1]);
    let staff = |world: &World| ["S1", TILL, "S2"].map(|at| world.rows_at(at, Table::Staff));
    assert_eq!(staff(&world), [1, 0, 1], "they are parties, too");
    promoted(&mut world, "Berry");
    world.distribute(&JOBS);
    assert_eq!(customers(&world), [2, 0, 2]);
    world.pull_lever(Lever::Subjob(Subjob::Party), false);
    world.distribute(&JOBS);
    assert_eq!((customers(&world), staff(&world)), ([2, 2, 2], [1, 1, 1]));
}

#[test]
fn items_can_go_without_prices_and_customers_without_addresses() {
    let (mut world, guid) = chain();
    let key = CustomerKey::Temporary(guid);
    world.add_address("S2", key.clone(), "Main Street");
    world.settle();
    let items = world.rows_at("S1", Table::Item);
    let street = |world: &World| world.find(TILL, &key).unwrap().addresses.len();
    assert_eq!(street(&world), 1);
    for subjob in [Subjob::Price, Subjob::Address] {
        world.pull_lever(Lever::Subjob(subjob), true);
    }
    world.distribute(&JOBS);
    assert_eq!((world.rows_at(TILL, Table::Item), world.rows_at(TILL, Table::Price)), (items, 0));
    assert!(world.rows_at("S1", Table::Price) > 0);
    assert_eq!((street(&world), customers(&world)), (0, [1, 1, 1]));
    // Later changes come as deltas, without what is kept back.
    let before = sessions(&world).len();
    let berry = promoted(&mut world, "Berry");
    world.add_address("S2", CustomerKey::Temporary(berry), "Side Street");
    world.upload("S2").unwrap();
    world.run(JobName::SynchronizeCustomers);
    world.distribute(&JOBS);
    assert_eq!(customers(&world), [2, 2, 2]);
    assert_eq!(world.rows_at(TILL, Table::Address), 0);
    assert_eq!(sessions(&world).len(), before + 1);
}

#[test]
fn the_filter_takes_customers_and_leaves_everything_else() {
    let (mut world, _) = chain();
    world.set_profile(|profile| profile.create_customers_async = true);
    world.pull_lever(Lever::Filter, true);
    promoted(&mut world, "Berry");
    world.distribute(&JOBS);
    assert_eq!(customers(&world), [2, 0, 2]);
    for table in [Table::Staff, Table::Item, Table::Price, Table::Profile, Table::Register] {
        assert!(world.rows_at(TILL, table) > 0, "{table} stays");
        assert_eq!(world.rows_at(TILL, table), world.rows_at("S1", table), "{table}");
    }
    world.pull_lever(Lever::Filter, false);
    world.distribute(&JOBS);
    assert_eq!(customers(&world), [2, 2, 2]);
}

#[test]
fn the_filter_names_the_jobs_that_hold_customers_and_wants_to_be_confirmed() {
    let (world, _) = chain();
    let ask = |is_confirmed| {
        let change = LeverChange { lever: Lever::Filter, is_on: true, is_confirmed };
        world.hq().move_lever(change, "ada")
    };
    let refused = ask(false).unwrap_err();
    assert!(matches!(refused, ExclusionError::Unconfirmed(_)));
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    assert!(refused.to_string().contains("1010 (Customers)"), "{refused}");
    let levers = || world.hq().show_exclusion(9).unwrap();
    assert_eq!(levers().levers, Levers::default(), "nothing was changed");
    world.pull_lever(CUSTOMERS, true);
    assert!(ask(false).unwrap().is_change, "with 1010 excluded there is nothing to ask");
    assert!(!ask(false).unwrap().is_change);
    let overview = levers();
    assert!(overview.levers.is_filtered);
    let by: Vec<_> = overview.changes.iter().map(|it| it.changed_by.as_str()).collect();
    assert_eq!(by, ["ada", "a story"]);
}

#[test]
fn what_tells_registers_of_exclusions_cannot_be_excluded() {
    let (world, _) = chain();
    for lever in [Lever::Job(JobName::Registers1090), Lever::Subjob(Subjob::Register)] {
        let change = LeverChange { lever, is_on: true, is_confirmed: true };
        let refused = world.hq().move_lever(change, "ada").unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Invalid, "{refused}");
    }
}

#[test]
fn a_till_that_is_cut_off_creates_nobody_where_customers_are_filtered() {
    let (mut world, _) = chain();
    world.pull_lever(CUSTOMERS, true);
    world.distribute(&JOBS);
    world.line(TILL).suffer(Fault::Cut);
    world.upload(TILL).unwrap_err();
    world.create_at_till(TILL, "Excluded").expect("the job alone forbids nothing");
    world.line(TILL).mend();
    world.pull_lever(Lever::Filter, true);
    world.distribute(&JOBS);
    world.line(TILL).suffer(Fault::Cut);
    world.create(TILL, "Below");
    world.upload(TILL).unwrap_err();
    let refused = world.create_at_till(TILL, "Filtered").unwrap_err();
    assert!(matches!(refused, CreateError::NotHere(NotHere::OfflineFiltered)), "{refused}");
    world.line(TILL).mend();
    world.upload(TILL).unwrap();
    world.create_at_till(TILL, "Online").unwrap();
    // The very call that finds the till cut off creates nobody, either.
    world.distribute(&[JobName::ChannelConfiguration1070]);
    world.line(TILL).suffer(Fault::Cut);
    let refused = world.create_at_till(TILL, "Asked").unwrap_err();
    assert!(matches!(refused, CreateError::NotHere(NotHere::OfflineFiltered)), "{refused}");
}

#[test]
fn while_no_lever_concerns_a_job_registers_share_the_packages_of_channels() {
    let (mut world, _) = chain();
    world.pull_lever(Lever::Subjob(Subjob::Price), true);
    promoted(&mut world, "Berry");
    world.distribute(&JOBS);
    let group = "retail".parse().unwrap();
    let packages = world.hq().storage();
    let packages = packages.read(|tx| tx.packages_list(&group, JobName::Customers1010, 99));
    assert!(packages.unwrap().iter().all(|package| package.audience.is_everyone()));
    let id = TILL.parse().unwrap();
    let packages = world.hq().storage();
    let audience = packages.read(|tx| tx.audience_get(&id, JobName::Products1040)).unwrap();
    assert_eq!(audience.to_string(), "price");
}

#[test]
fn a_package_that_was_offered_before_is_not_handed_out_after_a_lever_was_moved() {
    let (mut world, _) = chain();
    promoted(&mut world, "Berry");
    world.run(JobName::Customers1010);
    world.line(TILL).suffer(Fault::BreakOffPackages);
    world.download(TILL).unwrap_err();
    world.line(TILL).mend();
    let offered = latest(&world);
    assert_eq!(world.pull_lever(Lever::Filter, true).canceled, 1);
    assert_eq!(latest(&world).progress.status, DownloadStatus::Canceled);
    let refused = world.upstream(TILL).fetch(offered.package, &mut Vec::new());
    assert!(refused.unwrap_err().to_string().contains("not offered"));
    world.distribute(&JOBS);
    assert_eq!(customers(&world), [2, 0, 2]);
    let again = world.hq().command_session(&offered.id, SessionCommand::Rerun);
    assert_eq!(again.unwrap_err().kind(), ErrorKind::Conflict, "nor may an operator");
}

#[test]
fn what_was_applied_while_a_lever_was_moved_is_removed_again() {
    let (mut world, _) = chain();
    promoted(&mut world, "Berry");
    world.run(JobName::Customers1010);
    world.line(TILL).suffer(Fault::DropAppliedReports);
    world.download(TILL).unwrap_err();
    assert_eq!(customers(&world)[1], 2, "it has it, and headquarters does not know");
    world.pull_lever(Lever::Filter, true);
    world.line(TILL).mend();
    world.distribute(&JOBS);
    assert_eq!(customers(&world), [2, 0, 2]);
}

#[test]
fn the_late_report_of_a_canceled_session_changes_nothing() {
    let (mut world, _) = chain();
    promoted(&mut world, "Berry");
    world.run(JobName::Customers1010);
    world.line(TILL).suffer(Fault::DropAppliedReports);
    world.download(TILL).unwrap_err();
    let session = latest(&world).id;
    world.pull_lever(Lever::Filter, true);
    world.line(TILL).mend();
    let late = || {
        let (database, result) = (TILL.parse().unwrap(), DownloadResult::Applied);
        let report = DownloadReport { database, result, error: None };
        world.upstream(TILL).report(session, &report)
    };
    assert!(late().is_err(), "before the snapshot");
    world.distribute(&JOBS);
    assert_eq!(customers(&world), [2, 0, 2]);
    let late = {
        let (database, result) = (TILL.parse().unwrap(), DownloadResult::Applied);
        let report = DownloadReport { database, result, error: None };
        world.upstream(TILL).report(session, &report)
    };
    assert!(late.is_err(), "and after it");
    promoted(&mut world, "Cole");
    world.distribute(&JOBS);
    assert_eq!(customers(&world), [3, 0, 3]);
}

#[test]
fn a_lever_that_is_moved_to_and_fro_leaves_what_it_says_last() {
    for steps in [[true, false, true], [false, true, false]] {
        let (mut world, _) = chain();
        world.pull_lever(Lever::Filter, !steps[0]);
        world.distribute(&JOBS);
        for (index, is_on) in steps.into_iter().enumerate() {
            promoted(&mut world, ["Berry", "Cole", "Dean"][index]);
            world.run(JobName::Customers1010);
            world.line(TILL).suffer(Fault::DropAppliedReports);
            // Some of it arrives, nobody knows what.
            world.download(TILL).ok();
            world.line(TILL).mend();
            world.pull_lever(Lever::Filter, is_on);
        }
        world.distribute(&JOBS);
        let expected = if steps[2] { 0 } else { 4 };
        assert_eq!(customers(&world), [4, expected, 4], "{steps:?}");
    }
}

#[test]
fn a_register_that_is_away_while_levers_are_moved_gets_what_holds_when_it_is_back() {
    let (mut world, _) = chain();
    world.line(TILL).suffer(Fault::Cut);
    world.pull_lever(Lever::Filter, true);
    for index in 0..40 {
        promoted(&mut world, &format!("Customer {index}"));
        world.run(JobName::Customers1010);
        world.pass(SignedDuration::from_mins(5));
    }
    assert_eq!(world.rows_at(TILL, Table::Customer), 1);
    world.line(TILL).mend();
    world.distribute(&JOBS);
    assert_eq!(customers(&world), [41, 0, 41]);
}

#[test]
fn a_register_that_is_new_never_sees_what_is_kept_from_it() {
    let (mut world, _) = chain();
    world.pull_lever(Lever::Filter, true);
    world.add_register("S2.R1", "S2");
    world.distribute(&JOBS);
    assert_eq!(world.rows_at("S2.R1", Table::Customer), 0);
    assert_eq!(world.rows_at("S2.R1", Table::Item), world.rows_at("S2", Table::Item));
    world.pull_lever(CUSTOMERS, true);
    world.add_register("S2.R2", "S2");
    world.distribute(&JOBS);
    assert_eq!(world.rows_at("S2.R2", Table::Customer), 0);
}

#[test]
fn a_register_whose_profile_pauses_synchronization_uploads_and_gets_nothing_until_it_may() {
    let (mut world, _) = chain();
    world.set_offline_profile(|profile| profile.pause_offline_sync = true);
    world.distribute(&JOBS);
    let profile = tillsync_channel::offline_profile::effective_offline_profile(world.edge(TILL));
    assert!(profile.unwrap().settings.pause_offline_sync, "it is told so");
    promoted(&mut world, "Berry");
    let sold_to = world.create(TILL, "Offline");
    world.upload(TILL).unwrap();
    world.upload("S1").unwrap();
    world.run(JobName::SynchronizeCustomers);
    world.distribute(&JOBS);
    assert!(world.account_of(sold_to).is_some(), "uploads go on");
    assert_eq!(customers(&world), [3, 1, 3]);
    world.set_offline_profile(|profile| profile.pause_offline_sync = false);
    world.distribute(&JOBS);
    assert_eq!(customers(&world), [3, 3, 3]);
}

#[test]
fn nothing_is_sent_by_1090_before_somebody_sets_something() {
    let mut world = World::new();
    world.add_store("S1");
    world.add_register(TILL, "S1");
    world.settle();
    let overview = world.hq().list_offline_profiles().unwrap();
    assert!(overview.profiles.is_empty() && overview.registers.is_empty());
    assert_eq!(world.rows_at(TILL, Table::Register), 0);
    world.set_offline_profile(|profile| profile.health_check_interval_s = 30);
    world.add_register("S1.R2", "S1");
    world.distribute(&JOBS);
    let overview = world.hq().list_offline_profiles().unwrap();
    assert_eq!(overview.registers.len(), 2);
    assert!(overview.registers.iter().all(|register| register.is_applied()));
    let register = overview.registers[0].register.register.clone();
    assert_eq!(register.as_str(), TILL);
}

/// Why the register does not see a customer, as codes.
fn why(world: &World, guid: CustomerGuid) -> Vec<&'static str> {
    let key = CustomerKey::Temporary(guid);
    let why = world.hq().why_not_here(&key, &TILL.parse().unwrap()).unwrap();
    assert_eq!(why.is_here, world.account_at(TILL, guid).starts_with("C-"), "it is the case");
    why.causes.iter().map(|cause| cause.code()).collect()
}

fn warnings(world: &World) -> Vec<String> {
    let report = world.hq().check(CheckDepth::Counts).unwrap();
    let messages = report.findings.into_iter().map(|finding| finding.message);
    messages.filter(|message| message.contains("offline")).collect()
}

#[test]
fn whoever_asks_why_a_customer_is_not_there_is_told_of_levers_and_of_a_pause() {
    let (mut world, guid) = chain();
    assert_eq!((why(&world, guid), warnings(&world)), (vec!["here"], vec![]));
    world.pull_lever(CUSTOMERS, true);
    assert_eq!(why(&world, guid), ["here"], "until a full synchronization");
    assert!(warnings(&world)[0].contains("S1.R1 may still have"), "{:?}", warnings(&world));
    let berry = promoted(&mut world, "Berry");
    assert_eq!(why(&world, berry), ["excluded"]);
    world.full_sync(JobName::Customers1010);
    world.distribute(&JOBS);
    assert_eq!((why(&world, guid), warnings(&world)), (vec!["excluded"], vec![]));
    world.pull_lever(Lever::Filter, true);
    world.pull_lever(CUSTOMERS, false);
    assert!(warnings(&world)[0].contains("hq exclusion job 1010 yes"), "{:?}", warnings(&world));
    assert_eq!(why(&world, guid), ["excluded"]);
    world.pull_lever(Lever::Filter, false);
    world.set_offline_profile(|profile| profile.pause_offline_sync = true);
    assert_eq!(why(&world, guid), ["offline_sync_paused"]);
    assert!(warnings(&world)[0].contains("offline profile default pauses"));
    world.set_offline_profile(|profile| profile.pause_offline_sync = false);
    world.distribute(&JOBS);
    assert_eq!((why(&world, guid), why(&world, berry)), (vec!["here"], vec!["here"]));
}

#[test]
fn a_headquarters_that_has_forgotten_a_lever_sends_what_was_taken_by_it() {
    let (mut world, guid) = chain();
    let key = CustomerKey::Temporary(guid);
    world.add_address("S2", key.clone(), "Main Street");
    world.settle();
    let backup = world.back_up_headquarters();
    world.pull_lever(Lever::Subjob(Subjob::Address), true);
    for name in ["Berry", "Cole", "Dean"] {
        promoted(&mut world, name);
        world.distribute(&JOBS);
    }
    assert_eq!(world.find(TILL, &key).unwrap().addresses.len(), 0);
    world.restore_headquarters(&backup);
    world.settle();
    world.settle();
    assert_eq!(world.hq().show_exclusion(9).unwrap().levers, Levers::default());
    assert_eq!(world.find(TILL, &key).unwrap().addresses.len(), 1);
    assert_eq!(customers(&world), [4, 4, 4]);
}

/// Somebody at S2 with an address, whom headquarters has promoted.
fn promoted_with_address(world: &mut World) -> CustomerGuid {
    let guid = world.create("S2", "Berry");
    world.add_address("S2", CustomerKey::Temporary(guid), "Side Street");
    world.upload("S2").unwrap();
    world.run(JobName::SynchronizeCustomers);
    guid
}

#[test]
fn what_is_kept_from_a_register_does_not_come_with_the_answers_of_headquarters_either() {
    for lever in [Lever::Filter, CUSTOMERS, Lever::Subjob(Subjob::Customer)] {
        let (mut world, _) = chain();
        world.distribute_items();
        world.set_profile(|profile| profile.create_orders_async = false);
        world.open_shift(TILL, "100.00");
        world.pull_lever(lever, true);
        world.full_sync(JobName::Customers1010);
        world.distribute(&JOBS);
        assert_eq!(customers(&world), [1, 0, 1]);
        let guid = promoted_with_address(&mut world);
        let upstream = world.upstream(TILL);
        let key = CustomerKey::Temporary(guid);
        let view = add_to_store(world.edge(TILL), upstream.as_ref(), &key, world.now()).unwrap();
        let account = world.account_of(guid).unwrap();
        assert_eq!((view.guid, view.account.as_ref()), (guid, Some(&account)), "{lever:?}");
        assert_eq!(view.addresses.len(), 1, "the till sees whom it asked for");
        for (buyer, number) in [(CustomerKey::Numbered(account), "O1"), (key, "O2")] {
            let basket = Basket::of("coffee", 3).paid(Tender::Cash, "5.00").numbered(number);
            let taken = world.order_by_mode(TILL, buyer, Delivery::Pickup, basket).unwrap();
            assert!(taken.sales_order.is_some());
        }
        let kept = [Table::Customer, Table::Address].map(|table| world.rows_at(TILL, table));
        assert_eq!(kept, [0, 0], "{lever:?}");
        assert_eq!(world.rows_at("S1", Table::Address), 1, "its store has both");
        // Whom it creates itself it keeps, and hears the account of.
        let own = world.create_at_till(TILL, "Own").unwrap();
        assert!(own.account.is_some());
        assert_eq!(customers(&world)[1], 1);
    }
}
