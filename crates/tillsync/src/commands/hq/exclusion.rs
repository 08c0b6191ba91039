//! `tillsync hq exclusion`: what is kept from the offline databases of registers.

use std::io::{self, IsTerminal, Write};

use tillsync_domain::job::JobName;
use tillsync_hq::exclusion::{ExclusionError, Lever, LeverChange, Moved, Subjob};
use tillsync_hq_web::api::exclusion::Exclusion;

use crate::commands::repair::Operator;
use crate::failure::Failure;
use crate::headquarters::Place;
use crate::output::{self, Format};

use super::YesNo;

/// Changes that are shown.
const CHANGES_SHOWN: usize = 20;

/// What to do about what is kept from offline databases. Channels always get everything.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Show what is kept from offline databases, and who changed that when.
    List(ListArguments),
    /// Keep a whole job from offline databases, or no longer.
    Job(JobArguments),
    /// Keep a table from offline databases in every job that has it, or no longer.
    Subjob(SubjobArguments),
    /// Keep customer rows in shared tables from offline databases, or no longer.
    Filter(FilterArguments),
}

/// Arguments of `hq exclusion list`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tillsync hq exclusion list --data-dir /srv/tillsync")]
pub(crate) struct ListArguments {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    format: Format,
}

/// Arguments of `hq exclusion job`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    tillsync hq exclusion job 1010 yes --data-dir /srv/tillsync\n\n\
    Registers keep what they have of the job until a full synchronization empties their tables: \
    `tillsync job run 1010 --full GROUP`.")]
pub(crate) struct JobArguments {
    /// The job: 1010, 1040 or 1060.
    job: JobName,
    /// Whether it is kept from offline databases.
    #[arg(value_enum)]
    excluded: YesNo,
    #[command(flatten)]
    operator: Operator,
    #[command(flatten)]
    place: Place,
}

/// Arguments of `hq exclusion subjob`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    tillsync hq exclusion subjob price yes --data-dir /srv/tillsync\n\n\
    Registers lose what they have of the table with their next download.")]
pub(crate) struct SubjobArguments {
    /// The subjob, as `hq exclusion list` names it.
    subjob: Subjob,
    /// Whether it is kept from offline databases.
    #[arg(value_enum)]
    excluded: YesNo,
    #[command(flatten)]
    operator: Operator,
    #[command(flatten)]
    place: Place,
}

/// Arguments of `hq exclusion filter`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    tillsync hq exclusion filter yes --data-dir /srv/tillsync\n\n\
    The filter alone is not enough: jobs that hold customer data must be excluded as well. \
    Registers that are cut off create no customers while it is set.")]
pub(crate) struct FilterArguments {
    /// Whether customer rows in shared tables are kept from offline databases.
    #[arg(value_enum)]
    filtered: YesNo,
    /// Set it although jobs that hold customer data are not excluded, without being asked.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    operator: Operator,
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::List(ListArguments { place, format }) => {
            let overview = place.open_to_look()?.show_exclusion(CHANGES_SHOWN)?;
            let twin = Exclusion::from(overview);
            format.print(&output::json(&twin), || overview_text(&twin));
            Ok(())
        }
        Command::Job(JobArguments { job, excluded, operator, place }) => {
            let (lever, is_on) = (Lever::Job(*job), *excluded == YesNo::Yes);
            let change = LeverChange { lever, is_on, is_confirmed: true };
            pull(place, operator, change)
        }
        Command::Subjob(SubjobArguments { subjob, excluded, operator, place }) => {
            let (lever, is_on) = (Lever::Subjob(*subjob), *excluded == YesNo::Yes);
            let change = LeverChange { lever, is_on, is_confirmed: true };
            pull(place, operator, change)
        }
        Command::Filter(FilterArguments { filtered, yes, operator, place }) => {
            let (is_on, is_confirmed) = (*filtered == YesNo::Yes, *yes);
            let change = LeverChange { lever: Lever::Filter, is_on, is_confirmed };
            pull(place, operator, change)
        }
    }
}

fn pull(place: &Place, operator: &Operator, change: LeverChange) -> Result<(), Failure> {
    let hq = place.open_to_change()?;
    let moved = match hq.move_lever(change, &operator.name) {
        Err(ExclusionError::Unconfirmed(question)) => {
            if !is_confirmed(&question)? {
                output::line("nothing was changed");
                return Ok(());
            }
            hq.move_lever(LeverChange { is_confirmed: true, ..change }, &operator.name)?
        }
        moved => moved?,
    };
    output::line(&moved_text(change, &moved));
    Ok(())
}

/// Asks whoever sits there; whoever does not is told how to answer beforehand.
fn is_confirmed(question: &str) -> Result<bool, Failure> {
    let input = io::stdin();
    if !input.is_terminal() {
        return Err(ExclusionError::Unconfirmed(format!("{question} (--yes)")).into());
    }
    eprint!("{question}\nset it all the same? [y/N] ");
    let mut answer = String::new();
    // Who cannot be asked has not confirmed.
    let is_asked = io::stderr().flush().and_then(|()| input.read_line(&mut answer)).is_ok();
    Ok(is_asked && ["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
}

fn moved_text(change: LeverChange, moved: &Moved) -> String {
    let what = match change.lever {
        Lever::Job(job) => format!("job {job} is"),
        Lever::Subjob(subjob) => format!("{subjob} is"),
        Lever::Filter => "customer rows in shared tables are".to_owned(),
    };
    let how = if change.is_on { "kept from" } else { "not kept from" };
    let already = if moved.is_change { "" } else { ", as before" };
    let mut text = format!("{what} {how} offline databases{already}");
    if moved.canceled > 0 {
        text += &format!("; download sessions of registers that were canceled: {}", moved.canceled);
    }
    for warning in &moved.warnings {
        text += &format!("\nnote: {warning}");
    }
    text
}

fn overview_text(exclusion: &Exclusion) -> String {
    let yes_no = |value: bool| if value { "yes" } else { "no" }.to_owned();
    let jobs = exclusion.jobs.iter().map(|it| {
        [it.job.clone(), it.title.clone(), it.subjobs.join(", "), yes_no(it.excluded_from_offline)]
    });
    let jobs = output::table(["Job", "Title", "Subjobs", "Excluded"], jobs);
    let subjobs = exclusion.subjobs.iter().filter(|it| it.excluded_from_offline);
    let subjobs: Vec<_> =
        subjobs.map(|it| format!("{} ({})", it.subjob, it.jobs.join(", "))).collect();
    let subjobs = if subjobs.is_empty() { "none".to_owned() } else { subjobs.join(", ") };
    let schema = &exclusion.channel_schema;
    let mut text = format!(
        "{jobs}\nexcluded subjobs: {subjobs}\nchannel schema {}: filter shared customer data {}",
        schema.name,
        yes_no(schema.filter_shared_customer_data)
    );
    for change in &exclusion.changes {
        let how = if change.is_on { "on" } else { "off" };
        text += &format!(
            "\n{} {} {how} by {} (version {})",
            change.changed_at, change.lever, change.changed_by, change.version
        );
    }
    text
}
