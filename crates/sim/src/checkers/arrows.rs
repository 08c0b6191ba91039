//! A status moves along allowed arrows only (domain.md 4.1, 4.3, 4.6, 4.7 and 4.8).
//!
//! The arrows stand here once more, and not in the words of the code that moves along them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::Checker;
use super::scene::Scene;
use super::witness::{Note, notes_behind};

/// From one status to the others that may follow it. The first of all is where things begin.
type Table = &'static [(&'static str, &'static [&'static str])];

const BEGINNING: &str = "";

/// 0 Started, 1 Available, 2 Uploaded, 3 Applied, 4 Canceled, 5 Upload failed, 6 Apply failed.
/// Upstream hears of a session when its package comes.
const UPLOAD: Table = &[
    (BEGINNING, &["0", "1", "2", "3", "5", "6"]),
    ("0", &["1", "4", "5"]),
    ("1", &["2", "3", "4", "5", "6"]),
    ("2", &["3", "6"]),
    ("3", &[]),
    ("4", &[]),
    ("5", &["1", "2", "3", "4", "6"]),
    ("6", &["1", "2", "3", "4", "5"]),
];

/// 0 Started, 1 Available, 2 Requested, 3 Downloaded, 4 Applied, 5 Canceled, 6 Create failed,
/// 7 Download failed, 8 Apply failed, 9 No data, 10 Suspended. Rerunning makes another session. A
/// package whose bytes turn out to be lost was never created, whatever was tried with it.
const DOWNLOAD: Table = &[
    (BEGINNING, &["0", "1", "2"]),
    ("0", &["1", "6", "9"]),
    ("1", &["2", "3", "4", "5", "6", "7", "8", "10"]),
    ("2", &["1", "3", "4", "5", "6", "7", "8", "10"]),
    ("3", &["1", "2", "4", "5", "6", "8", "10"]),
    ("4", &[]),
    ("5", &[]),
    ("6", &["4", "5"]),
    ("7", &["1", "2", "4", "5", "6", "10"]),
    ("8", &["1", "2", "4", "5", "6", "10"]),
    ("9", &[]),
    ("10", &["1", "4", "5", "6"]),
];

/// 0 Pending, 1 Succeeded, 2 Failed.
const OPERATION: Table = &[(BEGINNING, &["0"]), ("0", &["1", "2"]), ("1", &[]), ("2", &["1"])];

/// The lock of somebody who edits is given up to what was before, or left to be tried anew.
const ORDER: Table = &[
    (BEGINNING, &["New"]),
    ("New", &["Waiting", "Failed", "Editing", "Succeeded"]),
    ("Waiting", &["New", "Failed", "Editing", "Succeeded"]),
    ("Failed", &["New", "Waiting", "Editing", "Succeeded"]),
    ("Editing", &["New", "Waiting", "Failed"]),
    ("Succeeded", &[]),
];

/// A repair sends a transaction back to be looked at anew.
const TRANSACTION: Table = &[
    (BEGINNING, &["New", "None"]),
    ("New", &["Waiting", "Successful", "Error", "None"]),
    ("Waiting", &["New", "Successful", "Error"]),
    ("Successful", &["New", "Error"]),
    ("Error", &["New", "Waiting", "Successful"]),
    ("None", &["New"]),
];

const STATEMENT: Table = &[
    (BEGINNING, &["Started"]),
    ("Started", &["Marked", GONE]),
    ("Marked", &["Calculated", GONE]),
    ("Calculated", &["Checked", GONE]),
    ("Checked", &["Aggregated", GONE]),
    ("Aggregated", &["Customer order created", GONE]),
    ("Customer order created", &["Customer order invoiced", GONE]),
    ("Customer order invoiced", &["Discounts posted"]),
    ("Discounts posted", &["Income/expense posted"]),
    ("Income/expense posted", &["Vouchers linked"]),
    ("Vouchers linked", &["Payments posted"]),
    ("Payments posted", &["Gift cards posted"]),
    ("Gift cards posted", &["Posted"]),
    ("Posted", &[]),
];

/// A statement that was released, and the one that only asked a store for work.
const GONE: &str = "gone";

/// Steps may come at once, when their documents come in one package; none comes back.
const SHIFT: Table = &[
    (BEGINNING, &["Open", "BlindClosed", "Closed"]),
    ("Open", &["BlindClosed", "Closed"]),
    ("BlindClosed", &["Closed"]),
    ("Closed", &[]),
];

fn arrows_of(what: &str) -> Option<Table> {
    Some(match what {
        "upload" => UPLOAD,
        "download" => DOWNLOAD,
        "operation" => OPERATION,
        "order" => ORDER,
        "transaction" => TRANSACTION,
        "statement" => STATEMENT,
        "shift" => SHIFT,
        _ => return None,
    })
}

/// What became of everything that has a status, database by database.
#[derive(Default)]
pub(super) struct Arrows(BTreeMap<PathBuf, Seen>);

#[derive(Default)]
struct Seen {
    row: i64,
    last: BTreeMap<(String, String), String>,
}

impl Checker for Arrows {
    fn name(&self) -> &'static str {
        "arrows"
    }

    fn look(&mut self, scene: &Scene<'_>) -> Vec<String> {
        let seen = self.0.entry(scene.chain.hq.file()).or_default();
        let mut findings = seen.follow("headquarters", notes_behind(&scene.hq(), seen.row));
        for site in scene.sites() {
            let seen = self.0.entry(site.file()).or_default();
            let notes = notes_behind(&scene.edge(site), seen.row);
            findings.extend(seen.follow(site.id.as_str(), notes));
        }
        findings
    }
}

impl Seen {
    fn follow(&mut self, place: &str, notes: Vec<Note>) -> Vec<String> {
        let mut findings = Vec::new();
        for Note { row, what, key, new, .. } in notes {
            self.row = row;
            let Some(arrows) = arrows_of(&what) else { continue };
            let new = new.unwrap_or_else(|| GONE.to_owned());
            let last = self.last.remove(&(what.clone(), key.clone()));
            let from = last.as_deref().unwrap_or(BEGINNING);
            let allowed = arrows.iter().find(|(status, _)| *status == from);
            // What is written once more as it is takes no step.
            if from != new && !allowed.is_some_and(|(_, to)| to.contains(&new.as_str())) {
                findings.push(format!("{place}: {what} {key} went from {from:?} to {new}"));
            }
            if new != GONE {
                self.last.insert((what, key), new);
            }
        }
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::super::small::Small;
    use super::*;

    fn rested() -> Small {
        let mut small = Small::new();
        small.customer("S1");
        small.sale("S1");
        small.settle();
        small.assert_rests::<Arrows>();
        small
    }

    #[test]
    fn every_status_is_followed_by_others_that_there_are() {
        for table in [UPLOAD, DOWNLOAD, OPERATION, ORDER, TRANSACTION, STATEMENT, SHIFT] {
            for to in table.iter().flat_map(|(_, to)| *to).filter(|to| **to != GONE) {
                assert!(table.iter().any(|(from, _)| from == to), "{to}");
            }
        }
    }

    #[test]
    fn steps_back_are_found_of_everything_that_has_a_status() {
        for (sql, sentence) in [
            ("UPDATE operation SET status = 0, completed_at = NULL", "from \"1\" to 0"),
            ("UPDATE transaction_state SET validation = 'Waiting'", "\"Successful\" to Waiting"),
            ("UPDATE download_session SET status = 1", "from \"4\" to 1"),
            ("UPDATE upload_session SET status = 6", "from \"3\" to 6"),
            ("UPDATE statement SET state = 'Marked'", "from \"Posted\" to Marked"),
        ] {
            let small = rested();
            small.harm_hq(sql);
            small.assert_finds::<Arrows>(sentence);
        }
    }

    #[test]
    fn a_step_that_is_undone_before_anybody_looks_is_found() {
        let small = rested();
        small.harm_edge("S1", "UPDATE upload_session SET status = 4 WHERE row = 1");
        small.harm_edge("S1", "UPDATE upload_session SET status = 3 WHERE row = 1");
        small.assert_finds::<Arrows>("went from \"4\" to 3");
    }
}
