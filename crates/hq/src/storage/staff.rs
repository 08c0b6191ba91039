//! Staff. Nothing of them is stored until the first is added, and nobody is ever deleted: who is
//! blocked must be known to be.

use jiff::Timestamp;
use tillsync_domain::ids::{AddressBook, StaffId, Version};
use tillsync_domain::staff::{StaffName, StaffRole};
use tillsync_exchange::pin::PinHash;
use tillsync_exchange::rows::staff::StaffRow;

use super::StorageError;

/// A member of staff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaffRecord {
    /// The operator number.
    pub id: StaffId,
    /// Who it is.
    pub name: StaffName,
    /// What they may do at a till.
    pub role: StaffRole,
    /// The hash of the PIN; absent while none was set.
    pub pin: Option<PinHash>,
    /// Whether they may sign in.
    pub is_active: bool,
    /// The address books whose groups get them, by name.
    pub address_books: Vec<AddressBook>,
    /// When they were changed last.
    pub changed_at: Timestamp,
    /// By whom.
    pub changed_by: Option<String>,
    /// The version of the change log in which they were changed last.
    pub version: Version,
}

/// Which staff are wanted for a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaffSelection {
    /// Those who are, or once were, in one of these books.
    pub address_books: Vec<AddressBook>,
    /// Changed after this version; zero for all.
    pub after: Version,
    /// Changed up to this version; absent for everything that the snapshot shows.
    pub up_to: Option<Version>,
}

/// Reading staff.
pub trait StaffReads {
    /// One member of staff.
    fn staff_get(&mut self, staff: &StaffId) -> Result<Option<StaffRecord>, StorageError>;

    /// All staff, by operator number.
    fn staff_all(&mut self) -> Result<Vec<StaffRecord>, StorageError>;

    /// How many there are.
    fn staff_count(&mut self) -> Result<u64, StorageError>;

    /// The selected staff as they are sent, by version and operator number. Who is blocked, or in
    /// none of the books any more, comes as a row that is not active, without name and PIN.
    fn staff_rows(&mut self, selection: &StaffSelection) -> Result<Vec<StaffRow>, StorageError>;
}

/// Changing staff.
pub trait StaffWrites {
    /// Inserts or replaces a member of staff and gives them the next version of the change log,
    /// which is returned. The version of the record is not read.
    fn staff_put(&mut self, record: &StaffRecord) -> Result<Version, StorageError>;

    /// Gives everybody the next version, so that all are sent again; nothing for none.
    fn staff_renew(&mut self) -> Result<(), StorageError>;
}

/// Makes the row that is sent of somebody, of what is stored.
pub fn staff_row(record: StaffRecord, is_member: bool) -> StaffRow {
    let is_active = record.is_active && is_member;
    let party = tillsync_exchange::rows::staff::StaffParty {
        first_name: record.name.first,
        last_name: record.name.last,
    };
    StaffRow {
        staff: record.id,
        role: record.role.as_str().to_owned(),
        is_active,
        pin: record.pin.filter(|_| is_active),
        party: is_active.then_some(party),
        version: record.version.0,
    }
}
