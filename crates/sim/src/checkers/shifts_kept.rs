//! No acknowledged step of a shift is lost, and headquarters has the count that was made.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tillsync_domain::ids::{DatabaseId, ShiftNumber};
use tillsync_domain::shift::ShiftStatus;

use super::scene::{Entry, rows, text};
use super::{Checker, Scene};
use crate::observe::Observation;

#[derive(Default)]
pub(super) struct ShiftsKept {
    acknowledged: BTreeSet<(ShiftNumber, &'static str, DatabaseId)>,
}

impl Checker for ShiftsKept {
    fn name(&self) -> &'static str {
        "shifts kept"
    }

    fn saw(&mut self, observation: &Observation) {
        match observation {
            Observation::ShiftStep { at, shift, status } => {
                self.acknowledged.insert((shift.clone(), document_of(*status), at.clone()));
            }
            Observation::Restored { lost, .. } | Observation::Revoked { lost, .. } => {
                for (lost, status) in &lost.steps {
                    let step = document_of(*status);
                    self.acknowledged.retain(|(shift, known, _)| shift != lost || *known != step);
                }
            }
            _ => {}
        }
    }

    fn look(&mut self, scene: &Scene<'_>) -> Vec<String> {
        let arrived: BTreeMap<&str, &Entry> = scene
            .hq_log()
            .values()
            .filter_map(|entry| Some((entry.number.as_deref()?, entry)))
            .collect();
        let mut findings = Vec::new();
        for (shift, step, at) in &self.acknowledged {
            let number = format!("{shift}-{step}");
            let mut on_the_way = scene.logs_on_the_way(at);
            if !arrived.contains_key(number.as_str())
                && !on_the_way.any(|entry| entry.number.as_ref() == Some(&number))
            {
                findings.push(format!("{number}, acknowledged at {at}, is lost"));
            }
        }
        findings.extend(miscounted(scene, &arrived));
        findings
    }

    fn look_at_rest(&mut self, scene: &Scene<'_>) -> Vec<String> {
        let mut findings = self.look(scene);
        let sql = "SELECT number, status FROM shift";
        let found = rows(&scene.hq(), sql, [], |row| (text(row, 0), text(row, 1)));
        let found: BTreeMap<String, String> = found.into_iter().collect();
        for (shift, step, _) in &self.acknowledged {
            let status = found.get(shift.as_str()).map_or("unknown", String::as_str);
            let rank = |status| ["Open", "BlindClosed", "Closed"].iter().position(|s| *s == status);
            let least = match *step {
                "opened" => "Open",
                "blind-closed" => "BlindClosed",
                _ => "Closed",
            };
            if rank(status) < rank(least) {
                findings.push(format!("shift {shift} is {step}, but {status} at headquarters"));
            }
        }
        findings
    }
}

/// How the document of a step is numbered behind its shift.
fn document_of(status: ShiftStatus) -> &'static str {
    match status {
        ShiftStatus::Open => "opened",
        ShiftStatus::BlindClosed => "blind-closed",
        ShiftStatus::Closed => "closed",
    }
}

/// Shifts whose count or float at headquarters is not that of their documents.
fn miscounted(scene: &Scene<'_>, arrived: &BTreeMap<&str, &Entry>) -> Vec<String> {
    let sql = "SELECT number, float, counted FROM shift";
    let kept = rows(&scene.hq(), sql, [], |row| {
        (text(row, 0), text(row, 1), row.get::<_, Option<String>>(2).expect("counts or none"))
    });
    let mut findings = Vec::new();
    for (shift, float, counted) in kept {
        for (step, field, kept) in
            [("opened", "float", Some(float)), ("closed", "counted", counted)]
        {
            let Some(sent) = arrived.get(format!("{shift}-{step}").as_str()) else { continue };
            let sent: Value = serde_json::from_str(&sent.content).unwrap_or_default();
            let kept: Option<Value> = kept.and_then(|text| serde_json::from_str(&text).ok());
            let kept = kept.unwrap_or_default();
            if sent.get("counts").unwrap_or(&Value::Array(vec![])) != &kept {
                findings.push(format!("the {field} of shift {shift} is {kept}, not as {sent}"));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::small::Small;
    use super::*;

    #[test]
    fn a_shift_that_is_nowhere_any_more_is_lost() {
        let mut small = Small::new();
        small.sale("S1");
        small.assert_sound::<ShiftsKept>();
        small.harm_edge("S1", "DELETE FROM document");
        small.assert_finds::<ShiftsKept>("-opened, acknowledged at S1, is lost");
    }

    #[test]
    fn a_shift_with_another_count_or_status_is_found() {
        let mut small = Small::new();
        small.sale("S1");
        small.close_shift("S1");
        small.settle();
        small.assert_rests::<ShiftsKept>();
        small.harm_hq("UPDATE shift SET counted = '[]'");
        small.assert_finds::<ShiftsKept>("the counted of shift");
        small.harm_hq("UPDATE shift SET status = 'Open', counted = NULL, statement = NULL");
        small.assert_unrest::<ShiftsKept>("is closed, but Open at headquarters");
    }
}
