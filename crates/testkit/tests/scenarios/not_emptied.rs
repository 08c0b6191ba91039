//! Registers that may still have what is kept from them: somebody is told, and what to do.

use tillsync_domain::job::JobName;
use tillsync_hq::check::CheckDepth;
use tillsync_hq::exclusion::Lever;
use tillsync_testkit::world::{Fault, World};

const CUSTOMERS: Lever = Lever::Job(JobName::Customers1010);

fn warnings(world: &World) -> Vec<String> {
    let report = world.hq().check(CheckDepth::Counts).unwrap();
    let messages = report.findings.into_iter().map(|finding| finding.message);
    messages.filter(|message| message.contains("may still have")).collect()
}

#[test]
fn a_register_of_which_nobody_knows_what_it_applied_may_still_have_it() {
    let mut world = World::new();
    world.add_store("S1");
    world.add_register("S1.R1", "S1");
    world.create("S1", "Waller");
    world.settle();
    world.create("S1", "Berry");
    world.upload("S1").unwrap();
    world.run(JobName::SynchronizeCustomers);
    world.run(JobName::Customers1010);
    world.line("S1.R1").suffer(Fault::DropAppliedReports);
    world.download("S1.R1").unwrap_err();
    assert_eq!(world.accounts_at("S1.R1"), 2, "it has both, and headquarters does not know");
    world.add_register("S1.R2", "S1");
    assert_eq!(world.pull_lever(CUSTOMERS, true).canceled, 1);
    let told = warnings(&world);
    assert!(told[0].contains("but S1.R1 may still have what it brought before"), "{told:?}");
    world.line("S1.R1").mend();
    world.full_sync(JobName::Customers1010);
    world.distribute(&[JobName::Registers1090, JobName::Customers1010]);
    assert_eq!(world.accounts_at("S1.R1"), 0);
    assert_eq!(warnings(&world), [""; 0]);
}
