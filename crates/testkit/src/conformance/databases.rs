//! Groups, edge databases, credentials, activation codes and tokens.

use tillsync_exchange::device::SecretHash;
use tillsync_exchange::messages::{DatabaseHealth, DatabaseKind, ExchangeMode};
use tillsync_hq::storage::{
    Activation, DatabaseRecord, GroupRecord, NewDatabase, OperatorToken, Storage, StorageError,
};

use super::add_channels;
use super::promotion::apply;
use crate::builders::{PlanBuilder, account, at, at_micros, book, database, group};

/// Adds a group with address books.
pub(crate) fn add_group(storage: &dyn Storage, name: &str, books: &[&str]) {
    let record = GroupRecord {
        id: group(name),
        address_books: books.iter().map(|name| book(name)).collect(),
        mode: ExchangeMode::Live,
    };
    storage.write(|tx| tx.group_put(&record)).expect("a group");
}

/// Adds a channel to a group.
pub(crate) fn add_channel(storage: &dyn Storage, name: &str, group_name: &str) {
    let inserted = storage.write(|tx| tx.database_insert_once(&channel(name, group_name)));
    assert!(inserted.expect("a database"), "{name} is new");
}

/// The same with an address book of its own.
pub(crate) fn add_channel_with(storage: &dyn Storage, (name, of): (&str, &str), own: &str) {
    let database = NewDatabase { address_book: book(own), ..channel(name, of) };
    let inserted = storage.write(|tx| tx.database_insert_once(&database));
    assert!(inserted.expect("a database"), "{name} is new");
}

/// Adds a register of a channel of `G1`.
pub(crate) fn add_register(storage: &dyn Storage, name: &str, of: &str) {
    let store = storage.read(|tx| tx.database_get(&database(of))).expect("readable");
    let (kind, parent) = (DatabaseKind::Register, Some(database(of)));
    let group = store.expect("its channel").database.group;
    let register = NewDatabase { kind, parent, group, ..channel(name, "G1") };
    let inserted = storage.write(|tx| tx.database_insert_once(&register));
    assert!(inserted.expect("a database"), "{name} is new");
}

fn channel(name: &str, group_name: &str) -> NewDatabase {
    NewDatabase {
        id: database(name),
        kind: DatabaseKind::Channel,
        group: group(group_name),
        parent: None,
        address_book: book("north"),
        created_at: at_micros(1, 3),
    }
}

fn get(storage: &dyn Storage, name: &str) -> DatabaseRecord {
    let found = storage.read(|tx| tx.database_get(&database(name))).expect("readable");
    found.expect("the database exists")
}

fn opened_by(storage: &dyn Storage, credential: SecretHash) -> Option<String> {
    let found = storage.read(|tx| tx.database_by_credential(&credential)).expect("readable");
    found.map(|record| record.database.id.to_string())
}

fn assert_constraint<T: std::fmt::Debug>(outcome: Result<T, StorageError>) {
    assert!(matches!(outcome, Err(StorageError::Constraint { .. })), "{outcome:?}");
}

/// Books that are no longer named are gone.
pub fn a_group_is_replaced_with_its_books(storage: &dyn Storage) {
    add_group(storage, "G1", &["north", "south"]);
    let replaced = GroupRecord {
        id: group("G1"),
        address_books: vec![book("east"), book("north")],
        mode: ExchangeMode::Scheduled,
    };
    storage.write(|tx| tx.group_put(&replaced)).expect("a group");
    let found = storage.read(|tx| tx.group_get(&group("G1"))).expect("readable");
    assert_eq!(found, Some(replaced));
    let unknown = storage.read(|tx| tx.group_get(&group("G2"))).expect("readable");
    assert_eq!(unknown, None);
}

/// Lists have a total order.
pub fn groups_and_databases_are_listed_by_name(storage: &dyn Storage) {
    for name in ["G2", "G1", "G3"] {
        add_group(storage, name, &["north"]);
    }
    for name in ["S2", "S10", "S1"] {
        add_channel(storage, name, "G1");
    }
    let (groups, databases) =
        storage.read(|tx| Ok((tx.groups_all()?, tx.databases_all()?))).expect("lists");
    let groups: Vec<_> = groups.iter().map(|group| group.id.as_str()).collect();
    assert_eq!(groups, ["G1", "G2", "G3"]);
    let databases: Vec<_> = databases.iter().map(|found| found.database.id.as_str()).collect();
    assert_eq!(databases, ["S1", "S10", "S2"]);
}

/// The second one of a name changes nothing and says so.
pub fn a_database_is_inserted_once(storage: &dyn Storage) {
    add_channels(storage);
    let register = NewDatabase {
        id: database("S1.R1"),
        kind: DatabaseKind::Register,
        parent: Some(database("S1")),
        ..channel("S1.R1", "G1")
    };
    let insert = |wanted: &NewDatabase| {
        storage.write(|tx| tx.database_insert_once(wanted)).expect("an answer")
    };
    assert!(insert(&register));
    assert!(!insert(&NewDatabase { address_book: book("south"), ..register.clone() }));
    let expected = DatabaseRecord {
        database: register,
        enrolled_at: None,
        revoked_at: None,
        last_seen_at: None,
        health: None,
        pulled: 0,
        default_customer: None,
    };
    assert_eq!(get(storage, "S1.R1"), expected);
}

/// No database without a selection of data.
pub fn a_database_of_an_unknown_group_is_refused(storage: &dyn Storage) {
    assert_constraint(storage.write(|tx| tx.database_insert_once(&channel("S1", "nowhere"))));
}

/// One present credential, or none.
pub fn a_credential_opens_until_it_is_replaced_or_revoked(storage: &dyn Storage) {
    add_channels(storage);
    let (first, second) = (SecretHash([1; 32]), SecretHash([2; 32]));
    let enrol = |credential, now| {
        storage.write(|tx| tx.database_enrol(&database("S1"), &credential, at(now))).expect("known")
    };
    assert_eq!(opened_by(storage, first), None);
    enrol(first, 5);
    assert_eq!(opened_by(storage, first).as_deref(), Some("S1"));
    enrol(second, 6);
    assert_eq!(opened_by(storage, first), None, "replaced");
    assert_eq!(opened_by(storage, second).as_deref(), Some("S1"));
    storage.write(|tx| tx.database_revoke(&database("S1"), at(7))).expect("known");
    assert_eq!(opened_by(storage, second), None, "revoked");
    assert_eq!(get(storage, "S1").revoked_at, Some(at(7)));
    enrol(first, 8);
    assert_eq!(opened_by(storage, first).as_deref(), Some("S1"), "enrolled once more");
    let record = get(storage, "S1");
    assert_eq!((record.enrolled_at, record.revoked_at), (Some(at(8)), None));
}

/// A credential names exactly one device.
pub fn two_databases_never_share_a_credential(storage: &dyn Storage) {
    add_channels(storage);
    let credential = SecretHash([1; 32]);
    storage.write(|tx| tx.database_enrol(&database("S1"), &credential, at(1))).expect("known");
    assert_constraint(storage.write(|tx| tx.database_enrol(&database("S2"), &credential, at(1))));
}

/// A change that reaches nobody is an error, not a success.
pub fn an_unknown_database_is_refused_not_ignored(storage: &dyn Storage) {
    let nobody = database("S9");
    let credential = SecretHash([1; 32]);
    assert_constraint(storage.write(|tx| tx.database_enrol(&nobody, &credential, at(1))));
    assert_constraint(storage.write(|tx| tx.database_revoke(&nobody, at(1))));
    assert_constraint(storage.write(|tx| tx.database_seen(&nobody, &health(1), 0, at(1))));
    apply(storage, PlanBuilder::new().promote(1));
    assert_constraint(storage.write(|tx| tx.database_default_customer_set(&nobody, &account(1))));
}

/// Unnamed sales are posted to it, so it is never a temporary identity.
pub fn a_default_customer_is_an_account_that_was_given(storage: &dyn Storage) {
    add_channels(storage);
    apply(storage, PlanBuilder::new().promote(1).promote(2));
    let set =
        |n| storage.write(|tx| tx.database_default_customer_set(&database("S1"), &account(n)));
    assert_eq!(get(storage, "S1").default_customer, None);
    for n in [1, 2] {
        set(n).expect("known");
        assert_eq!(get(storage, "S1").default_customer, Some(account(n)));
    }
    assert_constraint(set(3));
    assert_eq!(get(storage, "S1").default_customer, Some(account(2)));
    assert_eq!(get(storage, "S2").default_customer, None, "others are not concerned");
}

fn health(pending: u64) -> DatabaseHealth {
    DatabaseHealth { pending, oldest_pending_at: Some(at(2)), unsent: u64::MAX, now: at(9) }
}

/// A late answer to an earlier poll does not undo a later one.
pub fn a_poll_is_remembered_and_its_pull_never_goes_back(storage: &dyn Storage) {
    add_channels(storage);
    let seen = |pending, pulled, now| {
        let (id, health) = (database("S1"), health(pending));
        storage.write(|tx| tx.database_seen(&id, &health, pulled, at(now))).expect("known");
    };
    seen(3, 7, 10);
    seen(2, 5, 11);
    let record = get(storage, "S1");
    assert_eq!((record.pulled, record.last_seen_at), (7, Some(at(11))));
    assert_eq!(record.health, Some(health(2)));
    seen(1, u64::MAX, 12);
    seen(1, 8, 13);
    assert_eq!(get(storage, "S1").pulled, u64::MAX);
    assert_eq!(get(storage, "S2").last_seen_at, None, "others are not concerned");
}

/// So that a repeated redemption can be told from a second one.
pub fn an_activation_code_remembers_who_redeemed_it(storage: &dyn Storage) {
    add_channels(storage);
    let code = SecretHash([3; 32]);
    let fresh =
        Activation { code, database: database("S1"), expires_at: at(60), redeemed_by: None };
    let redeemed = Activation { redeemed_by: Some(SecretHash([4; 32])), ..fresh.clone() };
    for activation in [fresh, redeemed] {
        storage.write(|tx| tx.activation_put(&activation)).expect("stored");
        let found = storage.read(|tx| tx.activation_get(&code)).expect("readable");
        assert_eq!(found, Some(activation));
    }
    let unknown = storage.read(|tx| tx.activation_get(&SecretHash([5; 32]))).expect("readable");
    assert_eq!(unknown, None);
}

/// The old token of that name opens nothing.
pub fn an_operators_token_is_replaced_by_name(storage: &dyn Storage) {
    let token =
        |byte| OperatorToken { hash: SecretHash([byte; 32]), name: "ci".into(), created_at: at(1) };
    for byte in [1, 2] {
        storage.write(|tx| tx.operator_token_put(&token(byte))).expect("stored");
    }
    let get =
        |byte| storage.read(|tx| tx.operator_token_get(&SecretHash([byte; 32]))).expect("readable");
    assert_eq!(get(1), None);
    assert_eq!(get(2), Some(token(2)));
}
