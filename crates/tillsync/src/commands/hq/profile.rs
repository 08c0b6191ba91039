//! `tillsync hq profile`: how the tills of channels create customers and orders.

use serde_json::{Value, json};
use tillsync_domain::ids::{DatabaseId, ProfileName};
use tillsync_domain::profile::{FunctionalityProfile, ProfileOption};
use tillsync_hq::profiles::{ChannelConfiguration, ProfileOverview};
use tillsync_hq_web::api::profiles::{
    ChannelConfiguration as ConfigurationTwin, Profile as ProfileTwin, ProfileChange,
};

use crate::failure::{CommandError, Failure};
use crate::headquarters::Place;
use crate::output::{self, Format};

use super::YesNo;

/// What to do with functionality profiles.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Show the profiles, what holds for each channel, and whether the channel has heard of it.
    List(ListArguments),
    /// Make a profile, or change what is named of it.
    Set(SetArguments),
    /// Give a channel, and so its registers, a profile.
    Assign(AssignArguments),
}

/// Arguments of `hq profile list`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tillsync hq profile list --data-dir /srv/tillsync")]
pub(crate) struct ListArguments {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    format: Format,
}

/// Arguments of `hq profile set`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    tillsync hq profile set default --create-customers-async yes --data-dir /srv/tillsync\n  \
    tillsync hq profile set kiosk --allow-offline-customer-create no --data-dir /srv/tillsync\n\n\
    Channels get it by job 1070: at once in a live group, else when the job runs.")]
pub(crate) struct SetArguments {
    /// The profile; channels that were given no other have the one called default.
    name: ProfileName,
    /// Whether customers are created without asking headquarters; no in a new profile.
    #[arg(long, value_enum, value_name = "yes|no")]
    create_customers_async: Option<YesNo>,
    /// Whether a till that is offline may create customers; yes in a new profile.
    #[arg(long, value_enum, value_name = "yes|no")]
    allow_offline_customer_create: Option<YesNo>,
    /// Whether orders are taken without asking headquarters; yes in a new profile.
    #[arg(long, value_enum, value_name = "yes|no")]
    create_orders_async: Option<YesNo>,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    format: Format,
}

/// Arguments of `hq profile assign`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    tillsync hq profile assign S1 kiosk --data-dir /srv/tillsync")]
pub(crate) struct AssignArguments {
    /// The channel.
    channel: DatabaseId,
    /// The profile.
    name: ProfileName,
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::List(ListArguments { place, format }) => {
            let overview = place.open_to_look()?.list_profiles()?;
            format.print(&overview_json(&overview), || overview_text(&overview));
        }
        Command::Set(arguments) => {
            let change = arguments.change()?;
            let hq = arguments.place.open_to_change()?;
            let record = hq.set_profile(&arguments.name, &|profile| change.apply(profile))?;
            let twin = ProfileTwin::from(record.clone());
            arguments.format.print(&output::json(&twin), || {
                let text = options_text(&record.options);
                format!("functionality profile {} (version {}): {text}", record.name, twin.version)
            });
        }
        Command::Assign(AssignArguments { channel, name, place }) => {
            place.open_to_change()?.assign_profile(channel, name)?;
            output::line(&format!("{channel} and its registers have functionality profile {name}"));
        }
    }
    Ok(())
}

impl SetArguments {
    fn change(&self) -> Result<ProfileChange, CommandError> {
        let value = |typed: Option<YesNo>| typed.map(|typed| typed == YesNo::Yes);
        let change = ProfileChange {
            create_customers_async: value(self.create_customers_async),
            allow_offline_customer_create: value(self.allow_offline_customer_create),
            create_orders_async: value(self.create_orders_async),
        };
        if change == ProfileChange::default() {
            let what = "say what to set: --create-customers-async, \
                        --allow-offline-customer-create or --create-orders-async";
            return Err(CommandError::Usage(what.to_owned()));
        }
        Ok(change)
    }
}

fn overview_json(overview: &ProfileOverview) -> Value {
    let profiles = overview.profiles.iter().cloned().map(ProfileTwin::from);
    let channels = overview.channels.iter().cloned().map(ConfigurationTwin::from);
    json!({
        "profiles": profiles.map(|twin| output::json(&twin)).collect::<Vec<_>>(),
        "channels": channels.map(|twin| output::json(&twin)).collect::<Vec<_>>(),
    })
}

fn overview_text(overview: &ProfileOverview) -> String {
    if overview.profiles.is_empty() {
        return "no functionality profile is in force: tills create customers and orders without \
                asking headquarters; `tillsync hq profile set` or a run of job 1070 changes that"
            .to_owned();
    }
    let profiles = overview.profiles.iter().flat_map(|profile| {
        ProfileOption::ALL.map(|option| {
            let value = yes_no(option.of(&profile.options)).to_owned();
            [profile.name.to_string(), option.to_string(), value, profile.version.0.to_string()]
        })
    });
    let profiles = output::table(["Profile", "Option", "Value", "Version"], profiles);
    let header = ["Channel", "Profile", "Version", "Applied", "State"];
    let channels = overview.channels.iter().map(|it| {
        let applied = it.applied.map_or_else(|| "-".to_owned(), |version| version.0.to_string());
        let (channel, profile) = (it.channel.to_string(), it.profile.clone());
        [channel, profile, it.version.0.to_string(), applied, state(it).to_owned()]
    });
    format!("{profiles}\n{}", output::table(header, channels))
}

fn state(configuration: &ChannelConfiguration) -> &'static str {
    if configuration.is_applied() { "applied" } else { "changed, not there yet" }
}

fn options_text(options: &FunctionalityProfile) -> String {
    let texts = ProfileOption::ALL.map(|it| format!("{it} {}", yes_no(it.of(options))));
    texts.join(", ")
}

fn yes_no(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}
