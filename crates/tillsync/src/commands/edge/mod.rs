//! What `tillsync channel` and `tillsync register` have in common: both run an edge.

mod configuration;
mod enrol;
mod serve;
mod switch;
mod token;

use std::path::PathBuf;

use tillsync_channel_web::PlainHttp;

pub(super) use configuration::{ConfigurationArguments, show_configuration};
pub(super) use enrol::{EnrolArguments, enrol};
pub(super) use serve::{EdgeServeArguments, serve};
pub(super) use switch::{StatusArguments, SwitchArguments, connect, disconnect, show_status};
pub(super) use token::{TokenArguments, make_token, revoke_tokens};

/// Whose word is taken for an upstream that is reached by https://.
#[derive(Debug, clap::Args)]
struct TrustArguments {
    /// The authority that signed the upstream's certificate, in PEM form: it is believed and no
    /// other. Without it, those that this machine trusts.
    #[arg(long, value_name = "FILE.pem", env = "TILLSYNC_UPSTREAM_CA")]
    upstream_ca: Option<PathBuf>,
}

fn plain_http(is_allowed: bool) -> PlainHttp {
    if is_allowed { PlainHttp::Allowed } else { PlainHttp::LoopbackOnly }
}
