//! Headquarters posts statements of one kind, of one store or all, and retries or gives up one
//! that stopped.

use std::sync::Arc;

use tillsync_domain::job::JobName;
use tillsync_domain::statement::PostingMode;
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
        let Some(statement) = stopped_statement(chain, dice) else { return Performed::NotNow };
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
        let Some(statement) = stopped_statement(chain, dice) else { return Performed::NotNow };
        chain.tell(format!("an operator gives statement {} up", statement.number));
        performed(ask(chain, |hq| hq.release_statement(&statement.id)))
    }
}

/// One that is not posted, if need be one whose node dies on the way; a run may be busy with it.
fn stopped_statement(chain: &Chain, dice: &mut Dice) -> Option<StatementRecord> {
    if let Some(open) = open_statement(chain, dice) {
        return Some(open);
    }
    let parameters = look(chain, |tx| tx.parameters_get());
    let job = match parameters.posting_mode {
        PostingMode::Classic => JobName::ClassicStatements,
        PostingMode::TrickleFeed if dice.chance(0.7) => JobName::TransactionalStatements,
        PostingMode::TrickleFeed => JobName::FinancialStatements,
    };
    let running: Vec<_> = chain.hq.nodes.iter().filter(|node| node.running().is_some()).collect();
    let site = *dice.pick(&running)?;
    let node = site.running()?;
    // A state of a statement takes a commit or two.
    node.life.end_after(i64::try_from(dice.between(3, 20)).expect("a few"));
    chain.run_job_with(&node, job, Trigger::Manual, JobOptions::default());
    match node.life.is_over() {
        true => chain.tell(format!("node {} died on the way and is started again", site.index)),
        false => node.life.end_after(i64::MAX),
    }
    chain.hq.start(site);
    open_statement(chain, dice)
}

/// One that is not posted.
fn open_statement(chain: &Chain, dice: &mut Dice) -> Option<StatementRecord> {
    let filter = StatementFilter { is_open: true, limit: 50, ..StatementFilter::default() };
    let open = look(chain, |tx| tx.statements_list(&filter));
    dice.pick(&open).cloned()
}
