//! The answers that all operations have in common: how they are refused.

use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::{ContentBuilder, Ref, ResponseBuilder};
use utoipa::{Modify, ToSchema};

/// A refusal.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `HttpError` sends; nothing is read into it")]
pub(super) struct RefusalBody {
    /// `invalid`, `not_found`, `conflict`, `forbidden`, `busy` or `broken`.
    code: String,
    /// What happened, why, and what to do.
    message: String,
}

/// Adds the refusals to every operation.
pub(super) struct Refusals;

impl Modify for Refusals {
    fn modify(&self, description: &mut utoipa::openapi::OpenApi) {
        for (path, item) in &mut description.paths.paths {
            for (is_read, operation) in operations(item) {
                refuse(operation, "401", "no operator's token");
                refuse(operation, "429", "too many tokens that are not known");
                refuse(operation, "500", "headquarters failed; its log says why");
                refuse(operation, "503", "not now; Retry-After says when");
                if operation.parameters.is_some() || operation.request_body.is_some() {
                    refuse(operation, "400", "not what is expected; the message says what is");
                }
                if path.contains('{') || operation.request_body.is_some() {
                    refuse(operation, "404", "there is no such thing");
                }
                if !is_read {
                    refuse(operation, "409", "refused because of how things are now");
                }
            }
        }
    }
}

/// Every operation of a path, and whether it only reads.
pub(super) fn operations(item: &mut PathItem) -> impl Iterator<Item = (bool, &mut Operation)> {
    let reads = item.get.as_mut().map(|operation| (true, operation));
    let writes = [item.post.as_mut(), item.put.as_mut(), item.patch.as_mut()];
    reads.into_iter().chain(writes.into_iter().flatten().map(|operation| (false, operation)))
}

fn refuse(operation: &mut Operation, status: &str, description: &str) {
    let refusal = Ref::from_schema_name("RefusalBody");
    let content = ContentBuilder::new().schema(Some(refusal)).build();
    let response = ResponseBuilder::new()
        .description(description)
        .content("application/json", content)
        .build();
    let responses = &mut operation.responses.responses;
    responses.entry(status.to_owned()).or_insert_with(|| response.into());
}
