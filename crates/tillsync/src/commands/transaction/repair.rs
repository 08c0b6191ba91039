//! `tillsync transaction repair`, and what repairs have in common.

use std::str::FromStr;

use tillsync_domain::ids::TransactionNumber;
use tillsync_hq::repair_transactions::FieldChange;

use super::print_one;
use crate::failure::{CommandError, Failure};
use crate::headquarters::Place;
use crate::output::Format;

/// Arguments of `transaction repair`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    tillsync transaction repair S1-000001-260301100000 --set '/trade/customer=\"C-00000001\"' \
    --data-dir /srv/tillsync\n  \
    tillsync transaction repair S1-000001-260301100000 --remove /trade/customer \
    --operator ann --data-dir /srv/tillsync\n\n\
    What was sent is kept word for word; each change is kept beside it with who made it and when.")]
pub(crate) struct Arguments {
    /// Which one, by its number.
    number: TransactionNumber,
    #[command(flatten)]
    changes: Changes,
    #[command(flatten)]
    operator: Operator,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    format: Format,
}

/// What to change in the content of a transaction.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Changes {
    /// Set a field of the content, as a JSON pointer and a JSON value; texts and amounts stand in
    /// double quotes.
    #[arg(long = "set", value_name = "/POINTER=JSON")]
    set: Vec<Setting>,
    /// Remove a field of the content.
    #[arg(long = "remove", value_name = "/POINTER")]
    remove: Vec<String>,
}

/// Who does it.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Operator {
    /// Who does it, for the record.
    #[arg(
        long = "operator",
        value_name = "NAME",
        env = "USER",
        hide_env_values = true,
        default_value = "operator"
    )]
    pub(crate) name: String,
}

/// One field with its new value.
#[derive(Debug, Clone)]
struct Setting(FieldChange);

impl FromStr for Setting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (pointer, value) =
            text.split_once('=').ok_or("write /POINTER=JSON, such as /trade/total=\"12.30\"")?;
        let value = serde_json::from_str(value).map_err(|error| {
            format!("{value} is no JSON ({error}); put double quotes around a text")
        })?;
        Ok(Setting(FieldChange { pointer: pointer.to_owned(), value: Some(value) }))
    }
}

impl Changes {
    /// The changes in the order in which they are made: removals last.
    ///
    /// # Errors
    /// Invalid: there are none.
    pub(crate) fn list(&self) -> Result<Vec<FieldChange>, CommandError> {
        let removal = |pointer: &String| FieldChange { pointer: pointer.clone(), value: None };
        let settings = self.set.iter().map(|Setting(change)| change.clone());
        let changes: Vec<_> = settings.chain(self.remove.iter().map(removal)).collect();
        if changes.is_empty() {
            let message = "say what to change: --set /POINTER=JSON or --remove /POINTER";
            return Err(CommandError::Usage(message.to_owned()));
        }
        Ok(changes)
    }
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let changes = arguments.changes.list()?;
    let hq = arguments.place.open_to_change()?;
    hq.repair_transaction(&arguments.number, &arguments.operator.name, &changes)?;
    print_one(arguments.format, &hq, &arguments.number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_a_pointer_and_json() {
        let Setting(change) = "/trade/customer=\"C-1=2\"".parse().unwrap();
        assert_eq!(change.pointer, "/trade/customer");
        assert_eq!(change.value, Some("C-1=2".into()));
        assert!("/trade/customer=C-1".parse::<Setting>().unwrap_err().contains("double quotes"));
        assert!("/trade/customer".parse::<Setting>().is_err());
    }
}
