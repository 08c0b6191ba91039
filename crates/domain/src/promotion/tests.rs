//! Tables and properties of the promotion plan.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::customer::{AddressDraft, CustomerDraft, CustomerType};

fn guid(n: u128) -> CustomerGuid {
    CustomerGuid::from_uuid(Uuid::from_u128(n))
}

fn number(n: usize) -> AccountNumber {
    AccountNumber::parse(&format!("C-{n:04}")).expect("an account number")
}

fn numbers(count: usize) -> Vec<AccountNumber> {
    (1..=count).map(number).collect()
}

/// The plan when only so many numbers are left.
fn with_numbers(triage: Triage, count: usize) -> PromotionPlan {
    let numbers = numbers(count).into_iter().map(|account| {
        let party = PartyNumber::from_sequence(account.clone());
        Numbers { account, party }
    });
    let numbers = triage.newcomers().into_iter().zip(numbers).collect();
    triage.number(numbers)
}

fn staged(position: u64, customer: u128, act: Act) -> Staged {
    let id = OperationId::from_uuid(Uuid::from_u128(u128::from(position)));
    let source: DatabaseId = "S1".parse().expect("a database id");
    let operation = Operation {
        id,
        customer: guid(customer),
        act,
        created_at: Timestamp::UNIX_EPOCH,
        origin: source.clone(),
        staff: None,
    };
    let position = InboxPosition(position);
    Staged { position, id, customer: guid(customer), source, content: Ok(operation) }
}

fn create(position: u64, customer: u128) -> Staged {
    let draft = CustomerDraft { last_name: Some("Berry".into()), ..CustomerDraft::default() };
    let act = Act::CreateCustomer(Box::new(draft.check().expect("a valid customer")));
    staged(position, customer, act)
}

fn address(position: u64, customer: u128, address: u128, is_primary: bool) -> Staged {
    let draft = AddressDraft { street: Some("Main".into()), is_primary, ..AddressDraft::default() };
    let guid = AddressGuid::from_uuid(Uuid::from_u128(address));
    let address = draft.check(guid, CustomerType::Person).expect("a valid address");
    staged(position, customer, Act::AddAddress(Box::new(address)))
}

fn broken(mut staged: Staged) -> Staged {
    staged.content = Err(Defect::Unreadable("no such kind".into()));
    staged
}

fn known(customer: u128) -> Known {
    let known = KnownCustomer { account: number(9999), has_primary_address: true };
    Known { customers: HashMap::from([(guid(customer), known)]), ..Known::default() }
}

fn positions(ids: &[OperationId]) -> Vec<u128> {
    ids.iter().map(|id| id.as_uuid().as_u128()).collect()
}

#[test]
fn a_bad_customer_takes_no_number_and_stops_no_other() {
    let staged = vec![
        create(1, 1),
        broken(create(2, 2)),
        address(3, 2, 21, false),
        create(4, 3),
        address(5, 3, 31, false),
    ];
    let triage = triage(staged, &Known::default());
    assert_eq!(triage.newcomers(), [guid(1), guid(3)]);
    let plan = with_numbers(triage, 2);
    let accounts: Vec<_> = plan.promoted.iter().map(|p| (p.guid, p.account.clone())).collect();
    assert_eq!(accounts, [(guid(1), number(1)), (guid(3), number(2))]);
    assert_eq!(positions(&plan.completed), [1, 4, 5]);
    assert_eq!(plan.failed.len(), 1);
    assert_eq!(positions(&plan.waiting), [3], "the child waits for its failed parent");
}

#[test]
fn an_exhausted_sequence_leaves_the_rest_pending_with_their_children() {
    let staged = vec![create(1, 1), create(2, 2), address(3, 2, 21, false)];
    let plan = with_numbers(triage(staged, &Known::default()), 1);
    assert_eq!((plan.promoted.len(), plan.without_number), (1, 1));
    assert_eq!(positions(&plan.waiting), [2, 3]);
    assert!(plan.addresses.is_empty() && plan.failed.is_empty());
}

#[test]
fn an_address_for_a_promoted_customer_lands_on_its_account() {
    let plan = with_numbers(triage(vec![address(1, 7, 71, false)], &known(7)), 0);
    assert_eq!(plan.touched, [guid(7)]);
    assert_eq!(plan.addresses.len(), 1);
    assert!(!plan.addresses[0].address.is_primary, "the customer has a primary address already");
}

#[test]
fn an_address_ahead_of_its_customer_waits_for_it() {
    let plan = with_numbers(triage(vec![address(1, 5, 51, false)], &Known::default()), 0);
    assert_eq!(positions(&plan.waiting), [1]);
    assert!(plan.failed.is_empty());
}

#[test]
fn a_second_creation_of_the_same_customer_is_refused() {
    let twice = vec![create(1, 1), create(2, 1)];
    let plan = with_numbers(triage(twice, &Known::default()), 2);
    assert_eq!((plan.promoted.len(), plan.failed.len()), (1, 1));
    let later = with_numbers(triage(vec![create(3, 7)], &known(7)), 1);
    assert_eq!((later.promoted.len(), later.failed.len()), (0, 1));
}

#[test]
fn a_disputed_customer_waits_with_its_addresses() {
    let known = Known { disputed: HashSet::from([guid(1)]), ..Known::default() };
    let staged = vec![create(1, 1), address(2, 1, 11, false), create(3, 2)];
    let triage = triage(staged, &known);
    assert_eq!(triage.newcomers(), [guid(2)]);
    let plan = with_numbers(triage, 1);
    assert_eq!(positions(&plan.waiting), [1, 2]);
    assert_eq!((plan.promoted.len(), plan.failed.len(), plan.without_number), (1, 0, 0));
}

#[test]
fn a_retried_address_is_one_address_and_never_moves_to_another_customer() {
    let mut known = known(7);
    known.addresses.insert(AddressGuid::from_uuid(Uuid::from_u128(71)), guid(7));
    let plan = with_numbers(triage(vec![address(1, 7, 71, false)], &known), 0);
    assert_eq!((plan.addresses.len(), plan.completed.len()), (0, 1));
    known.customers.insert(guid(8), known.customers[&guid(7)].clone());
    let stolen = with_numbers(triage(vec![address(2, 8, 71, false)], &known), 0);
    assert_eq!((stolen.addresses.len(), stolen.failed.len()), (0, 1));
}

#[test]
fn exactly_one_of_several_addresses_is_primary() {
    for (first, second, expected) in
        [(false, false, [true, false]), (true, false, [true, false]), (true, true, [false, true])]
    {
        let staged = vec![create(1, 1), address(2, 1, 11, first), address(3, 1, 12, second)];
        let plan = with_numbers(triage(staged, &Known::default()), 1);
        let primaries: Vec<_> = plan.addresses.iter().map(|a| a.address.is_primary).collect();
        assert_eq!(primaries, expected);
    }
}

proptest! {
    #[test]
    fn every_operation_has_one_fate_and_every_number_one_customer(
        acts in prop::collection::vec((0u128..6, 0u8..4), 0..40),
        available in 0usize..8,
    ) {
        let staged: Vec<_> = acts.iter().zip(1u64..).map(|((customer, act), position)| match act {
            0 => create(position, *customer),
            1 => broken(create(position, *customer)),
            _ => address(position, *customer, u128::from(position), *act == 2),
        }).collect();
        let all = staged.len();
        let plan = with_numbers(triage(staged, &known(5)), available);
        let fates = plan.completed.len() + plan.failed.len() + plan.waiting.len();
        prop_assert_eq!(fates, all);
        let accounts: HashSet<_> = plan.promoted.iter().map(|p| &p.account).collect();
        let guids: HashSet<_> = plan.promoted.iter().map(|p| p.guid).collect();
        prop_assert_eq!(accounts.len(), plan.promoted.len());
        prop_assert_eq!(guids.len(), plan.promoted.len());
        prop_assert!(plan.promoted.iter().zip(1..).all(|(p, n)| p.account == number(n)));
    }
}
