//! `/Commerce/OrgUnits`: the store that this node is, or belongs to.
//!
//! A node knows no other stores; a search for them finds nothing here.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;
use tillsync_channel::identity::Identity;
use tillsync_channel::search::Page;
use tillsync_domain::kind::ErrorKind;
use utoipa::ToSchema;

use super::input::{Fields, Reader};
use super::keyed::KeyedCall;
use super::paging::page_of;
use super::{Arrived, body_of, for_reader, read_optional, requests};
use crate::app::App;
use crate::odata::ODataError;

/// A store.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct OrgUnit {
    /// Its name at headquarters, which the header `OUN` takes as well.
    org_unit_number: String,
    /// The same, until stores have names of their own.
    org_unit_name: String,
}

/// A page of stores.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct OrgUnits {
    value: Vec<OrgUnit>,
}

/// What a search asks for: names that must all be the store's, and a page.
fn read_search(mut fields: Fields) -> Result<(Vec<String>, Page), ODataError> {
    let mut reader = Reader::default();
    let mut take = |names: [&str; 2]| names.into_iter().find_map(|name| fields.remove(name));
    let criteria = take(["SearchCriteria", "searchCriteria"]);
    let settings = take(["QueryResultSettings", "queryResultSettings"]);
    let mut criteria = match criteria {
        None | Some(Value::Null) => Fields::new(),
        Some(Value::Object(criteria)) => criteria,
        Some(_) => {
            reader.refuse("SearchCriteria", "must be an object");
            Fields::new()
        }
    };
    let names = ["OrgUnitNumber", "OrgUnitName"]
        .into_iter()
        .filter_map(|name| reader.text(&format!("SearchCriteria.{name}"), criteria.remove(name)))
        .filter(|name| !name.trim().is_empty())
        .collect();
    reader.unknown("SearchCriteria.", &criteria);
    reader.unknown("", &fields);
    let settings = settings.filter(|settings| !settings.is_null()).map(serde_json::from_value);
    let settings = settings.transpose().unwrap_or_else(|_| {
        reader.refuse("QueryResultSettings", "must be an object");
        None
    });
    reader.finish(())?;
    Ok((names, page_of(settings)?))
}

impl OrgUnit {
    fn of(here: &Identity) -> Self {
        let name = here.store().to_string();
        OrgUnit { org_unit_number: name.clone(), org_unit_name: name }
    }
}

/// `POST /Commerce/OrgUnits/Search`: by number or name, whole and without regard to case.
#[utoipa::path(post, path = "/Commerce/OrgUnits/Search", tag = "org units",
    request_body = Option<requests::OrgUnitSearch>,
    responses((status = 200, body = OrgUnits)))]
pub(crate) async fn search_org_units(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Arrived,
) -> Result<Json<OrgUnits>, ODataError> {
    let body = body_of(body)?;
    for_reader(&app, &headers, move |app, _| {
        let (names, page) = read_search(read_optional(&body)?)?;
        let unit = OrgUnit::of(app.edge.identity());
        let is_wanted = names.iter().all(|name| name.eq_ignore_ascii_case(&unit.org_unit_number));
        let found = std::iter::once(unit).filter(|_| is_wanted);
        let value = found.skip(page.skip as usize).take(page.top as usize).collect();
        Ok(Json(OrgUnits { value }))
    })
    .await
}

/// `GET /Commerce/OrgUnits('NO')`.
#[utoipa::path(get, path = "/Commerce/OrgUnits('{key}')", tag = "org units",
    params(("key" = String, Path, min_length = 1, pattern = "^[^'/]+$",
        description = "the store")),
    responses((status = 200, body = OrgUnit)))]
pub(crate) fn show_org_unit(app: &App, call: &KeyedCall) -> Result<Response, ODataError> {
    let unit = OrgUnit::of(app.edge.identity());
    if call.key.trim().eq_ignore_ascii_case(&unit.org_unit_number) {
        return Ok(Json(unit).into_response());
    }
    let message = format!("this node knows the org unit {} only", unit.org_unit_number);
    Err(ODataError::new(ErrorKind::NotFound, message))
}
