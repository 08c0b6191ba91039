//! What can stand between a customer and a store, in words: what is the case, and what to do.

use jiff::Timestamp;
use tillsync_domain::ids::{AddressBook, DatabaseId, GroupId, OperationId, SessionId, Version};
use tillsync_exchange::session::DownloadStatus;

use crate::exclusion::Lever;
use crate::storage::DownloadSessionRecord;

/// One thing that stands in the way, or that nothing does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// Nobody was ever given this account.
    NoSuchAccount,
    /// Nothing about the customer has arrived at headquarters.
    NotUploaded {
        /// Where a sale or an order was recorded that names it.
        named_at: Option<DatabaseId>,
        /// Databases that had entries to send when they were last seen.
        unsent: Vec<Unsent>,
    },
    /// It was created at this very store and is shown there, without its account.
    PendingHere,
    /// It was received and waits for its account.
    NotPromoted {
        /// Who sent it.
        source: DatabaseId,
        /// When.
        received_at: Timestamp,
    },
    /// Its promotion failed.
    Failed {
        /// The operation that failed.
        operation: OperationId,
        /// The last known error.
        error: String,
        /// When it is tried again by itself; absent when it is not.
        next_try_at: Option<Timestamp>,
    },
    /// The store's device was never activated.
    NotEnrolled,
    /// The store's credential was revoked.
    Revoked {
        /// When.
        at: Timestamp,
    },
    /// The store's group gets none of the customer's address books (F75).
    NoSharedBook {
        /// The store's group.
        group: GroupId,
        /// The books the customer is in, or will be.
        of_customer: Vec<AddressBook>,
        /// The books the group gets.
        of_group: Vec<AddressBook>,
    },
    /// Customers are kept from offline databases, and this is one.
    Excluded {
        /// By which levers.
        levers: Vec<Lever>,
    },
    /// The register's offline profile pauses offline synchronization.
    Paused,
    /// Job 1010 has not put it into a package yet.
    NotPacked {
        /// The store's group.
        group: GroupId,
        /// The version in which the customer appeared.
        version: Version,
        /// The version that packages have come to.
        made: Version,
    },
    /// A session that is not settled: the package with the customer, or one before it (F70).
    Held {
        /// The session.
        session: SessionTrouble,
        /// Whether its own package has the customer.
        is_it: bool,
    },
    /// The package with the customer was given up.
    Canceled {
        /// The session.
        session: SessionTrouble,
        /// The store's group.
        group: GroupId,
    },
    /// The package is ready; the store has not asked for it.
    NotFetched {
        /// When the store was last seen.
        last_seen_at: Option<Timestamp>,
    },
    /// The store has the customer.
    Here {
        /// Since when; absent when it is too long ago to be known.
        since: Option<Timestamp>,
    },
}

/// A database that had something to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsent {
    /// Which.
    pub database: DatabaseId,
    /// How many log entries.
    pub entries: u64,
    /// When it said so.
    pub last_seen_at: Timestamp,
}

/// A session that stands in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionTrouble {
    /// The session.
    pub id: SessionId,
    /// Its status.
    pub status: DownloadStatus,
    /// Its last error.
    pub error: Option<String>,
}

impl SessionTrouble {
    pub(super) fn of(session: &DownloadSessionRecord) -> Self {
        SessionTrouble {
            id: session.id,
            status: session.progress.status,
            error: session.error.clone(),
        }
    }
}

impl Cause {
    /// The cause as programs read it.
    pub fn code(&self) -> &'static str {
        match self {
            Cause::NoSuchAccount => "no_such_account",
            Cause::NotUploaded { .. } => "not_uploaded",
            Cause::PendingHere => "pending_here",
            Cause::NotPromoted { .. } => "not_promoted",
            Cause::Failed { .. } => "failed",
            Cause::NotEnrolled => "not_enrolled",
            Cause::Revoked { .. } => "revoked",
            Cause::NoSharedBook { .. } => "no_shared_book",
            Cause::Excluded { .. } => "excluded",
            Cause::Paused => "offline_sync_paused",
            Cause::NotPacked { .. } => "not_packed",
            Cause::Held { session, .. } if session.status == DownloadStatus::Suspended => {
                "session_suspended"
            }
            Cause::Held { .. } => "session_open",
            Cause::Canceled { .. } => "session_canceled",
            Cause::NotFetched { .. } => "not_fetched",
            Cause::Here { .. } => "here",
        }
    }

    /// What is the case, in a sentence.
    pub fn what(&self) -> String {
        match self {
            Cause::NoSuchAccount => "headquarters has given nobody this account".to_owned(),
            Cause::NotUploaded { named_at, unsent } => not_uploaded(named_at.as_ref(), unsent),
            Cause::PendingHere => {
                "the customer was created here and is found as \"Pending sync\"; its account has \
                 not come back"
                    .to_owned()
            }
            Cause::NotPromoted { source, received_at } => {
                format!("it came from {source} at {received_at} and has no account yet")
            }
            Cause::Failed { operation, error, .. } => {
                format!(
                    "headquarters could not give it an account (operation {operation}): {error}"
                )
            }
            Cause::NotEnrolled => "the store's device was never activated".to_owned(),
            Cause::Revoked { at } => format!("the store's credential was revoked at {at}"),
            Cause::NoSharedBook { group, of_customer, of_group } => format!(
                "they share no address book: the customer is in {}, group {group} gets {}",
                names(of_customer),
                names(of_group)
            ),
            Cause::Excluded { levers } => {
                let names: Vec<_> = levers.iter().map(ToString::to_string).collect();
                format!("customers are kept from offline databases: {}", names.join(", "))
            }
            Cause::Paused => {
                "offline synchronization is paused by the register's offline profile".to_owned()
            }
            Cause::NotPacked { version, made, .. } => format!(
                "job 1010 has not packed it: it appeared in version {version}, packages have come \
                 to version {made}"
            ),
            Cause::Held { session, is_it } => held(session, *is_it),
            Cause::Canceled { session, .. } => {
                format!("the package with it was given up: session {} is canceled", session.id)
            }
            Cause::NotFetched { last_seen_at } => match last_seen_at {
                Some(at) => {
                    format!(
                        "its package is ready; the store was last seen at {at} and has not \
                             asked for it"
                    )
                }
                None => "its package is ready; the store was never seen".to_owned(),
            },
            Cause::Here { since } => match since {
                Some(at) => format!("it is there: the store has known the account since {at}"),
                None => "it is there: the store has applied all packages up to it".to_owned(),
            },
        }
    }

    /// What to do about it.
    pub fn advice(&self) -> String {
        match self {
            Cause::NoSuchAccount => {
                "look for the customer by name: `tillsync customer find TEXT`".to_owned()
            }
            Cause::NotUploaded { .. } => {
                "connect the store or register where the customer was created and let it upload: \
                 `tillsync job run P-0001`"
                    .to_owned()
            }
            Cause::PendingHere => "sell to it as it is; nothing is lost meanwhile".to_owned(),
            Cause::NotPromoted { .. } => "`tillsync job run synchronize-customers`".to_owned(),
            Cause::Failed { next_try_at, .. } => match next_try_at {
                Some(at) => format!(
                    "put right what the error says, then `tillsync job run synchronize-customers`; \
                     it is tried again by itself at {at}"
                ),
                None => "put right what the error says; it is not tried again by itself: \
                         `tillsync customer status --failed` shows it"
                    .to_owned(),
            },
            Cause::NotEnrolled => {
                "`tillsync hq activation-code ID`, and enrol the device with it".to_owned()
            }
            Cause::Revoked { .. } => {
                "if the device may come back: `tillsync hq activation-code ID`, and enrol it again"
                    .to_owned()
            }
            Cause::NoSharedBook { group, of_customer, .. } => match of_customer.first() {
                Some(book) => format!(
                    "if the store may see it, add book {book} to group {group} with `tillsync hq \
                     add-group`, then `tillsync job run 1010 --full {group}`"
                ),
                None => "a customer in no address book, such as the default customer of a store, \
                         is not sent to stores"
                    .to_owned(),
            },
            Cause::Excluded { .. } => {
                "that is wanted: sell while the register is online, or see `tillsync hq exclusion \
                 list`"
                    .to_owned()
            }
            Cause::Paused => "let it go on: `tillsync hq offline-profile set PROFILE \
                              --pause-offline-sync no`"
                .to_owned(),
            Cause::NotPacked { .. } => "`tillsync job run 1010`".to_owned(),
            Cause::Held { session, .. } if session.status == DownloadStatus::Suspended => format!(
                "put right what the error says, then `tillsync session retry {}`",
                session.id
            ),
            Cause::Held { .. } => "wait for it; see that the store is connected".to_owned(),
            Cause::Canceled { session, group } => format!(
                "`tillsync session rerun {}`, or `tillsync job run 1010 --full {group}`",
                session.id
            ),
            Cause::NotFetched { .. } => {
                "see that the store runs and reaches headquarters: `tillsync database list`"
                    .to_owned()
            }
            Cause::Here { .. } => {
                "search there by its account; a database that lost rows is mended by `tillsync job \
                 run 1010 --full GROUP`"
                    .to_owned()
            }
        }
    }

    /// Whether the store's device cannot fetch anything.
    pub(super) fn is_of_connection(&self) -> bool {
        matches!(self, Cause::NotEnrolled | Cause::Revoked { .. })
    }
}

fn not_uploaded(named_at: Option<&DatabaseId>, unsent: &[Unsent]) -> String {
    let mut text = "nothing about it has arrived at headquarters".to_owned();
    if let Some(database) = named_at {
        text += &format!("; a sale or order from {database} names it");
    }
    for Unsent { database, entries, last_seen_at } in unsent {
        text += &format!("; {database} had {entries} unsent entries at {last_seen_at}");
    }
    text
}

fn held(session: &SessionTrouble, is_it: bool) -> String {
    let SessionTrouble { id, status, error } = session;
    let which = if is_it { "the package with it" } else { "an earlier package" };
    let error = error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
    format!("{which} is not applied: session {id} is {status}{error}")
}

fn names(books: &[AddressBook]) -> String {
    let names: Vec<String> = books.iter().map(ToString::to_string).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
