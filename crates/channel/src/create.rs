//! Creating customers and adding addresses, whether or not anybody upstream can be reached.
//!
//! What is accepted here is durable and keeps headquarters' rules; nothing is cut or corrected.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;
use sha2::{Digest, Sha256};
use tillsync_domain::customer::{
    AddressDraft, CustomerDraft, CustomerType, NewAddress, Violations,
};
use tillsync_domain::ids::{
    AddressGuid, Counter, CustomerGuid, CustomerKey, OperationId, ParseIdError, StaffId,
    TransactionNumber,
};
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::operation::{Act, Operation};
use tillsync_exchange::rows::operation::{AddressContent, CustomerContent, OperationRow};

use crate::clients::ClientName;
use crate::db::{DbError, digest_column, uuid_column};
use crate::edge::Edge;
use crate::find::{AddressView, CustomerView, customer_by_key, settle_primary};
use crate::log::{self, Appended};
use crate::project;

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

    /// The number of a transaction whose request has this key and no number of its own: the same
    /// for every repeat, so the number alone tells repeats.
    pub fn transaction_number(&self) -> TransactionNumber {
        let digest = hex::encode(Sha256::digest(self.0.as_bytes()));
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

/// Addresses to add to a customer.
#[derive(Debug, Clone)]
pub struct AddAddresses {
    /// The customer, by either key.
    pub customer: CustomerKey,
    /// The addresses.
    pub addresses: Vec<AddressDraft>,
    /// Who adds them.
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
            CreateError::RequestReused => ErrorKind::Conflict,
            CreateError::NoCustomer => ErrorKind::NotFound,
            CreateError::Stored(_) => ErrorKind::Broken,
            CreateError::Db(error) => error.kind(),
        }
    }
}

/// Creates a customer with its addresses: durable and findable when this returns (F03, F25, F29).
///
/// # Errors
/// Invalid: every violation at once. Conflict: the request key was used for something else.
/// Busy or Broken: nothing was recorded.
pub fn create_customer(
    edge: &Edge,
    request: CreateCustomer,
    now: Timestamp,
) -> Result<CustomerView, CreateError> {
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
    let acts = std::iter::once(act).chain(addresses.into_iter().map(Box::new).map(Act::AddAddress));
    let operations = operations(edge, guid, acts, staff, now);
    let repeat = request.map(|key| (key, fingerprint));
    let recorded = edge.db.write(move |connection| record(connection, guid, operations, repeat))?;
    match recorded {
        Recorded::Now => {
            edge.signals.entries_recorded();
            Ok(view)
        }
        Recorded::Before(view) => Ok(*view),
    }
}

/// Adds addresses to a customer, pending or permanent (F25, F26). The one that asks to be primary
/// becomes the customer's one primary address (F29).
///
/// # Errors
/// NotFound: no such customer here. Otherwise as [`create_customer`].
pub fn add_addresses(
    edge: &Edge,
    request: AddAddresses,
    now: Timestamp,
) -> Result<CustomerView, CreateError> {
    let AddAddresses { customer, addresses, staff, request } = request;
    let now = whole_microseconds(now);
    let known = edge.db.read(|connection| customer_by_key(connection, &customer))?;
    let Some(known) = known else { return Err(CreateError::NoCustomer) };
    let guid = known.guid;
    let kind = match known.content.customer_type {
        2 => CustomerType::Organization,
        _ => CustomerType::Person,
    };
    let mut addresses = check_addresses(edge, addresses, kind, now)?;
    let fingerprint = Fingerprint::of("add", Some(guid), None, &addresses);
    fill_country(edge, &mut addresses);
    let acts = addresses.into_iter().map(Box::new).map(Act::AddAddress);
    let operations = operations(edge, guid, acts, staff, now);
    let repeat = request.map(|key| (key, fingerprint));
    let view = edge.db.write(move |connection| {
        record(connection, guid, operations, repeat)?;
        let view = customer_by_key(connection, &CustomerKey::Temporary(guid))?;
        view.ok_or(CreateError::NoCustomer)
    })?;
    edge.signals.entries_recorded();
    Ok(view)
}

/// What is stored and hashed has microseconds; more would be lost on the way.
pub(crate) fn whole_microseconds(time: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time)
}

enum Recorded {
    Now,
    Before(Box<CustomerView>),
}

/// The content of a request, without the identities that are drawn for it.
struct Fingerprint([u8; 32]);

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
    customer: CustomerGuid,
    operations: Vec<(Operation, OperationRow)>,
    repeat: Option<(RequestKey, Fingerprint)>,
) -> Result<Recorded, CreateError> {
    if let Some((key, fingerprint)) = repeat
        && let Some(first) = request_once(connection, &key, &fingerprint, customer)?
    {
        let view = customer_by_key(connection, &CustomerKey::Temporary(first))?;
        let view = view.ok_or(CreateError::NoCustomer)?;
        return Ok(Recorded::Before(Box::new(view)));
    }
    for (operation, row) in &operations {
        match log::operation_append(connection, row)? {
            Appended::New(_) => project::operation_project(connection, operation)?,
            Appended::Repeated | Appended::Contradiction => {
                unreachable!("the id was drawn for this operation a moment ago")
            }
        }
    }
    Ok(Recorded::Now)
}

/// Claims a request key. When it was used before for the same content, returns that customer.
fn request_once(
    connection: &Connection,
    key: &RequestKey,
    fingerprint: &Fingerprint,
    customer: CustomerGuid,
) -> Result<Option<CustomerGuid>, CreateError> {
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
    let first = connection
        .prepare_cached("SELECT hash, customer FROM request WHERE key = ?1")
        .and_then(|mut statement| {
            statement
                .query_row([&key.0], |row| Ok((digest_column(row, 0)?, uuid_column(row, 1)?)))
                .optional()
        })
        .map_err(DbError::from)?;
    match first {
        Some((hash, customer)) if hash == fingerprint.0 => {
            Ok(Some(CustomerGuid::from_uuid(customer)))
        }
        Some(_) | None => Err(CreateError::RequestReused),
    }
}
