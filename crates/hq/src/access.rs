//! Who may talk to headquarters: groups, databases, activation codes, credentials, tokens.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use tillsync_domain::ids::{AddressBook, DatabaseId, GroupId};
use tillsync_domain::job::JobName;
use tillsync_domain::kind::ErrorKind;
use tillsync_exchange::device::{ActivationCode, Secret, SecretHash};
use tillsync_exchange::messages::{DatabaseKind, EnrolRequest, Enrolled, ExchangeMode};
use tillsync_exchange::version::{NoCommonVersion, SPOKEN};

use crate::distribution::begin_again;
use crate::headquarters::Headquarters;
use crate::offline_profiles::offline_profile_for_new;
use crate::profiles::profile_for_new;
use crate::staff::staff_are_in_use;
use crate::storage::{
    Activation, DatabaseRecord, GroupRecord, NewDatabase, OperatorToken, StorageError,
};

/// How long an activation code is valid.
pub const ACTIVATION_VALID: SignedDuration = SignedDuration::from_hours(24);

/// Where the customers come from that headquarters creates itself, and the address book they are
/// in. No database and no group's book has this name, so no till gets them.
pub(crate) const HEADQUARTERS: &str = "headquarters";

/// Why a device, a database or an operator was refused.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// Never issued, used up, or expired: the same answer for all three.
    #[error("the activation code is not valid; ask headquarters for a new one")]
    BadCode,
    /// The credential is unknown or revoked.
    #[error("the credential is not known here or was revoked; enrol the device again")]
    BadCredential,
    /// A device that asks for what belongs to another.
    #[error("database {database} may not do this for {other}")]
    NotYours {
        /// Who asked.
        database: DatabaseId,
        /// For whom.
        other: DatabaseId,
    },
    /// No such group.
    #[error("there is no channel database group {0}; add it first")]
    UnknownGroup(GroupId),
    /// No such database.
    #[error("there is no database {0}")]
    UnknownDatabase(DatabaseId),
    /// A register without its channel, or a channel under another.
    #[error("register {register} needs a channel that exists, but {parent} is none")]
    BadParent {
        /// The register.
        register: DatabaseId,
        /// What was named as its channel.
        parent: DatabaseId,
    },
    /// A database whose customers would be in a book that its group does not get.
    #[error(
        "customers created at {database} get the address book {book}, so its group must keep it"
    )]
    BookInUse {
        /// The book.
        book: AddressBook,
        /// The database.
        database: DatabaseId,
    },
    /// The name stands for headquarters itself.
    #[error("a database cannot be called {0}: the name stands for headquarters itself")]
    Reserved(DatabaseId),
    /// The book holds headquarters' own customers.
    #[error("no group can have the address book {0}: it holds headquarters' own customers")]
    ReservedBook(AddressBook),
    /// The name is taken.
    #[error("there is a database {0} already")]
    Exists(DatabaseId),
    /// The device speaks another protocol.
    #[error(transparent)]
    Version(#[from] NoCommonVersion),
    /// The database failed.
    #[error("look up devices")]
    Storage(#[from] StorageError),
}

impl AccessError {
    /// What sort of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            AccessError::BadCode | AccessError::BadCredential | AccessError::NotYours { .. } => {
                ErrorKind::Forbidden
            }
            AccessError::UnknownGroup(_) | AccessError::UnknownDatabase(_) => ErrorKind::NotFound,
            AccessError::BadParent { .. }
            | AccessError::Reserved(_)
            | AccessError::ReservedBook(_) => ErrorKind::Invalid,
            AccessError::Exists(_) | AccessError::BookInUse { .. } | AccessError::Version(_) => {
                ErrorKind::Conflict
            }
            AccessError::Storage(error) => error.kind(),
        }
    }
}

/// What to add: a channel, or a register of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Addition {
    /// A channel database in a group.
    Channel {
        /// Its name.
        id: DatabaseId,
        /// Its group.
        group: GroupId,
    },
    /// A register's offline database, in its channel's group.
    Register {
        /// Its name.
        id: DatabaseId,
        /// Its channel.
        channel: DatabaseId,
    },
}

impl Headquarters {
    /// Adds a group or changes its address books and mode. Where the books change, each of its
    /// databases is sent a snapshot: who is in an added book arrives, and who is in none any more
    /// leaves (F75).
    ///
    /// # Errors
    /// Invalid: the book of headquarters' own customers. Conflict: a database's own customers would
    /// never come back to it. Busy, Broken: the database failed.
    pub fn put_group(&self, group: &GroupRecord) -> Result<(), AccessError> {
        if let Some(own) = group.address_books.iter().find(|book| book.as_str() == HEADQUARTERS) {
            return Err(AccessError::ReservedBook(own.clone()));
        }
        self.storage.write(|tx| {
            let cut_off =
                tx.databases_all()?.into_iter().map(|record| record.database).find(|own| {
                    own.group == group.id && !group.address_books.contains(&own.address_book)
                });
            if let Some(NewDatabase { id, address_book, .. }) = cut_off {
                return Ok(Err(AccessError::BookInUse { book: address_book, database: id }));
            }
            let before = tx.group_get(&group.id)?;
            tx.group_put(group)?;
            let books_of = |group: &GroupRecord| BTreeSet::from_iter(group.address_books.clone());
            if before.is_some_and(|before| books_of(&before) != books_of(group)) {
                begin_again(tx, &group.id, JobName::Customers1010)?;
                if staff_are_in_use(tx)? {
                    begin_again(tx, &group.id, JobName::Staff1060)?;
                }
            }
            Ok(Ok(()))
        })??;
        self.signals().offers_changed();
        Ok(())
    }

    /// Sets whether changes of a group travel at once or by schedule.
    ///
    /// # Errors
    /// NotFound: no such group. Busy, Broken: the database failed.
    pub fn set_mode(&self, group: &GroupId, mode: ExchangeMode) -> Result<(), AccessError> {
        let found = self.storage.write(|tx| {
            let Some(record) = tx.group_get(group)? else { return Ok(false) };
            tx.group_put(&GroupRecord { mode, ..record })?;
            Ok(true)
        })?;
        self.signals().offers_changed();
        if found { Ok(()) } else { Err(AccessError::UnknownGroup(group.clone())) }
    }

    /// Adds a channel or register. Customers created there get the first, by name, of the
    /// group's address books.
    ///
    /// # Errors
    /// NotFound, Invalid: group or channel do not exist, or the name is reserved. Conflict: the
    /// name is taken.
    pub fn add_database(&self, addition: &Addition) -> Result<(), AccessError> {
        let now = self.now();
        let (Addition::Channel { id, .. } | Addition::Register { id, .. }) = addition;
        if id.as_str() == HEADQUARTERS {
            return Err(AccessError::Reserved(id.clone()));
        }
        self.storage.write(|tx| {
            let (id, kind, group, parent) = match addition {
                Addition::Channel { id, group } => (id, DatabaseKind::Channel, group.clone(), None),
                Addition::Register { id, channel } => match tx.database_get(channel)? {
                    Some(record) if record.database.kind == DatabaseKind::Channel => {
                        (id, DatabaseKind::Register, record.database.group, Some(channel.clone()))
                    }
                    _ => {
                        let (register, parent) = (id.clone(), channel.clone());
                        return Ok(Err(AccessError::BadParent { register, parent }));
                    }
                },
            };
            let Some(record) = tx.group_get(&group)? else {
                return Ok(Err(AccessError::UnknownGroup(group)));
            };
            let address_book = record.address_books.first().cloned().unwrap_or_else(default_book);
            let id = id.clone();
            let new =
                NewDatabase { id: id.clone(), kind, group, parent, address_book, created_at: now };
            if !tx.database_insert_once(&new)? {
                return Ok(Err(AccessError::Exists(id)));
            }
            profile_for_new(tx, &new)?;
            offline_profile_for_new(tx, &new).map(Ok)
        })??;
        self.signals().profiles_changed();
        self.signals().registers_changed();
        Ok(())
    }

    /// Issues a code with which one device can become this database, within
    /// [`ACTIVATION_VALID`].
    ///
    /// # Errors
    /// NotFound: no such database.
    pub fn issue_activation_code(
        &self,
        database: &DatabaseId,
    ) -> Result<ActivationCode, AccessError> {
        let mut random = [0; 10];
        self.entropy.fill(&mut random);
        let code = ActivationCode::from_random(random);
        let activation = Activation {
            code: code.hash(),
            database: database.clone(),
            expires_at: self.now() + ACTIVATION_VALID,
            redeemed_by: None,
        };
        let known = self.storage.write(|tx| {
            let known = tx.database_get(database)?.is_some();
            if known {
                tx.activation_put(&activation)?;
            }
            Ok(known)
        })?;
        if known { Ok(code) } else { Err(AccessError::UnknownDatabase(database.clone())) }
    }

    /// Redeems an activation code. A channel's register passes `through` its channel.
    ///
    /// The same code with the same credential is the same redemption: a device whose answer was
    /// lost asks again. It ends with the credential: a spent code brings back nothing that was
    /// revoked or replaced.
    ///
    /// # Errors
    /// Forbidden: the code is not valid. Conflict: no common protocol version.
    pub fn enrol_device(
        &self,
        request: &EnrolRequest,
        through: Option<&DatabaseId>,
    ) -> Result<Enrolled, AccessError> {
        SPOKEN.agree(request.protocol)?;
        let now = self.now();
        let hash = ActivationCode::typed(&request.code).hash();
        let enrolled = self.storage.write(|tx| {
            let Some(activation) = tx.activation_get(&hash)? else { return Ok(None) };
            let fresh = activation.redeemed_by.is_none() && activation.expires_at > now;
            // A repeat has its answer again as long as what it enrolled is in force: a spent code
            // must not bring back a credential that was revoked or replaced since.
            let is_repeat = activation.redeemed_by == Some(request.credential_hash);
            let in_force = match is_repeat {
                true => tx.database_by_credential(&request.credential_hash)?,
                false => None,
            };
            let repeated = in_force.is_some_and(|it| it.database.id == activation.database);
            let Some(record) = tx.database_get(&activation.database)? else { return Ok(None) };
            let right_way = record.database.parent.as_ref() == through;
            if !(fresh || repeated) || !right_way {
                return Ok(None);
            }
            if fresh {
                tx.database_enrol(&activation.database, &request.credential_hash, now)?;
                let redeemed_by = Some(request.credential_hash);
                tx.activation_put(&Activation { redeemed_by, ..activation })?;
            }
            let NewDatabase { id, kind, group, parent, .. } = record.database;
            Ok(Some(Enrolled { database: id, kind, group, parent }))
        })?;
        enrolled.ok_or(AccessError::BadCode)
    }

    /// Finds the database that a credential belongs to.
    ///
    /// # Errors
    /// Forbidden: unknown or revoked.
    pub fn authenticate_device(&self, secret: &Secret) -> Result<DatabaseRecord, AccessError> {
        let hash = secret.hash();
        let record = self.storage.read(|tx| tx.database_by_credential(&hash))?;
        record.ok_or(AccessError::BadCredential)
    }

    /// The database that `acting` asks for: itself, or one of its registers.
    ///
    /// # Errors
    /// Forbidden: neither.
    pub fn authorize_for(
        &self,
        acting: &DatabaseRecord,
        database: &DatabaseId,
    ) -> Result<DatabaseRecord, AccessError> {
        if acting.database.id == *database {
            return Ok(acting.clone());
        }
        let record = self.storage.read(|tx| tx.database_get(database))?;
        let own = |record: &DatabaseRecord| {
            record.database.parent.as_ref() == Some(&acting.database.id)
                && record.revoked_at.is_none()
        };
        record.filter(own).ok_or_else(|| AccessError::NotYours {
            database: acting.database.id.clone(),
            other: database.clone(),
        })
    }

    /// Revokes a device's credential at once.
    ///
    /// # Errors
    /// NotFound: no such database.
    pub fn revoke_device(&self, database: &DatabaseId) -> Result<(), AccessError> {
        let now = self.now();
        let known = self.storage.write(|tx| {
            let known = tx.database_get(database)?.is_some();
            if known {
                tx.database_revoke(database, now)?;
            }
            Ok(known)
        })?;
        // A channel that waits hears of it now, and refuses its register.
        self.signals().offers_changed();
        if known { Ok(()) } else { Err(AccessError::UnknownDatabase(database.clone())) }
    }

    /// Makes a token for the operators' API; an older one of that name stops working.
    ///
    /// # Errors
    /// Busy, Broken: the database failed.
    pub fn create_operator_token(&self, name: &str) -> Result<Secret, AccessError> {
        let mut random = [0; 32];
        self.entropy.fill(&mut random);
        let secret = Secret::from_random(random);
        let token =
            OperatorToken { hash: secret.hash(), name: name.to_owned(), created_at: self.now() };
        self.storage.write(|tx| tx.operator_token_put(&token))?;
        Ok(secret)
    }

    /// Finds the operator's token that was presented.
    ///
    /// # Errors
    /// Forbidden: unknown.
    pub fn authenticate_operator(&self, hash: &SecretHash) -> Result<OperatorToken, AccessError> {
        let token = self.storage.read(|tx| tx.operator_token_get(hash))?;
        token.ok_or(AccessError::BadCredential)
    }

    /// Every group, by name.
    ///
    /// # Errors
    /// Busy, Broken: the database failed.
    pub fn list_groups(&self) -> Result<Vec<GroupRecord>, AccessError> {
        Ok(self.storage.read(|tx| tx.groups_all())?)
    }

    /// Every database, by name.
    ///
    /// # Errors
    /// Busy, Broken: the database failed.
    pub fn list_databases(&self) -> Result<Vec<DatabaseRecord>, AccessError> {
        Ok(self.storage.read(|tx| tx.databases_all())?)
    }
}

/// The address book of databases whose group has none.
fn default_book() -> AddressBook {
    "default".parse().expect("a valid address book")
}

/// Whether a database counts as present: it polled within two polls' time.
pub fn is_present(record: &DatabaseRecord, now: Timestamp) -> bool {
    let recent = SignedDuration::from_secs(60);
    record.revoked_at.is_none()
        && record.last_seen_at.is_some_and(|seen| now.duration_since(seen) <= recent)
}
