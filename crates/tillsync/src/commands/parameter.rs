//! `tillsync parameter`: what finance and operators set while headquarters runs.

use std::str::FromStr;

use tillsync_domain::statement::PostingMode;
use tillsync_domain::validation::Rule;
use tillsync_hq::storage::Parameters;
use tillsync_hq_web::api::parameters::Parameters as ParametersTwin;

use super::names::named;
use crate::failure::{CommandError, Failure};
use crate::headquarters::Place;
use crate::output::{self, Format};

/// What to do with parameters.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Show the parameters.
    Show(ShowArguments),
    /// Set a parameter.
    Set(SetArguments),
}

/// Arguments of `parameter show`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tillsync parameter show --data-dir /srv/tillsync")]
pub(crate) struct ShowArguments {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    format: Format,
}

/// Arguments of `parameter set`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    tillsync parameter set rule.customer-exists off --data-dir /srv/tillsync\n  \
    tillsync parameter set posting-mode classic --data-dir /srv/tillsync\n  \
    tillsync parameter set order-hold-code none --data-dir /srv/tillsync")]
pub(crate) struct SetArguments {
    /// rule.NAME, posting-mode, order-hold-code, order-tries-max or order-workers.
    name: ParameterName,
    /// on or off for a rule; trickle-feed or classic; a code or none; a number.
    value: String,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    format: Format,
}

/// Which parameter.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ParameterName {
    /// A rule of validation.
    Rule(Rule),
    /// Trickle feed or classic.
    PostingMode,
    /// The hold of repaired orders.
    OrderHoldCode,
    /// Tries of failed orders.
    OrderTriesMax,
    /// Orders side by side.
    OrderWorkers,
}

impl FromStr for ParameterName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(rule) = text.strip_prefix("rule.") {
            return rule.parse().map(ParameterName::Rule).map_err(|error| format!("{error}"));
        }
        match text {
            "posting-mode" => Ok(ParameterName::PostingMode),
            "order-hold-code" => Ok(ParameterName::OrderHoldCode),
            "order-tries-max" => Ok(ParameterName::OrderTriesMax),
            "order-workers" => Ok(ParameterName::OrderWorkers),
            _ => Err("the parameters are rule.NAME, posting-mode, order-hold-code, \
                      order-tries-max and order-workers"
                .to_owned()),
        }
    }
}

pub(super) fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Show(ShowArguments { place, format }) => {
            print(*format, &place.open_to_look()?.show_parameters()?);
        }
        Command::Set(arguments) => {
            let hq = arguments.place.open_to_change()?;
            let changed = arguments.change(hq.show_parameters()?)?;
            hq.change_parameters(&changed)?;
            print(arguments.format, &changed);
        }
    }
    Ok(())
}

impl SetArguments {
    fn change(&self, parameters: Parameters) -> Result<Parameters, CommandError> {
        let mut changed = parameters;
        let value = self.value.trim();
        match self.name {
            ParameterName::Rule(rule) => match value {
                "on" => drop(changed.rules_off.remove(&rule)),
                "off" => drop(changed.rules_off.insert(rule)),
                _ => return Err(CommandError::Usage(format!("a rule is on or off, not {value}"))),
            },
            ParameterName::PostingMode => {
                let mode = named(value, &PostingMode::ALL, PostingMode::as_str);
                changed.posting_mode = mode.map_err(|why| CommandError::Usage(why.to_string()))?;
            }
            ParameterName::OrderHoldCode => {
                changed.order_hold_code = (value != "none").then(|| value.to_owned());
            }
            ParameterName::OrderTriesMax => changed.order_tries_max = number(value)?,
            ParameterName::OrderWorkers => changed.order_workers = number(value)?,
        }
        Ok(changed)
    }
}

fn number(text: &str) -> Result<u32, CommandError> {
    text.parse().map_err(|_| CommandError::Usage(format!("{text:?} is no whole number")))
}

fn print(format: Format, parameters: &Parameters) {
    format.print(&output::json(&ParametersTwin::from(parameters.clone())), || {
        let rules = Rule::ALL.map(|rule| {
            let state = if parameters.rules_off.contains(&rule) { "off" } else { "on" };
            [format!("rule.{rule}"), state.to_owned()]
        });
        let hold = parameters.order_hold_code.clone().unwrap_or_else(|| "none".to_owned());
        let others = [
            ["posting-mode".to_owned(), parameters.posting_mode.as_str().to_owned()],
            ["order-hold-code".to_owned(), hold],
            ["order-tries-max".to_owned(), parameters.order_tries_max.to_string()],
            ["order-workers".to_owned(), parameters.order_workers.to_string()],
        ];
        output::table(["Parameter", "Value"], rules.into_iter().chain(others))
    });
}
