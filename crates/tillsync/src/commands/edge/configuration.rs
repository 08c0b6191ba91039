//! What holds at one database, read from its file: `channel configuration` and `register
//! configuration`.

use std::path::PathBuf;

use serde_json::json;
use tillsync_channel::configuration::{Setting, SettingSource};
use tillsync_channel::identity::database_file;
use tillsync_channel::inspect::inspect_database;
use tillsync_exchange::messages::DatabaseKind;

use crate::failure::Failure;
use crate::output::{self, Format};

/// What both take.
#[derive(Debug, clap::Args)]
pub(crate) struct ConfigurationArguments {
    /// The folder of the database.
    #[arg(long, value_name = "DIR", env = "TILLSYNC_DATA_DIR")]
    data_dir: PathBuf,
    #[command(flatten)]
    format: Format,
}

pub(crate) fn show_configuration(
    kind: DatabaseKind,
    arguments: &ConfigurationArguments,
) -> Result<(), Failure> {
    let found = inspect_database(&arguments.data_dir.join(database_file(kind)))?;
    let settings: Vec<_> = found
        .configuration
        .iter()
        .map(|setting| {
            let (version, applied_at) = origin(setting);
            json!({
                "option": setting.option,
                "value": setting.value.to_string(),
                "job": setting.job.as_str(),
                "from": setting.from(),
                "version": version,
                "applied_at": applied_at.map(|at| at.to_string()),
            })
        })
        .collect();
    arguments.format.print(&json!(settings), || text(&found.configuration));
    Ok(())
}

fn origin(setting: &Setting) -> (Option<u64>, Option<jiff::Timestamp>) {
    match setting.source {
        SettingSource::UntilDistributed => (None, None),
        SettingSource::Distributed { version, applied_at, .. } => (Some(version), Some(applied_at)),
    }
}

fn text(configuration: &[Setting]) -> String {
    let rows = configuration.iter().map(|setting| {
        let (_, applied_at) = origin(setting);
        let since = applied_at.map_or_else(|| "-".to_owned(), |at| at.to_string());
        [setting.option.clone(), setting.value.to_string(), setting.from(), since]
    });
    output::table(["Option", "Value", "From", "Applied"], rows)
}
