//! Asking databases what they had learnt, and believing them, a page in a transaction.
//!
//! Headquarters keeps how far each database has told, so a page that got lost is asked for again
//! and one that comes twice changes nothing.

use tillsync_domain::ids::{AccountNumber, DatabaseId, PartyNumber, SessionId, Version};
use tillsync_exchange::messages::{Poll, TESTIMONY_CUSTOMERS_MAX, Testify, Testimony};

use super::plan::{Known, Plan, Told, plan_testimony};
use super::{RecoveryError, end, has_forgotten, waiting};
use crate::distribution::APPLIED_LAST;
use crate::headquarters::Headquarters;
use crate::storage::{
    DatabaseRecord, HearingRecord, NumberConflict, Promise, ReadTx, RecoveryRecord, SequenceName,
    StorageError, WriteTx,
};

/// No headquarters can have counted as far; half of what fits, so that counting can go on.
const VERSION_MAX: u64 = u64::MAX >> 2;

/// What is to be heard from a database; nothing when it was heard, or has no part in the latest
/// recovery. One that was not heard in time is asked all the same when it comes back.
pub(crate) fn asked_of(
    tx: &mut dyn ReadTx,
    database: &DatabaseId,
) -> Result<Option<(RecoveryRecord, HearingRecord)>, StorageError> {
    let Some(recovery) = tx.recovery_latest()? else { return Ok(None) };
    let hearing = tx.hearing_get(&recovery.id, database)?;
    let unheard = hearing.filter(|hearing| hearing.heard_at.is_none());
    Ok(unheard.map(|hearing| (recovery, hearing)))
}

/// The page that a database is asked for.
pub(crate) fn next_page(hearing: &HearingRecord) -> Testify {
    Testify {
        recovery: hearing.recovery,
        versions_after: hearing.customers_after.0,
        page_after: hearing.page_after,
    }
}

impl Headquarters {
    /// Takes a page of testimony in. One that was not asked for, or comes again, changes nothing.
    ///
    /// # Errors
    /// Invalid: it cannot be believed. Busy, Broken: the database failed.
    pub(crate) fn take_testimony(
        &self,
        database: &DatabaseRecord,
        (page, poll): (&Testimony, &Poll),
    ) -> Result<(), RecoveryError> {
        let told = read_page(page)?;
        let learnt = Version(poll.learnt.unwrap_or(0).min(VERSION_MAX));
        let now = self.now();
        let is_last = self.storage.write(|tx| {
            let Some((recovery, hearing)) = asked_of(tx, &database.database.id)? else {
                return Ok(None);
            };
            if next_page(&hearing) != page.asked {
                return Ok(None);
            }
            let recovery = believe_versions(tx, (page, learnt), (recovery, &hearing))?;
            let plan = plan_testimony(&told, known_of(tx, database, &told)?);
            carry_out(tx, &plan, (&database.database.id, now))?;
            move_sequences(tx, &told)?;
            let is_last = page.next_after.is_none();
            tx.hearing_put(&HearingRecord {
                page_after: page.next_after.unwrap_or(hearing.page_after),
                told: hearing.told + told.len() as u64,
                acknowledged: page.acknowledged.clone().map(Into::into),
                heard_at: is_last.then_some(now),
                ..hearing
            })?;
            if !is_last {
                return Ok(Some(false));
            }
            adopt(tx, &database.database.id, poll.applied)?;
            if recovery.ended_at.is_none() && waiting(tx, &recovery)?.is_empty() {
                end(tx, recovery, None, now)?;
            }
            Ok(Some(true))
        })?;
        match is_last {
            Some(true) => {
                tracing::info!(database = %database.database.id, "has testified");
                self.recovery_ended();
            }
            Some(false) => self.signals().customers_changed(),
            None => {}
        }
        Ok(())
    }
}

fn read_page(page: &Testimony) -> Result<Vec<Told>, RecoveryError> {
    let customers_max = TESTIMONY_CUSTOMERS_MAX as u64;
    let highest = page.customers.iter().map(|customer| customer.version).max().unwrap_or(0);
    for (what, found, limit) in [
        ("customers on a page", page.customers.len() as u64, customers_max),
        ("version", highest.max(page.customers_version).max(page.items_version), VERSION_MAX),
    ] {
        if found > limit {
            return Err(RecoveryError::Testimony { what, found, limit });
        }
    }
    let told = page.customers.iter().filter_map(|customer| {
        let number = |text: &String| AccountNumber::parse(text).ok();
        Some(Told {
            guid: customer.guid,
            // No number of this kind was ever sent: a damaged row testifies nothing.
            account: number(&customer.account)?,
            party: customer.party_number.as_ref().and_then(number).map(PartyNumber::from_sequence),
        })
    });
    Ok(told.collect())
}

/// Lets the change log go on behind everything that the database has seen, so that it takes what
/// comes from here on; items and prices are sent again where it has seen newer ones. Profiles
/// and feature switches are few: they are sent again in any case.
fn believe_versions(
    tx: &mut dyn WriteTx,
    (page, learnt): (&Testimony, Version),
    (recovery, hearing): (RecoveryRecord, &HearingRecord),
) -> Result<RecoveryRecord, StorageError> {
    let told = page.customers.iter().map(|customer| customer.version);
    let highest = told.chain([page.customers_version, page.items_version, learnt.0]).max();
    let highest = Version(highest.unwrap_or(0));
    if highest > tx.change_horizon()? {
        tx.change_log_raise(highest)?;
        tx.profiles_renew()?;
        tx.offline_profiles_renew()?;
        tx.features_renew()?;
        tx.staff_renew()?;
    }
    let items = Version(page.items_version);
    if items <= hearing.items_after || items <= recovery.items_renewed {
        return Ok(recovery);
    }
    let recovery = RecoveryRecord { items_renewed: tx.items_renew()?, ..recovery };
    tx.recovery_put(&recovery)?;
    Ok(recovery)
}

fn known_of(
    tx: &mut dyn WriteTx,
    database: &DatabaseRecord,
    told: &[Told],
) -> Result<Known, StorageError> {
    let guids: Vec<_> = told.iter().map(|row| row.guid).collect();
    let accounts: Vec<_> = told.iter().map(|row| row.account.clone()).collect();
    let parties: Vec<_> = told.iter().filter_map(|row| row.party.clone()).collect();
    let group = tx.group_get(&database.database.group)?;
    let books = group.map(|group| group.address_books).unwrap_or_default();
    let mut owners = tx.promise_owners(&accounts)?;
    owners.extend(tx.account_owners(&accounts)?);
    let known = tx.customers_known(&guids)?;
    let promised = tx.promises_of(&guids)?;
    Ok(Known {
        accounts: known.into_iter().map(|(guid, customer)| (guid, customer.account)).collect(),
        promised: promised.into_iter().map(|(guid, promise)| (guid, promise.account)).collect(),
        owners,
        visible: tx.customers_visible(&guids, &books)?,
        parties: tx.parties_taken(&parties)?,
    })
}

fn carry_out(
    tx: &mut dyn WriteTx,
    plan: &Plan,
    (source, now): (&DatabaseId, jiff::Timestamp),
) -> Result<(), StorageError> {
    let mut renew = plan.renew.clone();
    for Told { guid, account, party } in plan.promise.iter().cloned() {
        let source = source.clone();
        tx.promise_insert(&Promise { guid, account, party, source, promised_at: now })?;
    }
    for found in &plan.conflicts {
        match tx.conflict_get(&found.guid, &found.account)? {
            // Somebody has decided already: this database learns it as well.
            Some(conflict) if conflict.settled_at.is_some() => {
                renew.extend([found.guid].into_iter().chain(found.holder));
            }
            Some(_) => {}
            None => tx.conflict_put(&NumberConflict {
                guid: found.guid,
                account: found.account.clone(),
                known_account: found.known_account.clone(),
                holder: found.holder,
                source: source.clone(),
                found_at: now,
                settled_at: None,
                settled_by: None,
            })?,
        }
    }
    tx.customers_renew(&renew)
}

/// Nobody else gets a number that was given, nor one before it that nobody told of.
fn move_sequences(tx: &mut dyn WriteTx, told: &[Told]) -> Result<(), StorageError> {
    let accounts: Vec<_> = told.iter().map(|row| row.account.as_str()).collect();
    let parties: Vec<_> = told.iter().filter_map(|row| row.party.as_ref()).collect();
    let parties: Vec<_> = parties.into_iter().map(PartyNumber::as_str).collect();
    for (name, given) in [(SequenceName::CustomerAccount, accounts), (SequenceName::Party, parties)]
    {
        let Some(before) = tx.sequence_get(name)? else { continue };
        let mut sequence = before.clone();
        given.into_iter().for_each(|number| sequence.move_past(number));
        if sequence != before {
            tx.sequence_put(name, &sequence)?;
        }
    }
    Ok(())
}

/// From here on both ends agree about what the database applied last.
fn adopt(
    tx: &mut dyn WriteTx,
    database: &DatabaseId,
    applied: Option<SessionId>,
) -> Result<(), StorageError> {
    match applied {
        Some(session) if has_forgotten(tx, database, &session)? => {
            tx.applied_put(database, APPLIED_LAST, Some(&session))
        }
        Some(_) | None => Ok(()),
    }
}
