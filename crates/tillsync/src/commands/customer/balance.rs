//! `tillsync customer balance`.

use std::collections::BTreeSet;

use tillsync_domain::ids::{CustomerKey, PENDING_SYNC};
use tillsync_hq_web::api::history::Balance;

use crate::failure::Failure;
use crate::headquarters::Place;
use crate::output::{self, Format};

/// Arguments of `customer balance`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    tillsync customer balance C-00000001 --data-dir /srv/tillsync\n\n\
    Negative amounts were paid ahead.")]
pub(crate) struct Arguments {
    /// The account, or the GUID the customer was created as.
    key: CustomerKey,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    format: Format,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let balance = arguments.place.open_to_look()?.customer_balance(&arguments.key)?;
    let value = output::json(&Balance::from(balance.clone()));
    arguments.format.print(&value, || {
        let account = balance.keys.account.as_ref().map_or(PENDING_SYNC, |a| a.as_str());
        let count = balance.unposted_transactions;
        let text = format!("Account   {account}\nUnposted  {count} transactions\n");
        let currencies: BTreeSet<_> =
            balance.posted.keys().chain(balance.unposted.keys()).copied().collect();
        if currencies.is_empty() {
            return text + "it owes nothing";
        }
        let header = ["Currency", "Owes by the ledger", "Not posted yet", "Together"];
        let rows = currencies.into_iter().map(|currency| {
            let posted = balance.posted.get(&currency).copied().unwrap_or(0);
            let unposted = balance.unposted.get(&currency).copied().unwrap_or(0);
            let sums = [posted, unposted, posted.saturating_add(unposted)];
            let [posted, unposted, sum] = sums.map(|sum| currency.from_minor(sum).to_string());
            [currency.to_string(), posted, unposted, sum]
        });
        text + &output::table(header, rows)
    });
    Ok(())
}
