//! Download packages as jobs 1010, 1040 and 1070 made them: the half of a session's life before it
//! is offered.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tillsync_domain::ids::GroupId;
use tillsync_domain::job::JobName;
use tillsync_exchange::package::Scope;
use tillsync_exchange::session::DownloadStatus;
use tillsync_hq::storage::PackageRecord;
use utoipa::{IntoParams, ToSchema};

use super::Page;
use crate::app::App;
use crate::input::{PageSize, Params, parse, parse_option};
use crate::refusal::HttpError;

/// How many packages are looked through for those that hold something.
const LOOKED_THROUGH: usize = 1_000;

/// A package, or the attempt to make one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Package {
    /// Its identity.
    pub id: String,
    /// For which group.
    pub group: String,
    /// By which job.
    pub job: String,
    /// `delta` or `snapshot`.
    pub scope: String,
    /// `Started`, `Available`, `Create failed` or `No data`.
    pub status: String,
    /// Its number among the deltas of the group; of a snapshot that of the last delta in it.
    pub sequence: u64,
    /// The version up to which everything is included.
    pub version: u64,
    /// Rows in it.
    pub rows: Option<u64>,
    /// Size in bytes, compressed.
    pub bytes: Option<u64>,
    /// SHA-256 of the compressed bytes, in hexadecimal.
    pub sha256: Option<String>,
    /// Where it lies in the package store.
    pub location: Option<String>,
    /// Why making it failed.
    pub error: Option<String>,
    /// The run that made it.
    pub run: String,
    /// When.
    pub created_at: Timestamp,
}

/// The parameters of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PackageParams {
    /// The group.
    group: String,
    /// The job that made them: `1010` (when absent), `1040` or `1070`.
    job: Option<String>,
    /// Whether attempts that found no change are listed too (F72).
    #[serde(default)]
    no_data: bool,
    /// At most this many, 1 to 1000; 50 when absent.
    #[serde(default)]
    #[param(value_type = Option<usize>)]
    limit: PageSize,
}

/// Lists the packages of a group, newest first; those without data only on request (F72).
#[utoipa::path(get, path = "/api/v1/packages", tag = "sessions", params(PackageParams),
    responses((status = 200, body = Page<Package>)))]
pub(crate) async fn list_packages(
    State(app): State<Arc<App>>,
    Params(params): Params<PackageParams>,
) -> Result<Json<Page<Package>>, HttpError> {
    let group: GroupId = parse(&params.group)?;
    let size = params.limit.items()?;
    let job: Option<JobName> = parse_option(params.job.as_ref())?;
    let job = job.unwrap_or(JobName::Customers1010);
    if !JobName::DOWNLOADS.contains(&job) {
        let what = format!("job {job} makes no packages; 1010, 1040 and 1070 do");
        return Err(HttpError::invalid(what));
    }
    let records = app
        .run(move |hq| hq.storage().read(|tx| tx.packages_list(&group, job, LOOKED_THROUGH)))
        .await?;
    let is_shown =
        |record: &PackageRecord| params.no_data || record.status != DownloadStatus::NoData;
    let packages = records.into_iter().filter(is_shown).take(size).map(Package::from).collect();
    Ok(Json(Page::whole(packages)))
}

impl From<PackageRecord> for Package {
    fn from(record: PackageRecord) -> Self {
        let manifest = record.manifest.as_ref();
        let scope = match record.scope {
            Scope::Delta => "delta",
            Scope::Snapshot => "snapshot",
        };
        Package {
            id: record.id.to_string(),
            group: record.group.to_string(),
            job: record.job.to_string(),
            scope: scope.to_owned(),
            status: record.status.to_string(),
            sequence: record.position.sequence,
            version: record.position.version.0,
            rows: manifest.map(|manifest| manifest.rows_total()),
            bytes: manifest.map(|manifest| manifest.bytes),
            sha256: manifest.map(|manifest| manifest.sha256.clone()),
            location: record.location,
            error: record.error,
            run: record.run.to_string(),
            created_at: record.created_at,
        }
    }
}
