//! `tillsync customer find`.

use serde_json::{Value, json};
use tillsync_domain::ids::AccountNumber;
use tillsync_exchange::rows::download::CustomerRow;

use super::show::name_of;
use crate::failure::{CommandError, Failure};
use crate::headquarters::Place;
use crate::listing::{List, Page};
use crate::output;

/// Arguments of `customer find`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    tillsync customer find waller --data-dir /srv/tillsync\n  \
    tillsync customer find waller --after C-00000050 --data-dir /srv/tillsync")]
pub(crate) struct Arguments {
    /// A part of the name, e-mail, phone or account.
    text: String,
    /// Only accounts behind this one: the next page.
    #[arg(long, value_name = "ACCOUNT")]
    after: Option<String>,
    #[command(flatten)]
    page: Page,
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let after = arguments.after.as_deref().map(AccountNumber::parse).transpose();
    let after = after.map_err(|error| CommandError::Usage(error.to_string()))?;
    let hq = arguments.place.open_to_look()?;
    let found = hq.find_customers(&arguments.text, after.as_ref(), arguments.page.wanted())?;
    let list = List {
        empty: "no customer with an account matches",
        header: ["Account", "Name", "E-mail", "Phone", "Created (UTC)"],
        rows: |one| vec![cells(one)],
        next: |one| format!("--after {}", one.account),
    };
    arguments.page.print(found, |row| json(&row), &list);
    Ok(())
}

fn cells(row: &CustomerRow) -> [String; 5] {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    [
        row.account.clone(),
        name_of(&row.content),
        text(&row.content.email),
        text(&row.content.phone),
        output::time(row.created_at),
    ]
}

fn json(row: &CustomerRow) -> Value {
    json!({
        "account": row.account,
        "created_as": row.guid.to_string(),
        "party_number": row.party_number,
        "created_at": row.created_at.to_string(),
        "name": name_of(&row.content),
        "email": row.content.email,
        "phone": row.content.phone,
    })
}
