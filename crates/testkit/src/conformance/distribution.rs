//! The change log and positions.

use tillsync_domain::ids::{CustomerGuid, Version};
use tillsync_domain::job::JobName;
use tillsync_hq::exclusion::Audience;
use tillsync_hq::storage::{ChangeSelection, DownloadRow, Position, Storage, StorageError};

use super::packages::everyone;
use super::promotion::apply;
use crate::builders::{PlanBuilder, Rank, book, database, session_id};

fn selection(books: &[&str], after: u64, up_to: Option<u64>) -> ChangeSelection {
    ChangeSelection {
        address_books: books.iter().map(|name| book(name)).collect(),
        after: Version(after),
        up_to: up_to.map(Version),
    }
}

/// The rows in the order of their coming: `7` for customer 7, `7+70` for its address 70.
fn streamed(storage: &dyn Storage, selection: &ChangeSelection) -> Vec<String> {
    let number = |guid: &uuid::Uuid| guid.as_u128() as u32;
    let customer = |guid: &CustomerGuid| number(guid.as_uuid());
    storage
        .read(|tx| {
            let mut rows = Vec::new();
            tx.rows_stream(selection, &mut |row| {
                rows.push(match row {
                    DownloadRow::Customer(row) => customer(&row.guid).to_string(),
                    DownloadRow::Address(row) => {
                        format!("{}+{}", customer(&row.customer), number(row.guid().as_uuid()))
                    }
                });
                Ok(())
            })?;
            Ok(rows)
        })
        .expect("rows")
}

/// F75.
pub fn a_package_gets_the_customers_of_its_address_books(storage: &dyn Storage) {
    let plan = PlanBuilder::new().promote(1).promote_from(2, "S2").address(20, 2, Rank::Primary);
    apply(storage, plan.promote(3));
    assert_eq!(streamed(storage, &selection(&["north"], 0, None)), ["1", "3"]);
    assert_eq!(streamed(storage, &selection(&["south"], 0, None)), ["2", "2+20"]);
    assert_eq!(streamed(storage, &selection(&["east"], 0, None)), [""; 0]);
    assert_eq!(streamed(storage, &selection(&[], 0, None)), [""; 0]);
}

/// The same row twice would count twice.
pub fn a_customer_in_several_books_comes_once(storage: &dyn Storage) {
    apply(storage, PlanBuilder::new().promote(1).promote_from(2, "S2"));
    let both = selection(&["north", "south", "north"], 0, None);
    assert_eq!(streamed(storage, &both), ["1", "2"]);
}

/// A total order, and no address without its customer before it.
pub fn rows_come_by_version_and_guid_with_their_addresses(storage: &dyn Storage) {
    let plan = PlanBuilder::new().promote(3).promote(1).promote(2);
    apply(storage, plan.address(12, 1, Rank::Other).address(11, 1, Rank::Primary));
    apply(storage, PlanBuilder::new().later_address(21, 2, Rank::Primary).promote(0));
    let rows = streamed(storage, &selection(&["north"], 0, None));
    assert_eq!(rows, ["1", "1+11", "1+12", "3", "0", "2", "2+21"]);
}

/// Deltas join without a gap and without an overlap (F72).
pub fn a_window_of_versions_excludes_its_start_and_includes_its_end(storage: &dyn Storage) {
    for n in 1..=4 {
        apply(storage, PlanBuilder::new().promote(n).address(n * 10, n, Rank::Primary));
    }
    let rows = streamed(storage, &selection(&["north"], 1, Some(3)));
    assert_eq!(rows, ["2", "2+20", "3", "3+30"]);
    assert_eq!(streamed(storage, &selection(&["north"], 3, None)), ["4", "4+40"]);
    assert_eq!(streamed(storage, &selection(&["north"], 4, Some(9))), [""; 0]);
}

/// A full disk must not be read on from.
pub fn a_sink_that_fails_stops_the_stream(storage: &dyn Storage) {
    apply(storage, PlanBuilder::new().promote(1).promote(2).promote(3));
    let mut seen = 0;
    let outcome = storage.read(|tx| {
        tx.rows_stream(&selection(&["north"], 0, None), &mut |_| {
            seen += 1;
            Err(StorageError::Corrupt { doing: "fail on purpose", value: String::new() })
        })
    });
    assert!(matches!(outcome, Err(StorageError::Corrupt { .. })), "{outcome:?}");
    assert_eq!(seen, 1);
}

/// Whatever is at or below it is there.
pub fn the_horizon_is_the_last_version(storage: &dyn Storage) {
    let horizon = || storage.read(|tx| tx.change_horizon()).expect("readable");
    assert_eq!(horizon(), Version(0));
    let version = apply(storage, PlanBuilder::new().promote(1));
    assert_eq!(horizon(), version);
    let outcome: Result<(), _> = storage.write(|tx| {
        let plan = PlanBuilder::new().promote(2).build();
        tx.promotion_apply(&plan, &crate::builders::promotion_at(1))?;
        Err(StorageError::Corrupt { doing: "fail on purpose", value: String::new() })
    });
    assert!(outcome.is_err());
    assert_eq!(horizon(), version, "what was rolled back has no version");
}

/// Of every group, database and job.
pub fn row_versions_and_positions_are_kept_apart(storage: &dyn Storage) {
    let job = JobName::Customers1010;
    let place = |sequence, version| Position { sequence, version: Version(version) };
    let s1 = database("S1");
    storage
        .write(|tx| {
            assert_eq!(tx.row_version_get(&everyone("G1"))?, Position::default());
            assert_eq!(tx.position_get(&s1, job)?, None);
            tx.row_version_put(&everyone("G1"), place(1, 10))?;
            tx.row_version_put(&everyone("G1"), place(2, 20))?;
            tx.row_version_put(&everyone("G2"), place(7, 70))?;
            tx.position_put(&s1, job, (place(2, 20), &Audience::EVERYONE))?;
            // A database that is rebuilt may stand earlier than before.
            tx.position_put(&s1, job, (place(1, 15), &Audience::EVERYONE))?;
            tx.position_put(&s1, JobName::P0001, (place(9, 90), &Audience::EVERYONE))
        })
        .expect("stored");
    let found = storage
        .read(|tx| {
            let group_place = tx.row_version_get(&everyone("G1"))?;
            Ok((group_place, tx.position_get(&s1, job)?, tx.position_get(&database("S2"), job)?))
        })
        .expect("readable");
    assert_eq!(found, (place(2, 20), Some(place(1, 15)), None));
}

/// So that a database restored from an older copy gives itself away (F64).
pub fn the_session_applied_last_is_remembered_and_a_position_can_be_forgotten(
    storage: &dyn Storage,
) {
    let (job, s1, s2) = (JobName::Customers1010, database("S1"), database("S2"));
    let applied = || {
        storage.read(|tx| Ok((tx.applied_get(&s1, job)?, tx.applied_get(&s2, job)?))).expect("read")
    };
    assert_eq!(applied(), (None, None));
    let (first, second) = (session_id(1), session_id(2));
    for session in [&first, &second] {
        storage.write(|tx| tx.applied_put(&s1, job, Some(session))).expect("stored");
    }
    storage.write(|tx| tx.applied_put(&s2, job, Some(&first))).expect("stored");
    assert_eq!(applied(), (Some(second), Some(first)));
    storage.write(|tx| tx.applied_put(&s1, job, None)).expect("cleared");
    assert_eq!(applied(), (None, Some(first)));

    let place = Position { sequence: 3, version: Version(30) };
    let positions = storage.write(|tx| {
        tx.position_put(&s1, job, (place, &Audience::EVERYONE))?;
        tx.position_put(&s2, job, (place, &Audience::EVERYONE))?;
        tx.position_clear(&s1, job)?;
        Ok((tx.position_get(&s1, job)?, tx.position_get(&s2, job)?))
    });
    assert_eq!(positions.expect("stored"), (None, Some(place)));
}
