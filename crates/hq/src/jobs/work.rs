//! The jobs that work through what was uploaded: customers, orders, transactions, statements.

use tillsync_domain::statement::StatementKind;

use super::JobError;
use super::run::{ActiveRun, Outcome, detail, outcome_of};
use crate::promote::{PromotionSummary, Whom};
use crate::recovery::held_text;
use crate::storage::{RunOutcome, Trigger};
use crate::synchronize_orders::OrderScope;
use crate::validate::ValidationScope;

impl ActiveRun<'_> {
    pub(super) fn synchronize(&self) -> Result<Outcome, JobError> {
        let mut keep_going = |_: &PromotionSummary| self.hq.renew(&self.record);
        let summary = self.hq.promote_customers(&Whom::Due, self.record.id, &mut keep_going)?;
        if summary.is_held
            && let Some(held) = self.held()?
        {
            return Ok(held);
        }
        let error = (summary.without_number > 0).then(|| {
            format!(
                "the number sequence customer-account has been exceeded: {} customers stay \
                 pending until it is extended (`tillsync number-sequence set`)",
                summary.without_number
            )
        });
        let is_clean = summary.failed == 0 && error.is_none();
        let is_idle = summary.completed == 0 && is_clean;
        Ok(Outcome { outcome: outcome_of(is_clean), detail: detail(&summary, is_idle), error })
    }

    /// What a run comes to while headquarters recovers; nothing when it may work. What names an
    /// account that headquarters has forgotten must not be judged before it remembers.
    fn held(&self) -> Result<Option<Outcome>, JobError> {
        let Some(waiting) = self.hq.recovery_waits_for()? else { return Ok(None) };
        let detail = serde_json::json!({ "held": true, "idle": true });
        // Live work looks every few seconds; what it waits for stands where recoveries are shown.
        let error = (self.record.trigger != Trigger::Live).then(|| held_text(&waiting));
        Ok(Some(Outcome { outcome: RunOutcome::CompletedWithErrors, detail, error }))
    }

    pub(super) fn synchronize_orders(&self) -> Result<Outcome, JobError> {
        if let Some(held) = self.held()? {
            return Ok(held);
        }
        let scope = OrderScope { store: self.options.store.clone(), only: None };
        let keep_going = || self.hq.renew(&self.record);
        let summary = self.hq.synchronize_orders(&scope, self.record.id, &keep_going)?;
        let error = (summary.without_number > 0).then(|| {
            format!(
                "the number sequence sales-order has been exceeded: {} orders stay as they are \
                 until it is extended (`tillsync number-sequence set`)",
                summary.without_number
            )
        });
        let is_clean = summary.failed == 0 && error.is_none();
        let is_idle = summary.created == 0 && summary.changed == 0 && is_clean;
        Ok(Outcome { outcome: outcome_of(is_clean), detail: detail(&summary, is_idle), error })
    }

    pub(super) fn validate(&self) -> Result<Outcome, JobError> {
        if let Some(held) = self.held()? {
            return Ok(held);
        }
        let scope = ValidationScope {
            store: self.options.store.clone(),
            only: None,
            errors_too: self.options.errors_too,
        };
        let mut keep_going = || self.hq.renew(&self.record);
        let summary = self.hq.validate_transactions(&scope, self.record.id, &mut keep_going)?;
        let is_clean = summary.errors == 0;
        let is_idle = summary.changed == 0 && is_clean;
        let (outcome, detail) = (outcome_of(is_clean), detail(&summary, is_idle));
        Ok(Outcome { outcome, detail, error: None })
    }

    pub(super) fn post(&self, kind: StatementKind) -> Result<Outcome, JobError> {
        let mut keep_going = || self.hq.renew(&self.record);
        let store = self.options.store.as_ref();
        let summary = self.hq.run_statements(kind, store, self.record.id, &mut keep_going)?;
        let is_clean = summary.failed == 0;
        let error = (!is_clean).then(|| {
            format!("{} statements stopped with an error, which stands on each", summary.failed)
        });
        let is_idle = summary.begun == 0 && summary.posted == 0 && is_clean;
        Ok(Outcome { outcome: outcome_of(is_clean), detail: detail(&summary, is_idle), error })
    }
}
