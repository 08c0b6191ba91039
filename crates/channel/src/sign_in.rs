//! Signing in at this database with an operator number and a PIN, online or not.
//!
//! A sign-in is made by a program of this node and ends with it; it is good at this database only.
//! It must never compare a PIN inside a transaction, tell a wrong PIN from an unknown number, or
//! outlive the time it was given because somebody set the clock back.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};
use tillsync_domain::ids::StaffId;
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::staff::{
    LOCK_OUT, LOCK_OUT_WITHIN, Pin, StaffName, StaffRole, UnknownRole, WRONG_PINS_MAX,
    locked_out_until,
};
use tillsync_exchange::device::{Secret, SecretHash};
use tillsync_exchange::pin::PinHash;

use crate::clients::ClientName;
use crate::db::{Db, DbError, parsed_column, time_column};
use crate::edge::Edge;
use crate::staff::{StaffView, staff_read};

/// How long a sign-in lasts unless the node was told otherwise.
pub const SIGN_IN_LASTS: SignedDuration = SignedDuration::from_hours(12);

/// A clock is set right by a little now and then; whoever sets it back further has to sign in
/// again.
const CLOCK_SLACK: SignedDuration = SignedDuration::from_mins(2);

/// How often at most the use of a token is written down.
const SEEN_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// What somebody presents to sign in.
#[derive(Debug, Clone)]
pub struct Presented {
    /// The hash of the token of the program that they use.
    pub client: SecretHash,
    /// The operator number as typed.
    pub staff: String,
    /// The PIN as typed; nothing when it can be none.
    pub pin: Option<Pin>,
    /// How long the sign-in is to last.
    pub lasts: SignedDuration,
}

/// A sign-in that was made.
#[derive(Debug, Clone)]
pub struct NewSignIn {
    /// The token that is presented from now on; it is not kept here.
    pub token: Secret,
    /// Who signed in.
    pub staff: SignedIn,
    /// Their name.
    pub name: StaffName,
    /// When the token ends.
    pub expires_at: Timestamp,
}

/// Somebody who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    /// The operator number.
    pub id: StaffId,
    /// What they may do.
    pub role: StaffRole,
}

/// Who calls with a token that is good here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenHolder {
    /// The program.
    pub client: ClientName,
    /// Who uses it, if they signed in.
    pub staff: Option<SignedIn>,
}

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Unknown number, blocked, no PIN, wrong PIN: the same answer for all.
    #[error(
        "the operator number or the PIN is wrong, or headquarters has not sent them to this \
         database; {WRONG_PINS_MAX} wrong PINs lock the number here for a quarter of an hour"
    )]
    Wrong,
    /// Too many wrong PINs.
    #[error(
        "operator number {staff} is locked here after {WRONG_PINS_MAX} wrong PINs; try again after \
         {until}"
    )]
    LockedOut {
        /// Whose.
        staff: StaffId,
        /// Until when.
        until: Timestamp,
        /// Whether anybody has that number: what nobody has may be a PIN in the wrong field.
        is_known: bool,
    },
    /// Headquarters knows a role that this version does not.
    #[error("{source}; update this node to a version that knows the role")]
    Role {
        /// Which one.
        #[from]
        source: UnknownRole,
    },
    /// The program lost its token meanwhile.
    #[error("the token of the program does not hold any more")]
    NoClient,
    /// The database failed; nobody is signed in.
    #[error("sign somebody in")]
    Db(#[from] DbError),
}

impl SignInError {
    /// What sort of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            SignInError::Wrong
            | SignInError::LockedOut { .. }
            | SignInError::Role { .. }
            | SignInError::NoClient => ErrorKind::Forbidden,
            SignInError::Db(error) => error.kind(),
        }
    }

    /// A stable name for programs.
    pub fn code(&self) -> &'static str {
        match self {
            SignInError::Wrong => "wrong_pin",
            SignInError::LockedOut { .. } => "locked_out",
            SignInError::Role { .. } => "unknown_role",
            SignInError::NoClient | SignInError::Db(_) => self.kind().code(),
        }
    }
}

/// Signs somebody in. Takes as long as comparing a PIN does, whoever it is: tens of milliseconds of
/// one processor and 19 MiB, so callers bound how many run at once.
///
/// # Errors
/// Forbidden: see [`SignInError`]. Busy or Broken: the database failed.
pub fn sign_in(
    edge: &Edge,
    presented: Presented,
    now: Timestamp,
) -> Result<NewSignIn, SignInError> {
    let Presented { client, staff, pin, lasts } = presented;
    let nobodys = PinHash::nobodys();
    let no_pin = || Pin::parse("0000").expect("four digits");
    let Ok(staff) = staff.trim().parse::<StaffId>() else {
        // A text that can be no number is nobody's.
        nobodys.is_of(&pin.unwrap_or_else(no_pin));
        return Err(SignInError::Wrong);
    };
    // Before the PIN is compared: a crash during it, or a hundred tries at once, use tries up.
    let trying = staff.clone();
    let begun = edge.db.write(move |connection| try_begin(connection, &trying, now))?;
    let found = edge.db.read(|connection| staff_read(connection, &staff))?;
    let is_known = found.is_some();
    let attempt = begun.map_err(|until| SignInError::LockedOut { staff, until, is_known })?;
    let known = found.filter(|(view, _)| view.is_active);
    let hash = known.as_ref().and_then(|(_, hash)| hash.clone());
    let is_right = match (&hash, &pin) {
        (Some(hash), Some(pin)) => hash.is_of(pin),
        (_, pin) => {
            nobodys.is_of(&pin.clone().unwrap_or_else(no_pin));
            false
        }
    };
    let (true, Some((view, _)), Some(pin)) = (is_right, known, hash) else {
        return Err(SignInError::Wrong);
    };
    let made = admit(edge, Right { view, pin, attempt, client }, (now, lasts));
    if let Err(SignInError::Role { .. } | SignInError::Db(_)) = made {
        // A right PIN locks nobody out, whatever else is wrong; that is what is reported.
        let _ = edge.db.write(move |connection| try_succeeded(connection, attempt));
    }
    made
}

/// A PIN that was right when it was compared.
struct Right {
    view: StaffView,
    pin: PinHash,
    attempt: i64,
    client: SecretHash,
}

/// Makes the sign-in of whoever had the right PIN.
fn admit(
    edge: &Edge,
    right: Right,
    (now, lasts): (Timestamp, SignedDuration),
) -> Result<NewSignIn, SignInError> {
    let Right { view, pin, attempt, client } = right;
    let role = view.role?;
    let mut random = [0; 32];
    edge.entropy().fill(&mut random);
    let token = Secret::from_random(random);
    let expires_at = now.saturating_add(lasts).unwrap_or(Timestamp::MAX);
    let (hash, id) = (token.hash(), view.id.clone());
    edge.db.write(move |connection| {
        if !sign_in_insert(connection, (hash, client), (&id, &pin), (now, expires_at))? {
            // The try stays counted where it is the PIN that does not hold any more.
            if client_read(connection, client)?.is_some() {
                return Ok(Err(SignInError::Wrong));
            }
            try_succeeded(connection, attempt)?;
            return Ok(Err(SignInError::NoClient));
        }
        try_succeeded(connection, attempt)?;
        Ok::<_, DbError>(Ok(()))
    })??;
    Ok(NewSignIn { token, staff: SignedIn { id: view.id, role }, name: view.name, expires_at })
}

/// Ends the sign-in that a token belongs to; one that is over is over.
///
/// # Errors
/// Busy or Broken: the database failed.
pub fn sign_out(edge: &Edge, token: SecretHash) -> Result<(), DbError> {
    edge.db.write(move |connection| -> Result<(), DbError> {
        connection.prepare_cached("DELETE FROM sign_in WHERE hash = ?1")?.execute([token.0])?;
        Ok(())
    })
}

/// Who holds a token, if it is good here now: that of a program, or of somebody who signed in, has
/// not been blocked since, and whose program may still call.
///
/// # Errors
/// Busy or Broken: the database failed.
pub fn find_holder(
    db: &Db,
    token: SecretHash,
    now: Timestamp,
) -> Result<Option<TokenHolder>, DbError> {
    let found = db.read(|connection| {
        if let Some(client) = client_read(connection, token)? {
            return Ok(Some((TokenHolder { client, staff: None }, now)));
        }
        sign_in_read(connection, token, now)
    })?;
    let Some((holder, seen_at)) = found else { return Ok(None) };
    if now.duration_since(seen_at) >= SEEN_EVERY {
        db.write(move |connection| sign_in_seen(connection, token, now))?;
    }
    Ok(Some(holder))
}

/// The place of a try among the wrong ones, or until when nobody may try.
fn try_begin(
    connection: &Connection,
    staff: &StaffId,
    now: Timestamp,
) -> Result<Result<i64, Timestamp>, DbError> {
    let (staff, at) = (staff.as_str(), now.as_microsecond());
    let old = now.saturating_sub(LOCK_OUT_WITHIN + LOCK_OUT).unwrap_or(Timestamp::MIN);
    connection
        .prepare_cached("DELETE FROM wrong_pin WHERE at < ?1")?
        .execute([old.as_microsecond()])?;
    // The clock was set back: a lock begins anew, and does not last until the clock has caught up.
    connection
        .prepare_cached("UPDATE wrong_pin SET at = ?2 WHERE staff = ?1 AND at > ?2")?
        .execute(params![staff, at])?;
    let mut wrong = connection
        .prepare_cached("SELECT at FROM wrong_pin WHERE staff = ?1 ORDER BY at DESC LIMIT ?2")?
        .query_map(params![staff, WRONG_PINS_MAX], |row| time_column(row, 0))?
        .collect::<Result<Vec<_>, _>>()?;
    wrong.reverse();
    if let Some(until) = locked_out_until(&wrong, now) {
        return Ok(Err(until));
    }
    connection
        .prepare_cached("INSERT INTO wrong_pin (staff, at) VALUES (?1, ?2)")?
        .execute(params![staff, at])?;
    Ok(Ok(connection.last_insert_rowid()))
}

fn try_succeeded(connection: &Connection, attempt: i64) -> Result<(), DbError> {
    connection.prepare_cached("DELETE FROM wrong_pin WHERE row = ?1")?.execute([attempt])?;
    Ok(())
}

/// Keeps a sign-in, unless the program lost its token meanwhile, or the member of staff the PIN.
fn sign_in_insert(
    connection: &Connection,
    (token, client): (SecretHash, SecretHash),
    (staff, pin): (&StaffId, &PinHash),
    (now, expires_at): (Timestamp, Timestamp),
) -> Result<bool, DbError> {
    let at = now.as_microsecond();
    connection.prepare_cached("DELETE FROM sign_in WHERE expires_at <= ?1")?.execute([at])?;
    let inserted = connection
        .prepare_cached(
            "INSERT INTO sign_in (hash, client, staff, created_at, expires_at, seen_at)
             SELECT ?1, api_token.hash, staff.id, ?4, ?5, ?4 FROM api_token, staff
             WHERE api_token.hash = ?2
                 AND staff.id = ?3 AND staff.is_active AND staff.pin = ?6",
        )?
        .execute(params![
            token.0,
            client.0,
            staff.as_str(),
            at,
            expires_at.as_microsecond(),
            pin.as_str()
        ])?;
    Ok(inserted == 1)
}

fn client_read(connection: &Connection, token: SecretHash) -> Result<Option<ClientName>, DbError> {
    let name: Option<String> = connection
        .prepare_cached("SELECT name FROM api_token WHERE hash = ?1")?
        .query_row([token.0], |row| row.get(0))
        .optional()?;
    Ok(name.map(ClientName::stored))
}

/// A sign-in that holds, and when it was last seen in use.
fn sign_in_read(
    connection: &Connection,
    token: SecretHash,
    now: Timestamp,
) -> Result<Option<(TokenHolder, Timestamp)>, DbError> {
    let found = connection
        .prepare_cached(
            "SELECT api_token.name, staff.id, staff.role, sign_in.expires_at, sign_in.seen_at
             FROM sign_in JOIN api_token ON api_token.hash = sign_in.client
                 JOIN staff ON staff.id = sign_in.staff AND staff.is_active
             WHERE sign_in.hash = ?1",
        )?
        .query_row([token.0], |row| {
            let (client, role): (String, String) = (row.get(0)?, row.get(2)?);
            let times = (time_column(row, 3)?, time_column(row, 4)?);
            Ok((client, parsed_column::<StaffId>(row, 1)?, role, times))
        })
        .optional()?;
    let Some((client, id, role, (expires_at, seen_at))) = found else { return Ok(None) };
    // A clock behind the last use was set back, by whoever wants a sign-in to last.
    let is_good = now < expires_at && seen_at.duration_since(now) <= CLOCK_SLACK;
    let (true, Ok(role)) = (is_good, role.parse()) else { return Ok(None) };
    let staff = Some(SignedIn { id, role });
    Ok(Some((TokenHolder { client: ClientName::stored(client), staff }, seen_at)))
}

fn sign_in_seen(connection: &Connection, token: SecretHash, now: Timestamp) -> Result<(), DbError> {
    connection
        .prepare_cached("UPDATE sign_in SET seen_at = max(seen_at, ?2) WHERE hash = ?1")?
        .execute(params![token.0, now.as_microsecond()])?;
    Ok(())
}
