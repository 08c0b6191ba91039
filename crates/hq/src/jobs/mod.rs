//! Running jobs: one at a time each, with a lease, a history and a schedule.

mod distribute;
mod pull;
mod run;
mod schedule;
mod work;

pub(crate) use run::end_dead_run;
pub use run::{ActiveRun, JobError, JobOptions};
pub use schedule::{InUse, ScheduleError, schedule_warnings};
