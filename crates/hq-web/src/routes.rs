//! The one table of what can be reached over HTTP, and by whom.
//!
//! The router is built from the table, so a route that stands in no row does not exist.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodFilter, MethodRouter, on};
use tillsync_domain::kind::ErrorKind;

use crate::api::items::ITEMS_BYTES_MAX;
use crate::app::App;
use crate::auth::{Guard, guard};
use crate::input::JSON_BYTES_MAX;
use crate::realtime::customers::CALL_BYTES_MAX;
use crate::realtime::orders::ORDER_BYTES_MAX;
use crate::refusal::HttpError;
use crate::{api, exchange, health, metrics, openapi, realtime};

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody who reaches the socket.
    Public,
    /// A channel with a credential that is not revoked; what it may see, its handler decides.
    Device,
    /// The holder of an operator's token.
    Operator,
}

/// How soon a route answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Within seconds.
    Prompt,
    /// It waits on purpose, or on a slow line.
    Patient,
}

/// An HTTP method in use here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Reads.
    Get,
    /// Does something.
    Post,
    /// Sets a whole thing; repeating it is harmless.
    Put,
    /// Changes parts of a thing.
    Patch,
}

impl Verb {
    /// The method's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Verb::Get => "GET",
            Verb::Post => "POST",
            Verb::Put => "PUT",
            Verb::Patch => "PATCH",
        }
    }

    fn filter(self) -> MethodFilter {
        match self {
            Verb::Get => MethodFilter::GET,
            Verb::Post => MethodFilter::POST,
            Verb::Put => MethodFilter::PUT,
            Verb::Patch => MethodFilter::PATCH,
        }
    }
}

type Mount = fn(MethodFilter) -> MethodRouter<Arc<App>>;

/// One row of the table.
pub struct Route {
    /// The method.
    pub verb: Verb,
    /// The path, with its variable segment in braces.
    pub path: &'static str,
    /// Who may call it.
    pub access: Access,
    pace: Pace,
    mount: Mount,
}

const fn route(verb: Verb, path: &'static str, access: Access, mount: Mount) -> Route {
    Route { verb, path, access, pace: Pace::Prompt, mount }
}

const fn patient(verb: Verb, path: &'static str, access: Access, mount: Mount) -> Route {
    Route { verb, path, access, pace: Pace::Patient, mount }
}

use Access::{Device, Operator, Public};
use Verb::{Get, Patch, Post, Put};

/// Every route.
#[rustfmt::skip]
pub const AUTHORIZATION: &[Route] = &[
    route(Get, "/healthz", Public, |m| on(m, health::show_health)),
    route(Get, "/readyz", Public, |m| on(m, health::show_readiness)),
    route(Get, "/metrics", Public, |m| on(m, metrics::show_metrics)),
    route(Get, "/api/openapi.json", Public, |m| on(m, openapi::show_openapi)),

    // An activation code is the credential here.
    route(Post, "/exchange/v1/enrol", Public, |m| on(m, exchange::enrol::enrol_device)),
    route(Post, "/exchange/v1/hello", Device, |m| on(m, exchange::hello::say_hello)),
    patient(Post, "/exchange/v1/uploads", Device, |m| on(m, exchange::uploads::receive_upload)),
    patient(Post, "/exchange/v1/poll", Device, |m| on(m, exchange::poll::poll_packages)),
    route(Get, "/exchange/v1/packages/{id}", Device, |m| on(m, exchange::packages::send_package)),
    route(Post, "/exchange/v1/downloads/{session}", Device,
        |m| on(m, exchange::downloads::report_download)),

    route(Post, "/realtime/v1/customers", Device,
        |m| on(m, realtime::customers::create_customer)
            .layer(DefaultBodyLimit::max(CALL_BYTES_MAX))),
    route(Post, "/realtime/v1/customers/search", Device,
        |m| on(m, realtime::search::search_customers)),
    route(Post, "/realtime/v1/customers/add-to-store", Device,
        |m| on(m, realtime::search::add_to_store)),
    route(Post, "/realtime/v1/orders", Device,
        |m| on(m, realtime::orders::create_order)
            .layer(DefaultBodyLimit::max(ORDER_BYTES_MAX))),

    route(Get, "/api/v1/status", Operator, |m| on(m, api::status::show_status)),
    route(Get, "/api/v1/customers", Operator, |m| on(m, api::customers::find_customers)),
    route(Get, "/api/v1/customers/{key}", Operator, |m| on(m, api::customers::show_customer)),
    route(Get, "/api/v1/customers/{key}/trace", Operator,
        |m| on(m, api::traces::trace_customer)),
    route(Get, "/api/v1/customers/{key}/why-not-here", Operator,
        |m| on(m, api::why_not_here::explain_absence)),
    route(Get, "/api/v1/customers/{key}/orders", Operator,
        |m| on(m, api::history::list_customer_orders)),
    route(Get, "/api/v1/customers/{key}/balance", Operator,
        |m| on(m, api::history::show_balance)),
    route(Get, "/api/v1/customers/{key}/audit", Operator,
        |m| on(m, api::audits::audit_customer)),
    route(Get, "/api/v1/synchronization-status", Operator,
        |m| on(m, api::operations::list_synchronization_status)),
    route(Get, "/api/v1/operations", Operator, |m| on(m, api::operations::list_operations)),
    route(Get, "/api/v1/operations/{id}", Operator, |m| on(m, api::operations::show_operation)),
    route(Post, "/api/v1/operations/{id}/repair", Operator,
        |m| on(m, api::operations::repair_operation)),
    route(Post, "/api/v1/operations/{id}/synchronize", Operator,
        |m| on(m, api::operations::synchronize_operation)),
    route(Get, "/api/v1/quarantine/documents", Operator,
        |m| on(m, api::quarantine::list_quarantined_documents)),
    route(Get, "/api/v1/orders", Operator, |m| on(m, api::orders::list_orders)),
    route(Get, "/api/v1/orders/{number}", Operator, |m| on(m, api::orders::show_order)),
    route(Post, "/api/v1/orders/{number}/lock", Operator, |m| on(m, api::orders::lock_order)),
    route(Post, "/api/v1/orders/{number}/unlock", Operator,
        |m| on(m, api::orders::unlock_order)),
    route(Post, "/api/v1/orders/{number}/repair", Operator,
        |m| on(m, api::orders::repair_order)),
    route(Post, "/api/v1/orders/{number}/synchronize", Operator,
        |m| on(m, api::orders::synchronize_order)),
    route(Post, "/api/v1/orders/{number}/lift-hold", Operator,
        |m| on(m, api::orders::lift_hold)),
    route(Get, "/api/v1/transactions", Operator,
        |m| on(m, api::transactions::list_transactions)),
    route(Get, "/api/v1/transactions/{number}", Operator,
        |m| on(m, api::transactions::show_transaction)),
    route(Post, "/api/v1/transactions/{number}/repair", Operator,
        |m| on(m, api::transactions::repair_transaction)),
    route(Post, "/api/v1/transactions/{number}/validate", Operator,
        |m| on(m, api::transactions::validate_transaction)),
    route(Get, "/api/v1/shifts", Operator, |m| on(m, api::shifts::list_shifts)),
    route(Get, "/api/v1/statements", Operator, |m| on(m, api::statements::list_statements)),
    route(Get, "/api/v1/statements/{id}", Operator, |m| on(m, api::statements::show_statement)),
    patient(Post, "/api/v1/statements/{id}/retry", Operator,
        |m| on(m, api::statements::retry_statement)),
    route(Post, "/api/v1/statements/{id}/release", Operator,
        |m| on(m, api::statements::release_statement)),
    route(Get, "/api/v1/ledger", Operator, |m| on(m, api::ledger::show_ledger)),
    route(Get, "/api/v1/vouchers", Operator, |m| on(m, api::ledger::list_vouchers)),
    route(Get, "/api/v1/postings", Operator, |m| on(m, api::postings::show_postings)),
    route(Get, "/api/v1/items", Operator, |m| on(m, api::items::find_items)),
    route(Put, "/api/v1/items", Operator,
        |m| on(m, api::items::put_items).layer(DefaultBodyLimit::max(ITEMS_BYTES_MAX))),
    route(Get, "/api/v1/exclusion", Operator, |m| on(m, api::exclusion::show_exclusion)),
    route(Put, "/api/v1/exclusion/jobs/{job}", Operator,
        |m| on(m, api::exclusion::exclude_job)),
    route(Put, "/api/v1/exclusion/subjobs/{name}", Operator,
        |m| on(m, api::exclusion::exclude_subjob)),
    route(Put, "/api/v1/exclusion/filter", Operator, |m| on(m, api::exclusion::set_filter)),
    route(Get, "/api/v1/offline-profiles", Operator,
        |m| on(m, api::offline_profiles::list_offline_profiles)),
    route(Patch, "/api/v1/offline-profiles/{name}", Operator,
        |m| on(m, api::offline_profiles::change_offline_profile)),
    route(Get, "/api/v1/register-configuration", Operator,
        |m| on(m, api::offline_profiles::show_register_configuration)),
    route(Put, "/api/v1/databases/{id}/offline-profile", Operator,
        |m| on(m, api::offline_profiles::assign_offline_profile)),
    route(Get, "/api/v1/features", Operator, |m| on(m, api::features::list_features)),
    route(Patch, "/api/v1/features/{name}", Operator,
        |m| on(m, api::features::change_feature)),
    route(Get, "/api/v1/databases/{id}/configuration", Operator,
        |m| on(m, api::configuration::show_database_configuration)),
    route(Get, "/api/v1/profiles", Operator, |m| on(m, api::profiles::list_profiles)),
    route(Patch, "/api/v1/profiles/{name}", Operator,
        |m| on(m, api::profiles::change_profile)),
    route(Get, "/api/v1/configuration", Operator,
        |m| on(m, api::profiles::show_configuration)),
    route(Put, "/api/v1/databases/{id}/profile", Operator,
        |m| on(m, api::profiles::assign_profile)),
    route(Get, "/api/v1/staff", Operator, |m| on(m, api::staff::list_staff)),
    route(Post, "/api/v1/staff", Operator, |m| on(m, api::staff::add_staff)),
    route(Get, "/api/v1/staff/{id}", Operator, |m| on(m, api::staff::show_staff)),
    route(Patch, "/api/v1/staff/{id}", Operator, |m| on(m, api::staff::change_staff)),
    route(Get, "/api/v1/parameters", Operator, |m| on(m, api::parameters::show_parameters)),
    route(Put, "/api/v1/parameters", Operator, |m| on(m, api::parameters::put_parameters)),
    route(Get, "/api/v1/jobs", Operator, |m| on(m, api::jobs::list_jobs)),
    route(Get, "/api/v1/jobs/{job}/runs", Operator, |m| on(m, api::jobs::list_runs)),
    route(Post, "/api/v1/jobs/{job}/runs", Operator, |m| on(m, api::jobs::run_job)),
    route(Put, "/api/v1/jobs/{job}/schedule", Operator, |m| on(m, api::jobs::set_schedule)),
    route(Get, "/api/v1/runs/{id}", Operator, |m| on(m, api::jobs::show_run)),
    route(Get, "/api/v1/nodes", Operator, |m| on(m, api::nodes::list_nodes)),
    route(Get, "/api/v1/leases", Operator, |m| on(m, api::nodes::list_leases)),
    route(Get, "/api/v1/recovery", Operator, |m| on(m, api::recovery::show_recovery)),
    route(Post, "/api/v1/recovery", Operator, |m| on(m, api::recovery::declare_restored)),
    route(Post, "/api/v1/recovery/finish", Operator,
        |m| on(m, api::recovery::finish_recovery)),
    route(Post, "/api/v1/recovery/settle", Operator,
        |m| on(m, api::recovery::settle_conflict)),
    route(Get, "/api/v1/packages", Operator, |m| on(m, api::packages::list_packages)),
    route(Get, "/api/v1/sessions", Operator, |m| on(m, api::sessions::list_sessions)),
    route(Get, "/api/v1/sessions/{id}", Operator, |m| on(m, api::sessions::show_session)),
    route(Post, "/api/v1/sessions/{id}/retry", Operator,
        |m| on(m, api::sessions::retry_session)),
    route(Post, "/api/v1/sessions/{id}/cancel", Operator,
        |m| on(m, api::sessions::cancel_session)),
    route(Post, "/api/v1/sessions/{id}/rerun", Operator,
        |m| on(m, api::sessions::rerun_session)),
    route(Get, "/api/v1/number-sequences/{name}", Operator,
        |m| on(m, api::sequences::show_sequence)),
    route(Patch, "/api/v1/number-sequences/{name}", Operator,
        |m| on(m, api::sequences::change_sequence)),
    route(Get, "/api/v1/groups", Operator, |m| on(m, api::groups::list_groups)),
    route(Put, "/api/v1/groups/{id}", Operator, |m| on(m, api::groups::put_group)),
    route(Get, "/api/v1/databases", Operator, |m| on(m, api::databases::list_databases)),
    route(Post, "/api/v1/databases", Operator, |m| on(m, api::databases::add_database)),
    route(Post, "/api/v1/databases/{id}/activation-code", Operator,
        |m| on(m, api::databases::issue_activation_code)),
    route(Put, "/api/v1/databases/{id}/default-customer", Operator,
        |m| on(m, api::databases::set_default_customer)),
    route(Post, "/api/v1/databases/{id}/revoke", Operator,
        |m| on(m, api::databases::revoke_device)),
];

/// Builds the router from the table.
pub(crate) fn router(app: &Arc<App>) -> Router {
    let mut router = Router::new();
    for route in AUTHORIZATION {
        let guarded = Guard { app: Arc::clone(app), access: route.access, pace: route.pace };
        let handler = (route.mount)(route.verb.filter());
        let handler = handler.route_layer(from_fn_with_state(guarded, guard));
        router = router.route(route.path, handler);
    }
    router
        .fallback(refuse_unknown_path)
        .method_not_allowed_fallback(refuse_unknown_method)
        .layer(DefaultBodyLimit::max(JSON_BYTES_MAX))
        .with_state(Arc::clone(app))
}

async fn refuse_unknown_path() -> HttpError {
    HttpError::new(ErrorKind::NotFound, "there is nothing here; /api/openapi.json lists the API")
}

async fn refuse_unknown_method() -> HttpError {
    HttpError::no_such_method()
}
