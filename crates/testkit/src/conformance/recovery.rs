//! Recoveries, promises and conflicts of numbers.

use tillsync_domain::ids::{
    AccountNumber, Counter, CustomerKey, EpochId, PartyNumber, RecoveryId, Version,
};
use tillsync_domain::operation::Watermark;
use tillsync_exchange::rows::download::CustomerRow;
use tillsync_hq::storage::{
    ChangeSelection, DownloadRow, HearingRecord, NumberConflict, Promise, RecoveryRecord, Storage,
    StorageError,
};
use uuid::Uuid;

use super::promotion::apply;
use crate::builders::{PlanBuilder, Rank, account, at, book, customer_guid};

fn recovery(number: u64) -> RecoveryRecord {
    RecoveryRecord {
        number,
        id: RecoveryId::from_uuid(Uuid::from_u128(number.into())),
        began_at: at(10),
        reason: format!("proof {number}"),
        items_renewed: Version(0),
        ended_at: None,
        ended_by: None,
    }
}

fn hearing(of: &RecoveryRecord, database: &str) -> HearingRecord {
    HearingRecord {
        recovery: of.id,
        database: database.parse().expect("a database"),
        customers_after: Version(7),
        items_after: Version(8),
        page_after: 0,
        told: 0,
        acknowledged: None,
        heard_at: None,
    }
}

fn party(n: u32) -> PartyNumber {
    let number = AccountNumber::parse(&format!("P-{n}")).expect("a number");
    PartyNumber::from_sequence(number)
}

fn promise(n: u32, number: u32) -> Promise {
    Promise {
        guid: customer_guid(n),
        account: account(number),
        party: (n != 9).then(|| party(number)),
        source: "S1".parse().expect("a database"),
        promised_at: at(20),
    }
}

fn conflict(n: u32, number: u32) -> NumberConflict {
    NumberConflict {
        guid: customer_guid(n),
        account: account(number),
        known_account: (n == 1).then(|| account(1)),
        holder: (n != 1).then(|| customer_guid(1)),
        source: "S1".parse().expect("a database"),
        found_at: at(30),
        settled_at: None,
        settled_by: None,
    }
}

fn refused(outcome: Result<(), StorageError>) {
    assert!(matches!(outcome, Err(StorageError::Constraint { .. })), "{outcome:?}");
}

/// The latest is the one with the highest number, whatever a clock said.
pub fn the_latest_recovery_is_found_and_ends(storage: &dyn Storage) {
    let latest = || storage.read(|tx| tx.recovery_latest()).expect("readable");
    assert_eq!(latest(), None);
    let first = recovery(1);
    storage.write(|tx| tx.recovery_put(&first)).expect("stored");
    assert_eq!(latest(), Some(first.clone()));
    refused(storage.write(|tx| tx.recovery_put(&recovery(2))));
    let ended = RecoveryRecord {
        items_renewed: Version(12),
        ended_at: Some(at(40)),
        ended_by: Some("ann".into()),
        ..first
    };
    storage.write(|tx| tx.recovery_put(&ended)).expect("stored");
    assert_eq!(latest(), Some(ended));
    let second = RecoveryRecord { began_at: at(1), ..recovery(2) };
    storage.write(|tx| tx.recovery_put(&second)).expect("stored");
    assert_eq!(latest(), Some(second));
}

/// Each recovery has its own.
pub fn databases_of_a_recovery_are_kept_apart(storage: &dyn Storage) {
    let (first, second) = (RecoveryRecord { ended_at: Some(at(11)), ..recovery(1) }, recovery(2));
    let epoch = EpochId::from_uuid(Uuid::from_u128(5));
    let told = HearingRecord {
        page_after: 250,
        told: 250,
        acknowledged: Some(Watermark { counter: Counter(17), ..Watermark::start(epoch) }),
        heard_at: Some(at(50)),
        ..hearing(&second, "S2")
    };
    storage
        .write(|tx| {
            tx.recovery_put(&first)?;
            tx.recovery_put(&second)?;
            tx.hearing_put(&hearing(&first, "S2"))?;
            tx.hearing_put(&hearing(&second, "S2"))?;
            tx.hearing_put(&hearing(&second, "S1"))?;
            tx.hearing_put(&told)
        })
        .expect("stored");
    let list = |of: &RecoveryRecord| storage.read(|tx| tx.hearings_list(&of.id)).expect("readable");
    assert_eq!(list(&first), [hearing(&first, "S2")]);
    assert_eq!(list(&second), [hearing(&second, "S1"), told.clone()]);
    let get = |name: &str| {
        let database = name.parse().expect("a database");
        storage.read(|tx| tx.hearing_get(&second.id, &database)).expect("readable")
    };
    assert_eq!((get("S2"), get("S3")), (Some(told), None));
}

/// One number to one customer, one customer one number.
pub fn a_promise_is_made_once_and_kept_by_an_account(storage: &dyn Storage) {
    apply(storage, PlanBuilder::new().promote(1));
    storage
        .write(|tx| {
            tx.promise_insert(&promise(8, 80))?;
            tx.promise_insert(&promise(9, 90))
        })
        .expect("promised");
    refused(storage.write(|tx| tx.promise_insert(&promise(8, 81))));
    refused(storage.write(|tx| tx.promise_insert(&promise(7, 80))));
    let found = storage
        .read(|tx| {
            let promises = tx.promises_of(&[8, 9, 7].map(customer_guid))?;
            let owners = tx.promise_owners(&[account(90), account(1)])?;
            let known = tx.account_owners(&[account(90), account(1)])?;
            let mut parties: Vec<_> =
                tx.parties_taken(&[party(80), party(90)])?.into_iter().collect();
            parties.sort_by(|a, b| a.as_str().cmp(b.as_str()));
            Ok((promises, owners, known, parties, tx.promises_open_count()?))
        })
        .expect("readable");
    let (promises, owners, known, parties, open) = found;
    assert_eq!(promises.len(), 2);
    assert_eq!(promises[&customer_guid(9)], promise(9, 90));
    assert_eq!(owners, [(account(90), customer_guid(9))].into());
    assert_eq!(known, [(account(1), customer_guid(1))].into());
    assert_eq!((parties, open), (vec![party(80)], 2));
    apply(storage, PlanBuilder::new().promote(8));
    assert_eq!(storage.read(|tx| tx.promises_open_count()).expect("readable"), 1);
}

/// A number that was ever disputed is never given again.
pub fn a_conflict_stays_until_it_is_settled(storage: &dyn Storage) {
    apply(storage, PlanBuilder::new().promote(1));
    let found = [conflict(1, 70), conflict(2, 1), conflict(2, 3)];
    storage
        .write(|tx| {
            tx.promise_insert(&promise(8, 80))?;
            found.iter().rev().try_for_each(|conflict| tx.conflict_put(conflict))
        })
        .expect("stored");
    let open = |limit| storage.read(|tx| tx.conflicts_open(limit)).expect("readable");
    assert_eq!(open(10), found);
    assert_eq!(open(2), found[..2]);
    let settled = NumberConflict {
        settled_at: Some(at(60)),
        settled_by: Some("ann".into()),
        ..found[0].clone()
    };
    storage.write(|tx| tx.conflict_put(&settled)).expect("stored");
    let (get, count, disputed, reserved) = storage
        .read(|tx| {
            let reserved = tx.accounts_reserved(&[1, 3, 4, 70, 80].map(account))?;
            Ok((
                tx.conflict_get(&customer_guid(1), &account(70))?,
                tx.conflicts_open_count()?,
                tx.customers_disputed(&[1, 2, 3].map(customer_guid))?,
                reserved,
            ))
        })
        .expect("readable");
    assert_eq!((get, count), (Some(settled), 2));
    assert_eq!(disputed, [customer_guid(2)].into());
    assert_eq!(reserved, [1, 3, 70, 80].map(account).into());
}

/// Only by its group.
pub fn a_customer_is_visible_through_its_address_books(storage: &dyn Storage) {
    apply(storage, PlanBuilder::new().promote(1).promote_from(2, "S2"));
    let visible = |books: &[&str]| {
        let books: Vec<_> = books.iter().map(|name| book(name)).collect();
        let guids = [1, 2, 3].map(customer_guid);
        storage.read(|tx| tx.customers_visible(&guids, &books)).expect("readable")
    };
    assert_eq!(visible(&["north"]), [customer_guid(1)].into());
    assert_eq!(visible(&["north", "south"]), [1, 2].map(customer_guid).into());
    assert_eq!(visible(&[]), [].into());
}

/// Customers with their addresses, and nobody else's.
pub fn what_is_renewed_is_newer_than_everything_before(storage: &dyn Storage) {
    let plan = PlanBuilder::new().promote(1).address(10, 1, Rank::Primary);
    apply(storage, plan.promote(2));
    let raise = |version| storage.write(|tx| tx.change_log_raise(Version(version))).expect("done");
    raise(50);
    raise(20);
    let horizon = || storage.read(|tx| tx.change_horizon()).expect("readable");
    assert_eq!(horizon(), Version(50));
    storage.write(|tx| tx.customers_renew(&[])).expect("nobody");
    assert_eq!(horizon(), Version(50));
    storage.write(|tx| tx.customers_renew(&[customer_guid(1)])).expect("renewed");
    let selection =
        ChangeSelection { address_books: vec![book("north")], after: Version(50), up_to: None };
    let mut streamed = Vec::new();
    storage
        .read(|tx| {
            streamed.clear();
            tx.rows_stream(&selection, &mut |row| {
                streamed.push(match row {
                    DownloadRow::Customer(CustomerRow { account, version, .. }) => {
                        (account.clone(), *version)
                    }
                    DownloadRow::Address(row) => ("address".to_owned(), row.version),
                });
                Ok(())
            })
        })
        .expect("readable");
    assert_eq!(streamed, [("C-000001".to_owned(), 51), ("address".to_owned(), 51)]);
    let key = CustomerKey::Temporary(customer_guid(2));
    let other = storage.read(|tx| tx.customer_get(&key)).expect("readable");
    assert_eq!(other.map(|other| other.customer.version), Some(1));
    let renewed = storage.write(|tx| tx.items_renew()).expect("renewed");
    assert_eq!((renewed, horizon()), (Version(52), Version(52)));
}
