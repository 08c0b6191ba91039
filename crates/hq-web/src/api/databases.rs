//! Edge databases: adding them, activating their devices, and how they are.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tillsync_domain::ids::{CustomerKey, DatabaseId};
use tillsync_hq::access::{ACTIVATION_VALID, Addition, is_present};
use tillsync_hq::storage::DatabaseRecord;
use utoipa::ToSchema;

use super::Page;
use crate::app::App;
use crate::auth::Operator;
use crate::input::{Body, Segment, parse};
use crate::refusal::HttpError;

/// What a database is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DatabaseKind {
    /// A store's or web shop's.
    Channel,
    /// A register's offline database.
    Register,
}

/// An edge database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Database {
    /// Its name.
    pub id: String,
    /// What it is.
    pub kind: DatabaseKind,
    /// Its group.
    pub group: String,
    /// The channel of a register.
    pub channel: Option<String>,
    /// The address book that customers created there get.
    pub address_book: String,
    /// When it was added.
    pub created_at: Timestamp,
    /// When a device redeemed its activation code.
    pub enrolled_at: Option<Timestamp>,
    /// When its credential was revoked.
    pub revoked_at: Option<Timestamp>,
    /// When it was last heard of.
    pub last_seen_at: Option<Timestamp>,
    /// Whether it was heard of within the last minute.
    pub is_present: bool,
    /// What it said of itself then.
    pub health: Option<DatabaseHealth>,
    /// The account that unnamed sales of a channel are posted to.
    pub default_customer: Option<String>,
}

/// What a database says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DatabaseHealth {
    /// Customers in it that have no account yet.
    pub pending: u64,
    /// When the oldest of them was created.
    pub oldest_pending_at: Option<Timestamp>,
    /// Operations and documents not yet received upstream.
    pub unsent: u64,
    /// Its clock.
    pub now: Timestamp,
}

/// A database to be added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDatabase {
    /// Its name.
    pub id: String,
    /// What it is.
    pub kind: DatabaseKind,
    /// The group of a channel.
    #[serde(default)]
    pub group: Option<String>,
    /// The channel of a register; the register joins its group.
    #[serde(default)]
    pub channel: Option<String>,
}

/// A database that was added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AddedDatabase {
    /// Its name.
    pub id: String,
}

/// Whom unnamed sales are posted to: either a new customer, or one that has its account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DefaultCustomer {
    /// The name of a new customer, which is in no address book and so never sent to tills.
    #[serde(default)]
    pub create: Option<String>,
    /// A customer that exists, by account number or GUID.
    #[serde(default)]
    pub customer: Option<String>,
}

/// The default customer as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DefaultAccount {
    /// Its account.
    pub account: String,
}

/// A code with which one device becomes a database. It is shown once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ActivationCode {
    /// The code, to be typed at the device.
    pub code: String,
    /// Not valid from then on.
    pub expires_at: Timestamp,
}

/// Lists every edge database, by name.
#[utoipa::path(get, path = "/api/v1/databases", tag = "fleet",
    responses((status = 200, body = Page<Database>)))]
pub(crate) async fn list_databases(
    State(app): State<Arc<App>>,
) -> Result<Json<Page<Database>>, HttpError> {
    let records = app.run(|hq| hq.list_databases()).await?;
    let now = app.hq().now();
    let databases = records.into_iter().map(|record| Database::of(record, now)).collect();
    Ok(Json(Page::whole(databases)))
}

/// Adds a channel or a register.
#[utoipa::path(post, path = "/api/v1/databases", tag = "fleet", request_body = NewDatabase,
    responses((status = 201, body = AddedDatabase)))]
pub(crate) async fn add_database(
    State(app): State<Arc<App>>,
    Body(new): Body<NewDatabase>,
) -> Result<(StatusCode, Json<AddedDatabase>), HttpError> {
    let addition = new.addition()?;
    app.run(move |hq| hq.add_database(&addition)).await?;
    tracing::info!(database = %new.id, "an operator added a database");
    Ok((StatusCode::CREATED, Json(AddedDatabase { id: new.id })))
}

/// Issues an activation code.
#[utoipa::path(post, path = "/api/v1/databases/{id}/activation-code", tag = "fleet",
    params(("id" = String, Path, description = "the database")),
    responses((status = 201, body = ActivationCode)))]
pub(crate) async fn issue_activation_code(
    State(app): State<Arc<App>>,
    Segment(id): Segment<DatabaseId>,
) -> Result<(StatusCode, Json<ActivationCode>), HttpError> {
    let database = id.clone();
    // Taken before the code is made, so that the code is valid at least until the time shown.
    let expires_at = app.hq().now() + ACTIVATION_VALID;
    let code = app.run(move |hq| hq.issue_activation_code(&id)).await?;
    tracing::info!(%database, "an operator issued an activation code");
    let code = code.to_string();
    Ok((StatusCode::CREATED, Json(ActivationCode { code, expires_at })))
}

/// Revokes a database's credential at once; a new activation code brings it back.
#[utoipa::path(post, path = "/api/v1/databases/{id}/revoke", tag = "fleet",
    params(("id" = String, Path, description = "the database")),
    responses((status = 204)))]
pub(crate) async fn revoke_device(
    State(app): State<Arc<App>>,
    Segment(id): Segment<DatabaseId>,
) -> Result<StatusCode, HttpError> {
    let database = id.clone();
    app.run(move |hq| hq.revoke_device(&id)).await?;
    tracing::info!(%database, "an operator revoked a credential");
    Ok(StatusCode::NO_CONTENT)
}

/// Sets whom unnamed sales of a channel are posted to. `create` is for a channel that has nobody.
#[utoipa::path(put, path = "/api/v1/databases/{id}/default-customer", tag = "fleet",
    params(("id" = String, Path, description = "the channel")),
    request_body = DefaultCustomer,
    responses((status = 200, body = DefaultAccount)))]
pub(crate) async fn set_default_customer(
    State(app): State<Arc<App>>,
    Operator(operator): Operator,
    Segment(id): Segment<DatabaseId>,
    Body(wanted): Body<DefaultCustomer>,
) -> Result<Json<DefaultAccount>, HttpError> {
    let database = id.clone();
    let account = match (wanted.create, wanted.customer) {
        (Some(name), None) => app.run(move |hq| hq.create_default_customer(&id, &name)).await?,
        (None, Some(key)) => {
            let key: CustomerKey = parse(&key)?;
            app.run(move |hq| hq.set_default_customer(&id, &key)).await?
        }
        _ => return Err(HttpError::invalid("give either `create` with a name or `customer`")),
    };
    tracing::info!(%database, operator, "an operator set a default customer");
    Ok(Json(DefaultAccount { account: account.to_string() }))
}

impl NewDatabase {
    fn addition(&self) -> Result<Addition, HttpError> {
        let id: DatabaseId = parse(&self.id)?;
        match (self.kind, &self.group, &self.channel) {
            (DatabaseKind::Channel, Some(group), None) => {
                Ok(Addition::Channel { id, group: parse(group)? })
            }
            (DatabaseKind::Register, None, Some(channel)) => {
                Ok(Addition::Register { id, channel: parse(channel)? })
            }
            (DatabaseKind::Channel, ..) => {
                Err(HttpError::invalid("a channel is added with a group and without a channel"))
            }
            (DatabaseKind::Register, ..) => Err(HttpError::invalid(
                "a register is added with its channel and without a group, which it takes from \
                 the channel",
            )),
        }
    }
}

impl Database {
    /// The twin of a record at a time.
    pub fn of(record: DatabaseRecord, now: Timestamp) -> Self {
        let is_present = is_present(&record, now);
        let database = record.database;
        Database {
            id: database.id.to_string(),
            kind: database.kind.into(),
            group: database.group.to_string(),
            channel: database.parent.map(|channel| channel.to_string()),
            address_book: database.address_book.to_string(),
            created_at: database.created_at,
            enrolled_at: record.enrolled_at,
            revoked_at: record.revoked_at,
            last_seen_at: record.last_seen_at,
            is_present,
            health: record.health.map(|health| DatabaseHealth {
                pending: health.pending,
                oldest_pending_at: health.oldest_pending_at,
                unsent: health.unsent,
                now: health.now,
            }),
            default_customer: record.default_customer.map(|account| account.to_string()),
        }
    }
}

type Kind = tillsync_exchange::messages::DatabaseKind;

impl From<Kind> for DatabaseKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Channel => DatabaseKind::Channel,
            Kind::Register => DatabaseKind::Register,
        }
    }
}
