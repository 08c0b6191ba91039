//! `tillsync job list`.

use serde_json::{Value, json};
use tillsync_domain::job::JobName;
use tillsync_hq::storage::{RunRecord, ScheduleRecord};

use super::{outcome, run_json};
use crate::failure::Failure;
use crate::headquarters::Place;
use crate::output::{self, Format};

/// Arguments of `job list`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tillsync job list --data-dir /srv/tillsync")]
pub(crate) struct Arguments {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    format: Format,
}

struct Line {
    job: JobName,
    schedule: Option<ScheduleRecord>,
    last: Option<RunRecord>,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let hq = arguments.place.open_to_look()?;
    let schedules = hq.list_schedules()?;
    let mut lines = Vec::new();
    for job in JobName::ALL {
        let schedule = schedules.iter().find(|schedule| schedule.job == job).cloned();
        lines.push(Line { job, schedule, last: hq.list_runs(Some(job), 1)?.pop() });
    }
    let value = lines.iter().map(Line::json).collect::<Vec<_>>().into();
    arguments.format.print(&value, || {
        let header = ["Job", "What it does", "Recurrence (UTC)", "Last run", "Outcome"];
        output::table(header, lines.iter().map(Line::cells))
    });
    Ok(())
}

impl Line {
    fn recurrence(&self) -> Option<&str> {
        self.schedule.as_ref().and_then(|schedule| schedule.cron.as_deref())
    }

    fn cells(&self) -> [String; 5] {
        let last = self.last.as_ref();
        [
            self.job.to_string(),
            self.job.title().to_owned(),
            self.recurrence().unwrap_or("none").to_owned(),
            output::time_or_dash(last.map(|run| run.started_at)),
            last.map_or_else(|| "never ran".to_owned(), |run| outcome(run.outcome)),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "job": self.job.as_str(),
            "title": self.job.title(),
            "recurrence": self.recurrence(),
            "last_run": self.last.as_ref().map(run_json),
        })
    }
}
