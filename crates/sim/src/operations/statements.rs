//! Headquarters posts statements of one kind, of one store or all, and retries or gives up one
//! that stopped.

use std::sync::Arc;

use tillsync_domain::job::JobName;
use tillsync_exchange::messages::DatabaseKind;
use tillsync_hq::jobs::JobOptions;
use tillsync_hq::storage::{StatementFilter, StatementRecord, Trigger};

use super::office::{ask, look, performed, ran};
use super::{Operation, Performed};
use crate::chain::Chain;
use crate::dice::Dice;

pub(super) struct PostStatements;

impl Operation for PostStatements {
    fn kind(&self) -> &'static str {
        "post statements"
    }

    fn share(&self) -> u32 {
        8
    }

    fn perform(&self, chain: &Arc<Chain>, dice: &mut Dice) -> Performed {
        let kinds = [
            JobName::TransactionalStatements,
            JobName::TransactionalStatements,
            JobName::FinancialStatements,
            JobName::ClassicStatements,
        ];
        let job = *dice.pick(&kinds).expect("several");
        let databases = look(chain, |tx| tx.databases_all());
        let is_store = |kind| kind == DatabaseKind::Channel;
        let stores: Vec<_> = databases
            .into_iter()
            .filter(|record| is_store(record.database.kind))
            .map(|record| record.database.id)
            .collect();
        let store = dice.pick(&stores).cloned().filter(|_| dice.chance(0.4));
        let Some(node) = chain.any_node() else { return Performed::NotNow };
        let options = JobOptions { store, ..JobOptions::default() };
        ran(chain.run_job_with(&node, job, Trigger::Manual, options))
    }
}

pub(super) struct RetryStatement;

impl Operation for RetryStatement {
    fn kind(&self) -> &'static str {
        "retry statement"
    }

    fn share(&self) -> u32 {
        2
    }

    fn perform(&self, chain: &Arc<Chain>, dice: &mut Dice) -> Performed {
        let Some(statement) = open_statement(chain, dice) else { return Performed::NotNow };
        chain.tell(format!("an operator retries statement {}", statement.number));
        performed(ask(chain, |hq| hq.retry_statement(&statement.id)))
    }
}

pub(super) struct ReleaseStatement;

impl Operation for ReleaseStatement {
    fn kind(&self) -> &'static str {
        "release statement"
    }

    fn share(&self) -> u32 {
        2
    }

    fn perform(&self, chain: &Arc<Chain>, dice: &mut Dice) -> Performed {
        let Some(statement) = open_statement(chain, dice) else { return Performed::NotNow };
        chain.tell(format!("an operator gives statement {} up", statement.number));
        performed(ask(chain, |hq| hq.release_statement(&statement.id)))
    }
}

/// One that is not posted; a run may be busy with it.
fn open_statement(chain: &Chain, dice: &mut Dice) -> Option<StatementRecord> {
    let filter = StatementFilter { is_open: true, limit: 50, ..StatementFilter::default() };
    let open = look(chain, |tx| tx.statements_list(&filter));
    dice.pick(&open).cloned()
}
