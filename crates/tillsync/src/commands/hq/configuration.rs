//! `tillsync hq configuration`: what is set for a channel, and which of its databases know.

use tillsync_domain::ids::DatabaseId;
use tillsync_hq::configuration::DatabaseConfiguration;
use tillsync_hq_web::api::configuration::DatabaseConfiguration as Twin;

use crate::failure::Failure;
use crate::headquarters::Place;
use crate::output::{self, Format};

/// Arguments of `hq configuration`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tillsync hq configuration S1 --data-dir /srv/tillsync")]
pub(crate) struct Arguments {
    /// The channel, shown with its registers, or one register.
    database: DatabaseId,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    format: Format,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let found = arguments.place.open_to_look()?.show_configuration(&arguments.database)?;
    let twins: Vec<_> = found.iter().cloned().map(Twin::from).collect();
    arguments.format.print(&output::json(&twins), || text(&found));
    Ok(())
}

fn text(found: &[DatabaseConfiguration]) -> String {
    if found.iter().all(|database| database.options.is_empty()) {
        return "nothing is configured: every database works as the program does by itself"
            .to_owned();
    }
    let options = found.iter().flat_map(|database| {
        database.options.iter().map(|option| {
            let version = option.version.0.to_string();
            let name = database.database.to_string();
            [name, option.option.clone(), option.value.clone(), option.from.clone(), version]
        })
    });
    let options = output::table(["Database", "Option", "Value", "From", "Version"], options);
    let jobs = found.iter().flat_map(|database| {
        database.jobs.iter().map(|job| {
            let applied = job.applied.map_or_else(|| "-".to_owned(), |it| it.0.to_string());
            let session = job.session.map_or_else(|| "-".to_owned(), |(id, _)| id.to_string());
            let state = if job.is_behind() { "changed, not there yet" } else { "applied" };
            let (name, job, set) =
                (database.database.to_string(), job.job.to_string(), job.set.0.to_string());
            [name, job, set, applied, session, state.to_owned()]
        })
    });
    let header = ["Database", "Job", "Set in", "Applied", "Last session", "State"];
    format!("{options}\n{}", output::table(header, jobs))
}
