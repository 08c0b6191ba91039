//! The one table of what can be reached over HTTP, and by whom.
//!
//! The router is built from the table, so a route that stands in no row does not exist. Who
//! calls is checked by the handlers, in the same step as their first look at the database; a test
//! walks the table and sees that each does.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{MethodFilter, MethodRouter, on};
use tillsync_domain::kind::ErrorKind;

use crate::app::App;
use crate::commerce::{
    BODY_BYTES_MAX, SALE_BYTES_MAX, create, entity, find, products, sales_orders, shifts,
};
use crate::odata::ODataError;
use crate::realtime::CALL_BYTES_MAX;
use crate::{exchange, realtime, status};

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody who reaches the socket.
    Public,
    /// A program with a token of this node.
    Client,
    /// A register of this channel.
    Register,
}

/// An HTTP method in use here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Reads.
    Get,
    /// Does something.
    Post,
    /// Changes parts of a thing.
    Patch,
}

impl Verb {
    /// The method's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Verb::Get => "GET",
            Verb::Post => "POST",
            Verb::Patch => "PATCH",
        }
    }

    fn filter(self) -> MethodFilter {
        match self {
            Verb::Get => MethodFilter::GET,
            Verb::Post => MethodFilter::POST,
            Verb::Patch => MethodFilter::PATCH,
        }
    }
}

type Mount = fn(MethodFilter) -> MethodRouter<Arc<App>>;

/// One row of the table.
pub struct Route {
    /// The method.
    pub verb: Verb,
    /// The path, with its variable segments in braces.
    pub path: &'static str,
    /// Who may call it.
    pub access: Access,
    mount: Mount,
}

const fn route(verb: Verb, path: &'static str, access: Access, mount: Mount) -> Route {
    Route { verb, path, access, mount }
}

use Access::{Client, Public, Register};
use Verb::{Get, Patch, Post};

/// Every route. `{entity}` is `Customers('KEY')`, `SalesOrders('ID')` or `Shifts('ID')`.
#[rustfmt::skip]
pub const AUTHORIZATION: &[Route] = &[
    route(Get, "/healthz", Public, |m| on(m, status::show_health)),
    route(Get, "/readyz", Public, |m| on(m, status::show_readiness)),
    route(Get, "/metrics", Public, |m| on(m, status::show_metrics)),
    route(Get, "/status", Public, |m| on(m, status::show_status)),

    route(Post, "/Commerce/Customers", Client, |m| on(m, create::create_customer)),
    route(Post, "/Commerce/Customers/CreateEntity", Client, |m| on(m, create::create_entity)),
    route(Post, "/Commerce/Customers/Search", Client, |m| on(m, find::search_customers)),
    route(Post, "/Commerce/Customers/GetByAccountNumbers", Client,
        |m| on(m, find::list_by_accounts)),
    route(Post, "/Commerce/SalesOrders", Client,
        |m| on(m, sales_orders::create_order).layer(DefaultBodyLimit::max(SALE_BYTES_MAX))),
    route(Post, "/Commerce/SalesOrders/CreateEntity", Client,
        |m| on(m, sales_orders::create_entity).layer(DefaultBodyLimit::max(SALE_BYTES_MAX))),
    route(Post, "/Commerce/SalesOrders/Search", Client, |m| on(m, sales_orders::search_orders)),
    route(Post, "/Commerce/Shifts", Client, |m| on(m, shifts::open_shift)),
    route(Post, "/Commerce/Products/Search", Client, |m| on(m, products::search_products)),
    route(Get, "/Commerce/{entity}", Client, |m| on(m, entity::show_entity)),
    route(Patch, "/Commerce/{entity}", Client, |m| on(m, entity::update_entity)),
    route(Get, "/Commerce/{entity}/{action}", Client, |m| on(m, entity::read_of_entity)),
    route(Post, "/Commerce/{entity}/{action}", Client, |m| on(m, entity::run_action)),

    // An activation code is the credential here.
    route(Post, "/exchange/v1/enrol", Public, |m| on(m, exchange::enrol_register)),
    route(Post, "/exchange/v1/hello", Register, |m| on(m, exchange::say_hello)),
    route(Post, "/exchange/v1/uploads", Register, |m| on(m, exchange::take_upload)),
    route(Post, "/exchange/v1/poll", Register, |m| on(m, exchange::poll_packages)),
    route(Get, "/exchange/v1/packages/{id}", Register, |m| on(m, exchange::send_package)),
    route(Post, "/exchange/v1/downloads/{session}", Register,
        |m| on(m, exchange::report_download)),
    route(Post, "/realtime/v1/customers", Register,
        |m| on(m, realtime::create_customer).layer(DefaultBodyLimit::max(CALL_BYTES_MAX))),
];

/// Builds the router from the table.
pub(crate) fn router(app: &Arc<App>) -> Router {
    let mut router = Router::new();
    for route in AUTHORIZATION {
        router = router.route(route.path, (route.mount)(route.verb.filter()));
    }
    router
        .fallback(refuse_unknown_path)
        .method_not_allowed_fallback(refuse_unknown_path)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(Arc::clone(app))
}

async fn refuse_unknown_path() -> ODataError {
    ODataError::new(ErrorKind::NotFound, "there is nothing here that can be done this way")
}
