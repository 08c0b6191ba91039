//! No run takes a job's lease from another as long as that one's is valid.
//!
//! Each node judges by its own clock, and so does this: by the times that both wrote down. A lease
//! that ends absurdly far ahead was taken by a clock that was wrong, and binds nobody.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::witness::notes_behind;
use super::{Checker, Scene};

/// How long a lease lasts, in microseconds.
const LASTING: i64 = 15_000_000;

/// A lease that ends further ahead than this binds nobody, in microseconds.
const AHEAD_MAX: i64 = 600_000_000;

#[derive(Default)]
pub(super) struct Leases(BTreeMap<PathBuf, i64>);

impl Checker for Leases {
    fn name(&self) -> &'static str {
        "leases"
    }

    fn look(&mut self, scene: &Scene<'_>) -> Vec<String> {
        let last = self.0.entry(scene.chain.hq.file()).or_default();
        let mut findings = Vec::new();
        for note in notes_behind(&scene.hq(), *last) {
            *last = note.row;
            if note.what != "lease" {
                continue;
            }
            let time = |text: Option<String>| text.and_then(|text| text.parse::<i64>().ok());
            let (Some(old), Some(new)) = (time(note.old), time(note.new)) else { continue };
            let taken = new - LASTING;
            if taken < old && old <= taken + AHEAD_MAX {
                let early = (old - taken) / 1_000;
                findings.push(format!("{}: {early} ms before the lease ended", note.key));
            }
        }
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::super::small::Small;
    use super::*;

    fn taken_after(micros: i64) -> Small {
        let small = Small::new();
        small.harm_hq(
            "INSERT INTO job_lease (job, holder, run, taken_at, expires_at)
                VALUES ('1010', 'one', randomblob(16), 0, 15000000)",
        );
        let ends = 15_000_000 + micros;
        small.harm_hq(&format!("UPDATE job_lease SET holder = 'two', expires_at = {ends}"));
        small
    }

    #[test]
    fn a_lease_that_is_taken_too_early_is_found() {
        let small = taken_after(14_000_000);
        small.assert_finds::<Leases>("1010: one -> two: 1000 ms before the lease ended");
    }

    #[test]
    fn a_lease_that_has_ended_can_be_taken() {
        taken_after(15_000_000).assert_sound::<Leases>();
    }
}
