//! The one table of what can be reached over HTTP, and by whom.
//!
//! The router is built from the table, so a route that stands in no row does not exist. Who
//! calls is checked by the handlers, in the same step as their first look at the database; a test
//! walks the table and sees that each does.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{MethodFilter, MethodRouter, any, on};

use crate::app::App;
use crate::commerce::keyed::{self, RunKeyed};
use crate::commerce::{
    BODY_BYTES_MAX, SALE_BYTES_MAX, connectivity, create, find, org_units, products, sales_orders,
    shifts, update,
};
use crate::odata::ODataError;
use crate::realtime::{CALL_BYTES_MAX, ORDER_BYTES_MAX};
use crate::{exchange, openapi, realtime, sign_in, status};

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody who reaches the socket.
    Public,
    /// A program with a token of this node, or anybody signed in at it: it only reads.
    Reader,
    /// The same, where the node wants nobody to be signed in; else anybody signed in.
    Client,
    /// The same, but a manager where somebody is signed in; where the node wants that, a program
    /// that nobody is signed in at still may as long as the offline profile allows it.
    Switch,
    /// A program that nobody is signed in at.
    Program,
    /// Somebody who is signed in.
    Staff,
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

    /// The method of that name, if it is in use here.
    pub(crate) fn named(name: &str) -> Option<Verb> {
        // What answers to GET answers to HEAD, without the body.
        let name = if name == "HEAD" { "GET" } else { name };
        [Verb::Get, Verb::Post, Verb::Patch].into_iter().find(|verb| verb.as_str() == name)
    }

    fn filter(self) -> MethodFilter {
        match self {
            Verb::Get => MethodFilter::GET,
            Verb::Post => MethodFilter::POST,
            Verb::Patch => MethodFilter::PATCH,
        }
    }
}

/// How a row is reached.
#[derive(Clone, Copy)]
enum Mount {
    /// By its path.
    Handler(fn(MethodFilter) -> MethodRouter<Arc<App>>),
    /// By a segment that holds a key, such as `Customers('KEY')`: routers see whole segments only.
    Keyed(RunKeyed),
}

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

impl Route {
    /// What is done with one thing that is named by its key, where this row is such a route.
    pub(crate) fn keyed(&self) -> Option<RunKeyed> {
        match self.mount {
            Mount::Handler(_) => None,
            Mount::Keyed(run) => Some(run),
        }
    }
}

type Handler = fn(MethodFilter) -> MethodRouter<Arc<App>>;

const fn route(verb: Verb, path: &'static str, access: Access, handler: Handler) -> Route {
    Route { verb, path, access, mount: Mount::Handler(handler) }
}

/// A row for one thing by its key, `/Commerce/SET('{key}')` or `/Commerce/SET('{key}')/WHAT`.
const fn keyed(verb: Verb, path: &'static str, access: Access, run: RunKeyed) -> Route {
    Route { verb, path, access, mount: Mount::Keyed(run) }
}

use Access::{Client, Program, Public, Reader, Register, Staff, Switch};
use Verb::{Get, Patch, Post};

/// Every route.
#[rustfmt::skip]
pub const AUTHORIZATION: &[Route] = &[
    route(Get, "/healthz", Public, |m| on(m, status::show_health)),
    route(Get, "/readyz", Public, |m| on(m, status::show_readiness)),
    route(Get, "/metrics", Public, |m| on(m, status::show_metrics)),
    route(Get, "/status", Public, |m| on(m, status::show_status)),
    route(Get, "/Commerce/openapi.json", Public, |m| on(m, openapi::show_openapi)),

    // The PIN is what a program asks about.
    route(Post, "/auth/token", Program, |m| on(m, sign_in::issue_token)),
    route(Post, "/auth/revoke", Staff, |m| on(m, sign_in::revoke_token)),

    route(Post, "/Commerce/Customers", Client, |m| on(m, create::create_customer)),
    route(Post, "/Commerce/Customers/CreateEntity", Client, |m| on(m, create::create_entity)),
    route(Post, "/Commerce/Customers/Search", Reader, |m| on(m, find::search_customers)),
    route(Post, "/Commerce/Customers/AddToStore", Client, |m| on(m, find::add_customer)),
    route(Post, "/Commerce/Customers/GetByAccountNumbers", Reader,
        |m| on(m, find::list_by_accounts)),
    route(Post, "/Commerce/SalesOrders", Client,
        |m| on(m, sales_orders::create_order).layer(DefaultBodyLimit::max(SALE_BYTES_MAX))),
    route(Post, "/Commerce/SalesOrders/CreateEntity", Client,
        |m| on(m, sales_orders::create_entity).layer(DefaultBodyLimit::max(SALE_BYTES_MAX))),
    route(Post, "/Commerce/SalesOrders/Search", Reader, |m| on(m, sales_orders::search_orders)),
    route(Post, "/Commerce/Shifts", Client, |m| on(m, shifts::open_shift)),
    route(Post, "/Commerce/Products/Search", Reader, |m| on(m, products::search_products)),
    route(Post, "/Commerce/OrgUnits/Search", Reader, |m| on(m, org_units::search_org_units)),
    route(Post, "/Commerce/Connectivity/Disconnect", Switch,
        |m| on(m, connectivity::disconnect)),
    route(Post, "/Commerce/Connectivity/Connect", Switch, |m| on(m, connectivity::connect)),

    keyed(Get, "/Commerce/Customers('{key}')", Reader, find::show_customer),
    keyed(Patch, "/Commerce/Customers('{key}')", Client, update::update_customer),
    keyed(Post, "/Commerce/Customers('{key}')/UpdateEntity", Client, update::update_entity),
    keyed(Get, "/Commerce/Customers('{key}')/GetOrderHistory", Reader,
        sales_orders::read_order_history),
    keyed(Post, "/Commerce/Customers('{key}')/GetOrderHistory", Reader,
        sales_orders::ask_order_history),
    keyed(Get, "/Commerce/SalesOrders('{key}')", Reader, sales_orders::show_order),
    keyed(Get, "/Commerce/SalesOrders('{key}')/Receipt", Reader, sales_orders::show_receipt),
    keyed(Get, "/Commerce/Shifts('{key}')", Reader, shifts::show_shift),
    keyed(Post, "/Commerce/Shifts('{key}')/BlindClose", Client, shifts::blind_close),
    keyed(Post, "/Commerce/Shifts('{key}')/Close", Client, shifts::close),
    keyed(Get, "/Commerce/OrgUnits('{key}')", Reader, org_units::show_org_unit),

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
    route(Post, "/realtime/v1/customers/search", Register,
        |m| on(m, realtime::search_customers)),
    route(Post, "/realtime/v1/customers/add-to-store", Register,
        |m| on(m, realtime::add_to_store)),
    route(Post, "/realtime/v1/orders", Register,
        |m| on(m, realtime::create_order).layer(DefaultBodyLimit::max(ORDER_BYTES_MAX))),
];

/// Builds the router from the table.
pub(crate) fn router(app: &Arc<App>) -> Router {
    let mut router = Router::new();
    for route in AUTHORIZATION {
        match route.mount {
            Mount::Handler(mount) => {
                router = router.route(route.path, mount(route.verb.filter()));
            }
            // The handler looks which of these rows is meant, or which methods there are.
            Mount::Keyed(_) => {}
        }
    }
    for segments in keyed::SEGMENTS {
        router = router.route(segments, any(keyed::run));
    }
    router
        .fallback(refuse_unknown_path)
        .method_not_allowed_fallback(refuse_unknown_method)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(Arc::clone(app))
}

async fn refuse_unknown_path() -> ODataError {
    ODataError::nothing_here()
}

/// The router says in `Allow` what can be done.
async fn refuse_unknown_method() -> ODataError {
    ODataError::no_such_method()
}
