//! Nodes and leases as operators see them, and how a node leaves.

use serde_json::Value;
use tillsync_domain::job::JobName;
use tillsync_hq::jobs::JobOptions;
use tillsync_hq::storage::{NodeName, RunOutcome, Trigger};

use crate::site::{Site, wait_for};

#[test]
fn a_node_is_listed_with_the_leases_of_its_runs_until_it_leaves() {
    let mut site = Site::open();
    assert_eq!(site.get("/api/v1/leases")["items"], Value::Array(vec![]));
    site.hq.join(NodeName("north".into()), "1.2.3");
    let node = wait_for("the heartbeat", || {
        site.get("/api/v1/nodes")["items"].as_array().expect("nodes").first().cloned()
    });
    assert_eq!((&node["name"], &node["version"]), (&"north".into(), &"1.2.3".into()));
    assert_eq!((&node["present"], &node["answering"]), (&true.into(), &true.into()));

    let job = JobName::ClassicStatements;
    let run = site.hq.begin_run(job, Trigger::Manual, JobOptions::default()).expect("a run").id();
    let leases = site.get("/api/v1/leases");
    // The workers hold leases of their own now and then.
    let mut held = leases["items"].as_array().expect("leases").iter();
    let lease = held.find(|lease| lease["run"] == run.to_string().as_str());
    let lease = lease.unwrap_or_else(|| panic!("no lease of {run}: {leases}"));
    assert_eq!(lease["job"], "classic-statements", "{leases}");
    assert_eq!((&lease["node"], &lease["node_id"]), (&"north".into(), &node["id"]));

    site.wait_until_stopped();
    assert_eq!(site.hq.list_nodes().expect("readable"), []);
    assert_eq!(site.hq.list_leases().expect("readable"), [], "nobody has to wait for it");
    let ended = site.hq.show_run(&run).expect("readable").expect("its record");
    assert_eq!(ended.outcome, RunOutcome::Failed, "nobody takes it for running");
}
