//! Customers of other stores: found through headquarters (F91) and taken into a store (F92).

use jiff::SignedDuration;
use tillsync_channel::find::CustomerView;
use tillsync_channel::remote_search::{RemoteError, add_to_store, search_all_stores};
use tillsync_domain::ids::CustomerKey;
use tillsync_domain::job::JobName;
use tillsync_domain::kind::ErrorKind;
use tillsync_exchange::realtime::SearchCall;
use tillsync_exchange::rows::Table;
use tillsync_hq::exclusion::{Lever, Subjob};
use tillsync_testkit::world::{Fault, World};

/// Two stores that see none of each other's customers; the second has a register.
fn chain() -> World {
    let mut world = World::new();
    world.add_group("north", &["north-book"]);
    world.add_group("south", &["south-book"]);
    world.add_store_to("N1", "north");
    world.add_store_to("S1", "south");
    world.add_register("S1.R1", "S1");
    world
}

fn search(world: &World, at: &str, keyword: &str) -> Result<Vec<(String, bool)>, RemoteError> {
    let call = SearchCall { keyword: keyword.to_owned(), top: 10, skip: 0 };
    let upstream = world.upstream(at);
    let answer = search_all_stores(world.edge(at), upstream.as_ref(), &call, world.now())?;
    Ok(answer.customers.into_iter().map(|it| (it.customer.account, it.is_in_store)).collect())
}

fn add(world: &World, at: &str, key: &CustomerKey) -> Result<CustomerView, RemoteError> {
    let upstream = world.upstream(at);
    add_to_store(world.edge(at), upstream.as_ref(), key, world.now())
}

fn found(account: &str, is_in_store: bool) -> Vec<(String, bool)> {
    vec![(account.to_owned(), is_in_store)]
}

#[test]
fn a_customer_of_another_store_is_found_from_four_letters_on_and_comes_when_it_is_opened() {
    let mut world = chain();
    let guid = world.create("N1", "Lovelace");
    world.settle();
    assert_eq!(world.account_at("S1", guid), "unknown");
    let short = search(&world, "S1", " Lov ").unwrap_err();
    assert_eq!(short.kind(), ErrorKind::Invalid, "{short}");
    assert_eq!(search(&world, "S1", "love").unwrap(), found("C-00000001", false));
    let view = add(&world, "S1", &"C-00000001".parse().unwrap()).unwrap();
    assert_eq!(view.guid, guid);
    assert_eq!(world.account_at("S1", guid), "C-00000001", "at once");
    assert_eq!(search(&world, "S1", "love").unwrap(), found("C-00000001", true));
    world.settle();
    assert_eq!(world.account_at("S1", guid), "C-00000001", "1010 brings it, too");
    assert_eq!(world.account_at("S1.R1", guid), "C-00000001");
}

#[test]
fn whoever_is_pending_elsewhere_is_not_found_before_headquarters_has_it() {
    let mut world = chain();
    world.create("N1", "Lovelace");
    assert_eq!(search(&world, "S1", "love").unwrap(), vec![]);
    world.upload("N1").unwrap();
    world.run(JobName::SynchronizeCustomers);
    assert_eq!(search(&world, "S1", "love").unwrap(), found("C-00000001", false));
}

#[test]
fn an_answer_that_is_lost_puts_the_customer_into_the_store_once() {
    let mut world = chain();
    let guid = world.create("N1", "Lovelace");
    world.settle();
    let key = CustomerKey::Temporary(guid);
    world.line("S1").suffer(Fault::LoseAnswers(1));
    assert_eq!(add(&world, "S1", &key).unwrap_err().kind(), ErrorKind::Busy);
    assert_eq!(world.account_at("S1", guid), "unknown");
    let first = add(&world, "S1", &key).unwrap();
    assert_eq!(add(&world, "S1", &key).unwrap(), first);
    world.settle();
    assert_eq!(world.account_at("S1", guid), "C-00000001");
}

#[test]
fn a_store_that_is_cut_off_says_so_and_searches_itself_as_before() {
    let mut world = chain();
    let own = world.create("S1", "Lovelace");
    world.line("S1").suffer(Fault::Cut);
    let cut = search(&world, "S1", "love").unwrap_err();
    assert_eq!(cut.kind(), ErrorKind::Busy);
    assert!(cut.to_string().contains("search this store alone"), "{cut}");
    let key = CustomerKey::Temporary(own);
    assert_eq!(add(&world, "S1", &key).unwrap().guid, own, "who is here needs nobody");
    world.line("S1").mend();
    world.pass(SignedDuration::from_mins(5));
    assert_eq!(search(&world, "S1", "love").unwrap(), vec![]);
}

#[test]
fn a_register_searches_and_opens_through_its_store() {
    let mut world = chain();
    let guid = world.create("N1", "Lovelace");
    world.settle();
    assert_eq!(search(&world, "S1.R1", "love").unwrap(), found("C-00000001", false));
    add(&world, "S1.R1", &CustomerKey::Temporary(guid)).unwrap();
    assert_eq!(world.account_at("S1.R1", guid), "C-00000001");
    assert_eq!(world.account_at("S1", guid), "C-00000001", "the store has it, too");
    let nobody = "C-99999999".parse().unwrap();
    assert_eq!(add(&world, "S1.R1", &nobody).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn a_headquarters_that_is_killed_while_it_adds_a_customer_has_done_it_once_or_not() {
    for commits in 0..2 {
        let mut world = chain();
        let guid = world.create("N1", "Lovelace");
        world.settle();
        world.kill_headquarters_after(commits);
        let key = CustomerKey::Temporary(guid);
        let first = add(&world, "S1", &key);
        assert_eq!(first.is_ok(), commits > 0, "{commits}");
        world.restart_headquarters();
        world.pass(SignedDuration::from_mins(5));
        add(&world, "S1", &key).unwrap();
        world.settle();
        assert_eq!(world.account_at("S1", guid), "C-00000001");
    }
}

#[test]
fn at_a_register_without_addresses_the_customer_comes_alone() {
    let mut world = chain();
    let guid = world.create("N1", "Lovelace");
    let key = CustomerKey::Temporary(guid);
    world.add_address("N1", key.clone(), "Main Street");
    world.settle();
    world.pull_lever(Lever::Subjob(Subjob::Address), true);
    world.distribute(&[JobName::Registers1090, JobName::Customers1010]);
    add(&world, "S1.R1", &key).unwrap();
    assert_eq!(world.account_at("S1.R1", guid), "C-00000001");
    assert_eq!(["S1.R1", "S1"].map(|at| world.rows_at(at, Table::Address)), [0, 1]);
}

#[test]
fn headquarters_is_asked_although_the_customer_is_here_and_may_have_forgotten_it() {
    let mut world = chain();
    let guid = world.create("N1", "Lovelace");
    world.settle();
    let key = CustomerKey::Temporary(guid);
    let backup = world.back_up_headquarters();
    world.pass(SignedDuration::from_secs(1));
    add(&world, "S1", &key).unwrap();
    world.restore_headquarters(&backup);
    assert_eq!(world.account_at("S1", guid), "C-00000001", "it is still here");
    world.line("S1").suffer(Fault::Cut);
    assert_eq!(add(&world, "S1", &key).unwrap_err().kind(), ErrorKind::Busy);
    world.line("S1").mend();
    add(&world, "S1", &key).unwrap();
    assert_eq!(search(&world, "S1", "love").unwrap(), found("C-00000001", true));
}
