//! What is set, what holds, and tills that are switched by hand, as commands see it.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tillsync_domain::feature::Feature;
use tillsync_domain::job::JobName;
use tillsync_testkit::world::World;

/// Runs a command in a folder: whether it went well, and all that it printed.
fn run(folder: &Path, arguments: &str) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_tillsync"))
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .env_remove("TILLSYNC_DATA_DIR")
        .env_remove("TILLSYNC_DATABASE")
        .output()
        .expect("the program starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.success(), text(&output.stdout) + &text(&output.stderr))
}

fn says(folder: &Path, arguments: &str, words: &str) {
    let (_, printed) = run(folder, arguments);
    assert!(printed.contains(words), "{arguments}: {printed}");
}

fn json_of(folder: &Path, arguments: &str) -> Value {
    let (is_well, printed) = run(folder, arguments);
    assert!(is_well, "{arguments}: {printed}");
    serde_json::from_str(&printed).expect("JSON")
}

#[test]
fn a_feature_is_switched_only_where_the_others_allow_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    let server = Command::new(env!("CARGO_BIN_EXE_tillsync"))
        .args(["hq", "serve", "--data-dir", ".", "--stop-with-stdin"])
        .current_dir(folder)
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .status();
    assert!(server.expect("the program starts").success());
    assert!(run(folder, "hq add-channel S1 --data-dir .").0);
    says(folder, "hq feature list --data-dir .", "no feature was ever set");
    says(folder, "hq configuration S1 --data-dir .", "nothing is configured");
    says(
        folder,
        "hq feature disable async_address_creation --data-dir .",
        "disable async_customer_editing first, which needs it",
    );
    says(
        folder,
        "hq feature disable async_customer_editing --by Ada --data-dir .",
        "feature async_customer_editing is off (version 6)",
    );
    says(folder, "hq feature list --data-dir .", "Ada");
    says(folder, "hq feature enable cloud_search --data-dir .", "the features are");
    says(folder, "hq configuration S1 --data-dir .", "changed, not there yet");
    says(folder, "hq configuration S9 --data-dir .", "there is no channel or register S9");
}

#[test]
fn a_till_is_disconnected_and_connected_and_shows_what_holds_there() {
    let mut world = World::new();
    world.add_store("S1");
    world.add_register("S1.R1", "S1");
    let file = world.edge("S1.R1").db().path().to_owned();
    let folder = file.parent().expect("a folder");
    says(folder, "register disconnect --data-dir .", "never came here completely");
    world.run(JobName::Customers1010);
    world.set_feature(Feature::CaptureMultipleContacts, false);
    world.download("S1.R1").expect("the line is whole");
    says(folder, "register disconnect --data-dir .", "warning: the store was not heard");
    assert!(world.register_line("S1.R1").is_disconnected(), "the till that runs obeys");
    world.create("S1.R1", "Waits");
    let status = json_of(folder, "register status --data-dir . --json");
    assert_eq!(status["unsent_operations"], 1);
    assert!(status["disconnected_at"].is_string(), "{status}");
    says(folder, "register connect --data-dir .", "goes by its line again");
    says(folder, "register status --data-dir .", "goes by its line; /status");
    assert!(!world.register_line("S1.R1").is_disconnected());
    let settings = json_of(folder, "register configuration --data-dir . --json");
    let settings = settings.as_array().expect("a list");
    let of = |name: &str| settings.iter().find(|it| it["option"] == name).expect("is listed");
    assert_eq!(of("capture_multiple_contacts")["value"], "no");
    assert_eq!(of("create_customers_async")["from"], "until 1070 was applied");
    assert_eq!(of("health_check_interval_s")["value"], "60");
    says(folder, "register configuration --data-dir .", "global configuration, version");
    world.settle();
}
