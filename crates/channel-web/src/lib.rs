//! A store node or register over HTTP: the customer interface for programs, the exchange for a
//! channel's registers, health and metrics; and the dialer to its upstream.
//!
//! The only axum at the edge. This crate decodes requests, asks a use case of `tillsync-channel`
//! and encodes the answer. It must never decide what a use case decides, make a caller of the
//! customer interface wait for an upstream where no use case does, or send a domain type as it is.
//!
//! [`routes::AUTHORIZATION`] is the one table of what can be reached and by whom.

mod app;
mod auth;
mod cache;
mod commerce;
mod dial;
mod enrol;
mod exchange;
mod odata;
mod openapi;
mod realtime;
mod relay;
pub mod routes;
mod server;
mod sign_in;
mod status;

pub use auth::SignInPolicy;
pub use commerce::bodies;
pub use dial::{DialError, Dialing, HttpUpstream};
pub use enrol::{EnrolOptions, SetupError, create_api_token, enrol, revoke_api_tokens};
pub use openapi::openapi_json;
pub use server::{ServeError, ServeOptions, serve, serve_blocking};
pub use tillsync_web::{Allowance, AttemptLimits, Entrance, PlainHttp, TlsFiles};

#[cfg(test)]
mod tests;
