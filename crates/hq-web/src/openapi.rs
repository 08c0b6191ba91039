//! The description of the API in OpenAPI 3.1, made from the handlers themselves.

mod parameters;
mod refusals;

use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::{Modify, OpenApi};

use self::parameters::Parameters;
use self::refusals::{RefusalBody, Refusals};
use crate::api;

/// The name of the one security scheme.
const OPERATOR_TOKEN: &str = "operator_token";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "tillsync headquarters",
        description = "What operators and their tools ask of headquarters. A refusal is JSON \
                       with `code` (invalid, not_found, conflict, forbidden, busy, broken) and \
                       `message`; 503 says with Retry-After when to come back."
    ),
    paths(
        api::status::show_status,
        api::customers::find_customers,
        api::customers::show_customer,
        api::traces::trace_customer,
        api::why_not_here::explain_absence,
        api::history::list_customer_orders,
        api::history::show_balance,
        api::audits::audit_customer,
        api::operations::list_synchronization_status,
        api::operations::list_operations,
        api::operations::show_operation,
        api::operations::repair_operation,
        api::operations::synchronize_operation,
        api::quarantine::list_quarantined_documents,
        api::orders::list_orders,
        api::orders::show_order,
        api::orders::lock_order,
        api::orders::unlock_order,
        api::orders::repair_order,
        api::orders::synchronize_order,
        api::orders::lift_hold,
        api::transactions::list_transactions,
        api::transactions::show_transaction,
        api::transactions::repair_transaction,
        api::transactions::validate_transaction,
        api::shifts::list_shifts,
        api::statements::list_statements,
        api::statements::show_statement,
        api::statements::retry_statement,
        api::statements::release_statement,
        api::ledger::show_ledger,
        api::ledger::list_vouchers,
        api::postings::show_postings,
        api::items::find_items,
        api::items::put_items,
        api::exclusion::show_exclusion,
        api::exclusion::exclude_job,
        api::exclusion::exclude_subjob,
        api::exclusion::set_filter,
        api::offline_profiles::list_offline_profiles,
        api::offline_profiles::change_offline_profile,
        api::offline_profiles::show_register_configuration,
        api::offline_profiles::assign_offline_profile,
        api::features::list_features,
        api::features::change_feature,
        api::configuration::show_database_configuration,
        api::profiles::list_profiles,
        api::profiles::change_profile,
        api::profiles::show_configuration,
        api::profiles::assign_profile,
        api::staff::list_staff,
        api::staff::add_staff,
        api::staff::show_staff,
        api::staff::change_staff,
        api::parameters::show_parameters,
        api::parameters::put_parameters,
        api::jobs::list_jobs,
        api::jobs::list_runs,
        api::jobs::run_job,
        api::jobs::set_schedule,
        api::jobs::show_run,
        api::nodes::list_nodes,
        api::nodes::list_leases,
        api::recovery::show_recovery,
        api::recovery::declare_restored,
        api::recovery::finish_recovery,
        api::recovery::settle_conflict,
        api::packages::list_packages,
        api::sessions::list_sessions,
        api::sessions::show_session,
        api::sessions::retry_session,
        api::sessions::cancel_session,
        api::sessions::rerun_session,
        api::sequences::show_sequence,
        api::sequences::change_sequence,
        api::groups::list_groups,
        api::groups::put_group,
        api::databases::list_databases,
        api::databases::add_database,
        api::databases::issue_activation_code,
        api::databases::revoke_device,
        api::databases::set_default_customer,
    ),
    components(schemas(RefusalBody)),
    modifiers(&OperatorToken, &Refusals, &Parameters)
)]
struct Description;

struct OperatorToken;

impl Modify for OperatorToken {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme(OPERATOR_TOKEN, scheme);
        openapi.security = Some(vec![SecurityRequirement::new(OPERATOR_TOKEN, [""; 0])]);
    }
}

/// The description as JSON, the same text for the same build.
pub fn openapi_json() -> String {
    let description = Description::openapi();
    description.to_pretty_json().expect("a description is plain data with text keys")
}

/// `GET /api/openapi.json`.
pub(crate) async fn show_openapi() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], openapi_json())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::{AUTHORIZATION, Access};

    #[test]
    fn every_operation_says_how_it_may_be_refused() {
        let description: serde_json::Value = serde_json::from_str(&openapi_json()).expect("JSON");
        for (path, item) in description["paths"].as_object().expect("paths") {
            for (verb, operation) in item.as_object().expect("operations") {
                let answers = operation["responses"].as_object().expect("responses");
                for status in ["401", "429", "500", "503"] {
                    assert!(answers.contains_key(status), "{verb} {path} answers {status}");
                }
                let needs_404 = path.contains('{');
                assert!(!needs_404 || answers.contains_key("404"), "{verb} {path}");
                let takes_input = operation.get("parameters").or(operation.get("requestBody"));
                assert!(takes_input.is_none() || answers.contains_key("400"), "{verb} {path}");
            }
        }
    }

    #[test]
    fn the_description_lists_exactly_the_operators_routes() {
        let description: serde_json::Value = serde_json::from_str(&openapi_json()).expect("JSON");
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
            .filter(|route| route.access == Access::Operator)
            .map(|route| format!("{} {}", route.verb.as_str(), route.path))
            .collect();
        described.sort();
        routed.sort();
        assert_eq!(described, routed);
    }
}
