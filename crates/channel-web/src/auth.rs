//! Who calls: a program by its token, somebody who signed in at it, a register by its credential.
//!
//! What each may do stands in the rows of [`crate::routes::AUTHORIZATION`]; where it depends on
//! what is asked, the handler asks [`Caller::answers_for`].

use std::ops::Deref;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use jiff::SignedDuration;
use tillsync_channel::clients::{ClientName, find_register};
use tillsync_channel::sign_in::{SIGN_IN_LASTS, SignedIn, find_holder};
use tillsync_channel::{Db, DbError};
use tillsync_domain::ids::{DatabaseId, StaffId};
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::staff::StaffRole;
use tillsync_exchange::device::{Secret, SecretHash};

use crate::app::App;
use crate::odata::{Detail, ODataError};
use crate::routes::Access;

/// How staff sign in at a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignInPolicy {
    /// How long a sign-in lasts.
    pub lasts: SignedDuration,
    /// Whether programs do nothing but read unless somebody has signed in.
    pub is_required: bool,
}

impl Default for SignInPolicy {
    fn default() -> Self {
        SignInPolicy { lasts: SIGN_IN_LASTS, is_required: false }
    }
}

/// The program that calls, and who signed in at it, if anybody did.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    client: ClientName,
    staff: Option<SignedIn>,
}

impl Deref for Caller {
    type Target = ClientName;

    fn deref(&self) -> &ClientName {
        &self.client
    }
}

impl Caller {
    /// Refuses a caller who may not do what a row says.
    pub(crate) fn check(&self, access: Access, policy: SignInPolicy) -> Result<(), ODataError> {
        match (access, &self.staff) {
            (Access::Public | Access::Reader, _) => Ok(()),
            (Access::Program, None) => Ok(()),
            (Access::Program, Some(_)) => Err(ODataError::coded(
                "no_program",
                "somebody is signed in with this token; only a program asks for this: present \
                 its own token",
            )),
            (Access::Client, None) if policy.is_required => Err(ODataError::coded(
                "sign_in_required",
                "this node does nothing for a program that nobody has signed in at; sign in with \
                 POST /auth/token, then present the token that it answers with",
            )),
            (Access::Client, _) | (Access::Switch, None) => Ok(()),
            (Access::Switch, Some(_)) => {
                self.answers_for(StaffRole::Manager, "switching a register to offline and back")
            }
            (Access::Staff, Some(_)) => Ok(()),
            (Access::Staff | Access::Register, _) => Err(ODataError::unauthenticated()),
        }
    }

    /// Refuses somebody who signed in with a lesser role. A program that nobody signed in at
    /// answers for itself.
    pub(crate) fn answers_for(&self, role: StaffRole, what: &str) -> Result<(), ODataError> {
        match &self.staff {
            Some(staff) if staff.role < role => Err(ODataError::coded(
                "role_required",
                format!("{} is a {}; {what} takes a {role}", staff.id, staff.role),
            )),
            _ => Ok(()),
        }
    }

    /// Whether somebody is signed in.
    pub(crate) fn is_staff(&self) -> bool {
        self.staff.is_some()
    }

    /// Who does what is asked: whoever signed in, or whom a program names that nobody signed in at.
    pub(crate) fn acting(&self, named: Option<StaffId>) -> Result<Option<StaffId>, ODataError> {
        let Some(staff) = &self.staff else { return Ok(named) };
        if let Some(other) = named.filter(|named| *named != staff.id) {
            let message = format!("{} is signed in, so {other} cannot do this", staff.id);
            return Err(ODataError::fields(vec![Detail::invalid("StaffId", message)]));
        }
        Ok(Some(staff.id.clone()))
    }
}

/// The hash of what the caller presents; nothing when it presents nothing.
pub(crate) fn presented(headers: &HeaderMap) -> Option<SecretHash> {
    let text = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = text.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty())
        .then(|| Secret::presented(token).hash())
}

/// The caller, if it shows a token that is good at this node now, and may do what a row says.
pub(crate) fn admit(
    app: &App,
    token: Option<SecretHash>,
    access: Access,
) -> Result<Caller, ODataError> {
    let found = token.map_or(Ok(None), |token| find_holder(app.edge.db(), token, app.now()))?;
    let holder = found.ok_or_else(ODataError::unauthenticated)?;
    let caller = Caller { client: holder.client, staff: holder.staff };
    caller.check(access, app.sign_in)?;
    Ok(caller)
}

/// The register that calls, if it shows a credential that this channel knows.
pub(crate) fn register(db: &Db, token: Option<SecretHash>) -> Result<Option<DatabaseId>, DbError> {
    token.map_or(Ok(None), |token| find_register(db, token))
}

impl ODataError {
    /// Refuses a caller who is known, with a name of its own for why.
    fn coded(code: &'static str, message: impl Into<String>) -> Self {
        ODataError::new(ErrorKind::Forbidden, message).with_code(code)
    }
}
