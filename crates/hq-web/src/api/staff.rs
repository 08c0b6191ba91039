//! Staff: who may sign in at the tills of which stores. A PIN comes in here and never goes out.

use std::fmt;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tillsync_domain::ids::StaffId;
use tillsync_domain::staff::{Pin, StaffName, StaffRole};
use tillsync_hq::staff as use_case;
use tillsync_hq::storage::StaffRecord;
use utoipa::ToSchema;

use super::Page;
use crate::app::App;
use crate::auth::Operator;
use crate::input::{Body, Segment, parse};
use crate::refusal::HttpError;

/// A member of staff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StaffMember {
    /// The operator number.
    pub id: String,
    /// Given name.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// `cashier` or `manager`.
    pub role: String,
    /// The address books whose groups get them.
    pub address_books: Vec<String>,
    /// Whether they may sign in.
    pub is_active: bool,
    /// Whether a PIN was set.
    pub has_pin: bool,
    /// When they were changed last.
    pub changed_at: Timestamp,
    /// By whom.
    pub changed_by: Option<String>,
    /// The version of the change log in which they were changed last.
    pub version: u64,
}

/// A PIN on its way in: 4 to 16 digits. It is hashed at once, and shown nowhere.
#[derive(Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, pattern = "^[0-9]{4,16}$")]
pub struct TypedPin(String);

impl fmt::Debug for TypedPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TypedPin(…)")
    }
}

impl TypedPin {
    fn read(&self) -> Result<Pin, HttpError> {
        Pin::parse(&self.0).map_err(HttpError::invalid)
    }
}

/// Somebody to add.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewStaff {
    /// The operator number, at most 25 characters.
    pub id: String,
    /// Given name; one of both names is needed.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// `cashier` or `manager`.
    pub role: String,
    /// The address books whose groups get them, at least one.
    pub address_books: Vec<String>,
    /// The PIN; without one they cannot sign in yet.
    pub pin: Option<TypedPin>,
}

/// What to change of somebody; what is left out stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StaffChange {
    /// Given name; a change of one of both names replaces both.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// `cashier` or `manager`.
    pub role: Option<String>,
    /// The address books whose groups get them. Databases of others hear that they are out.
    pub address_books: Option<Vec<String>>,
    /// A new PIN. Whoever is signed in with the old one is signed out where it arrives.
    pub pin: Option<TypedPin>,
    /// Whether they may sign in.
    pub is_active: Option<bool>,
}

/// Lists staff, by operator number.
#[utoipa::path(get, path = "/api/v1/staff", tag = "staff",
    responses((status = 200, body = Page<StaffMember>)))]
pub(crate) async fn list_staff(
    State(app): State<Arc<App>>,
) -> Result<Json<Page<StaffMember>>, HttpError> {
    let staff = app.run(|hq| hq.list_staff()).await?;
    Ok(Json(Page::whole(staff.into_iter().map(StaffMember::from).collect())))
}

/// Shows a member of staff.
#[utoipa::path(get, path = "/api/v1/staff/{id}", tag = "staff",
    params(("id" = String, Path, description = "the operator number")),
    responses((status = 200, body = StaffMember)))]
pub(crate) async fn show_staff(
    State(app): State<Arc<App>>,
    Segment(staff): Segment<StaffId>,
) -> Result<Json<StaffMember>, HttpError> {
    Ok(Json(app.run(move |hq| hq.find_staff(&staff)).await?.into()))
}

/// Adds a member of staff. Tills get them by job 1060.
#[utoipa::path(post, path = "/api/v1/staff", tag = "staff", request_body = NewStaff,
    responses((status = 201, body = StaffMember)))]
pub(crate) async fn add_staff(
    State(app): State<Arc<App>>,
    Operator(operator): Operator,
    Body(body): Body<NewStaff>,
) -> Result<(StatusCode, Json<StaffMember>), HttpError> {
    let new = use_case::NewStaff {
        id: parse(&body.id)?,
        name: StaffName { first: body.first_name, last: body.last_name },
        role: role(&body.role)?,
        address_books: body
            .address_books
            .iter()
            .map(|book| parse(book))
            .collect::<Result<_, _>>()?,
        pin: body.pin.as_ref().map(TypedPin::read).transpose()?,
    };
    tracing::info!(operator, staff = %new.id, "an operator adds a member of staff");
    let added = app.run(move |hq| hq.add_staff(&new, &operator)).await?;
    Ok((StatusCode::CREATED, Json(added.into())))
}

/// Changes, blocks or admits a member of staff. Tills hear of it by job 1060.
#[utoipa::path(patch, path = "/api/v1/staff/{id}", tag = "staff",
    params(("id" = String, Path, description = "the operator number")),
    request_body = StaffChange,
    responses((status = 200, body = StaffMember)))]
pub(crate) async fn change_staff(
    State(app): State<Arc<App>>,
    Operator(operator): Operator,
    Segment(staff): Segment<StaffId>,
    Body(body): Body<StaffChange>,
) -> Result<Json<StaffMember>, HttpError> {
    let renames = body.first_name.is_some() || body.last_name.is_some();
    let books = body.address_books.as_ref();
    let books = books.map(|books| books.iter().map(|book| parse(book)).collect());
    let change = use_case::StaffChange {
        name: renames.then_some(StaffName { first: body.first_name, last: body.last_name }),
        role: body.role.as_deref().map(role).transpose()?,
        address_books: books.transpose()?,
        pin: body.pin.as_ref().map(TypedPin::read).transpose()?,
        is_active: body.is_active,
    };
    tracing::info!(operator, %staff, "an operator changes a member of staff");
    let changed = app.run(move |hq| hq.change_staff(&staff, &change, &operator)).await?;
    Ok(Json(changed.into()))
}

fn role(text: &str) -> Result<StaffRole, HttpError> {
    parse(text)
}

impl From<StaffRecord> for StaffMember {
    fn from(record: StaffRecord) -> Self {
        StaffMember {
            id: record.id.to_string(),
            first_name: record.name.first,
            last_name: record.name.last,
            role: record.role.to_string(),
            address_books: record.address_books.iter().map(ToString::to_string).collect(),
            is_active: record.is_active,
            has_pin: record.pin.is_some(),
            changed_at: record.changed_at,
            changed_by: record.changed_by,
            version: record.version.0,
        }
    }
}
