//! `tillsync customer audit`: who did what with a customer, when, with old and new values.

use tillsync_domain::ids::CustomerKey;
use tillsync_hq_web::api::audits::{Audit, AuditLine};

use super::operation::changed;
use crate::failure::Failure;
use crate::headquarters::Place;
use crate::output::{self, Format};

/// Arguments of `customer audit`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    tillsync customer audit C-00000001 --data-dir /srv/tillsync")]
pub(crate) struct Arguments {
    /// The account, or the GUID the customer was created as.
    key: CustomerKey,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    format: Format,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let hq = arguments.place.open_to_look()?;
    let audit = Audit::from(hq.audit_customer(&arguments.key)?);
    arguments.format.print(&output::json(&audit), || {
        let header = ["When (UTC)", "Where", "Who", "Operation", "What"];
        let account = audit.account.as_deref().unwrap_or("none yet");
        let head = format!("Account {account}, created as {}\n", audit.guid);
        head + &output::table(header, audit.entries.iter().map(cells))
    });
    Ok(())
}

fn cells(line: &AuditLine) -> [String; 5] {
    let done = line.what.replace('_', " ");
    let mut what = format!("{} {done}", line.kind.replace('_', " "));
    if let Some(field) = &line.field {
        what += &format!(": {}", changed(field, line.old.as_deref(), line.new.as_deref()));
    }
    if let Some(error) = &line.error {
        what += &format!(": {error}");
    }
    let who = line.who.clone().unwrap_or_else(|| "-".to_owned());
    [output::time(line.at), line.place.clone(), who, line.operation.clone(), what]
}
