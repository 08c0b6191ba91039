//! Rows and plans for tests. Everything follows from small numbers, so a failure reads well and
//! repeats: customer 7 has account `C-000007`, was created by operation 7, and so on.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::{SignedDuration, Timestamp};
use tillsync_domain::customer::{
    AddressDraft, CustomerDraft, CustomerType, NewAddress, NewCustomer,
};
use tillsync_domain::entropy::Entropy;
use tillsync_domain::ids::{
    AccountNumber, AddressBook, AddressGuid, Counter, CustomerGuid, DatabaseId, EpochId, GroupId,
    OperationId, PackageId, PartyNumber, RunId, SessionId,
};
use tillsync_domain::operation::{Act, Operation};
use tillsync_domain::promotion::{AddedAddress, Promoted, PromotionPlan};
use tillsync_exchange::rows::operation::OperationRow;
use tillsync_hq::storage::{OperationSource, PromotionContext};
use uuid::Uuid;

/// Randomness that a seed replays (SplitMix64).
#[derive(Debug)]
pub struct SeededEntropy(AtomicU64);

const GOLDEN_GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

impl SeededEntropy {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Self {
        SeededEntropy(AtomicU64::new(seed))
    }

    fn next(&self) -> u64 {
        let state = self.0.fetch_add(GOLDEN_GAMMA, Ordering::Relaxed).wrapping_add(GOLDEN_GAMMA);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
        }
    }
}

/// So many seconds after the beginning of test time, 2026-01-01 00:00 UTC.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_767_225_600 + seconds).expect("test time is near 2026")
}

/// A moment with microseconds, to see that none get lost.
pub fn at_micros(seconds: i64, micros: i64) -> Timestamp {
    at(seconds) + SignedDuration::from_micros(micros)
}

macro_rules! numbered_ids {
    ($($(#[$doc:meta])* $name:ident -> $type:ident, $space:literal;)+) => {
        $($(#[$doc])*
        pub fn $name(n: u32) -> $type {
            $type::from_uuid(Uuid::from_u128(($space << 96) | u128::from(n)))
        })+
    };
}

pub mod documents;

numbered_ids! {
    /// Customer `n`.
    customer_guid -> CustomerGuid, 0x01;
    /// Address `n`.
    address_guid -> AddressGuid, 0x02;
    /// Operation `n`.
    operation_id -> OperationId, 0x03;
    /// Epoch `n`.
    epoch_id -> EpochId, 0x04;
    /// Package `n`.
    package_id -> PackageId, 0x05;
    /// Session `n`.
    session_id -> SessionId, 0x06;
    /// Run `n`.
    run_id -> RunId, 0x07;
}

/// The database of that name.
pub fn database(name: &str) -> DatabaseId {
    name.parse().expect("a database id")
}

/// The group of that name.
pub fn group(name: &str) -> GroupId {
    name.parse().expect("a group")
}

/// The address book of that name.
pub fn book(name: &str) -> AddressBook {
    name.parse().expect("an address book")
}

/// Account `n`.
pub fn account(n: u32) -> AccountNumber {
    AccountNumber::parse(&format!("C-{n:06}")).expect("an account number")
}

/// Party `n`.
pub fn party(n: u32) -> PartyNumber {
    let number = AccountNumber::parse(&format!("P-{n:06}")).expect("a party number");
    PartyNumber::from_sequence(number)
}

/// A person of that family name with an e-mail and a phone of its own.
pub fn person(n: u32) -> NewCustomer {
    let draft = CustomerDraft {
        first_name: Some("Ann".into()),
        last_name: Some(format!("Berry {n}")),
        email: Some(format!("ann.{n}@example.com")),
        phone: Some(format!("+358 40 {n:06}")),
        language: Some("en-au".into()),
        currency: Some("AUD".into()),
        ..CustomerDraft::default()
    };
    draft.check().expect("a valid customer")
}

/// Whether an address asks to be the primary one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rank {
    /// It does.
    Primary,
    /// It does not.
    Other,
}

/// Address `n`.
pub fn address(n: u32, rank: Rank) -> NewAddress {
    let draft = AddressDraft {
        street: Some(format!("Main Street {n}")),
        city: Some("Perth".into()),
        zip_code: Some("6000".into()),
        country: Some("AUS".into()),
        is_primary: rank == Rank::Primary,
        ..AddressDraft::default()
    };
    draft.check(address_guid(n), CustomerType::Person).expect("a valid address")
}

/// Operation `n`, recorded `n` seconds into test time at S1.
pub fn operation(n: u32, customer: CustomerGuid, act: Act) -> OperationRow {
    let operation = Operation {
        id: operation_id(n),
        customer,
        act,
        created_at: at(i64::from(n)),
        origin: database("S1"),
        staff: None,
    };
    OperationRow::record(&operation, Counter(u64::from(n)))
}

/// Operation `n`, which creates customer `n`.
pub fn creation(n: u32) -> OperationRow {
    operation(n, customer_guid(n), Act::CreateCustomer(Box::new(person(n))))
}

/// Operation `n`, which adds address `n` to a customer.
pub fn addition(n: u32, customer: u32, rank: Rank) -> OperationRow {
    operation(n, customer_guid(customer), Act::AddAddress(Box::new(address(n, rank))))
}

/// An upload of S1's first epoch that arrived so many seconds into test time.
pub fn upload_at(seconds: i64) -> OperationSource {
    OperationSource { source: database("S1"), epoch: epoch_id(1), received_at: at(seconds) }
}

/// A promotion in run 1, so many seconds into test time. Customers of S1 go to the address book
/// `north`, those of S2 to `south`.
pub fn promotion_at(seconds: i64) -> PromotionContext {
    let books = [("S1", "north"), ("S2", "south")];
    let address_books: HashMap<_, _> =
        books.into_iter().map(|(source, name)| (database(source), book(name))).collect();
    PromotionContext { now: at(seconds), run: run_id(1), address_books }
}

/// Puts a promotion plan together by small numbers.
#[derive(Debug, Default)]
pub struct PlanBuilder {
    plan: PromotionPlan,
}

impl PlanBuilder {
    /// A plan that does nothing.
    pub fn new() -> Self {
        PlanBuilder::default()
    }

    /// Promotes customer `n` of S1.
    pub fn promote(self, n: u32) -> Self {
        self.promote_from(n, "S1")
    }

    /// Promotes customer `n` of a source.
    pub fn promote_from(self, n: u32, source: &str) -> Self {
        self.promote_as(n, account(n), source)
    }

    /// Promotes customer `n` of a source to a given account.
    pub fn promote_as(mut self, n: u32, account: AccountNumber, source: &str) -> Self {
        self.plan.promoted.push(Promoted {
            guid: customer_guid(n),
            account,
            party: party(n),
            customer: person(n),
            created_at: at_micros(i64::from(n), 7),
            source: database(source),
        });
        self
    }

    /// Adds address `n` to a customer that this plan promotes.
    pub fn address(mut self, n: u32, customer: u32, rank: Rank) -> Self {
        self.plan.addresses.push(AddedAddress {
            customer: customer_guid(customer),
            address: address(n, rank),
            created_at: at_micros(i64::from(n), 9),
        });
        self
    }

    /// Adds address `n` to a customer that was promoted before.
    pub fn later_address(mut self, n: u32, customer: u32, rank: Rank) -> Self {
        self.plan.touched.push(customer_guid(customer));
        self.address(n, customer, rank)
    }

    /// Completes operation `n`.
    pub fn complete(mut self, n: u32) -> Self {
        self.plan.completed.push(operation_id(n));
        self
    }

    /// The plan.
    pub fn build(self) -> PromotionPlan {
        self.plan
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_replays_and_seeds_differ() {
        let draw = |seed| {
            let mut bytes = [0; 20];
            SeededEntropy::new(seed).fill(&mut bytes);
            bytes
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn operations_read_back_as_what_they_do() {
        assert_eq!(creation(3).operation().expect("readable").customer, customer_guid(3));
        let added = addition(4, 3, Rank::Primary).operation().expect("readable");
        assert_eq!(added.act, Act::AddAddress(Box::new(address(4, Rank::Primary))));
    }
}
