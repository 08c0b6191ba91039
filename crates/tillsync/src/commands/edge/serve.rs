//! Running an edge: `channel serve` and `register serve`.

use std::path::PathBuf;
use std::time::Duration;

use jiff::SignedDuration;
use tillsync_channel_web::{ServeOptions, SignInPolicy};
use tillsync_domain::money::Currency;
use tillsync_exchange::messages::DatabaseKind;

use super::{TrustArguments, plain_http};
use crate::failure::Failure;
use crate::serving::{self, ServeArguments};
use crate::system;

/// What both servers take.
#[derive(Debug, clap::Args)]
pub(crate) struct EdgeServeArguments {
    /// The folder of the database.
    #[arg(long, value_name = "DIR", env = "TILLSYNC_DATA_DIR")]
    data_dir: PathBuf,
    /// The longest wait between two tries to reach the upstream.
    #[arg(long, value_name = "SECONDS", default_value_t = 15)]
    reconnect_max: u64,
    /// The longest wait for headquarters when a till creates a customer through it; then the
    /// customer is created here.
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=60))]
    realtime_timeout: u64,
    /// The country of addresses that name none, such as AUS.
    #[arg(long, value_name = "CODE")]
    country: Option<String>,
    /// The currency of sales, orders and counts that name none.
    #[arg(long, value_name = "CODE", default_value = "EUR")]
    currency: Currency,
    /// How long somebody stays signed in at most.
    #[arg(long, value_name = "HOURS", default_value_t = 12)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=168))]
    sign_in_hours: u16,
    /// Do nothing but read for a program that nobody has signed in at.
    #[arg(long)]
    require_sign_in: bool,
    #[command(flatten)]
    trust: TrustArguments,
    #[command(flatten)]
    serving: ServeArguments,
}

pub(crate) fn serve(kind: DatabaseKind, arguments: &EdgeServeArguments) -> Result<(), Failure> {
    serving::start_logging();
    let serving = &arguments.serving;
    let runtime = serving::runtime()?;
    let stop = runtime.block_on(async { serving.stop_requested() })?;
    let options = ServeOptions {
        data_dir: arguments.data_dir.clone(),
        kind,
        listen: serving.listen,
        plain_http: plain_http(serving.allow_plain_http),
        entrance: serving.entrance(),
        upstream_ca: arguments.trust.upstream_ca.clone(),
        reconnect_max: Duration::from_secs(arguments.reconnect_max),
        realtime_wait_max: Duration::from_secs(arguments.realtime_timeout),
        country_default: arguments.country.clone(),
        currency_default: arguments.currency,
        sign_in: SignInPolicy {
            lasts: SignedDuration::from_hours(arguments.sign_in_hours.into()),
            is_required: arguments.require_sign_in,
        },
        clock: system::clock(),
        entropy: system::entropy(),
    };
    let server = tillsync_channel_web::serve(options, serving.announce(), stop);
    Ok(serving::run_to_end(runtime, server)?)
}
