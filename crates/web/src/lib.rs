//! What every server of the program has in common, headquarters, channel and register: encrypted
//! connections and whom a caller believes, connections with bounds and an orderly end, and limits
//! for callers that fail to show who they are.
//!
//! It must never know a route's meaning, hold a session, or let an unencrypted byte leave the
//! machine without having been asked to.

mod attempts;
mod connections;
mod limits;
mod pem;
mod tls;
mod trust;

use std::net::IpAddr;

pub use attempts::Allowance;
pub use connections::{Bounds, Connections};
pub use limits::{Limits, RefuseMany};
pub use tls::{ServerTls, TlsError, TlsFiles};
pub use trust::{TrustError, certificate_problem, trusted_authorities};

/// Whether credentials and customers may travel unencrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlainHttp {
    /// Only within this machine.
    LoopbackOnly,
    /// Anywhere: something else protects the line.
    Allowed,
}

/// How a server is entered.
#[derive(Debug, Clone, Default)]
pub struct Entrance {
    /// The certificate by which callers know the server; without one it speaks plain HTTP.
    pub tls: Option<TlsFiles>,
    /// Proxies whose word on where a request comes from is taken (`X-Forwarded-For`).
    pub trusted_proxies: Vec<IpAddr>,
    /// How often one address may fail.
    pub attempts: AttemptLimits,
}

/// How often one address may fail before it has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptLimits {
    /// Activation codes that are not good.
    pub enrolments: Allowance,
    /// Credentials and tokens that are not good.
    pub credentials: Allowance,
}
