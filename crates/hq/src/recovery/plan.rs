//! Decides, without doing anything, what becomes of a page of testimony.

use std::collections::{HashMap, HashSet};

use tillsync_domain::ids::{AccountNumber, CustomerGuid, PartyNumber};

/// A customer as a database says that headquarters sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) guid: CustomerGuid,
    pub(super) account: AccountNumber,
    pub(super) party: Option<PartyNumber>,
}

/// What headquarters knows of the customers and accounts on a page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Known {
    /// The accounts of customers.
    pub(super) accounts: HashMap<CustomerGuid, AccountNumber>,
    /// The accounts promised to customers.
    pub(super) promised: HashMap<CustomerGuid, AccountNumber>,
    /// Whose accounts are, promised ones included.
    pub(super) owners: HashMap<AccountNumber, CustomerGuid>,
    /// The customers that the database may see.
    pub(super) visible: HashSet<CustomerGuid>,
    /// Party numbers that are somebody's.
    pub(super) parties: HashSet<PartyNumber>,
}

/// A number that cannot be both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Contradiction {
    pub(super) guid: CustomerGuid,
    pub(super) account: AccountNumber,
    pub(super) known_account: Option<AccountNumber>,
    pub(super) holder: Option<CustomerGuid>,
}

/// What to do about a page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// Both ends agree; the database may have a newer version than headquarters remembers.
    pub(super) renew: Vec<CustomerGuid>,
    /// Headquarters gave these numbers and has forgotten it.
    pub(super) promise: Vec<Told>,
    /// Nothing is overwritten.
    pub(super) conflicts: Vec<Contradiction>,
}

/// Sorts a page. What a database says of a customer that its group may not see is left out.
pub(super) fn plan_testimony(told: &[Told], mut known: Known) -> Plan {
    let mut plan = Plan::default();
    for row in told {
        let account = known.accounts.get(&row.guid);
        if account.is_some() && !known.visible.contains(&row.guid) {
            continue;
        }
        let promised = known.promised.get(&row.guid);
        let owner = known.owners.get(&row.account);
        let contradiction = || Contradiction {
            guid: row.guid,
            account: row.account.clone(),
            known_account: account.or(promised).cloned(),
            holder: owner.copied().filter(|owner| *owner != row.guid),
        };
        match (account, promised) {
            (Some(account), _) if *account == row.account => plan.renew.push(row.guid),
            (None, Some(promised)) if *promised == row.account => {}
            (None, None) if owner.is_none() => {
                let party = row.party.clone().filter(|party| known.parties.insert(party.clone()));
                plan.promise.push(Told { party, ..row.clone() });
                known.promised.insert(row.guid, row.account.clone());
                known.owners.insert(row.account.clone(), row.guid);
            }
            _ => plan.conflicts.push(contradiction()),
        }
    }
    plan
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn guid(n: u128) -> CustomerGuid {
        CustomerGuid::from_uuid(Uuid::from_u128(n))
    }

    fn account(n: u32) -> AccountNumber {
        AccountNumber::parse(&format!("C-{n}")).expect("an account")
    }

    fn party(n: u32) -> PartyNumber {
        PartyNumber::from_sequence(AccountNumber::parse(&format!("P-{n}")).expect("a number"))
    }

    fn told(n: u128, number: u32) -> Told {
        Told { guid: guid(n), account: account(number), party: Some(party(number)) }
    }

    /// Customer 1 has account 1 and may be seen, customer 2 has account 2 and may not; account 3
    /// is promised to customer 3.
    fn known() -> Known {
        Known {
            accounts: HashMap::from([(guid(1), account(1)), (guid(2), account(2))]),
            promised: HashMap::from([(guid(3), account(3))]),
            owners: (1..=3).map(|n| (account(n), guid(u128::from(n)))).collect(),
            visible: HashSet::from([guid(1)]),
            parties: HashSet::from([party(1), party(7)]),
        }
    }

    fn conflict(n: u128, number: u32, known: Option<u32>, holder: Option<u128>) -> Contradiction {
        let known_account = known.map(account);
        let holder = holder.map(guid);
        Contradiction { guid: guid(n), account: account(number), known_account, holder }
    }

    #[test]
    fn a_page_agrees_promises_or_contradicts() {
        for (row, expected) in [
            (told(1, 1), Plan { renew: vec![guid(1)], ..Plan::default() }),
            (told(3, 3), Plan::default()),
            (told(9, 9), Plan { promise: vec![told(9, 9)], ..Plan::default() }),
            (
                told(9, 7),
                Plan { promise: vec![Told { party: None, ..told(9, 7) }], ..Plan::default() },
            ),
        ] {
            assert_eq!(plan_testimony(std::slice::from_ref(&row), known()), expected, "{row:?}");
        }
        for (row, expected) in [
            (told(1, 9), conflict(1, 9, Some(1), None)),
            (told(1, 3), conflict(1, 3, Some(1), Some(3))),
            (told(9, 1), conflict(9, 1, None, Some(1))),
            (told(9, 3), conflict(9, 3, None, Some(3))),
            (told(3, 9), conflict(3, 9, Some(3), None)),
        ] {
            let plan = plan_testimony(std::slice::from_ref(&row), known());
            assert_eq!(plan, Plan { conflicts: vec![expected], ..Plan::default() }, "{row:?}");
        }
    }

    #[test]
    fn nobody_testifies_about_customers_that_its_group_may_not_see() {
        assert_eq!(plan_testimony(&[told(2, 2), told(2, 9)], known()), Plan::default());
    }

    #[test]
    fn one_page_promises_a_number_once_and_one_number_to_a_customer() {
        let plan = plan_testimony(&[told(8, 8), told(9, 8), told(8, 9), told(8, 8)], known());
        assert_eq!(plan.promise, [told(8, 8)]);
        let expected = [conflict(9, 8, None, Some(8)), conflict(8, 9, Some(8), None)];
        assert_eq!(plan.conflicts, expected);
    }
}
