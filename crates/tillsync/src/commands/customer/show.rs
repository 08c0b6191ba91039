//! `tillsync customer show`, of a customer or of one operation on it.

use std::fmt::Write;

use serde_json::{Value, json};
use tillsync_domain::ids::{CustomerKey, OperationId, PENDING_SYNC};
use tillsync_exchange::rows::operation::{AddressContent, CustomerContent};
use tillsync_hq::Headquarters;
use tillsync_hq::operations::{OperationDetail, OperationError};
use tillsync_hq::storage::CustomerRecord;
use tillsync_hq::trace::TraceError;

use super::operation;
use crate::failure::Failure;
use crate::headquarters::Place;
use crate::output::{self, Format};

/// Arguments of `customer show`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    tillsync customer show C-00000001 --data-dir /srv/tillsync\n  \
    tillsync customer show 01890000-0000-7000-8000-000000000001 --data-dir /srv/tillsync")]
pub(crate) struct Arguments {
    /// The account, or the GUID the customer was created as, or the id of an operation.
    key: CustomerKey,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    format: Format,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let hq = arguments.place.open_to_look()?;
    match hq.show_customer(&arguments.key) {
        Ok(record) => arguments.format.print(&json(&record), || text(&record)),
        // It may have arrived without having got its account.
        Err(TraceError::Unknown(_)) => {
            if let Some(detail) = operation_of(&hq, &arguments.key)? {
                operation::print(arguments.format, detail);
                return Ok(());
            }
            let trace = hq.trace_customer(&arguments.key)?;
            let value = json!({
                "account": null,
                "created_as": trace.guid.to_string(),
                "stage": trace.stage.as_str(),
                "error": trace.error,
            });
            arguments.format.print(&value, || {
                let stage = trace.stage.as_str();
                format!("Account  {PENDING_SYNC}\nStage    {stage}; `customer trace` shows more")
            });
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

/// The operation with this id, if it is the id of one.
fn operation_of(
    hq: &Headquarters,
    key: &CustomerKey,
) -> Result<Option<OperationDetail>, OperationError> {
    let CustomerKey::Temporary(guid) = key else { return Ok(None) };
    match hq.show_operation(&OperationId::from_uuid(*guid.as_uuid())) {
        Ok(detail) => Ok(Some(detail)),
        Err(OperationError::Unknown(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The whole name of a person or organization.
pub(super) fn name_of(content: &CustomerContent) -> String {
    let parts = [&content.name, &content.first_name, &content.middle_name, &content.last_name];
    parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" ")
}

fn text(record: &CustomerRecord) -> String {
    let CustomerRecord { customer, addresses, address_books } = record;
    let mut text = String::new();
    let mut put = |name: &str, value: &str| {
        if !value.is_empty() {
            writeln!(text, "{name:<15}{value}").expect("a string takes every text");
        }
    };
    let content = &customer.content;
    put("Account", &customer.account);
    put("Name", &name_of(content));
    put("Party", &customer.party_number);
    put("Created", &output::time(customer.created_at));
    put("Created as", &customer.guid.to_string());
    let books: Vec<_> = address_books.iter().map(|book| book.as_str()).collect();
    put("Address books", &books.join(", "));
    for (name, value) in [
        ("Group", &content.group),
        ("Currency", &content.currency),
        ("Language", &content.language),
        ("E-mail", &content.email),
        ("Receipt e-mail", &content.receipt_email),
        ("Phone", &content.phone),
        ("Mobile", &content.cellphone),
        ("Identification", &content.identification_number),
        ("VAT number", &content.vat_number),
    ] {
        put(name, value.as_deref().unwrap_or_default());
    }
    for row in addresses {
        let primary = if row.content.is_primary { " (primary)" } else { "" };
        put("Address", &(address_line(&row.content) + primary));
    }
    text
}

fn address_line(address: &AddressContent) -> String {
    let parts = [
        &address.name,
        &address.street_number,
        &address.street,
        &address.city,
        &address.county,
        &address.state,
        &address.zip_code,
        &address.country,
    ];
    parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(", ")
}

fn json(record: &CustomerRecord) -> Value {
    let CustomerRecord { customer, addresses, address_books } = record;
    json!({
        "account": customer.account,
        "created_as": customer.guid.to_string(),
        "party_number": customer.party_number,
        "created_at": customer.created_at.to_string(),
        "version": customer.version,
        "fields": customer.content,
        "addresses": addresses.iter().map(|row| &row.content).collect::<Vec<_>>(),
        "address_books": address_books.iter().map(|book| book.as_str()).collect::<Vec<_>>(),
    })
}
