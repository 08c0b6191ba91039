//! P-0001: asking channels to send what they have.

use std::time::Duration;

use jiff::SignedDuration;
use tillsync_exchange::messages::DatabaseKind;

use super::JobError;
use super::run::{ActiveRun, Outcome, outcome_of};
use crate::access::is_present;

/// How often a pull looks whether its channels have answered.
const PULL_LOOK_AGAIN: Duration = Duration::from_millis(100);

/// What is said behind the name of a channel that nobody waits for.
const NOT_CONNECTED: &str = " (not connected)";

impl ActiveRun<'_> {
    /// Asks every channel to send what it has, and waits for those that are present.
    pub(super) fn pull(&self) -> Result<Outcome, JobError> {
        let pull = self.hq.storage.write(|tx| tx.pull_next())?;
        self.hq.signals().offers_changed();
        let deadline = self.hq.now()
            + SignedDuration::try_from(self.options.patience).unwrap_or(SignedDuration::MAX);
        loop {
            let (asked, missing) = self.channels_missing(pull)?;
            let now = self.hq.now();
            // A process that ends does not wait: pauses are over at once then.
            let is_over = now >= deadline || self.hq.signals().is_stopping();
            let waits_for_nobody = missing.iter().all(|channel| channel.ends_with(NOT_CONNECTED));
            if waits_for_nobody || is_over || !self.hq.renew(&self.record) {
                let is_clean = missing.is_empty();
                let error = (!is_clean).then(|| {
                    format!(
                        "no answer yet from {}; they send when they are back",
                        missing.join(", ")
                    )
                });
                let answered = asked - missing.len();
                let detail = serde_json::json!({
                    "pull": pull, "asked": asked, "answered": answered, "missing": missing,
                });
                return Ok(Outcome { outcome: outcome_of(is_clean), detail, error });
            }
            self.hq.signals().pause(PULL_LOOK_AGAIN);
        }
    }

    /// How many channels are enrolled, and which of them have not answered the pull.
    fn channels_missing(&self, pull: u64) -> Result<(usize, Vec<String>), JobError> {
        let now = self.hq.now();
        let databases = self.hq.storage.read(|tx| tx.databases_all())?;
        let channels: Vec<_> = databases
            .into_iter()
            .filter(|record| record.database.kind == DatabaseKind::Channel)
            .filter(|record| record.enrolled_at.is_some() && record.revoked_at.is_none())
            .collect();
        let missing = channels
            .iter()
            .filter(|record| record.pulled < pull)
            .map(|record| {
                let id = &record.database.id;
                if is_present(record, now) {
                    id.to_string()
                } else {
                    format!("{id}{NOT_CONNECTED}")
                }
            })
            .collect();
        Ok((channels.len(), missing))
    }
}
