//! `tillsync session show`.

use std::fmt::Write;

use serde_json::json;
use tillsync_domain::ids::SessionId;

use super::session_json;
use crate::failure::Failure;
use crate::headquarters::Place;
use crate::output::{self, Format};

/// Arguments of `session show`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    tillsync session show 0190a8f0-0000-7000-8000-000000000001 --data-dir /srv/tillsync")]
pub(crate) struct Arguments {
    /// Which one, as `session list` shows it.
    id: SessionId,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    format: Format,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let (session, package) = arguments.place.open_to_look()?.show_session(&arguments.id)?;
    let manifest = package.as_ref().and_then(|package| package.manifest.as_ref());
    let mut value = session_json(&session);
    value["manifest"] = json!(manifest);
    value["location"] = json!(package.as_ref().and_then(|package| package.location.as_ref()));
    arguments.format.print(&value, || {
        let mut text = format!("Session  {}\n", session.id);
        let mut put = |name: &str, value: String| {
            writeln!(text, "{name:<9}{value}").expect("a string takes every text");
        };
        put("Database", session.database.to_string());
        put("Job", format!("{} ({})", session.job, session.job.title()));
        put("Status", session.progress.status.to_string());
        put("Failures", session.progress.failures.to_string());
        put("Made", output::time(session.created_at));
        put("Applied", output::time_or_dash(session.applied_at));
        if let Some(error) = &session.error {
            put("Error", error.clone());
        }
        if let Some(original) = session.rerun_of {
            put("Rerun of", original.to_string());
        }
        put("Package", session.package.to_string());
        if let Some(location) = package.as_ref().and_then(|package| package.location.clone()) {
            put("File", format!("packages/{location}"));
        }
        text
    });
    Ok(())
}
