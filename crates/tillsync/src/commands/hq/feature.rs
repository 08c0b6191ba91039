//! `tillsync hq feature`: switches that hold for all channels.

use tillsync_domain::feature::Feature;
use tillsync_hq::features::FeatureOverview;
use tillsync_hq_web::api::features::{Feature as FeatureTwin, Features as FeaturesTwin};

use crate::failure::Failure;
use crate::headquarters::Place;
use crate::output::{self, Format};

/// What to do with feature switches.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Show the switches, and which channels have heard of them.
    List(ListArguments),
    /// Switch a feature on.
    #[command(after_help = "Example:\n  \
        tillsync hq feature enable async_customer_editing --by Ada --data-dir /srv/tillsync\n\n\
        Channels hear of it by job 1110: at once in a live group, else when the job runs.")]
    Enable(SetArguments),
    /// Switch a feature off.
    #[command(after_help = "Example:\n  \
        tillsync hq feature disable async_customer_editing --by Ada --data-dir /srv/tillsync\n\n\
        Channels hear of it by job 1110: at once in a live group, else when the job runs.")]
    Disable(SetArguments),
}

/// Arguments of `hq feature list`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tillsync hq feature list --data-dir /srv/tillsync")]
pub(crate) struct ListArguments {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    format: Format,
}

/// Arguments of `hq feature enable` and `hq feature disable`.
#[derive(Debug, clap::Args)]
pub(crate) struct SetArguments {
    /// The feature.
    feature: Feature,
    /// Who decides it, for the record.
    #[arg(long, value_name = "NAME", default_value = "command line")]
    by: String,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    format: Format,
}

pub(super) fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::List(ListArguments { place, format }) => {
            let overview = place.open_to_look()?.list_features()?;
            let twin = FeaturesTwin::from(overview.clone());
            format.print(&output::json(&twin), || overview_text(&overview));
            Ok(())
        }
        Command::Enable(arguments) => set(arguments, true),
        Command::Disable(arguments) => set(arguments, false),
    }
}

fn set(arguments: &SetArguments, is_enabled: bool) -> Result<(), Failure> {
    let hq = arguments.place.open_to_change()?;
    let record = hq.set_feature(arguments.feature, is_enabled, &arguments.by)?;
    let twin = FeatureTwin::from(record);
    arguments.format.print(&output::json(&twin), || {
        format!("feature {} is {} (version {})", twin.name, on_off(is_enabled), twin.version)
    });
    Ok(())
}

fn overview_text(overview: &FeatureOverview) -> String {
    if overview.features.is_empty() {
        return "no feature was ever set: everything is allowed; `tillsync hq feature disable` or \
                a run of job 1110 brings the switches into force"
            .to_owned();
    }
    let features = overview.features.iter().map(|record| {
        let needs = record.feature.needs().iter().map(ToString::to_string).collect::<Vec<_>>();
        let by = record.changed_by.clone().unwrap_or_else(|| "-".to_owned());
        let state = on_off(record.is_enabled).to_owned();
        [record.feature.to_string(), state, needs.join(", "), by, record.version.0.to_string()]
    });
    let features = output::table(["Feature", "State", "Needs", "Set by", "Version"], features);
    let channels = overview.channels.iter().map(|channel| {
        let applied = channel.applied.map_or_else(|| "-".to_owned(), |it| it.0.to_string());
        let state = match overview.is_applied(channel) {
            true => "applied",
            false => "changed, not there yet",
        };
        [channel.channel.to_string(), applied, state.to_owned()]
    });
    format!("{features}\n{}", output::table(["Channel", "Applied", "State"], channels))
}

fn on_off(is_enabled: bool) -> &'static str {
    if is_enabled { "on" } else { "off" }
}
