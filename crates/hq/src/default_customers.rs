//! The customers that unnamed sales are posted to, one per channel.
//!
//! A default customer is made at headquarters, but by the way of every other: its creation lies in
//! the inbox and is promoted. It comes from no store, so it is in no store's address book and no
//! till gets it.

use tillsync_domain::customer::{CustomerDraft, Violations};
use tillsync_domain::ids::{
    AccountNumber, Counter, CustomerGuid, CustomerKey, DatabaseId, EpochId, OperationId, RunId,
};
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::operation::{Act, Operation};
use tillsync_exchange::messages::DatabaseKind;
use tillsync_exchange::rows::operation::OperationRow;

use crate::access::HEADQUARTERS;
use crate::headquarters::Headquarters;
use crate::promote::{PromoteError, Whom};
use crate::recovery::held_text;
use crate::storage::{OperationSource, ReadTx, StorageError};

/// Why a channel got no default customer.
#[derive(Debug, thiserror::Error)]
pub enum DefaultCustomerError {
    /// No such channel.
    #[error("there is no channel {0}; `tillsync hq add-channel` adds one")]
    UnknownChannel(DatabaseId),
    /// It has one.
    #[error("channel {channel} has the default customer {account} already; set another by its key")]
    HasOne {
        /// Which channel.
        channel: DatabaseId,
        /// Its default customer.
        account: AccountNumber,
    },
    /// The name is no customer's name.
    #[error("the default customer cannot be created")]
    Name(#[source] Violations),
    /// The customer has no account.
    #[error("headquarters knows no customer {0} with an account")]
    UnknownCustomer(CustomerKey),
    /// It was staged and found no account number.
    #[error(
        "customer {0} was created, but has no account yet; when `tillsync customer status` shows \
         it as promoted, set it as the default customer by that key"
    )]
    NotPromoted(CustomerGuid),
    /// Headquarters recovers from a restore.
    #[error("the default customer cannot be created now; {0}")]
    Held(String),
    /// Promotion stopped.
    #[error("promote the default customer")]
    Promote(#[from] PromoteError),
    /// The database failed.
    #[error("keep the default customer")]
    Storage(#[from] StorageError),
}

impl DefaultCustomerError {
    /// What sort of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            DefaultCustomerError::UnknownChannel(_) | DefaultCustomerError::UnknownCustomer(_) => {
                ErrorKind::NotFound
            }
            DefaultCustomerError::HasOne { .. } => ErrorKind::Conflict,
            DefaultCustomerError::Name(_) => ErrorKind::Invalid,
            DefaultCustomerError::NotPromoted(_) | DefaultCustomerError::Held(_) => ErrorKind::Busy,
            DefaultCustomerError::Promote(error) => error.kind(),
            DefaultCustomerError::Storage(error) => error.kind(),
        }
    }
}

impl Headquarters {
    /// Creates a customer, an organization of that name, promotes it, and makes it the default
    /// customer of a channel that has none.
    ///
    /// # Errors
    /// NotFound: no such channel. Conflict: it has a default customer. Invalid: the name breaks the
    /// rules of names. Busy: no account number was left.
    pub fn create_default_customer(
        &self,
        channel: &DatabaseId,
        name: &str,
    ) -> Result<AccountNumber, DefaultCustomerError> {
        let draft = CustomerDraft {
            customer_type: Some(2),
            name: Some(name.to_owned()),
            ..CustomerDraft::default()
        };
        let customer = draft.check().map_err(DefaultCustomerError::Name)?;
        let now = self.now();
        let headquarters: DatabaseId = HEADQUARTERS.parse().expect("a valid database id");
        let guid = CustomerGuid::from_uuid(self.mint(now));
        let operation = Operation {
            id: OperationId::from_uuid(self.mint(now)),
            customer: guid,
            act: Act::CreateCustomer(Box::new(customer)),
            created_at: now,
            origin: headquarters.clone(),
            staff: None,
        };
        // Headquarters keeps no log of its own: each creation is an epoch by itself.
        if let Some(waiting) = self.recovery_waits_for()? {
            return Err(DefaultCustomerError::Held(held_text(&waiting)));
        }
        let epoch = EpochId::from_uuid(self.mint(now));
        let source = OperationSource { source: headquarters, epoch, received_at: now };
        let row = OperationRow::record(&operation, Counter(1));
        self.storage.write(|tx| {
            if let Err(error) = no_default(tx, channel)? {
                return Ok(Err(error));
            }
            tx.operations_insert_once(&source, std::slice::from_ref(&row)).map(Ok)
        })??;
        let run = RunId::from_uuid(self.mint(now));
        self.promote_customers(&Whom::Only(vec![guid]), run, &mut |_| true)?;
        self.storage.write(|tx| {
            // Somebody else may have given it one meanwhile; that one stays.
            if let Err(error) = no_default(tx, channel)? {
                return Ok(Err(error));
            }
            let Some(alias) = tx.alias_get(&CustomerKey::Temporary(guid))? else {
                return Ok(Err(DefaultCustomerError::NotPromoted(guid)));
            };
            tx.database_default_customer_set(channel, &alias.account)?;
            Ok(Ok(alias.account))
        })?
    }

    /// Makes a customer, named by either key, the default customer of a channel, and returns its
    /// account. Statements that are not aggregated yet use it.
    ///
    /// # Errors
    /// NotFound: no such channel, or no such customer with an account.
    pub fn set_default_customer(
        &self,
        channel: &DatabaseId,
        customer: &CustomerKey,
    ) -> Result<AccountNumber, DefaultCustomerError> {
        self.storage.write(|tx| {
            if let Err(error) = channel_default(tx, channel)? {
                return Ok(Err(error));
            }
            let Some(alias) = tx.alias_get(customer)? else {
                return Ok(Err(DefaultCustomerError::UnknownCustomer(customer.clone())));
            };
            tx.database_default_customer_set(channel, &alias.account)?;
            Ok(Ok(alias.account))
        })?
    }
}

type Found = Result<Option<AccountNumber>, DefaultCustomerError>;

/// The default customer that a channel has now.
fn channel_default(tx: &mut dyn ReadTx, channel: &DatabaseId) -> Result<Found, StorageError> {
    let record = tx.database_get(channel)?;
    let found = record.filter(|record| record.database.kind == DatabaseKind::Channel);
    Ok(match found {
        Some(record) => Ok(record.default_customer),
        None => Err(DefaultCustomerError::UnknownChannel(channel.clone())),
    })
}

/// Refuses a channel that has a default customer.
fn no_default(
    tx: &mut dyn ReadTx,
    channel: &DatabaseId,
) -> Result<Result<(), DefaultCustomerError>, StorageError> {
    let channel = channel.clone();
    Ok(match channel_default(tx, &channel)? {
        Ok(None) => Ok(()),
        Ok(Some(account)) => Err(DefaultCustomerError::HasOne { channel, account }),
        Err(error) => Err(error),
    })
}
