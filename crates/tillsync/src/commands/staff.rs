//! `tillsync staff`: who may sign in at the tills of which stores.

use std::fs;
use std::io::Read;
use std::path::PathBuf;

use clap::ValueEnum;
use tillsync_domain::ids::{AddressBook, StaffId};
use tillsync_domain::staff::{Pin, StaffName, StaffRole};
use tillsync_hq::staff::{NewStaff, StaffChange};
use tillsync_hq::storage::StaffRecord;
use tillsync_hq_web::api::staff::StaffMember;

use crate::failure::{CommandError, Failure};
use crate::headquarters::Place;
use crate::output::{self, Format};

/// The most that is read where a PIN is expected, in bytes.
const PIN_BYTES_MAX: u64 = 64;

/// Who it is said to be that changes something here.
const BY: &str = "command line";

/// What to do with staff.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Show staff, their roles, and the address books whose stores get them.
    List(ListArguments),
    /// Add somebody; without a PIN they cannot sign in yet.
    Add(AddArguments),
    /// Give somebody a new PIN, read from a file or from standard input.
    SetPin(SetPinArguments),
    /// Make somebody a cashier or a manager.
    SetRole(SetRoleArguments),
    /// Say which stores get somebody, by their address books.
    SetBooks(SetBooksArguments),
    /// Let somebody sign in nowhere any more; what they did stays theirs.
    #[command(after_help = "Example:\n  tillsync staff block 000160 --data-dir /srv/tillsync")]
    Block(OneArguments),
    /// Let somebody sign in again who was blocked.
    #[command(after_help = "Example:\n  tillsync staff unblock 000160 --data-dir /srv/tillsync")]
    Unblock(OneArguments),
}

/// Arguments of `staff list`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tillsync staff list --data-dir /srv/tillsync")]
pub(crate) struct ListArguments {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    format: Format,
}

/// Arguments of `staff add`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    tillsync staff add 000160 --first-name Ada --last-name Byron --role cashier \
    --address-book retail --pin-file pin.txt --data-dir /srv/tillsync\n\n\
    Stores get them by job 1060: at once in a live group, else when the job runs.")]
pub(crate) struct AddArguments {
    /// The operator number, at most 25 characters.
    staff: StaffId,
    /// The given name; one of both names is needed.
    #[arg(long, value_name = "NAME")]
    first_name: Option<String>,
    /// The family name.
    #[arg(long, value_name = "NAME")]
    last_name: Option<String>,
    /// What they may do at a till.
    #[arg(long, value_enum, default_value = "cashier")]
    role: Role,
    /// An address book whose groups get them; may be given more than once.
    #[arg(long = "address-book", value_name = "BOOK", required = true)]
    address_books: Vec<AddressBook>,
    /// A file with the PIN, 4 to 16 digits; - reads standard input.
    #[arg(long, value_name = "FILE")]
    pin_file: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    format: Format,
}

/// Arguments of `staff set-pin`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    tillsync staff set-pin 000160 --pin-file pin.txt --data-dir /srv/tillsync\n\n\
    Whoever is signed in with the old PIN is signed out where the new one arrives.")]
pub(crate) struct SetPinArguments {
    /// The operator number.
    staff: StaffId,
    /// A file with the PIN, 4 to 16 digits; standard input when absent.
    #[arg(long, value_name = "FILE")]
    pin_file: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
}

/// Arguments of `staff set-role`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    tillsync staff set-role 000160 manager --data-dir /srv/tillsync")]
pub(crate) struct SetRoleArguments {
    /// The operator number.
    staff: StaffId,
    /// What they may do at a till.
    #[arg(value_enum)]
    role: Role,
    #[command(flatten)]
    place: Place,
}

/// Arguments of `staff set-books`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    tillsync staff set-books 000160 --address-book north --data-dir /srv/tillsync")]
pub(crate) struct SetBooksArguments {
    /// The operator number.
    staff: StaffId,
    /// An address book whose groups get them; may be given more than once.
    #[arg(long = "address-book", value_name = "BOOK", required = true)]
    address_books: Vec<AddressBook>,
    #[command(flatten)]
    place: Place,
}

/// Arguments of `staff block` and `staff unblock`.
#[derive(Debug, clap::Args)]
pub(crate) struct OneArguments {
    /// The operator number.
    staff: StaffId,
    #[command(flatten)]
    place: Place,
}

/// A role, as it is typed.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Role {
    /// Customers, sales, orders, shifts.
    Cashier,
    /// Also what needs somebody who answers for it.
    Manager,
}

impl From<Role> for StaffRole {
    fn from(role: Role) -> Self {
        match role {
            Role::Cashier => StaffRole::Cashier,
            Role::Manager => StaffRole::Manager,
        }
    }
}

pub(super) fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::List(ListArguments { place, format }) => {
            let staff = place.open_to_look()?.list_staff()?;
            let twins: Vec<_> = staff.into_iter().map(StaffMember::from).collect();
            format.print(&output::json(&twins), || table_of(&twins));
        }
        Command::Add(arguments) => {
            let new = arguments.new_staff()?;
            let added = arguments.place.open_to_change()?.add_staff(&new, BY)?;
            let twin = StaffMember::from(added);
            arguments.format.print(&output::json(&twin), || table_of(std::slice::from_ref(&twin)));
        }
        Command::SetPin(SetPinArguments { staff, pin_file, place }) => {
            let pin = Some(read_pin(pin_file.as_ref())?);
            change(place, staff, &StaffChange { pin, ..StaffChange::default() })?;
            output::line(&format!("{staff} has a new PIN"));
        }
        Command::SetRole(SetRoleArguments { staff, role, place }) => {
            let role = Some((*role).into());
            let changed = change(place, staff, &StaffChange { role, ..StaffChange::default() })?;
            output::line(&format!("{staff} is a {}", changed.role));
        }
        Command::SetBooks(SetBooksArguments { staff, address_books, place }) => {
            let address_books = Some(address_books.clone());
            change(place, staff, &StaffChange { address_books, ..StaffChange::default() })?;
            output::line(&format!("{staff} goes to the groups of these address books"));
        }
        Command::Block(OneArguments { staff, place }) => {
            change(place, staff, &active(false))?;
            output::line(&format!("{staff} may not sign in any more"));
        }
        Command::Unblock(OneArguments { staff, place }) => {
            change(place, staff, &active(true))?;
            output::line(&format!("{staff} may sign in again"));
        }
    }
    Ok(())
}

impl AddArguments {
    fn new_staff(&self) -> Result<NewStaff, CommandError> {
        Ok(NewStaff {
            id: self.staff.clone(),
            name: StaffName { first: self.first_name.clone(), last: self.last_name.clone() },
            role: self.role.into(),
            address_books: self.address_books.clone(),
            pin: self.pin_file.as_ref().map(|file| read_pin(Some(file))).transpose()?,
        })
    }
}

fn active(is_active: bool) -> StaffChange {
    StaffChange { is_active: Some(is_active), ..StaffChange::default() }
}

fn change(place: &Place, staff: &StaffId, change: &StaffChange) -> Result<StaffRecord, Failure> {
    Ok(place.open_to_change()?.change_staff(staff, change, BY)?)
}

/// Reads a PIN where no list of processes and no history of a shell shows it.
fn read_pin(file: Option<&PathBuf>) -> Result<Pin, CommandError> {
    let mut text = String::new();
    let from_file = file.filter(|file| file.as_os_str() != "-");
    let read = match from_file {
        Some(file) => {
            fs::File::open(file).and_then(|file| file.take(PIN_BYTES_MAX).read_to_string(&mut text))
        }
        None => std::io::stdin().lock().take(PIN_BYTES_MAX).read_to_string(&mut text),
    };
    read.map_err(|source| CommandError::Process { doing: "read the PIN", source })?;
    Pin::parse(text.trim()).map_err(|error| CommandError::Usage(error.to_string()))
}

fn table_of(staff: &[StaffMember]) -> String {
    if staff.is_empty() {
        return "there are no staff; `tillsync staff add` adds somebody".to_owned();
    }
    let header = ["Number", "Name", "Role", "Address books", "PIN", "State"];
    let rows = staff.iter().map(|it| {
        let names = [&it.first_name, &it.last_name];
        let names: Vec<&str> = names.into_iter().flatten().map(String::as_str).collect();
        let state = if it.is_active { "active" } else { "blocked" };
        let pin = if it.has_pin { "set" } else { "none" };
        let books = it.address_books.join(", ");
        [it.id.clone(), names.join(" "), it.role.clone(), books, pin.to_owned(), state.to_owned()]
    });
    output::table(header, rows)
}
