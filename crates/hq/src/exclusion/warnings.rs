//! What somebody should look at who wonders why a register does not have something.

use std::collections::BTreeSet;

use tillsync_domain::job::JobName;
use tillsync_exchange::messages::DatabaseKind;

use super::{Levers, jobs_with_customers};
use crate::distribution::APPLIED_LAST;
use crate::storage::{DatabaseRecord, ProfileSelection, ReadTx, StorageError};

/// Registers that get nothing for now or still have what is kept back, and a filter that does not
/// do what it seems to.
pub(crate) fn exclusion_warnings(
    tx: &mut dyn ReadTx,
    databases: &[DatabaseRecord],
) -> Result<Vec<String>, StorageError> {
    let levers = Levers::read(tx)?;
    let mut warnings = Vec::new();
    for register in tx.register_profiles(&ProfileSelection::default())? {
        if register.settings.pause_offline_sync {
            warnings.push(format!(
                "{} gets nothing from headquarters: its offline profile {} pauses offline \
                 synchronization; `tillsync hq offline-profile set {} --pause-offline-sync no`",
                register.register, register.profile, register.profile
            ));
        }
    }
    let open: Vec<_> =
        jobs_with_customers().into_iter().filter(|job| !levers.jobs.contains(job)).collect();
    if let Some(job) = open.first().filter(|_| levers.is_filtered) {
        warnings.push(format!(
            "customer rows in shared tables are kept from offline databases, but job {job}, which \
             holds customers, is not excluded; `tillsync hq exclusion job {job} yes`"
        ));
    }
    for job in &levers.jobs {
        let (still, groups) = not_emptied(tx, (&levers, *job), databases)?;
        if !still.is_empty() {
            let full: Vec<_> = groups
                .iter()
                .map(|group| format!("`tillsync job run {job} --full {group}`"))
                .collect();
            warnings.push(format!(
                "job {job} is kept from offline databases, but {} may still have what it brought \
                 before; {} empties that",
                still.join(", "),
                full.join(", ")
            ));
        }
    }
    Ok(warnings)
}

/// The registers that may have applied packages of a job before it was excluded, and their groups.
/// A position that is unknown is one that was cleared since nobody knows what was applied.
fn not_emptied(
    tx: &mut dyn ReadTx,
    (levers, job): (&Levers, JobName),
    databases: &[DatabaseRecord],
) -> Result<(Vec<String>, BTreeSet<String>), StorageError> {
    let (mut still, mut groups) = (Vec::new(), BTreeSet::new());
    let audience = levers.audience(job);
    for record in databases.iter().filter(|it| it.database.kind == DatabaseKind::Register) {
        let id = &record.database.id;
        let is_there = record.enrolled_at.is_some() && record.revoked_at.is_none();
        if !is_there || tx.applied_get(id, APPLIED_LAST)?.is_none() {
            continue;
        }
        if tx.position_get(id, job)?.is_none() || tx.audience_get(id, job)? != audience {
            still.push(id.to_string());
            groups.insert(record.database.group.to_string());
        }
    }
    Ok((still, groups))
}
