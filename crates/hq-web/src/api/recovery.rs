//! Recovering from a restore of headquarters' database: what is known, and what operators decide
//! (F64).

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tillsync_domain::ids::{AccountNumber, CustomerGuid};
use tillsync_hq::recovery::RecoveryStatus;
use tillsync_hq::storage::{NumberConflict, RecoveryRecord};
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::Operator;
use crate::input::{Body, parse};
use crate::refusal::HttpError;

/// The latest restore of headquarters, and what is left of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Recovery {
    /// Whether nobody is promoted since not every channel was heard.
    pub recovering: bool,
    /// Since when headquarters has known of the restore; null when there was none.
    pub began_at: Option<Timestamp>,
    /// What proves it.
    pub reason: Option<String>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// The operator who ended it; null when everybody was heard.
    pub ended_by: Option<String>,
    /// The channels that are waited for.
    pub waiting_for: Vec<String>,
    /// Everybody who is asked.
    pub databases: Vec<Hearing>,
    /// Customers that had a number before the restore and have not come again; they get it again.
    pub promises_open: u64,
    /// How many numbers are disputed.
    pub conflicts_open: u64,
    /// The first hundred of those.
    pub conflicts: Vec<Conflict>,
}

/// A database that is asked what it had learnt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Hearing {
    /// Its name.
    pub database: String,
    /// Customers that it has told of.
    pub told: u64,
    /// When it had told everything.
    pub heard_at: Option<Timestamp>,
    /// Whether promotion waits for it.
    pub awaited: bool,
}

/// A number of which a database says something else than headquarters knows. Nothing is
/// overwritten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Conflict {
    /// The customer.
    pub guid: String,
    /// The account that it has according to the database.
    pub account: String,
    /// The account that headquarters has for it.
    pub known_account: Option<String>,
    /// The other customer that has the account.
    pub holder: Option<String>,
    /// Who said so first.
    pub database: String,
    /// When.
    pub found_at: Timestamp,
    /// When it was settled.
    pub settled_at: Option<Timestamp>,
    /// By whom.
    pub settled_by: Option<String>,
}

/// Which conflict to settle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Settlement {
    /// The customer.
    pub guid: String,
    /// The account that is disputed.
    pub account: String,
}

/// Shows the latest recovery.
#[utoipa::path(get, path = "/api/v1/recovery", tag = "recovery",
    responses((status = 200, body = Recovery)))]
pub(crate) async fn show_recovery(
    State(app): State<Arc<App>>,
) -> Result<Json<Recovery>, HttpError> {
    Ok(Json(app.run(|hq| hq.show_recovery()).await?.into()))
}

/// Says that headquarters' database was restored from a backup: nobody is promoted until every
/// channel was heard.
#[utoipa::path(post, path = "/api/v1/recovery", tag = "recovery",
    responses((status = 200, body = Recovery)))]
pub(crate) async fn declare_restored(
    State(app): State<Arc<App>>,
    Operator(operator): Operator,
) -> Result<Json<Recovery>, HttpError> {
    let status = app.run(move |hq| {
        hq.declare_restored(&operator)?;
        hq.show_recovery()
    });
    Ok(Json(status.await?.into()))
}

/// Ends a recovery without those that were not heard. They are still asked when they come.
#[utoipa::path(post, path = "/api/v1/recovery/finish", tag = "recovery",
    responses((status = 200, body = Recovery)))]
pub(crate) async fn finish_recovery(
    State(app): State<Arc<App>>,
    Operator(operator): Operator,
) -> Result<Json<Recovery>, HttpError> {
    let status = app.run(move |hq| {
        hq.finish_recovery(&operator)?;
        hq.show_recovery()
    });
    Ok(Json(status.await?.into()))
}

/// Settles a disputed number: what headquarters knows stands. A customer that has no account there
/// gets another number.
#[utoipa::path(post, path = "/api/v1/recovery/settle", tag = "recovery",
    request_body = Settlement, responses((status = 200, body = Conflict)))]
pub(crate) async fn settle_conflict(
    State(app): State<Arc<App>>,
    Operator(operator): Operator,
    Body(settlement): Body<Settlement>,
) -> Result<Json<Conflict>, HttpError> {
    let guid: CustomerGuid = parse(&settlement.guid)?;
    let account = AccountNumber::parse(&settlement.account).map_err(HttpError::invalid)?;
    let settled = app.run(move |hq| hq.settle_conflict(&guid, &account, &operator)).await?;
    Ok(Json(settled.into()))
}

impl From<RecoveryStatus> for Recovery {
    fn from(status: RecoveryStatus) -> Self {
        let awaited: BTreeSet<_> = status.waiting_for.iter().collect();
        let databases = status.hearings.iter().map(|hearing| Hearing {
            database: hearing.database.to_string(),
            told: hearing.told,
            heard_at: hearing.heard_at,
            awaited: awaited.contains(&hearing.database),
        });
        let databases = databases.collect();
        let recovering = status.is_recovering();
        let latest = status.recovery;
        let of_latest =
            |field: fn(&RecoveryRecord) -> Option<Timestamp>| latest.as_ref().and_then(field);
        Recovery {
            recovering,
            began_at: of_latest(|recovery| Some(recovery.began_at)),
            ended_at: of_latest(|recovery| recovery.ended_at),
            reason: latest.as_ref().map(|recovery| recovery.reason.clone()),
            ended_by: latest.as_ref().and_then(|recovery| recovery.ended_by.clone()),
            waiting_for: status.waiting_for.iter().map(ToString::to_string).collect(),
            databases,
            promises_open: status.promises_open,
            conflicts_open: status.conflicts_open,
            conflicts: status.conflicts.into_iter().map(Conflict::from).collect(),
        }
    }
}

impl From<NumberConflict> for Conflict {
    fn from(conflict: NumberConflict) -> Self {
        Conflict {
            guid: conflict.guid.to_string(),
            account: conflict.account.to_string(),
            known_account: conflict.known_account.map(|account| account.to_string()),
            holder: conflict.holder.map(|guid| guid.to_string()),
            database: conflict.source.to_string(),
            found_at: conflict.found_at,
            settled_at: conflict.settled_at,
            settled_by: conflict.settled_by,
        }
    }
}
