//! `tillsync hq offline-profile`: how registers work while they are cut off.

use serde_json::{Value, json};
use tillsync_domain::ids::{DatabaseId, OfflineProfileName};
use tillsync_domain::offline_profile::OfflineProfile;
use tillsync_hq::offline_profiles::{OfflineProfileOverview, RegisterConfiguration};
use tillsync_hq_web::api::offline_profiles::{
    OfflineProfile as ProfileTwin, OfflineProfileChange, RegisterConfiguration as ConfigurationTwin,
};

use crate::failure::{CommandError, Failure};
use crate::headquarters::Place;
use crate::output::{self, Format};

use super::YesNo;

/// What to do with offline profiles.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Show the profiles, what holds for each register, and whether the register has heard of it.
    List(ListArguments),
    /// Make a profile, or change what is named of it.
    Set(SetArguments),
    /// Give a register a profile.
    Assign(AssignArguments),
}

/// Arguments of `hq offline-profile list`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tillsync hq offline-profile list --data-dir /srv/tillsync")]
pub(crate) struct ListArguments {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    format: Format,
}

/// Arguments of `hq offline-profile set`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    tillsync hq offline-profile set default --request-timeout-ms 8000 --data-dir /srv/tillsync\n  \
    tillsync hq offline-profile set resting --pause-offline-sync yes --data-dir /srv/tillsync\n\n\
    Registers get it by job 1090: at once in a live group, else when the job runs.")]
pub(crate) struct SetArguments {
    /// The profile; registers that were given no other have the one called default.
    name: OfflineProfileName,
    /// Whether its registers get nothing from headquarters for now; no in a new profile.
    #[arg(long, value_enum, value_name = "yes|no")]
    pause_offline_sync: Option<YesNo>,
    /// How often a register looks whether its channel is well, 1 to 3600 seconds; 60 in a new
    /// profile.
    #[arg(long, value_name = "SECONDS")]
    health_check_interval_s: Option<u32>,
    /// How long a register waits for its channel during a sale, 100 to 60000 milliseconds; 5000 in
    /// a new profile.
    #[arg(long, value_name = "MILLISECONDS")]
    request_timeout_ms: Option<u32>,
    /// Whether a till may be switched to offline by hand before anybody has signed in; yes in a
    /// new profile.
    #[arg(long, value_enum, value_name = "yes|no")]
    allow_manual_switch_before_sign_in: Option<YesNo>,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    format: Format,
}

/// Arguments of `hq offline-profile assign`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    tillsync hq offline-profile assign S1-R1 resting --data-dir /srv/tillsync")]
pub(crate) struct AssignArguments {
    /// The register.
    register: DatabaseId,
    /// The profile.
    name: OfflineProfileName,
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::List(ListArguments { place, format }) => {
            let overview = place.open_to_look()?.list_offline_profiles()?;
            format.print(&overview_json(&overview), || overview_text(&overview));
        }
        Command::Set(arguments) => {
            let change = arguments.change()?;
            let hq = arguments.place.open_to_change()?;
            let record = hq.set_offline_profile(&arguments.name, &|it| change.apply(it))?;
            let twin = ProfileTwin::from(record.clone());
            arguments.format.print(&output::json(&twin), || {
                let text = values(&record.settings).map(|(name, value)| format!("{name} {value}"));
                let (name, version) = (&record.name, twin.version);
                format!("offline profile {name} (version {version}): {}", text.join(", "))
            });
        }
        Command::Assign(AssignArguments { register, name, place }) => {
            place.open_to_change()?.assign_offline_profile(register, name)?;
            output::line(&format!("{register} has offline profile {name}"));
        }
    }
    Ok(())
}

impl SetArguments {
    fn change(&self) -> Result<OfflineProfileChange, CommandError> {
        let value = |typed: Option<YesNo>| typed.map(|typed| typed == YesNo::Yes);
        let change = OfflineProfileChange {
            pause_offline_sync: value(self.pause_offline_sync),
            health_check_interval_s: self.health_check_interval_s,
            request_timeout_ms: self.request_timeout_ms,
            allow_manual_switch_before_sign_in: value(self.allow_manual_switch_before_sign_in),
        };
        if change == OfflineProfileChange::default() {
            let what = "say what to set: --pause-offline-sync, --health-check-interval-s, \
                        --request-timeout-ms or --allow-manual-switch-before-sign-in";
            return Err(CommandError::Usage(what.to_owned()));
        }
        Ok(change)
    }
}

fn overview_json(overview: &OfflineProfileOverview) -> Value {
    let profiles = overview.profiles.iter().cloned().map(ProfileTwin::from);
    let registers = overview.registers.iter().cloned().map(ConfigurationTwin::from);
    json!({
        "profiles": profiles.map(|twin| output::json(&twin)).collect::<Vec<_>>(),
        "registers": registers.map(|twin| output::json(&twin)).collect::<Vec<_>>(),
    })
}

fn overview_text(overview: &OfflineProfileOverview) -> String {
    if overview.profiles.is_empty() {
        return "no offline profile is in force: registers have the defaults; `tillsync hq \
                offline-profile set` or a run of job 1090 changes that"
            .to_owned();
    }
    let profiles = overview.profiles.iter().flat_map(|profile| {
        values(&profile.settings).map(|(name, value)| {
            [profile.name.to_string(), name.to_owned(), value, profile.version.0.to_string()]
        })
    });
    let profiles = output::table(["Offline profile", "Setting", "Value", "Version"], profiles);
    let header = ["Register", "Channel", "Offline profile", "Version", "Applied", "State"];
    let registers = overview.registers.iter().map(|it| {
        let applied = it.applied.map_or_else(|| "-".to_owned(), |version| version.0.to_string());
        let found = &it.register;
        let (register, channel) = (found.register.to_string(), found.channel.to_string());
        let (profile, version) = (found.profile.to_string(), found.version.0.to_string());
        [register, channel, profile, version, applied, state(it).to_owned()]
    });
    format!("{profiles}\n{}", output::table(header, registers))
}

fn state(configuration: &RegisterConfiguration) -> &'static str {
    if configuration.is_applied() { "applied" } else { "changed, not there yet" }
}

fn values(settings: &OfflineProfile) -> [(&'static str, String); 4] {
    let yes_no = |value: bool| if value { "yes" } else { "no" }.to_owned();
    [
        ("pause_offline_sync", yes_no(settings.pause_offline_sync)),
        ("health_check_interval_s", settings.health_check_interval_s.to_string()),
        ("request_timeout_ms", settings.request_timeout_ms.to_string()),
        ("allow_manual_switch_before_sign_in", yes_no(settings.allow_manual_switch_before_sign_in)),
    ]
}
