//! A headquarters on disk without a server, and the program that works on it.
//!
//! Tables are compared by their cells, so that a wider number elsewhere changes nothing here.

use std::path::Path;
use std::process::{Command, Stdio};

use expect_test::Expect;
use tempfile::TempDir;
use tillsync_domain::shift::ShiftAct;
use tillsync_hq::storage::Storage;
use tillsync_hq_sqlite::SqliteStorage;
use tillsync_testkit::builders::documents::{DocumentBuilder, by_guid, cash};
use tillsync_testkit::builders::{creation, upload_at};

/// The program with arguments, in a folder that is its data directory.
pub(crate) fn tillsync(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tillsync"));
    command.args(arguments).args(["--data-dir", "."]).current_dir(folder);
    command.env_remove("TILLSYNC_DATA_DIR").env_remove("TILLSYNC_DATABASE");
    command.env("USER", "ann").stdin(Stdio::null());
    command
}

/// Runs a command in a folder and compares its exit code, standard output and standard error.
pub(crate) fn check(folder: &TempDir, arguments: &str, expected: Expect) {
    check_words(folder, &arguments.split(' ').collect::<Vec<_>>(), expected);
}

/// The same with arguments that hold spaces.
pub(crate) fn check_words(folder: &TempDir, arguments: &[&str], expected: Expect) {
    let output = tillsync(folder.path(), arguments).output().expect("the program starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    let code = output.status.code().unwrap_or(-1);
    expected.assert_eq(&steady(&format!("{stdout}{stderr}exit {code}\n")));
}

/// Tables as their cells, without what differs from run to run, in lines that fit into this file.
fn steady(text: &str) -> String {
    let mut steady = String::new();
    for line in text.lines() {
        if line.starts_with(['┌', '╞', '├', '└']) {
            continue;
        }
        let cells: Vec<_> = line.split(['│', '┆']).map(str::trim).collect();
        let line = match cells.as_slice() {
            ["", row @ .., ""] if !row.is_empty() => row.join(" | "),
            _ => line.to_owned(),
        };
        let words: Vec<_> = line.split(' ').map(steady_word).collect();
        let line = words.join(" ");
        let mut rest = line.trim_end();
        while let Some((at, _)) = rest.char_indices().nth(80) {
            let Some(space) = rest[..at].rfind(' ') else { break };
            steady += &format!("{} ⏎\n", rest[..space].trim_end());
            rest = &rest[space + 1..];
        }
        steady += &format!("{rest}\n");
    }
    steady
}

fn steady_word(word: &str) -> &str {
    let shape: String = word
        .trim_matches(['"', ',', '(', ')', ';'])
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    match shape.as_str() {
        "0000-00-00" => "DATE",
        "00:00:00.000" => "TIME",
        // Times that the tests choose are whole seconds.
        _ if shape.starts_with("0000-00-00T00:00:00.") => "NOW",
        // Identities from a clock; those that the tests choose begin with zeros.
        _ if shape.len() == 36 && shape.matches('-').count() == 4 && word.contains("01") => {
            if word.trim_matches(['"', '(']).starts_with("000") { word } else { "ID" }
        }
        _ => word,
    }
}

/// A folder with a headquarters of one channel S1 that serves nobody.
pub(crate) fn headquarters() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = |arguments: &[&str]| {
        let status = tillsync(folder.path(), arguments).stdout(Stdio::null()).status();
        assert!(status.expect("the program starts").success(), "{arguments:?}");
    };
    run(&["hq", "serve", "--stop-with-stdin"]);
    run(&["hq", "set-mode", "default", "scheduled"]);
    run(&["hq", "add-channel", "S1"]);
    folder
}

/// The same after S1 uploaded customer 1, the opening and closing of a shift, an order of
/// customer 9 who has not arrived, a sale to customer 1, and one to nobody.
pub(crate) fn headquarters_with_sales() -> TempDir {
    let folder = headquarters();
    import(&folder, "number,name,tax_rate,EUR\nI-001,Coffee,25.5,10.00\n");
    let documents = [
        DocumentBuilder::shift(2, 1, ShiftAct::Opened { float: vec![cash(5_000)] }),
        DocumentBuilder::order(3).to(by_guid(9)),
        DocumentBuilder::sale(4).to(by_guid(1)),
        DocumentBuilder::sale(5),
        DocumentBuilder::shift(6, 1, ShiftAct::Closed { counted: vec![cash(12_100)] }),
    ];
    let arriving: Vec<_> = documents.iter().map(DocumentBuilder::arriving).collect();
    let storage = SqliteStorage::open(&folder.path().join("hq.db")).expect("a database");
    let storage: &dyn Storage = &storage;
    storage
        .write(|tx| {
            tx.operations_insert_once(&upload_at(10), &[creation(1)])?;
            tx.documents_insert_once(&upload_at(10), &arriving)
        })
        .expect("documents arrive");
    folder
}

/// The same after the end of the day: everything but the order is posted.
pub(crate) fn headquarters_with_postings() -> TempDir {
    let folder = headquarters_with_sales();
    for arguments in [
        ["job", "run", "validate-transactions", "--store", "S1"],
        ["hq", "default-customer", "S1", "--create", "Walk-in"],
        ["job", "run", "transactional-statements", "--store", "S1"],
        ["job", "run", "financial-statements", "--store", "S1"],
    ] {
        let status = tillsync(folder.path(), &arguments).stdout(Stdio::null()).status();
        assert!(status.expect("the program starts").success(), "{arguments:?}");
    }
    folder
}

fn import(folder: &TempDir, items: &str) {
    std::fs::write(folder.path().join("items.csv"), items).expect("a file");
    let imported = tillsync(folder.path(), &["item", "import", "items.csv"]).output();
    assert!(imported.expect("the program starts").status.success());
}
