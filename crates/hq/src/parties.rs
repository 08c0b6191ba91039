//! Whom documents are for: promotes the customers and addresses that they name, and looks up what
//! headquarters knows of them. The one place for orders and validation alike (F13 to F17).

use std::collections::HashSet;

use tillsync_domain::ids::{AddressGuid, CustomerGuid, CustomerKey, RunId};
use tillsync_domain::operation::{ActKind, OperationStatus};
use tillsync_domain::order::{KnownParties, OrderNeeds, Staging, wanted};

use crate::headquarters::Headquarters;
use crate::promote::{PromoteError, Whom};
use crate::storage::{OperationRecord, ReadTx, StagedCustomer, StorageError};

/// Which of the needed customers are promoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effort {
    /// Those that nobody has tried yet. What failed has tries and a back-off of its own, which a
    /// document that comes by every few seconds must not use up.
    Pending,
    /// Those that failed as well: a person asked.
    Failed,
}

impl Headquarters {
    /// Promotes whom the documents need, as far as it has arrived.
    pub(crate) fn promote_needed(
        &self,
        needs: &[OrderNeeds],
        effort: Effort,
        run: RunId,
        keep_going: &mut dyn FnMut() -> bool,
    ) -> Result<(), PromoteError> {
        let customers = self.storage.read(|tx| to_promote(tx, needs, effort))?;
        if !customers.is_empty() {
            self.promote_customers(&Whom::Only(customers), run, &mut |_| keep_going())?;
        }
        Ok(())
    }
}

/// Looks up what headquarters knows of whom the documents name.
pub(crate) fn known_parties(
    tx: &mut dyn ReadTx,
    needs: &[OrderNeeds],
) -> Result<KnownParties, StorageError> {
    let wanted = wanted(needs);
    let mut known = KnownParties::default();
    for (guid, customer) in tx.customers_known(&wanted.guids)? {
        known.accounts.insert(guid, customer.account);
    }
    let mut unknown = Vec::new();
    for account in wanted.accounts {
        match tx.alias_get(&CustomerKey::Numbered(account.clone()))? {
            Some(alias) => drop(known.guids.insert(account, alias.guid)),
            None => unknown.push(account),
        }
    }
    if !unknown.is_empty() {
        known.promised = tx.promise_owners(&unknown)?;
    }
    known.owners = tx.address_owners(&wanted.addresses)?;
    let mut without = wanted.guids;
    without.extend(known.promised.values().filter(|guid| !known.accounts.contains_key(guid)));
    without.sort_unstable();
    without.dedup();
    without.retain(|guid| !known.accounts.contains_key(guid));
    for (guid, staged) in tx.customers_staged(&without)? {
        known.staged.insert(guid, staging_of(staged));
    }
    for (customer, address) in missing_addresses(needs, &known) {
        let operations = tx.operations_of(&customer)?;
        if let Some(staging) = address_staging(&operations, address) {
            known.staged_addresses.insert(address, staging);
        }
    }
    Ok(known)
}

pub(crate) fn to_promote(
    tx: &mut dyn ReadTx,
    needs: &[OrderNeeds],
    effort: Effort,
) -> Result<Vec<CustomerGuid>, StorageError> {
    let known = known_parties(tx, needs)?;
    let is_worth_it = |staging: &Staging| effort == Effort::Failed || *staging == Staging::Pending;
    let mut customers: Vec<CustomerGuid> = known
        .staged
        .iter()
        .filter(|(_, staging)| is_worth_it(staging))
        .map(|(guid, _)| *guid)
        .collect();
    customers.extend(
        missing_addresses(needs, &known)
            .into_iter()
            .filter(|(_, address)| known.staged_addresses.get(address).is_some_and(is_worth_it))
            .map(|(customer, _)| customer),
    );
    // The order of a hash table is not the same twice.
    customers.sort_unstable();
    customers.dedup();
    Ok(customers)
}

/// The addresses that do not exist, with the customers whose they should be; those of customers
/// without an account are promoted with them.
fn missing_addresses(
    needs: &[OrderNeeds],
    known: &KnownParties,
) -> Vec<(CustomerGuid, AddressGuid)> {
    let mut seen = HashSet::new();
    let mut missing = Vec::new();
    for OrderNeeds { customer, ship_to } in needs {
        let Some(address) = ship_to.filter(|address| !known.owners.contains_key(address)) else {
            continue;
        };
        let guid = match customer {
            Some(CustomerKey::Temporary(guid)) if known.accounts.contains_key(guid) => Some(*guid),
            Some(CustomerKey::Numbered(account)) => known.guids.get(account).copied(),
            Some(CustomerKey::Temporary(_)) | None => None,
        };
        missing.extend(guid.map(|guid| (guid, address)).filter(|pair| seen.insert(*pair)));
    }
    missing
}

/// What is staged of an address among the operations of its customer; the last word counts.
fn address_staging(operations: &[OperationRecord], address: AddressGuid) -> Option<Staging> {
    let is_of_address = |operation: &&OperationRecord| {
        operation.row.kind == ActKind::AddAddress.as_str()
            && address_named(operation) == Some(address)
    };
    let last = operations.iter().rfind(is_of_address)?;
    match last.status {
        OperationStatus::Pending => Some(Staging::Pending),
        OperationStatus::Failed => {
            Some(Staging::Failed(last.error.clone().unwrap_or_else(|| "no reason kept".into())))
        }
        OperationStatus::Succeeded | OperationStatus::Quarantined => None,
    }
}

/// The address that an operation names, even where the rest of it breaks rules.
fn address_named(operation: &OperationRecord) -> Option<AddressGuid> {
    let content: serde_json::Value = serde_json::from_str(operation.row.content.get()).ok()?;
    content.get("guid")?.as_str()?.parse().ok()
}

fn staging_of(staged: StagedCustomer) -> Staging {
    match staged {
        StagedCustomer::Pending => Staging::Pending,
        StagedCustomer::Failed(error) => Staging::Failed(error),
    }
}
