//! Who calls: the bearer token of a program, the credential of a register.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use tillsync_channel::clients::{ClientName, find_client, find_register};
use tillsync_channel::{Db, DbError};
use tillsync_domain::ids::DatabaseId;
use tillsync_exchange::device::{Secret, SecretHash};

/// The hash of what the caller presents; nothing when it presents nothing.
pub(crate) fn presented(headers: &HeaderMap) -> Option<SecretHash> {
    let text = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = text.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty())
        .then(|| Secret::presented(token).hash())
}

/// The program that calls, if it shows a token that this node knows.
pub(crate) fn client(db: &Db, token: Option<SecretHash>) -> Result<Option<ClientName>, DbError> {
    token.map_or(Ok(None), |token| find_client(db, token))
}

/// The register that calls, if it shows a credential that this channel knows.
pub(crate) fn register(db: &Db, token: Option<SecretHash>) -> Result<Option<DatabaseId>, DbError> {
    token.map_or(Ok(None), |token| find_register(db, token))
}
