//! Creating customers and adding addresses here, whether or not anybody upstream can be reached.
//!
//! What is accepted here is durable and keeps headquarters' rules; nothing is cut or corrected.

mod addresses;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;
use sha2::{Digest, Sha256};
use tillsync_domain::customer::{
    AddressDraft, CustomerDraft, CustomerType, NewAddress, Violations,
};
use tillsync_domain::feature::SwitchedOff;
use tillsync_domain::ids::{
    AddressGuid, Counter, CustomerGuid, CustomerKey, DatabaseId, OperationId, ParseIdError,
    StaffId, TransactionNumber,
};
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::operation::{Act, Operation};
use tillsync_domain::profile::NotHere;
use tillsync_domain::promotion::Defect;
use tillsync_exchange::messages::RefusedField;
use tillsync_exchange::realtime::CreatedCustomer;
use tillsync_exchange::rows::operation::{AddressContent, CustomerContent, OperationRow};

pub use self::addresses::{AddAddresses, add_addresses, add_addresses_at};
use crate::clients::ClientName;
use crate::db::{DbError, digest_column, uuid_column};
use crate::edge::Edge;
use crate::find::{AddressView, CustomerView, customer_by_key, settle_primary};
use crate::intention::{self, Intention};
use crate::log::{self, Appended};
use crate::{project, realtime};

/// The longest idempotency key, in characters.
pub const REQUEST_KEY_CHARS_MAX: usize = 100;

/// A key that a client draws per request, so that it may repeat the request when the answer got
/// lost. Keys of different clients never meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestKey(String);

impl RequestKey {
    /// Takes a client's key: 1 to 100 printable characters.
    ///
    /// # Errors
    /// Invalid: anything else.
    pub fn parse(client: &ClientName, text: &str) -> Result<Self, CreateError> {
        let fits = (1..=REQUEST_KEY_CHARS_MAX).contains(&text.chars().count());
        if !fits || text.chars().any(char::is_control) {
            return Err(CreateError::RequestKey);
        }
        Ok(RequestKey(format!("{}\n{text}", client.as_str())))
    }

    /// The client's name and the key.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The number of a transaction whose request at this database has this key and no number of
    /// its own: the same for every repeat, so the number alone tells repeats, and another for the
    /// same key at another database, for programs may count their keys at each till from one.
    pub fn transaction_number(&self, database: &DatabaseId) -> TransactionNumber {
        let unique = format!("{}\n{}", database.as_str(), self.0);
        let digest = hex::encode(Sha256::digest(unique.as_bytes()));
        format!("K{}", &digest[..40]).parse().expect("letters and digits, fewer than 60")
    }
}

/// A customer to create.
#[derive(Debug, Clone, Default)]
pub struct CreateCustomer {
    /// Who it is.
    pub customer: CustomerDraft,
    /// Where it lives, gets mail and so on.
    pub addresses: Vec<AddressDraft>,
    /// Who creates it.
    pub staff: Option<StaffId>,
    /// How a repeat is recognised.
    pub request: Option<RequestKey>,
}

/// Why nothing was recorded.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// Fields break rules; every one is named.
    #[error("{0}")]
    Rules(#[from] Violations),
    /// The idempotency key is not usable.
    #[error("an idempotency key has 1 to {REQUEST_KEY_CHARS_MAX} printable characters")]
    RequestKey,
    /// The idempotency key was used for something else.
    #[error("this idempotency key was used before, for other content; draw a new one")]
    RequestReused,
    /// No such customer here.
    #[error("this store knows no customer with that key")]
    NoCustomer,
    /// The customer is not in the state that the caller insists on.
    #[error("the customer was changed since it was read; read it again, then decide")]
    Changed,
    /// It would have to be asked for elsewhere, and cannot be.
    #[error(transparent)]
    NotHere(#[from] NotHere),
    /// The feature for it is off.
    #[error(transparent)]
    SwitchedOff(#[from] SwitchedOff),
    /// Headquarters was asked, and says no (F07).
    #[error("headquarters refused the customer: {message}")]
    Refused {
        /// What sort of refusal.
        kind: ErrorKind,
        /// In headquarters' words.
        message: String,
        /// The fields that it refused, where it is fields.
        fields: Vec<RefusedField>,
    },
    /// The stored customer cannot be read.
    #[error("read the stored customer")]
    Stored(#[from] ParseIdError),
    /// The database failed; nothing was recorded.
    #[error("record the customer")]
    Db(#[from] DbError),
}

impl CreateError {
    /// What sort of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            CreateError::Rules(_) | CreateError::RequestKey => ErrorKind::Invalid,
            CreateError::RequestReused | CreateError::Changed | CreateError::NotHere(_) => {
                ErrorKind::Conflict
            }
            CreateError::Refused { kind, .. } => *kind,
            CreateError::SwitchedOff(_) => ErrorKind::Conflict,
            CreateError::NoCustomer => ErrorKind::NotFound,
            CreateError::Stored(_) => ErrorKind::Broken,
            CreateError::Db(error) => error.kind(),
        }
    }
}

/// Creates a customer with its addresses here alone: durable and findable when this returns (F03,
/// F25, F29). Tills come by [`crate::creation::create_by_mode`], which may ask headquarters first.
///
/// # Errors
/// Invalid: every violation at once. Conflict: the request key was used for something else.
/// Busy or Broken: nothing was recorded.
pub fn create_customer(
    edge: &Edge,
    request: CreateCustomer,
    now: Timestamp,
) -> Result<CustomerView, CreateError> {
    settle(edge, Prepared::new(edge, request, now)?, None)
}

/// A customer that keeps the rules and has its identities, before anybody was told of it.
pub(crate) struct Prepared {
    pub(crate) guid: CustomerGuid,
    pub(crate) created_at: Timestamp,
    pub(crate) keyed: Option<Keyed>,
    operations: Vec<(Operation, OperationRow)>,
    /// What it looks like while it exists here only; nothing where it was prepared before.
    view: Option<CustomerView>,
}

/// How a repeat of a request is told from another request.
pub(crate) struct Keyed {
    pub(crate) key: RequestKey,
    pub(crate) fingerprint: Fingerprint,
}

impl Prepared {
    pub(crate) fn new(
        edge: &Edge,
        request: CreateCustomer,
        now: Timestamp,
    ) -> Result<Self, CreateError> {
        let CreateCustomer { customer, addresses, staff, request } = request;
        let now = whole_microseconds(now);
        let guid = CustomerGuid::from_uuid(edge.mint(now));
        let kind = match customer.customer_type {
            Some(2) => CustomerType::Organization,
            _ => CustomerType::Person,
        };
        // Both are checked before either is refused, so that every violation is named at once.
        let (customer, mut addresses) =
            match (customer.check(), check_addresses(edge, addresses, kind, now)) {
                (Ok(customer), Ok(addresses)) => (customer, addresses),
                (Err(found), Ok(_)) | (Ok(_), Err(found)) => return Err(found.into()),
                (Err(mut found), Err(more)) => {
                    found.0.extend(more.0);
                    return Err(found.into());
                }
            };
        let content = CustomerContent::from(&customer);
        let fingerprint = Fingerprint::of("create", None, Some(&content), &addresses);
        fill_country(edge, &mut addresses);
        let view = new_view(guid, now, content, &addresses);
        let act = Act::CreateCustomer(Box::new(customer));
        let acts =
            std::iter::once(act).chain(addresses.into_iter().map(Box::new).map(Act::AddAddress));
        Ok(Prepared {
            guid,
            created_at: now,
            keyed: request.map(|key| Keyed { key, fingerprint }),
            operations: operations(edge, guid, acts, staff, now),
            view: Some(view),
        })
    }

    /// Means the customer that was prepared before, if there is one.
    pub(crate) fn with(mut self, kept: Option<Intention>) -> Result<Self, CreateError> {
        if let Some(Intention { customer, operations }) = kept {
            let read = |row: OperationRow| Ok((row.operation()?, row));
            let operations: Result<_, Defect> = operations.into_iter().map(read).collect();
            self.operations = operations.map_err(|_| DbError::Damaged("intention"))?;
            (self.guid, self.view) = (customer, None);
        }
        Ok(self)
    }

    /// What the log will hold, as it is told to headquarters.
    pub(crate) fn rows(&self) -> Vec<OperationRow> {
        self.operations.iter().map(|(_, row)| row.clone()).collect()
    }
}

/// Writes a prepared customer down, with what headquarters answered, if it did. Its operations
/// stand in the log in either case: a headquarters that is restored gets them again.
pub(crate) fn settle(
    edge: &Edge,
    prepared: Prepared,
    answer: Option<CreatedCustomer>,
) -> Result<CustomerView, CreateError> {
    let settled = edge.db.write(move |connection| record(connection, prepared, answer.as_ref()))?;
    match settled {
        Recorded::Now(view) => {
            edge.signals.entries_recorded();
            Ok(*view)
        }
        Recorded::Before(view) => Ok(*view),
    }
}

/// What is stored and hashed has microseconds; more would be lost on the way.
pub(crate) fn whole_microseconds(time: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time)
}

enum Recorded {
    Now(Box<CustomerView>),
    Before(Box<CustomerView>),
}

/// The content of a request, without the identities that are drawn for it.
pub(crate) struct Fingerprint(pub(crate) [u8; 32]);

impl Fingerprint {
    fn of(
        what: &'static str,
        customer: Option<CustomerGuid>,
        content: Option<&CustomerContent>,
        addresses: &[NewAddress],
    ) -> Self {
        #[derive(Serialize)]
        struct Parts<'a> {
            what: &'static str,
            customer: Option<String>,
            content: Option<&'a CustomerContent>,
            addresses: Vec<AddressContent>,
        }
        let nameless = |address: &NewAddress| {
            let guid = AddressGuid::from_uuid(uuid::Uuid::nil());
            AddressContent { guid, ..AddressContent::from(address) }
        };
        let addresses = addresses.iter().map(nameless).collect();
        let customer = customer.map(|guid| guid.to_string());
        let parts = Parts { what, customer, content, addresses };
        let bytes = serde_json::to_vec(&parts).expect("plain structs of texts");
        Fingerprint(Sha256::digest(bytes).into())
    }
}

fn check_addresses(
    edge: &Edge,
    drafts: Vec<AddressDraft>,
    kind: CustomerType,
    now: Timestamp,
) -> Result<Vec<NewAddress>, Violations> {
    let mut guids = edge.mint_ordered(now, drafts.len()).into_iter().map(AddressGuid::from_uuid);
    AddressDraft::check_all(drafts, kind, || guids.next().expect("one was minted per draft"))
}

/// A blank country is the store's own (F31). After the fingerprint: a change of the setting does
/// not turn a repeat into another request.
fn fill_country(edge: &Edge, addresses: &mut [NewAddress]) {
    for address in addresses {
        address.country = address.country.take().or_else(|| edge.country_default().cloned());
    }
}

fn new_view(
    guid: CustomerGuid,
    created_at: Timestamp,
    content: CustomerContent,
    addresses: &[NewAddress],
) -> CustomerView {
    let address =
        |address: &NewAddress| AddressView { content: address.into(), created_at, version: 0 };
    let mut addresses: Vec<_> = addresses.iter().map(address).collect();
    settle_primary(&mut addresses);
    let (account, party_number) = (None, None);
    CustomerView { guid, account, party_number, created_at, content, addresses }
}

fn operations(
    edge: &Edge,
    customer: CustomerGuid,
    acts: impl Iterator<Item = Act>,
    staff: Option<StaffId>,
    now: Timestamp,
) -> Vec<(Operation, OperationRow)> {
    let operation = |act| Operation {
        id: OperationId::from_uuid(edge.mint(now)),
        customer,
        act,
        created_at: now,
        origin: edge.identity().database.clone(),
        staff: staff.clone(),
    };
    acts.map(operation)
        .map(|operation| {
            // The log gives the counter; none is known here.
            let row = OperationRow::record(&operation, Counter::ZERO);
            (operation, row)
        })
        .collect()
}

fn record(
    connection: &Connection,
    prepared: Prepared,
    answer: Option<&CreatedCustomer>,
) -> Result<Recorded, CreateError> {
    let kept = match &prepared.keyed {
        Some(keyed) => intention::take(connection, keyed)?,
        None => None,
    };
    let prepared = prepared.with(kept)?;
    let Prepared { guid, operations, keyed, view, .. } = prepared;
    let first = match &keyed {
        Some(keyed) => request_once(connection, keyed, guid)?,
        None => None,
    };
    if first.is_none() {
        append(connection, &operations)?;
    }
    if let Some(answer) = answer {
        realtime::answer_write(connection, answer)?;
    }
    let stored = |guid| -> Result<_, CreateError> {
        let view = customer_by_key(connection, &CustomerKey::Temporary(guid))?;
        Ok(Box::new(view.ok_or(CreateError::NoCustomer)?))
    };
    Ok(match (first, view) {
        (Some(first), _) => Recorded::Before(stored(first)?),
        (None, Some(view)) if answer.is_none() => Recorded::Now(Box::new(view)),
        (None, _) => Recorded::Now(stored(guid)?),
    })
}

fn append(
    connection: &Connection,
    operations: &[(Operation, OperationRow)],
) -> Result<(), CreateError> {
    for (operation, row) in operations {
        match log::operation_append(connection, row)? {
            Appended::New(_) => project::operation_project(connection, operation)?,
            Appended::Repeated | Appended::Contradiction => {
                unreachable!("the id was drawn for this request, which was not settled before")
            }
        }
    }
    Ok(())
}

/// Claims a request key. When it was used before for the same content, returns that customer.
fn request_once(
    connection: &Connection,
    keyed: &Keyed,
    customer: CustomerGuid,
) -> Result<Option<CustomerGuid>, CreateError> {
    let Keyed { key, fingerprint } = keyed;
    let claimed = connection
        .prepare_cached(
            "INSERT INTO request (key, hash, customer) VALUES (?1, ?2, ?3)
             ON CONFLICT (key) DO NOTHING",
        )
        .and_then(|mut statement| {
            statement.execute(params![key.0, fingerprint.0, customer.as_uuid().as_bytes()])
        })
        .map_err(DbError::from)?;
    if claimed == 1 {
        return Ok(None);
    }
    let first = request_find(connection, keyed)?;
    first.ok_or(CreateError::RequestReused).map(Some)
}

/// The customer of a request that was settled before; nothing when the key was not used.
pub(crate) fn request_find(
    connection: &Connection,
    keyed: &Keyed,
) -> Result<Option<CustomerGuid>, CreateError> {
    let first = connection
        .prepare_cached("SELECT hash, customer FROM request WHERE key = ?1")
        .and_then(|mut statement| {
            statement
                .query_row([&keyed.key.0], |row| Ok((digest_column(row, 0)?, uuid_column(row, 1)?)))
                .optional()
        })
        .map_err(DbError::from)?;
    match first {
        Some((hash, customer)) if hash == keyed.fingerprint.0 => {
            Ok(Some(CustomerGuid::from_uuid(customer)))
        }
        Some(_) => Err(CreateError::RequestReused),
        None => Ok(None),
    }
}
