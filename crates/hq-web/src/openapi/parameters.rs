//! What parameters of a name look like wherever they occur, so that it is said once.

use tillsync_domain::operation::OperationStatus;
use tillsync_domain::order::OrderStatus;
use tillsync_domain::shift::ShiftStatus;
use tillsync_domain::statement::StatementKind;
use tillsync_domain::validation::ValidationStatus;
use utoipa::Modify;
use utoipa::openapi::RefOr;
use utoipa::openapi::Required;
use utoipa::openapi::path::Parameter;
use utoipa::openapi::schema::{KnownFormat, Object, Schema, SchemaFormat, SchemaType, Type};

use super::refusals::operations;

/// The name of a group or a profile.
const NAME: &str = "^[0-9A-Za-z][0-9A-Za-z_-]{0,29}$";

/// The name of a database. An empty text leaves a filter out.
const DATABASE: &str = r"^[0-9A-Za-z][0-9A-Za-z_-]*(\.[0-9A-Za-z_-]+)*$";
const DATABASE_OR_NONE: &str = r"^([0-9A-Za-z][0-9A-Za-z_-]*(\.[0-9A-Za-z_-]+)*)?$";

/// The number of a transaction or an item; an empty text begins a list at its beginning.
const NUMBER: &str = DATABASE;
const NUMBER_OR_NONE: &str = DATABASE_OR_NONE;

/// An account, a number of a statement, or an id.
const KEY: &str = "^([!-~]([ -~]{0,18}[!-~])?|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$";

/// An account behind which a list goes on.
const ACCOUNT_OR_NONE: &str = "^([!-~]([ -~]{0,18}[!-~])?)?$";

/// The largest number that is read.
const COUNT_MAX: usize = usize::MAX;

/// Narrows the schemas of parameters to what is accepted.
pub(super) struct Parameters;

impl Modify for Parameters {
    fn modify(&self, description: &mut utoipa::openapi::OpenApi) {
        for (path, item) in &mut description.paths.paths {
            for (_, operation) in operations(item) {
                for parameter in operation.parameters.iter_mut().flatten() {
                    if let RefOr::T(parameter) = parameter {
                        narrow(path, parameter);
                    }
                }
            }
        }
    }
}

fn narrow(path: &str, parameter: &mut Parameter) {
    let is_required = parameter.required == Required::True;
    let Some(RefOr::T(Schema::Object(schema))) = &mut parameter.schema else { return };
    let is_by_id = ["/runs/", "/sessions/", "/operations/"].iter().any(|part| path.contains(part));
    let (pattern, chars_max) = match parameter.name.as_str() {
        "limit" => {
            schema.minimum = Some(1.into());
            schema.maximum = Some(1_000.into());
            return;
        }
        "after" if is(schema, Type::Integer) => {
            // A signed number of the same width would end half way.
            schema.format = None;
            schema.maximum = Some(COUNT_MAX.into());
            return;
        }
        "since" | "until" => {
            schema.format = Some(SchemaFormat::KnownFormat(KnownFormat::DateTime));
            return;
        }
        "guid" | "operation" => {
            schema.format = Some(SchemaFormat::Custom("uuid".to_owned()));
            return;
        }
        "account" => (ACCOUNT_OR_NONE, 20),
        "id" if is_by_id => {
            schema.format = Some(SchemaFormat::Custom("uuid".to_owned()));
            return;
        }
        "status" | "kind" | "validation" => {
            let names = names(path, &parameter.name);
            schema.enum_values = names.map(|names| names.into_iter().map(Into::into).collect());
            return;
        }
        "after" if path.ends_with("/customers") => (ACCOUNT_OR_NONE, 20),
        "after" if path.ends_with("/items") => (NUMBER_OR_NONE, 20),
        "group" => (NAME, 30),
        "store" | "channel" | "database" if !is_required => (DATABASE_OR_NONE, 30),
        "store" | "channel" | "database" => (DATABASE, 30),
        "key" => (KEY, 36),
        "id" if path.contains("/statements/") => (KEY, 36),
        "id" if path.contains("/databases/") => (DATABASE, 30),
        "id" => (NAME, 30),
        "name" if path.contains("profiles/") => (NAME, 30),
        "number" => (NUMBER, 20),
        _ => return,
    };
    schema.pattern = Some(pattern.to_owned());
    schema.max_length = Some(chars_max);
}

/// The values of a filter whose list is closed.
fn names(path: &str, parameter: &str) -> Option<Vec<&'static str>> {
    let list = path.rsplit('/').next()?;
    Some(match (list, parameter) {
        ("operations" | "synchronization-status", "status") => {
            OperationStatus::ALL.map(OperationStatus::as_str).to_vec()
        }
        ("orders", "status") => OrderStatus::ALL.map(OrderStatus::as_str).to_vec(),
        ("shifts", "status") => ShiftStatus::ALL.map(ShiftStatus::as_str).to_vec(),
        ("statements", "kind") => StatementKind::ALL.map(StatementKind::as_str).to_vec(),
        ("transactions", "validation") => {
            ValidationStatus::ALL.map(ValidationStatus::as_str).to_vec()
        }
        _ => return None,
    })
}

fn is(schema: &Object, wanted: Type) -> bool {
    match &schema.schema_type {
        SchemaType::Type(found) => *found == wanted,
        SchemaType::Array(found) => found.contains(&wanted),
        SchemaType::AnyValue => false,
    }
}
