//! What `tillsync channel` and `tillsync register` have in common: both run an edge.

mod enrol;
mod serve;
mod token;

use tillsync_channel_web::PlainHttp;

pub(super) use enrol::{EnrolArguments, enrol};
pub(super) use serve::{EdgeServeArguments, serve};
pub(super) use token::{TokenArguments, make_token};

fn plain_http(is_allowed: bool) -> PlainHttp {
    if is_allowed { PlainHttp::Allowed } else { PlainHttp::LoopbackOnly }
}
