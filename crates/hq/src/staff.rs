//! Staff: who may sign in at the tills of which stores. Tills get them by job 1060 and let them in
//! without asking headquarters.
//!
//! Nothing is sent before the first is added. Nobody is deleted: who must not sign in any more is
//! blocked, and that travels as they did.

use tillsync_domain::customer::Violations;
use tillsync_domain::ids::{AddressBook, StaffId, Version};
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::staff::{LongStaffId, Pin, StaffName, StaffRole, check_staff_id};
use tillsync_exchange::pin::PinHash;

use crate::headquarters::Headquarters;
use crate::storage::{ReadTx, StaffRecord, StorageError};

/// Why staff were not changed.
#[derive(Debug, thiserror::Error)]
pub enum StaffError {
    /// No such operator number.
    #[error("there is no member of staff {0}; `tillsync staff add` adds one")]
    Unknown(StaffId),
    /// The number is taken.
    #[error("operator number {0} is given already; choose another one")]
    Exists(StaffId),
    /// The number does not fit.
    #[error(transparent)]
    LongId(#[from] LongStaffId),
    /// The name breaks rules.
    #[error("the name of {staff}: {source}")]
    Name {
        /// Whose.
        staff: StaffId,
        /// Which rules.
        source: Violations,
    },
    /// Somebody whom no store would get.
    #[error("name at least one address book: its groups get {0}")]
    NoBook(StaffId),
    /// A book that no group has.
    #[error("no channel database group has the address book {0}; add it to one first")]
    UnknownBook(AddressBook),
    /// The database failed.
    #[error("keep staff")]
    Storage(#[from] StorageError),
}

impl StaffError {
    /// What sort of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            StaffError::Unknown(_) => ErrorKind::NotFound,
            StaffError::Exists(_) => ErrorKind::Conflict,
            StaffError::LongId(_)
            | StaffError::Name { .. }
            | StaffError::NoBook(_)
            | StaffError::UnknownBook(_) => ErrorKind::Invalid,
            StaffError::Storage(error) => error.kind(),
        }
    }
}

/// Somebody to add.
#[derive(Debug, Clone)]
pub struct NewStaff {
    /// The operator number.
    pub id: StaffId,
    /// Who it is.
    pub name: StaffName,
    /// What they may do at a till.
    pub role: StaffRole,
    /// The address books whose groups get them.
    pub address_books: Vec<AddressBook>,
    /// The PIN; without one they cannot sign in yet.
    pub pin: Option<Pin>,
}

/// What to change of somebody; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct StaffChange {
    /// Who it is.
    pub name: Option<StaffName>,
    /// What they may do at a till.
    pub role: Option<StaffRole>,
    /// The address books whose groups get them.
    pub address_books: Option<Vec<AddressBook>>,
    /// A new PIN. Whoever is signed in with the old one is signed out.
    pub pin: Option<Pin>,
    /// Whether they may sign in.
    pub is_active: Option<bool>,
}

impl Headquarters {
    /// Everybody, by operator number.
    ///
    /// # Errors
    /// Busy, Broken: the database failed.
    pub fn list_staff(&self) -> Result<Vec<StaffRecord>, StaffError> {
        Ok(self.storage.read(|tx| tx.staff_all())?)
    }

    /// One member of staff.
    ///
    /// # Errors
    /// NotFound: no such operator number.
    pub fn find_staff(&self, staff: &StaffId) -> Result<StaffRecord, StaffError> {
        let found = self.storage.read(|tx| tx.staff_get(staff))?;
        found.ok_or_else(|| StaffError::Unknown(staff.clone()))
    }

    /// Adds somebody.
    ///
    /// # Errors
    /// Invalid: the number, the name or the books. Conflict: the number is taken.
    pub fn add_staff(&self, new: &NewStaff, by: &str) -> Result<StaffRecord, StaffError> {
        check_staff_id(&new.id)?;
        let name = checked_name(&new.id, new.name.clone())?;
        let record = StaffRecord {
            id: new.id.clone(),
            name,
            role: new.role,
            pin: new.pin.as_ref().map(|pin| self.hash_pin(pin)),
            is_active: true,
            address_books: in_order(&new.address_books),
            changed_at: self.now(),
            changed_by: Some(by.to_owned()),
            version: Version(0),
        };
        let stored = self.storage.write(|tx| {
            if tx.staff_get(&new.id)?.is_some() {
                return Ok(Err(StaffError::Exists(new.id.clone())));
            }
            if let Err(refused) = check_books(tx, &record.id, &record.address_books)? {
                return Ok(Err(refused));
            }
            let version = tx.staff_put(&record)?;
            Ok(Ok(StaffRecord { version, ..record.clone() }))
        })??;
        self.signals().staff_changed();
        Ok(stored)
    }

    /// Changes somebody; what changes nothing is not sent again.
    ///
    /// # Errors
    /// NotFound: no such operator number. Invalid: the name or the books.
    pub fn change_staff(
        &self,
        staff: &StaffId,
        change: &StaffChange,
        by: &str,
    ) -> Result<StaffRecord, StaffError> {
        let name = change.name.clone().map(|name| checked_name(staff, name)).transpose()?;
        let pin = change.pin.as_ref().map(|pin| self.hash_pin(pin));
        let books = change.address_books.as_ref().map(|books| in_order(books));
        let now = self.now();
        let stored = self.storage.write(|tx| {
            let Some(before) = tx.staff_get(staff)? else {
                return Ok(Err(StaffError::Unknown(staff.clone())));
            };
            if let Some(books) = &books
                && let Err(refused) = check_books(tx, staff, books)?
            {
                return Ok(Err(refused));
            }
            let mut after = before.clone();
            after.name = name.clone().unwrap_or(after.name);
            after.role = change.role.unwrap_or(after.role);
            after.pin = pin.clone().or(after.pin);
            after.is_active = change.is_active.unwrap_or(after.is_active);
            after.address_books = books.clone().unwrap_or(after.address_books);
            if after == before {
                return Ok(Ok(before));
            }
            (after.changed_at, after.changed_by) = (now, Some(by.to_owned()));
            after.version = tx.staff_put(&after)?;
            Ok(Ok(after))
        })??;
        self.signals().staff_changed();
        Ok(stored)
    }

    fn hash_pin(&self, pin: &Pin) -> PinHash {
        let mut salt = [0; 16];
        self.entropy.fill(&mut salt);
        PinHash::of(pin, salt)
    }
}

/// Whether anybody was ever added: before, there is nothing to send.
pub(crate) fn staff_are_in_use(tx: &mut dyn ReadTx) -> Result<bool, StorageError> {
    Ok(tx.staff_count()? > 0)
}

fn checked_name(staff: &StaffId, name: StaffName) -> Result<StaffName, StaffError> {
    name.check().map_err(|source| StaffError::Name { staff: staff.clone(), source })
}

fn in_order(books: &[AddressBook]) -> Vec<AddressBook> {
    let mut books = books.to_vec();
    books.sort_unstable();
    books.dedup();
    books
}

/// A book that nobody has is a slip of the pen: nobody would get them.
fn check_books(
    tx: &mut dyn ReadTx,
    staff: &StaffId,
    books: &[AddressBook],
) -> Result<Result<(), StaffError>, StorageError> {
    if books.is_empty() {
        return Ok(Err(StaffError::NoBook(staff.clone())));
    }
    let groups = tx.groups_all()?;
    let is_known = |book: &&AddressBook| groups.iter().any(|it| it.address_books.contains(book));
    match books.iter().find(|book| !is_known(book)) {
        Some(unknown) => Ok(Err(StaffError::UnknownBook(unknown.clone()))),
        None => Ok(Ok(())),
    }
}
