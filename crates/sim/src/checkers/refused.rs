//! What was refused is nowhere: in no table of no database.

use std::collections::BTreeSet;

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use super::scene::{rows, text};
use super::{Checker, Scene};
use crate::observe::Observation;

#[derive(Default)]
pub(super) struct Refused {
    words: BTreeSet<String>,
}

impl Checker for Refused {
    fn name(&self) -> &'static str {
        "refused"
    }

    fn saw(&mut self, observation: &Observation) {
        if let Observation::Refused { word, .. } = observation {
            self.words.insert(word.clone());
        }
    }

    /// What was kept by mistake stays: to look at the end is soon enough.
    fn look(&mut self, _scene: &Scene<'_>) -> Vec<String> {
        vec![]
    }

    fn look_at_rest(&mut self, scene: &Scene<'_>) -> Vec<String> {
        if self.words.is_empty() {
            return vec![];
        }
        let mut findings = self.search("headquarters", &scene.hq());
        for site in scene.sites() {
            findings.extend(self.search(site.id.as_str(), &scene.edge(site)));
        }
        findings
    }
}

impl Refused {
    fn search(&self, place: &str, connection: &Connection) -> Vec<String> {
        // The tables behind the text index hold words that are in other tables too.
        let sql = "SELECT name FROM sqlite_schema WHERE type = 'table'
            AND name NOT LIKE 'customer_te%' AND name NOT LIKE 'address_te%' ORDER BY name";
        let mut findings = Vec::new();
        for table in rows(connection, sql, [], |row| text(row, 0)) {
            let all = format!("SELECT * FROM \"{table}\"");
            let mut statement = connection.prepare(&all).expect("a table");
            let columns = statement.column_count();
            let mut found = statement.query([]).expect("readable");
            while let Some(row) = found.next().expect("readable") {
                let cells = (0..columns).map(|column| row.get_ref(column).expect("a column"));
                for word in cells.flat_map(|cell| self.words_in(cell)) {
                    findings.push(format!("{place} has {word} in {table}, which was refused"));
                }
            }
        }
        findings
    }

    fn words_in<'w>(&'w self, cell: ValueRef<'_>) -> Vec<&'w String> {
        let bytes = match cell {
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes,
            ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => return vec![],
        };
        let words = String::from_utf8_lossy(bytes);
        self.words.iter().filter(|word| words.contains(word.as_str())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::small::Small;
    use super::*;

    #[test]
    fn a_word_that_was_refused_is_found_wherever_it_stands() {
        let mut small = Small::new();
        small.settle();
        let at = "S1".parse().expect("a database");
        small.saw(Observation::Refused { at, word: "W77".into() });
        small.assert_rests::<Refused>();
        small.harm_hq("INSERT INTO parameter (name, value) VALUES ('x', '{\"a\": \"W77b\"}')");
        small.assert_unrest::<Refused>("headquarters has W77 in parameter");
        small.harm_edge("S1.1", "INSERT INTO request VALUES ('k W77', x'', x'')");
        small.assert_unrest::<Refused>("S1.1 has W77 in request");
    }
}
