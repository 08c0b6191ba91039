//! `tillsync inspect`, hidden: what each database of a data directory knows, for checkers.

use tillsync_channel::inspect::visit_customers;
use tillsync_domain::ids::Version;
use tillsync_hq::storage::{ChangeSelection, DownloadRow};

use crate::failure::Failure;
use crate::headquarters::Place;
use crate::output;
use crate::stores::find_databases;

/// Arguments of `inspect`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tillsync inspect --data-dir /srv/tillsync\n\n\
    Prints one JSON object a line: {place, guid, account} and, for headquarters, identification.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let hq = arguments.place.open_to_look()?;
    hq.storage().read(|tx| {
        let mut books: Vec<_> =
            tx.groups_all()?.into_iter().flat_map(|group| group.address_books).collect();
        books.sort_unstable();
        books.dedup();
        let selection =
            ChangeSelection { address_books: books, after: Version::default(), up_to: None };
        tx.rows_stream(&selection, &mut |row| {
            if let DownloadRow::Customer(customer) = row {
                let line = serde_json::json!({
                    "place": "hq",
                    "guid": customer.guid.to_string(),
                    "account": customer.account,
                    "identification": customer.content.identification_number,
                });
                output::line(&line.to_string());
            }
            Ok(())
        })
    })?;
    for database in find_databases(&arguments.place.data_dir) {
        visit_customers(&database.path, &mut |guid, account| {
            let line = serde_json::json!({
                "place": database.place,
                "guid": guid.to_string(),
                "account": account.map(|account| account.to_string()),
            });
            output::line(&line.to_string());
        })?;
    }
    Ok(())
}
