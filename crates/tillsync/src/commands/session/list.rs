//! `tillsync session list`.

use serde_json::{Value, json};
use tillsync_domain::ids::DatabaseId;
use tillsync_domain::job::JobName;
use tillsync_exchange::session::DownloadStatus;
use tillsync_hq::Headquarters;
use tillsync_hq::storage::{
    DownloadSessionRecord, PackageRecord, SessionFilter, UploadSessionRecord,
};

use super::session_json;
use crate::failure::Failure;
use crate::headquarters::Place;
use crate::output::{self, Format};

/// Arguments of `session list`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    tillsync session list --data-dir /srv/tillsync\n  \
    tillsync session list --status suspended --for S1 --data-dir /srv/tillsync\n  \
    tillsync session list --uploads --data-dir /srv/tillsync")]
pub(crate) struct Arguments {
    /// Only downloads in this status, such as suspended or apply-failed.
    #[arg(long, value_parser = status, conflicts_with = "uploads")]
    status: Option<DownloadStatus>,
    /// Only of this database.
    #[arg(long = "for", value_name = "DATABASE")]
    database: Option<DatabaseId>,
    /// Uploads instead of downloads.
    #[arg(long)]
    uploads: bool,
    /// Also runs of the download jobs that found nothing to send.
    #[arg(long, conflicts_with = "uploads")]
    all: bool,
    /// How many to show.
    #[arg(long, default_value_t = 50)]
    limit: usize,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    format: Format,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let hq = arguments.place.open_to_look()?;
    if arguments.uploads {
        let uploads = hq.list_uploads(arguments.limit)?;
        print_uploads(arguments, &uploads);
        return Ok(());
    }
    let sessions = hq.list_sessions(&SessionFilter {
        database: arguments.database.clone(),
        status: arguments.status,
        before: None,
        limit: arguments.limit,
    })?;
    let empty = if arguments.all { packages_without_data(&hq, arguments.limit)? } else { vec![] };
    print_downloads(arguments.format, &sessions, &empty);
    Ok(())
}

fn print_downloads(format: Format, sessions: &[DownloadSessionRecord], empty: &[PackageRecord]) {
    let value = sessions.iter().map(session_json).chain(empty.iter().map(package_json)).collect();
    format.print(&Value::Array(value), || {
        if sessions.is_empty() && empty.is_empty() {
            return "no session".to_owned();
        }
        let header = ["Session", "Database", "Job", "Status", "Failures", "Changed (UTC)", "Error"];
        let session_cells = |session: &DownloadSessionRecord| {
            [
                session.id.to_string(),
                session.database.to_string(),
                session.job.to_string(),
                session.progress.status.to_string(),
                session.progress.failures.to_string(),
                output::time(session.updated_at),
                session.error.clone().unwrap_or_default(),
            ]
        };
        let package_cells = |package: &PackageRecord| {
            [
                "-".to_owned(),
                format!("group {}", package.group),
                package.job.to_string(),
                package.status.to_string(),
                "0".to_owned(),
                output::time(package.created_at),
                String::new(),
            ]
        };
        let rows = sessions.iter().map(session_cells).chain(empty.iter().map(package_cells));
        output::table(header, rows)
    });
}

fn print_uploads(arguments: &Arguments, uploads: &[UploadSessionRecord]) {
    let is_wanted = |upload: &&UploadSessionRecord| {
        arguments.database.as_ref().is_none_or(|database| *database == upload.source)
    };
    let uploads: Vec<_> = uploads.iter().filter(is_wanted).collect();
    let value = uploads.iter().map(|upload| upload_json(upload)).collect();
    arguments.format.print(&Value::Array(value), || {
        if uploads.is_empty() {
            return "no upload".to_owned();
        }
        let header =
            ["Package", "From", "Counters", "Rows", "Bytes", "Status", "Tries", "Arrived (UTC)"];
        let cells = |upload: &&UploadSessionRecord| {
            [
                upload.id.to_string(),
                upload.source.to_string(),
                format!("{}–{}", upload.counters.0, upload.counters.1),
                upload.rows.to_string(),
                upload.bytes.to_string(),
                upload.status.to_string(),
                upload.tries.to_string(),
                output::time(upload.updated_at),
            ]
        };
        output::table(header, uploads.iter().map(cells))
    });
}

/// The attempts of the download jobs that found nothing to send, newest first.
fn packages_without_data(hq: &Headquarters, limit: usize) -> Result<Vec<PackageRecord>, Failure> {
    let mut packages = hq.storage().read(|tx| {
        let mut packages = Vec::new();
        for group in tx.groups_all()? {
            for job in JobName::DOWNLOADS {
                packages.extend(tx.packages_list(&group.id, job, limit)?);
            }
        }
        Ok(packages)
    })?;
    packages.retain(|package| package.status == DownloadStatus::NoData);
    packages.sort_by_key(|package| std::cmp::Reverse(package.created_at));
    packages.truncate(limit);
    Ok(packages)
}

fn package_json(package: &PackageRecord) -> Value {
    json!({
        "session": null,
        "direction": "download",
        "group": package.group.as_str(),
        "job": package.job.as_str(),
        "package": package.id.to_string(),
        "status": package.status.as_str(),
        "created_at": package.created_at.to_string(),
    })
}

fn upload_json(upload: &UploadSessionRecord) -> Value {
    json!({
        "session": upload.id.to_string(),
        "direction": "upload",
        "database": upload.source.as_str(),
        "epoch": upload.epoch.to_string(),
        "first_counter": upload.counters.0,
        "last_counter": upload.counters.1,
        "rows": upload.rows,
        "bytes": upload.bytes,
        "status": upload.status.as_str(),
        "tries": upload.tries,
        "error": upload.error,
        "created_at": upload.created_at.to_string(),
        "updated_at": upload.updated_at.to_string(),
    })
}

/// A status as people read it, or with dashes so that it needs no quotes.
fn status(text: &str) -> Result<DownloadStatus, String> {
    text.replace(['-', '_'], " ").parse().map_err(|_| {
        let known: Vec<_> = DownloadStatus::ALL.iter().map(|status| status.as_str()).collect();
        format!("the statuses are {}", known.join(", "))
    })
}
