//! The description of what programs may ask of a node in OpenAPI 3.1, made from the handlers
//! themselves. What registers ask of their channel is described in `docs/protocol.md`.

use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ContentBuilder, HttpMethod, PathItem, Ref, Required, ResponseBuilder};
use utoipa::{Modify, OpenApi};

use crate::commerce::{
    connectivity, create, find, org_units, products, sales_orders, shifts, update,
};
use crate::odata::ODataErrorJson;
use crate::{openapi, sign_in, status};

/// The name of the one security scheme.
const PROGRAM_TOKEN: &str = "program_token";

/// Where what programs ask begins, and where people sign in; everything else is open to anybody.
const COMMERCE: &str = "/Commerce/";
const AUTH: &str = "/auth/";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "tillsync at the edge",
        description = "What tills and web shops ask of their store, or of their register. A \
                       refusal has an OData error object with `code` (invalid, not_found, \
                       conflict, forbidden, busy, broken), `message`, and in `target` and \
                       `details` the fields; 503 says with Retry-After when to come back."
    ),
    paths(
        status::show_health,
        status::show_readiness,
        status::show_metrics,
        status::show_status,
        openapi::show_openapi,
        sign_in::issue_token,
        sign_in::revoke_token,
        create::create_customer,
        create::create_entity,
        find::search_customers,
        find::add_customer,
        find::list_by_accounts,
        find::show_customer,
        update::update_customer,
        update::update_entity,
        sales_orders::read_order_history,
        sales_orders::ask_order_history,
        sales_orders::create_order,
        sales_orders::create_entity,
        sales_orders::search_orders,
        sales_orders::show_order,
        sales_orders::show_receipt,
        shifts::open_shift,
        shifts::show_shift,
        shifts::blind_close,
        shifts::close,
        products::search_products,
        org_units::search_org_units,
        org_units::show_org_unit,
        connectivity::disconnect,
        connectivity::connect,
    ),
    components(schemas(ODataErrorJson)),
    modifiers(&Callers)
)]
struct Description;

/// What all operations of programs have in common.
struct Callers;

impl Modify for Callers {
    fn modify(&self, description: &mut utoipa::openapi::OpenApi) {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        let components = description.components.get_or_insert_default();
        components.add_security_scheme(PROGRAM_TOKEN, scheme);
        for (path, item) in &mut description.paths.paths {
            let needs_token = path.starts_with(COMMERCE) || path.starts_with(AUTH);
            let is_public = !needs_token || path.ends_with("openapi.json");
            for (method, operation) in operations(item) {
                if is_public {
                    refuse(operation, &[("500", BROKEN), ("503", BUSY)]);
                } else {
                    operation.security =
                        Some(vec![SecurityRequirement::new(PROGRAM_TOKEN, [""; 0])]);
                    add_common(path, &method, operation);
                }
            }
        }
    }
}

const BROKEN: &str = "the node failed; its log says why";
const BUSY: &str = "not now; Retry-After says when";

fn operations(item: &mut PathItem) -> impl Iterator<Item = (HttpMethod, &mut Operation)> {
    [
        (HttpMethod::Get, item.get.as_mut()),
        (HttpMethod::Post, item.post.as_mut()),
        (HttpMethod::Patch, item.patch.as_mut()),
    ]
    .into_iter()
    .filter_map(|(method, operation)| operation.map(|operation| (method, operation)))
}

fn add_common(path: &str, method: &HttpMethod, operation: &mut Operation) {
    if path.starts_with(COMMERCE) {
        operation.parameters.get_or_insert_default().push(org_unit().into());
    }
    refuse(
        operation,
        &[
            ("400", "refused; `details` names each field"),
            ("401", "no token that this node knows, or a wrong PIN"),
            ("403", "the caller may not do this"),
            ("429", "too many tokens that this node does not know"),
            ("500", BROKEN),
            ("503", BUSY),
        ],
    );
    if path.contains('{') {
        refuse(operation, &[("404", "there is no such thing here")]);
    }
    let is_read = matches!(method, HttpMethod::Get) || path.ends_with("Search");
    if operation.request_body.is_some() {
        refuse(operation, &[("413", "the request is too large")]);
    }
    if !is_read {
        refuse(operation, &[("409", "refused because of how things are now")]);
    }
}

/// The header that every request may carry.
fn org_unit() -> Parameter {
    let text = ObjectBuilder::new().schema_type(Type::String).build();
    ParameterBuilder::new()
        .name("OUN")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some("the store that is meant; refused when this node serves another"))
        .schema(Some(text))
        .build()
}

/// Adds answers that hold an error object, unless the operation describes its own.
fn refuse(operation: &mut Operation, statuses: &[(&str, &str)]) {
    for (status, description) in statuses {
        let error = Ref::from_schema_name("ODataErrorJson");
        let content = ContentBuilder::new().schema(Some(error)).build();
        let response = ResponseBuilder::new()
            .description(*description)
            .content("application/json", content)
            .build();
        let responses = &mut operation.responses.responses;
        responses.entry((*status).to_owned()).or_insert_with(|| response.into());
    }
}

/// The description as JSON, the same text for the same build.
pub fn openapi_json() -> String {
    let description = Description::openapi();
    description.to_pretty_json().expect("a description is plain data with text keys")
}

/// `GET /Commerce/openapi.json`: this description.
#[utoipa::path(get, path = "/Commerce/openapi.json", tag = "health",
    responses((status = 200, body = Object)))]
pub(crate) async fn show_openapi() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], openapi_json())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::routes::{AUTHORIZATION, Access};

    fn description() -> Value {
        serde_json::from_str(&openapi_json()).expect("JSON")
    }

    #[test]
    fn the_description_lists_exactly_the_routes_for_programs() {
        let description = description();
        assert_eq!(description["openapi"], "3.1.0");
        let paths = description["paths"].as_object().expect("paths");
        let mut described: Vec<String> = paths
            .iter()
            .flat_map(|(path, item)| {
                let verbs = item.as_object().expect("operations").keys();
                verbs.map(move |verb| format!("{} {path}", verb.to_uppercase()))
            })
            .collect();
        let mut routed: Vec<String> = AUTHORIZATION
            .iter()
            .filter(|route| route.access != Access::Register)
            .filter(|route| !route.path.starts_with("/exchange/"))
            .map(|route| format!("{} {}", route.verb.as_str(), route.path))
            .collect();
        described.sort();
        routed.sort();
        assert_eq!(described, routed);
    }

    #[test]
    fn what_needs_a_token_says_so() {
        let description = description();
        for route in AUTHORIZATION {
            let verb = route.verb.as_str().to_lowercase();
            let operation = &description["paths"][route.path][verb];
            let is_told = operation["security"][0][PROGRAM_TOKEN].is_array();
            let needs_token = !matches!(route.access, Access::Public | Access::Register);
            assert_eq!(is_told, needs_token, "{}", route.path);
            let has_refusal = operation["responses"]["401"].is_object();
            assert_eq!(has_refusal, needs_token, "{}", route.path);
        }
    }
}
