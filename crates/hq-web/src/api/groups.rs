//! Channel database groups: which address books their databases get, and in which mode (F75).

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use tillsync_domain::ids::{AddressBook, GroupId};
use tillsync_hq::storage::GroupRecord;
use utoipa::ToSchema;

use super::Page;
use crate::app::App;
use crate::input::{Body, Segment, parse};
use crate::refusal::HttpError;

/// The most address books of one group.
const BOOKS_MAX: usize = 100;

/// Whether changes travel at once or by schedule.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExchangeMode {
    /// At once.
    #[default]
    Live,
    /// When jobs run.
    Scheduled,
}

/// A channel database group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Group {
    /// Its name.
    pub id: String,
    /// The address books whose customers its databases get, by name. Databases that are added to
    /// the group give the first of them to customers they create.
    pub address_books: Vec<String>,
    /// Whether changes travel at once or by schedule.
    pub mode: ExchangeMode,
}

/// A group without its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupSettings {
    /// The address books whose customers its databases get.
    pub address_books: Vec<String>,
    /// Whether changes travel at once (when absent) or by schedule.
    #[serde(default)]
    pub mode: ExchangeMode,
}

/// Lists every group, by name.
#[utoipa::path(get, path = "/api/v1/groups", tag = "fleet",
    responses((status = 200, body = Page<Group>)))]
pub(crate) async fn list_groups(
    State(app): State<Arc<App>>,
) -> Result<Json<Page<Group>>, HttpError> {
    let groups = app.run(|hq| hq.list_groups()).await?;
    Ok(Json(Page::whole(groups.into_iter().map(Group::from).collect())))
}

/// Adds a group or replaces its settings.
#[utoipa::path(put, path = "/api/v1/groups/{id}", tag = "fleet",
    params(("id" = String, Path, description = "the group")),
    request_body = GroupSettings,
    responses((status = 200, body = Group)))]
pub(crate) async fn put_group(
    State(app): State<Arc<App>>,
    Segment(id): Segment<GroupId>,
    Body(settings): Body<GroupSettings>,
) -> Result<Json<Group>, HttpError> {
    let mut books: Vec<AddressBook> =
        settings.address_books.iter().map(|book| parse(book)).collect::<Result<_, _>>()?;
    books.sort_unstable();
    books.dedup();
    if books.is_empty() || books.len() > BOOKS_MAX {
        return Err(HttpError::invalid(format!("a group has 1 to {BOOKS_MAX} address books")));
    }
    let record = GroupRecord { id, address_books: books, mode: settings.mode.into() };
    let record = app.run(move |hq| hq.put_group(&record).map(|()| record)).await?;
    tracing::info!(group = %record.id, "an operator set a group");
    Ok(Json(record.into()))
}

type Mode = tillsync_exchange::messages::ExchangeMode;

impl From<ExchangeMode> for Mode {
    fn from(mode: ExchangeMode) -> Self {
        match mode {
            ExchangeMode::Live => Mode::Live,
            ExchangeMode::Scheduled => Mode::Scheduled,
        }
    }
}

impl From<Mode> for ExchangeMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Live => ExchangeMode::Live,
            Mode::Scheduled => ExchangeMode::Scheduled,
        }
    }
}

impl From<GroupRecord> for Group {
    fn from(record: GroupRecord) -> Self {
        Group {
            id: record.id.to_string(),
            address_books: record.address_books.iter().map(ToString::to_string).collect(),
            mode: record.mode.into(),
        }
    }
}
