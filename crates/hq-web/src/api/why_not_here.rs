//! Why a store does not see a customer.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use tillsync_domain::ids::{CustomerKey, DatabaseId};
use tillsync_hq::why_not_here::{Cause, WhyNotHere};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::input::{Params, Segment};
use crate::refusal::HttpError;

/// Where it is looked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ChannelParams {
    /// The store or register.
    channel: String,
}

/// Why a store does not see a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WhyNotHereReport {
    /// The store or register.
    pub channel: String,
    /// Whether it has the customer with its account, as far as headquarters knows.
    pub is_here: bool,
    /// What stands in the way, in the order in which it must be put right.
    pub causes: Vec<CauseReport>,
}

/// One thing that stands in the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CauseReport {
    /// `no_such_account`, `not_uploaded`, `pending_here`, `not_promoted`, `failed`,
    /// `not_enrolled`, `revoked`, `no_shared_book`, `not_packed`, `session_suspended`,
    /// `session_open`, `session_canceled`, `not_fetched` or `here`.
    pub code: String,
    /// What is the case.
    pub what: String,
    /// What to do about it.
    pub advice: String,
}

/// Says why a store does not see a customer, by account number or GUID.
#[utoipa::path(get, path = "/api/v1/customers/{key}/why-not-here", tag = "customers",
    params(("key" = String, Path, description = "account number or GUID"), ChannelParams),
    responses((status = 200, body = WhyNotHereReport)))]
pub(crate) async fn explain_absence(
    State(app): State<Arc<App>>,
    Segment(key): Segment<CustomerKey>,
    Params(params): Params<ChannelParams>,
) -> Result<Json<WhyNotHereReport>, HttpError> {
    let channel: DatabaseId = params.channel.parse().map_err(HttpError::invalid)?;
    let found = app.run(move |hq| hq.why_not_here(&key, &channel)).await?;
    Ok(Json(WhyNotHereReport::from(found)))
}

impl From<WhyNotHere> for WhyNotHereReport {
    fn from(found: WhyNotHere) -> Self {
        let report = |cause: &Cause| CauseReport {
            code: cause.code().to_owned(),
            what: cause.what(),
            advice: cause.advice(),
        };
        WhyNotHereReport {
            channel: found.database.to_string(),
            is_here: found.is_here,
            causes: found.causes.iter().map(report).collect(),
        }
    }
}
