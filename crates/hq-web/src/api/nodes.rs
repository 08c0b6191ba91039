//! The nodes that serve headquarters, and the leases that their runs hold.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tillsync_hq::Headquarters;
use tillsync_hq::nodes::{LeaseState, NodeState};
use utoipa::ToSchema;

use super::Page;
use crate::app::App;
use crate::refusal::HttpError;

/// A node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Node {
    /// Its identity, another one after each start.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// The version of its program.
    pub version: String,
    /// When it began to serve.
    pub started_at: Timestamp,
    /// When it was last heard of.
    pub seen_at: Timestamp,
    /// Whether it was heard of lately. One that was not is paused, cut off or dead; it leaves the
    /// list a day later.
    pub present: bool,
    /// Whether it is the one that answers.
    pub answering: bool,
}

/// The right of one run to go on alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeldLease {
    /// Of which job.
    pub job: String,
    /// Which run.
    pub run: String,
    /// The name of the node where it runs; null for a command.
    pub node: Option<String>,
    /// The identity of that node.
    pub node_id: Option<String>,
    /// Since when.
    pub taken_at: Timestamp,
    /// Until when, unless the run renews it.
    pub expires_at: Timestamp,
}

/// Lists the nodes that serve headquarters, and those that fell silent within a day.
#[utoipa::path(get, path = "/api/v1/nodes", tag = "nodes",
    responses((status = 200, body = Page<Node>)))]
pub(crate) async fn list_nodes(State(app): State<Arc<App>>) -> Result<Json<Page<Node>>, HttpError> {
    let nodes = app.run(Headquarters::list_nodes).await?;
    let own = app.hq().node();
    let describe = |state: NodeState| {
        let answering = state.node.id == *own;
        Node {
            id: state.node.id.0,
            name: state.node.name.0,
            version: state.node.version,
            started_at: state.node.started_at,
            seen_at: state.node.seen_at,
            present: state.is_present,
            answering,
        }
    };
    Ok(Json(Page::whole(nodes.into_iter().map(describe).collect())))
}

/// Lists the leases that have not expired. A job whose node died goes on elsewhere once its lease
/// has.
#[utoipa::path(get, path = "/api/v1/leases", tag = "nodes",
    responses((status = 200, body = Page<HeldLease>)))]
pub(crate) async fn list_leases(
    State(app): State<Arc<App>>,
) -> Result<Json<Page<HeldLease>>, HttpError> {
    let leases = app.run(Headquarters::list_leases).await?;
    Ok(Json(Page::whole(leases.into_iter().map(HeldLease::from).collect())))
}

impl From<LeaseState> for HeldLease {
    fn from(state: LeaseState) -> Self {
        let LeaseState { lease, node } = state;
        let (node, node_id) = node.map(|node| (node.name.0, node.id.0)).unzip();
        HeldLease {
            job: lease.job.to_string(),
            run: lease.run.to_string(),
            node,
            node_id,
            taken_at: lease.taken_at,
            expires_at: lease.expires_at,
        }
    }
}
