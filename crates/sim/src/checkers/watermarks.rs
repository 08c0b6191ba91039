//! No watermark runs backwards, and none runs ahead of what is stored behind it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use tillsync_domain::ids::DatabaseId;
use uuid::Uuid;

use super::scene::{Entry, rows, uuid};
use super::witness::notes_behind;
use super::{Checker, Scene};
use crate::machines::edge::EdgeSite;
use crate::observe::Observation;

#[derive(Default)]
pub(super) struct Watermarks {
    notes: BTreeMap<PathBuf, i64>,
    /// Databases that are copies: until they notice, they speak under an epoch that is not theirs.
    copies: BTreeSet<DatabaseId>,
    is_hq_a_copy: bool,
}

/// What an upstream says that it has of an epoch.
struct Mark {
    counter: i64,
    entry: Option<Uuid>,
}

impl Checker for Watermarks {
    fn name(&self) -> &'static str {
        "watermarks"
    }

    fn saw(&mut self, observation: &Observation) {
        match observation {
            Observation::Restored { at, .. } | Observation::Cloned { at } => {
                self.copies.insert(at.clone());
            }
            Observation::HeadquartersRestored => self.is_hq_a_copy = true,
            _ => {}
        }
    }

    fn look(&mut self, scene: &Scene<'_>) -> Vec<String> {
        let mut findings = self.steps_back(scene);
        for site in scene.sites() {
            findings.extend(self.check_received(scene, site));
        }
        findings
    }
}

impl Watermarks {
    fn steps_back(&mut self, scene: &Scene<'_>) -> Vec<String> {
        let hq = ("headquarters".to_owned(), scene.chain.hq.file(), scene.hq(), false);
        let upstreams: Vec<bool> =
            scene.sites().iter().map(|site| self.is_upstream_a_copy(site)).collect();
        let edges = scene.sites().iter().zip(upstreams).map(|(site, is_upstream_a_copy)| {
            (site.id.to_string(), site.file(), scene.edge(site), is_upstream_a_copy)
        });
        let mut findings = Vec::new();
        for (place, file, connection, is_upstream_a_copy) in std::iter::once(hq).chain(edges) {
            let last = self.notes.entry(file).or_default();
            for note in notes_behind(&connection, *last) {
                *last = note.row;
                // An upstream that was put back has not received what it had, and says so.
                let is_told = is_upstream_a_copy && note.key == "what was sent";
                if note.what == "back" && !is_told {
                    let (old, new) = (note.old.unwrap_or_default(), note.new.unwrap_or_default());
                    let key = note.key;
                    findings.push(format!("{place}: {key} went back from {old} to {new:?}"));
                }
            }
        }
        findings
    }

    fn is_upstream_a_copy(&self, site: &EdgeSite) -> bool {
        match &site.parent {
            Some(parent) => self.copies.contains(parent) || self.is_hq_a_copy,
            None => self.is_hq_a_copy,
        }
    }

    /// Everything up to the watermark is there, and nothing beyond it was told to be.
    fn check_received(&self, scene: &Scene<'_>, site: &EdgeSite) -> Vec<String> {
        let sql = "SELECT epoch, sent_counter FROM edge";
        let read = |row: &rusqlite::Row<'_>| (uuid(row, 0), row.get::<_, i64>(1).expect("so far"));
        let Some((epoch, sent)) = rows(&scene.edge(site), sql, [], read).pop() else {
            return vec![];
        };
        let (upstream, mark) = mark_of(scene, site, epoch);
        let counter = mark.as_ref().map_or(0, |mark| mark.counter);
        let id = &site.id;
        let log = scene.log(id);
        let mut findings = Vec::new();
        // A copy keeps its epoch until it hears that it is one: then its counters mean nothing.
        let at_mark = log.iter().find(|entry| entry.counter == counter).map(Entry::mark);
        let is_same = counter == 0 || at_mark == mark.and_then(|mark| mark.entry);
        if !is_same {
            if !self.copies.contains(id) && !self.is_hq_a_copy {
                findings.push(format!(
                    "{upstream} has {id} up to {counter}, but that is not what is there"
                ));
            }
            return findings;
        }
        if sent > counter && !self.is_upstream_a_copy(site) {
            findings.push(format!("{id} thinks {sent} was received, but {upstream} has {counter}"));
        }
        let known = known_at(scene, site);
        let is_missing = |entry: &&Entry| entry.counter <= counter && !known.contains(&entry.id);
        for Entry { counter: gap, kind, .. } in log.iter().filter(is_missing) {
            findings
                .push(format!("{upstream} has {id} up to {counter}, but lacks {kind} {gap} of it"));
        }
        findings
    }
}

/// What the upstream of an edge says that it has of its epoch.
fn mark_of(scene: &Scene<'_>, site: &EdgeSite, epoch: Uuid) -> (String, Option<Mark>) {
    let (upstream, connection, table) = match parent_of(scene, site) {
        Some(parent) => (parent.id.to_string(), scene.edge(parent), "received"),
        None => ("headquarters".to_owned(), scene.hq(), "watermark"),
    };
    let sql = format!("SELECT counter, entry FROM {table} WHERE source = ?1 AND epoch = ?2");
    let read = |row: &rusqlite::Row<'_>| Mark {
        counter: row.get(0).expect("a counter"),
        entry: row
            .get::<_, Option<Vec<u8>>>(1)
            .expect("an identity or none")
            .map(|bytes| Uuid::from_slice(&bytes).expect("sixteen bytes")),
    };
    let values = rusqlite::params![site.id.as_str(), epoch.as_bytes()];
    (upstream, rows(&connection, &sql, values, read).pop())
}

/// What the upstream of an edge has, set aside or not.
fn known_at(scene: &Scene<'_>, site: &EdgeSite) -> BTreeSet<Uuid> {
    let Some(parent) = parent_of(scene, site) else {
        let set_aside = scene.set_aside().iter().map(|entry| entry.id);
        return scene.hq_log().keys().copied().chain(set_aside).collect();
    };
    let set_aside = rows(&scene.edge(parent), "SELECT id FROM quarantine", [], |row| uuid(row, 0));
    scene.log(&parent.id).iter().map(|entry| entry.id).chain(set_aside).collect()
}

fn parent_of<'s>(scene: &'s Scene<'_>, site: &EdgeSite) -> Option<&'s EdgeSite> {
    let parent = site.parent.as_ref()?;
    scene.sites().iter().find(|site| site.id == *parent).map(AsRef::as_ref)
}

#[cfg(test)]
mod tests {
    use super::super::small::Small;
    use super::*;

    fn uploaded() -> Small {
        let mut small = Small::new();
        small.sale("S1.1");
        small.settle();
        small.assert_rests::<Watermarks>();
        small
    }

    #[test]
    fn a_watermark_that_runs_back_is_found_even_if_it_comes_forward_again() {
        let small = uploaded();
        small.harm_hq("UPDATE watermark SET counter = counter - 1");
        small.harm_hq("UPDATE watermark SET counter = counter + 1");
        small.assert_finds::<Watermarks>("headquarters: headquarters has of S1");
    }

    #[test]
    fn a_watermark_ahead_of_what_is_stored_is_found() {
        let small = uploaded();
        small.harm_hq("UPDATE watermark SET counter = counter + 1");
        small.assert_finds::<Watermarks>("but that is not what is there");
    }

    #[test]
    fn an_entry_that_was_skipped_is_found() {
        let small = uploaded();
        small.harm_hq("DELETE FROM document WHERE kind = 'sale'");
        small.assert_finds::<Watermarks>("but lacks sale");
    }

    #[test]
    fn what_was_acknowledged_but_not_kept_is_found() {
        let small = uploaded();
        small.harm_edge("S1", "DELETE FROM received");
        small.assert_finds::<Watermarks>("was received, but S1 has 0");
    }
}
