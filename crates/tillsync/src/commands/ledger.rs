//! `tillsync ledger`: what statements posted, and what that comes to.

use tillsync_domain::ids::{DatabaseId, DocumentNumber};
use tillsync_domain::statement::LedgerAccount;
use tillsync_hq::storage::{LedgerEntry, TrialBalance, Voucher};
use tillsync_hq_web::api::ledger as twins;
use tillsync_hq_web::api::statements::StatementKey;

use super::statement;
use crate::failure::Failure;
use crate::headquarters::Place;
use crate::listing::{List, Page};
use crate::output::{self, Format};

/// How the balances are to be read.
const SIGNS: &str = "Debits are positive, credits negative: over-short 1.00 is 1.00 less in the \
                     drawers than there should be, -1.00 is 1.00 more.";

/// What to do with the ledger.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Show the balance of every account, by store and currency.
    Show(ShowArguments),
    /// List vouchers with their entries, by number.
    Vouchers(VoucherArguments),
}

/// Arguments of `ledger show`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tillsync ledger show --store S1 --data-dir /srv/tillsync\n\n\
    Every row comes to zero.")]
pub(crate) struct ShowArguments {
    /// Only of this store.
    #[arg(long)]
    store: Option<DatabaseId>,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    format: Format,
}

/// Arguments of `ledger vouchers`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tillsync ledger vouchers --data-dir /srv/tillsync")]
pub(crate) struct VoucherArguments {
    /// Only of this statement, by its number or id.
    #[arg(long)]
    statement: Option<StatementKey>,
    /// Only those behind this number: the next page.
    #[arg(long, value_name = "NUMBER")]
    after: Option<DocumentNumber>,
    #[command(flatten)]
    page: Page,
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Show(arguments) => show(arguments),
        Command::Vouchers(arguments) => vouchers(arguments),
    }
}

fn show(arguments: &ShowArguments) -> Result<(), Failure> {
    let balances = arguments.place.open_to_look()?.trial_balances(arguments.store.as_ref())?;
    let value = balances.iter().cloned().map(twins::TrialBalance::from).collect::<Vec<_>>();
    arguments.format.print(&output::json(&value), || {
        if balances.is_empty() {
            return "nothing is posted yet".to_owned();
        }
        let [a, b, c, d, e, f, g, h] = LedgerAccount::ALL.map(LedgerAccount::as_str);
        let header = ["Store", "Currency", a, b, c, d, e, f, g, h, "Vouchers"];
        output::table(header, balances.iter().map(balance_cells)) + "\n" + SIGNS
    });
    Ok(())
}

fn balance_cells(balance: &TrialBalance) -> [String; 11] {
    let [a, b, c, d, e, f, g, h] = LedgerAccount::ALL.map(|account| {
        let minor = balance.accounts.get(&account).copied().unwrap_or(0);
        balance.currency.from_minor(minor).to_string()
    });
    let (store, currency) = (balance.store.to_string(), balance.currency.to_string());
    [store, currency, a, b, c, d, e, f, g, h, balance.vouchers.to_string()]
}

fn vouchers(arguments: &VoucherArguments) -> Result<(), Failure> {
    let VoucherArguments { statement, after, page, place } = arguments;
    let hq = place.open_to_look()?;
    let statement = statement::id_of(&hq, statement.as_ref())?;
    let vouchers = hq.list_vouchers(statement.as_ref(), after.as_ref(), page.wanted())?;
    let list = List {
        empty: "no voucher matches",
        header: ["Voucher", "Posted (UTC)", "Store", "What", "Account", "Customer", "Amount"],
        rows: rows_of,
        next: |one| format!("--after {}", one.number),
    };
    page.print(vouchers, twins::Voucher::from, &list);
    Ok(())
}

fn rows_of(voucher: &Voucher) -> Vec<[String; 7]> {
    let entries = voucher.entries.iter().enumerate();
    entries.map(|(n, entry)| entry_cells(voucher, n, entry)).collect()
}

/// The voucher itself stands beside its first entry only.
fn entry_cells(voucher: &Voucher, n: usize, entry: &LedgerEntry) -> [String; 7] {
    let once = |text: String| if n == 0 { text } else { String::new() };
    [
        once(voucher.number.to_string()),
        once(output::time(voucher.posted_at)),
        once(voucher.store.to_string()),
        once(voucher.text.clone()),
        entry.account.as_str().to_owned(),
        entry.customer.as_ref().map(ToString::to_string).unwrap_or_default(),
        output::money(voucher.currency, entry.amount),
    ]
}
