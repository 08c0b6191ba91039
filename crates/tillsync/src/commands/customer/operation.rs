//! One operation on a customer: shown, repaired, applied.

use std::str::FromStr;

use tillsync_domain::ids::OperationId;
use tillsync_domain::operation::OperationStatus;
use tillsync_hq::operations::{FieldSetting, OperationDetail, describe};
use tillsync_hq_web::api::operations::{LogLine, OperationShown};

use crate::commands::repair::Operator;
use crate::failure::{CommandError, Failure, Verdict};
use crate::headquarters::Place;
use crate::output::{self, Format};

/// Arguments of `customer repair`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    tillsync customer repair 01890000-0000-7000-8000-000000000001 --set last_name=Berry \
    --set email=ann@berry.fi --operator ann --data-dir /srv/tillsync\n\n\
    Fields are those that `customer show OPERATION` lists, or as errors name them; an empty value \
    removes one. What was sent is kept word for word, and each change stands in \
    `customer audit` with who made it and when.")]
pub(crate) struct RepairArguments {
    /// Which operation, by its id; `customer status --failed` lists them.
    operation: OperationId,
    /// Set a field; give it once for each.
    #[arg(long = "set", value_name = "FIELD=VALUE", required = true)]
    set: Vec<Setting>,
    #[command(flatten)]
    operator: Operator,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    format: Format,
}

/// Arguments of `customer synchronize`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    tillsync customer synchronize 01890000-0000-7000-8000-000000000001 --data-dir /srv/tillsync\n\n\
    What else is open of its customer is applied with it. Exits with 1 when the operation is not \
    completed afterwards.")]
pub(crate) struct SynchronizeArguments {
    /// Which operation, by its id; `customer status --failed` lists them.
    operation: OperationId,
    #[command(flatten)]
    operator: Operator,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    format: Format,
}

/// One field with its new value.
#[derive(Debug, Clone)]
struct Setting(FieldSetting);

impl FromStr for Setting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (field, value) =
            text.split_once('=').ok_or("write FIELD=VALUE, such as last_name=Berry")?;
        let value = Some(value.into());
        Ok(Setting(FieldSetting { field: field.trim().to_owned(), value }))
    }
}

pub(super) fn repair(arguments: &RepairArguments) -> Result<(), Failure> {
    let settings: Vec<_> = arguments.set.iter().map(|Setting(it)| it.clone()).collect();
    if settings.iter().any(|setting| setting.field.is_empty()) {
        return Err(CommandError::Usage("name the field before the =".to_owned()).into());
    }
    let hq = arguments.place.open_to_change()?;
    let operator = &arguments.operator.name;
    let detail = hq.repair_operation(&arguments.operation, operator, &settings)?;
    print(arguments.format, detail);
    Ok(())
}

pub(super) fn synchronize(arguments: &SynchronizeArguments) -> Result<Verdict, Failure> {
    let hq = arguments.place.open_to_change()?;
    let detail = hq.synchronize_operation(&arguments.operation, &arguments.operator.name)?;
    let is_done = detail.record.status == OperationStatus::Succeeded;
    print(arguments.format, detail);
    Ok(if is_done { Verdict::Good } else { Verdict::Bad })
}

pub(super) fn print(format: Format, detail: OperationDetail) {
    let twin = OperationShown::from(detail.clone());
    format.print(&output::json(&twin), || text(&detail, &twin));
}

fn text(detail: &OperationDetail, twin: &OperationShown) -> String {
    let operation = &twin.operation;
    let account = operation.account.as_deref().unwrap_or("none yet");
    let mut text = String::new();
    let mut put = |name: &str, value: &str| text += &format!("{name:<15}{value}\n");
    put("Operation", &operation.id);
    put("Change", &describe(&detail.record));
    put("Status", &operation.status);
    put("Account", account);
    put("Created as", &operation.customer);
    put("Channel", &operation.source);
    put("Recorded", &format!("{} UTC at {}", output::time(operation.created_at), operation.origin));
    if let Some(staff) = &operation.staff {
        put("By", staff);
    }
    put("Tries", &operation.tries.to_string());
    if let Some(next) = operation.next_try_at {
        put("Next try", &format!("{} UTC", output::time(next)));
    }
    if let Some(at) = operation.completed_at {
        put("Applied", &format!("{} UTC", output::time(at)));
    }
    let cell = |value: &Option<String>| value.clone().unwrap_or_default();
    let lines = twin.grid.iter().map(|line| {
        let sent = if line.is_repaired { cell(&line.sent_value) } else { "=".to_owned() };
        [line.property.clone(), cell(&line.old_value), cell(&line.new_value), sent]
    });
    text += &output::table(["Property", "Old value", "New value", "As it was sent"], lines);
    if !twin.log.is_empty() {
        text += "\n";
        text += &output::table(["When (UTC)", "Who", "What"], twin.log.iter().map(log_line));
    }
    text
}

fn log_line(line: &LogLine) -> [String; 3] {
    let who = line.operator.clone().unwrap_or_else(|| "headquarters".to_owned());
    let what = match (&line.field, &line.error) {
        (Some(field), _) => changed(field, line.old.as_deref(), line.new.as_deref()),
        (None, Some(error)) => format!("failed: {error}"),
        (None, None) => "asked to apply it now".to_owned(),
    };
    [output::time(line.at), who, what]
}

/// A change of a field in one line.
pub(super) fn changed(field: &str, old: Option<&str>, new: Option<&str>) -> String {
    format!("{field}: {} -> {}", quoted(old), quoted(new))
}

fn quoted(value: Option<&str>) -> String {
    value.map_or_else(|| "none".to_owned(), |value| format!("{value:?}"))
}
