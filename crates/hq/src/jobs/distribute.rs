//! The jobs that send something down: which groups get a package of what changed, and which a
//! snapshot.

use tillsync_domain::ids::GroupId;
use tillsync_exchange::messages::ExchangeMode;

use super::JobError;
use super::run::{ActiveRun, Outcome, detail, outcome_of};
use crate::distribution::{Download, NeededStream, PackageSummary, needed_streams};
use crate::features::features_into_force;
use crate::offline_profiles::offline_profiles_into_force;
use crate::profiles::profiles_into_force;
use crate::storage::{GroupRecord, Trigger};

impl ActiveRun<'_> {
    pub(super) fn distribute(&self, download: Download) -> Result<Outcome, JobError> {
        if download == Download::Profiles && self.record.trigger != Trigger::Live {
            self.hq.storage.write(|tx| profiles_into_force(tx))?;
        }
        if download == Download::Registers && self.record.trigger != Trigger::Live {
            self.hq.storage.write(|tx| offline_profiles_into_force(tx))?;
        }
        if download == Download::Features && self.record.trigger != Trigger::Live {
            let now = self.hq.now();
            self.hq.storage.write(|tx| features_into_force(tx, now))?;
        }
        let groups = self.hq.storage.read(|tx| tx.groups_all())?;
        let summary = match &self.options.full_sync_of {
            Some(group) => self.distribute_everything(download, &groups, group)?,
            None => {
                let snapshot_groups: Vec<GroupRecord> = groups
                    .iter()
                    .filter(|group| self.options.snapshots_for.contains(&group.id))
                    .cloned()
                    .collect();
                let concerned: Vec<GroupRecord> = match self.record.trigger {
                    Trigger::Live => {
                        groups.into_iter().filter(|g| g.mode == ExchangeMode::Live).collect()
                    }
                    Trigger::Manual | Trigger::Schedule => groups,
                };
                let (run, trigger) = (self.record.id, self.record.trigger);
                let mut summary = self.hq.make_deltas(download, &concerned, run, trigger);
                for group in snapshot_groups {
                    for stream in self.hq.snapshots_missing(download, &group.id)? {
                        let made = self.hq.make_snapshot(download, (&group, stream), run);
                        summary.count_snapshot(&group.id, made);
                    }
                }
                summary
            }
        };
        let is_clean = summary.failed.is_empty();
        let is_idle = summary.packages == 0 && is_clean;
        Ok(Outcome {
            outcome: outcome_of(is_clean),
            detail: detail(&summary, is_idle),
            error: summary.failed.first().map(|f| format!("group {}: {}", f.group, f.error)),
        })
    }

    fn distribute_everything(
        &self,
        download: Download,
        groups: &[GroupRecord],
        wanted: &GroupId,
    ) -> Result<PackageSummary, JobError> {
        let Some(group) = groups.iter().find(|group| group.id == *wanted) else {
            return Err(JobError::UnknownGroup(wanted.clone()));
        };
        let mut summary = PackageSummary::default();
        let needed = self.hq.storage.read(|tx| needed_streams(tx, wanted, download.job()))?;
        for NeededStream { stream, .. } in needed {
            let made = self.hq.make_snapshot(download, (group, stream), self.record.id);
            if let Ok(snapshot) = &made {
                self.hq.offer_to_all(snapshot)?;
            }
            summary.count_snapshot(wanted, made);
        }
        Ok(summary)
    }
}
