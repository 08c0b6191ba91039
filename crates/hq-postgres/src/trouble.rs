//! Why a database cannot be used, told apart by what somebody can do about it.

use std::error::Error;

use tillsync_hq::storage::StorageError;

use crate::address::AddressError;
use crate::error::{Said, is_about_encryption};
use crate::migrations::SchemaError;
use crate::pool::NoneFree;
use crate::tls::TlsError;

/// What keeps headquarters from its database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The URL, or what the environment says beside it, is no address.
    Address,
    /// Files for an encrypted connection are missing or of no use.
    Certificates,
    /// The server is not encrypted or not trusted as the address demands, or does not trust this
    /// program.
    Encryption,
    /// Nobody answers, or only a server that takes no changes.
    Unreachable,
    /// The server answered with this SQLSTATE.
    Answer(String),
    /// The database belongs to another program.
    Foreign,
    /// The database was written by a newer version of this program.
    Newer,
    /// The database lacks changes of this version.
    Older,
}

/// What lies behind an error of this backend, as far as it is more than a failed statement.
pub fn trouble_of(error: &StorageError) -> Option<Trouble> {
    let mut next: Option<&(dyn Error + 'static)> = error.source();
    while let Some(error) = next {
        if let Some(trouble) = trouble_in(error) {
            return Some(trouble);
        }
        next = error.source();
    }
    None
}

fn trouble_in(error: &(dyn Error + 'static)) -> Option<Trouble> {
    if let Some(Said(error)) = error.downcast_ref() {
        return Some(trouble_said(error));
    }
    if let Some(error) = error.downcast_ref::<postgres::Error>() {
        return Some(trouble_said(error));
    }
    if error.is::<AddressError>() {
        return Some(Trouble::Address);
    }
    if error.is::<TlsError>() {
        return Some(Trouble::Certificates);
    }
    if error.is::<NoneFree>() {
        return Some(Trouble::Unreachable);
    }
    error.downcast_ref().map(|error| match error {
        SchemaError::Foreign { .. } | SchemaError::ForeignHistory => Trouble::Foreign,
        SchemaError::Newer { .. } => Trouble::Newer,
        SchemaError::Older { .. } => Trouble::Older,
    })
}

fn trouble_said(error: &postgres::Error) -> Trouble {
    match error.code() {
        Some(code) => Trouble::Answer(code.code().to_owned()),
        None if is_about_encryption(error) => Trouble::Encryption,
        None => Trouble::Unreachable,
    }
}
