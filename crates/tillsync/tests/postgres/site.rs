//! A PostgreSQL database and a shared folder of packages, and the program that works on them.

use std::process::{Command, Stdio};

use expect_test::Expect;
use tempfile::TempDir;
use tillsync_testkit::cluster::cluster;

/// What the nodes of one headquarters share.
pub(crate) struct Site {
    pub(crate) folder: TempDir,
    pub(crate) url: String,
}

impl Site {
    /// A new database and an empty folder.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Site { folder, url: cluster().new_database() }
    }

    /// The same after headquarters has served for a moment.
    pub(crate) fn served() -> Self {
        let site = Site::new();
        let status = site.tillsync("hq serve --data-dir hq --stop-with-stdin").output();
        assert!(status.expect("the program starts").status.success());
        site
    }

    /// A command whose database is that of the site.
    pub(crate) fn tillsync(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tillsync"));
        command.args(arguments.split(' ')).current_dir(self.folder.path());
        command.env_remove("TILLSYNC_DATA_DIR").env("TILLSYNC_DATABASE", &self.url);
        // What is set for other servers must not reach a test.
        for (variable, _) in std::env::vars_os() {
            if variable.as_encoded_bytes().starts_with(b"PG") {
                command.env_remove(variable);
            }
        }
        command.stdin(Stdio::null());
        command
    }

    /// Runs a command and compares its exit code, standard output and standard error.
    pub(crate) fn check(&self, arguments: &str, expected: Expect) {
        expected.assert_eq(&transcript_of(&mut self.tillsync(arguments)));
    }
}

/// Everything a command said, in lines that fit into a file of tests.
pub(crate) fn transcript_of(command: &mut Command) -> String {
    let output = command.output().expect("the program starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    let mut transcript = String::new();
    for line in format!("{stdout}{stderr}").lines() {
        let mut rest = line;
        while let Some((at, _)) = rest.char_indices().nth(80) {
            let Some(space) = rest[..at].rfind(' ') else { break };
            transcript += &format!("{} ⏎\n", &rest[..space]);
            rest = &rest[space + 1..];
        }
        transcript += &format!("{rest}\n");
    }
    transcript + &format!("exit {}\n", output.status.code().unwrap_or(-1))
}
