//! An operator sends everything to a group once more, asks stores to send what they have, commands
//! a download, cleans up, or gives a job another recurrence.

use std::sync::Arc;

use tillsync_domain::job::JobName;
use tillsync_exchange::session::DownloadStatus;
use tillsync_hq::distribution::SessionCommand;
use tillsync_hq::jobs::JobOptions;
use tillsync_hq::storage::{SessionFilter, Trigger};

use super::office::{ask, look, performed, ran};
use super::{Operation, Performed};
use crate::chain::Chain;
use crate::dice::Dice;

pub(super) struct FullSync;

impl Operation for FullSync {
    fn kind(&self) -> &'static str {
        "full sync"
    }

    fn share(&self) -> u32 {
        3
    }

    fn perform(&self, chain: &Arc<Chain>, dice: &mut Dice) -> Performed {
        let groups = look(chain, |tx| tx.groups_all());
        let Some(group) = dice.pick(&groups) else { return Performed::NotNow };
        let job = *dice.pick(&[JobName::Customers1010, JobName::Products1040]).expect("two");
        let Some(node) = chain.any_node() else { return Performed::NotNow };
        let options = JobOptions { full_sync_of: Some(group.id.clone()), ..JobOptions::default() };
        ran(chain.run_job_with(&node, job, Trigger::Manual, options))
    }
}

pub(super) struct Pull;

impl Operation for Pull {
    fn kind(&self) -> &'static str {
        "pull"
    }

    fn share(&self) -> u32 {
        4
    }

    fn perform(&self, chain: &Arc<Chain>, _dice: &mut Dice) -> Performed {
        let Some(node) = chain.any_node() else { return Performed::NotNow };
        // Nobody waits for the answers: a wait would take real time.
        let options = JobOptions::default();
        ran(chain.run_job_with(&node, JobName::P0001, Trigger::Manual, options))
    }
}

pub(super) struct CommandSession;

impl Operation for CommandSession {
    fn kind(&self) -> &'static str {
        "command download"
    }

    fn share(&self) -> u32 {
        4
    }

    fn perform(&self, chain: &Arc<Chain>, dice: &mut Dice) -> Performed {
        let filter = SessionFilter { limit: 40, ..SessionFilter::default() };
        let mut sessions = look(chain, |tx| tx.sessions_list(&filter));
        if dice.chance(0.7) {
            // Mostly one that goes on, since little can be wanted of one that has ended.
            let has_ended =
                |status| matches!(status, DownloadStatus::Applied | DownloadStatus::Canceled);
            sessions.retain(|session| !has_ended(session.progress.status));
        }
        let Some(session) = dice.pick(&sessions) else { return Performed::NotNow };
        let commands = [SessionCommand::Retry, SessionCommand::Cancel, SessionCommand::Rerun];
        let command = *dice.pick(&commands).expect("three");
        let (id, database) = (&session.id, &session.database);
        chain.tell(format!("an operator wants {command:?} of session {id} of {database}"));
        // What a canceled session held is missed until there is a full sync.
        let group = look(chain, |tx| tx.database_get(database)).map(|found| found.database.group);
        if let (SessionCommand::Cancel, Some(group)) = (command, group) {
            chain.memory().full_syncs_due.insert((group.to_string(), session.job));
        }
        performed(ask(chain, |hq| hq.command_session(id, command)))
    }
}

pub(super) struct CleanUp;

impl Operation for CleanUp {
    fn kind(&self) -> &'static str {
        "clean up"
    }

    fn share(&self) -> u32 {
        3
    }

    fn perform(&self, chain: &Arc<Chain>, _dice: &mut Dice) -> Performed {
        performed(ask(chain, |hq| hq.clean_up()))
    }
}

pub(super) struct ChangeSchedule;

impl Operation for ChangeSchedule {
    fn kind(&self) -> &'static str {
        "change schedule"
    }

    fn share(&self) -> u32 {
        4
    }

    fn perform(&self, chain: &Arc<Chain>, dice: &mut Dice) -> Performed {
        let job = *dice.pick(&JobName::ALL).expect("several");
        let crons = [Some("*/5 * * * *"), Some("*/15 * * * *"), Some("0 * * * *"), None];
        let cron = *dice.pick(&crons).expect("several");
        chain.tell(format!("an operator gives {job} the recurrence {cron:?}"));
        performed(ask(chain, |hq| hq.set_schedule(job, cron)))
    }
}
