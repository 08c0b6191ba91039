//! `tillsync hq nodes`.

use serde_json::{Value, json};
use tillsync_hq::nodes::{LeaseState, NodeState};

use crate::failure::Failure;
use crate::headquarters::Place;
use crate::output::{self, Format};

/// Arguments of `hq nodes`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tillsync hq nodes --data-dir /srv/tillsync\n\n\
    A node that is silent is paused, cut off or dead. Its jobs go on at the others once their \
    leases have expired, 15 seconds after it was last alive at most; it leaves the list a day \
    later.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    format: Format,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let hq = arguments.place.open_to_look()?;
    let (nodes, leases) = (hq.list_nodes()?, hq.list_leases()?);
    let value = json!({
        "nodes": nodes.iter().map(node_json).collect::<Vec<_>>(),
        "leases": leases.iter().map(lease_json).collect::<Vec<_>>(),
    });
    arguments.format.print(&value, || {
        if nodes.is_empty() {
            return "no node serves this headquarters".to_owned();
        }
        let header = ["Node", "Version", "Serves since", "Last seen", "State", "Runs"];
        output::table(header, nodes.iter().map(|state| cells(state, &leases)))
    });
    Ok(())
}

fn cells(state: &NodeState, leases: &[LeaseState]) -> [String; 6] {
    let NodeState { node, is_present } = state;
    let jobs = leases.iter().filter(|lease| node.id.holds(&lease.lease.holder));
    let jobs: Vec<_> = jobs.map(|lease| lease.lease.job.as_str()).collect();
    [
        node.name.0.clone(),
        node.version.clone(),
        output::time(node.started_at),
        output::time(node.seen_at),
        if *is_present { "present" } else { "silent" }.to_owned(),
        jobs.join(", "),
    ]
}

fn node_json(state: &NodeState) -> Value {
    let NodeState { node, is_present } = state;
    json!({
        "id": node.id.0,
        "name": node.name.0,
        "version": node.version,
        "started_at": output::json_time(Some(node.started_at)),
        "seen_at": output::json_time(Some(node.seen_at)),
        "present": is_present,
    })
}

fn lease_json(state: &LeaseState) -> Value {
    let LeaseState { lease, node } = state;
    json!({
        "job": lease.job.as_str(),
        "run": lease.run.to_string(),
        "node": node.as_ref().map(|node| &node.name.0),
        "taken_at": output::json_time(Some(lease.taken_at)),
        "expires_at": output::json_time(Some(lease.expires_at)),
    })
}
