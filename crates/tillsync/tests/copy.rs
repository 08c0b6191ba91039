//! `tillsync hq copy`, as its operators see it.

use std::process::{Command, Stdio};

use tempfile::TempDir;
use tillsync_testkit::cluster::cluster;

struct Site {
    folder: TempDir,
    url: String,
}

impl Site {
    /// A headquarters in a file, and an empty database on a server.
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let site = Site { folder, url: cluster().new_database() };
        site.expect("hq serve --data-dir . --listen 127.0.0.1:0 --stop-with-stdin", 0);
        site.expect("hq add-channel S1 --data-dir .", 0);
        site
    }

    /// Runs a command and returns all that it said. `URL` stands for that of the server's database.
    fn expect(&self, arguments: &str, code: i32) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tillsync"));
        let arguments = arguments.split(' ');
        command.args(arguments.map(|word| if word == "URL" { &self.url } else { word }));
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        command.env_remove("TILLSYNC_DATA_DIR").env_remove("TILLSYNC_DATABASE");
        let output = command.output().expect("the program starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let said = text(&output.stdout) + &text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(!said.contains(&self.url), "a URL may hold a password: {said}");
        said
    }
}

#[test]
fn a_copy_goes_on_where_the_file_stopped_and_is_made_once() {
    let site = Site::new();
    let copied = site.expect("hq copy --from sqlite:. --to URL", 0);
    assert!(copied.contains("read back and found to be the same"), "{copied}");
    assert!(copied.contains("edge_database: 1 rows done"), "{copied}");
    let known = site.expect("hq add-channel S1 --data-dir . --database URL", 1);
    assert!(known.contains("there is a database S1 already"), "{known}");
    let healthy = site.expect("doctor --data-dir . --database URL", 0);
    assert!(healthy.contains("All is well"), "{healthy}");
    let again = site.expect("hq copy --from sqlite:. --to postgres: --database URL", 1);
    assert!(again.contains("the target database is not empty"), "{again}");
    site.expect("hq copy --from URL --to sqlite:back", 0);
    site.expect("hq add-channel S2 --data-dir back", 0);
    let known = site.expect("hq add-channel S1 --data-dir back", 1);
    assert!(known.contains("there is a database S1 already"), "{known}");
}

#[test]
fn what_cannot_be_copied_says_why() {
    let site = Site::new();
    let missing = site.expect("hq copy --from sqlite:nowhere --to URL", 1);
    assert!(missing.contains("there is no headquarters database in nowhere"), "{missing}");
    let empty = site.expect("hq copy --from URL --to sqlite:back", 1);
    assert!(empty.contains("there is no headquarters in this PostgreSQL database"), "{empty}");
    let odd = site.expect("hq copy --from hq.db --to URL", 2);
    assert!(odd.contains("sqlite:FOLDER"), "{odd}");
    let odd = site.expect("hq copy --from sqlite:. --to postgres:", 2);
    assert!(odd.contains("TILLSYNC_DATABASE"), "{odd}");
}
