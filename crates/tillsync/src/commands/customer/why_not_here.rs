//! `tillsync customer why-not-here`: what stands between a customer and a store.

use std::fmt::Write;

use serde_json::json;
use tillsync_channel::inspect::look_up_customer;
use tillsync_domain::ids::{CustomerKey, DatabaseId};
use tillsync_hq::why_not_here::{Cause, WhyNotHere};

use crate::failure::Failure;
use crate::headquarters::Place;
use crate::output::Format;
use crate::stores::{FoundDatabase, find_databases};

/// Arguments of `customer why-not-here`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    tillsync customer why-not-here C-00000001 --channel S2 --data-dir /srv/tillsync\n\n\
    The first cause is the first to put right. Stores in the same data directory are looked into \
    for a customer that headquarters has not heard of.")]
pub(crate) struct Arguments {
    /// The account, or the GUID the customer was created as.
    key: CustomerKey,
    /// The store or register that does not see it.
    #[arg(long, value_name = "ID")]
    channel: DatabaseId,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    format: Format,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let hq = arguments.place.open_to_look()?;
    let found = hq.why_not_here(&arguments.key, &arguments.channel)?;
    let is_waiting = found.causes.iter().any(|cause| matches!(cause, Cause::NotUploaded { .. }));
    let places = if is_waiting { places_of(arguments)? } else { vec![] };
    let cause = |cause: &Cause| {
        let (what, advice) = (cause.what(), cause.advice());
        json!({"code": cause.code(), "what": what, "advice": advice})
    };
    let value = json!({
        "channel": found.database.as_str(),
        "is_here": found.is_here,
        "causes": found.causes.iter().map(cause).collect::<Vec<_>>(),
        "known_at": places,
    });
    arguments.format.print(&value, || text(&found, &places));
    Ok(())
}

/// The databases beside headquarters that have the customer.
fn places_of(arguments: &Arguments) -> Result<Vec<String>, Failure> {
    let mut places = Vec::new();
    for FoundDatabase { path, place } in find_databases(&arguments.place.data_dir) {
        if look_up_customer(&path, &arguments.key)?.is_some() {
            places.push(place);
        }
    }
    Ok(places)
}

fn text(found: &WhyNotHere, places: &[String]) -> String {
    let mut text = String::new();
    let mut put = |line: String| writeln!(text, "{line}").expect("a string takes every text");
    for (number, cause) in (1..).zip(&found.causes) {
        put(format!("{number}. {}", cause.what()));
        put(format!("   -> {}", cause.advice()));
    }
    if !places.is_empty() {
        put(format!("It waits to be uploaded at: {}", places.join("; ")));
    }
    text
}
