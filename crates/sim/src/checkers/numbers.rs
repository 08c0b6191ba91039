//! Numbers are given once, and without gaps as long as their sequence is continuous.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use tillsync_domain::number_sequence::SequenceMode;

use super::scene::{rows, text};
use super::witness::notes_behind;
use super::{Checker, Scene};
use crate::observe::Observation;

/// Where the numbers of a sequence are in use: each with what it was given to.
const USES: &[(&str, &[&str])] = &[
    ("customer-account", &["SELECT account, hex(guid) FROM alias"]),
    ("party", &["SELECT number, '' FROM party"]),
    (
        "sales-order",
        &[
            "SELECT sales_order, CAST(position AS TEXT) FROM order_state
                WHERE sales_order IS NOT NULL",
            "SELECT sales_order, hex(statement) || ' ' || account FROM aggregate
                WHERE sales_order IS NOT NULL",
        ],
    ),
    (
        "invoice",
        &["SELECT invoice, hex(statement) || ' ' || account FROM aggregate
            WHERE invoice IS NOT NULL"],
    ),
    ("voucher", &["SELECT number, hex(statement) || state || text FROM voucher"]),
    ("statement", &["SELECT number, hex(id) FROM statement"]),
];

#[derive(Default)]
pub(super) struct Numbers {
    /// Another copy of headquarters may give numbers anew.
    file: PathBuf,
    notes: i64,
    sequences: BTreeMap<&'static str, Followed>,
}

#[derive(Default)]
struct Followed {
    last: Option<Sequence>,
    /// Whom each number was given to, for ever.
    owners: BTreeMap<String, String>,
    /// Numbers that a released statement took along.
    given_up: BTreeSet<String>,
}

#[derive(Clone, PartialEq, Eq)]
struct Sequence {
    format: String,
    is_continuous: bool,
    next: u64,
    largest: u64,
}

impl Checker for Numbers {
    fn name(&self) -> &'static str {
        "numbers"
    }

    fn saw(&mut self, observation: &Observation) {
        if let Observation::SequenceChanged { name, now } = observation {
            // Numbers go on from here; those before it were looked at, or their rule is not known.
            let now = Sequence {
                format: now.format.to_string(),
                is_continuous: now.mode == SequenceMode::Continuous,
                next: now.next,
                largest: now.largest,
            };
            self.sequences.entry(name.as_str()).or_default().last = Some(now);
        }
    }

    fn look(&mut self, scene: &Scene<'_>) -> Vec<String> {
        let file = scene.chain.hq.file();
        if self.file != file {
            if !self.file.as_os_str().is_empty() {
                *self = Numbers::default();
            }
            self.file = file;
        }
        self.read_notes(scene);
        let mut findings = Vec::new();
        for (name, uses) in USES {
            let Some(sequence) = sequence(scene, name) else { continue };
            let followed = self.sequences.entry(name).or_default();
            followed.note_uses(scene, uses, &mut findings);
            followed.note_sequence(name, sequence, &mut findings);
        }
        findings
    }
}

impl Numbers {
    fn read_notes(&mut self, scene: &Scene<'_>) {
        for note in notes_behind(&scene.hq(), self.notes) {
            self.notes = note.row;
            let name = match (note.what.as_str(), &note.new) {
                ("sales order", None) => "sales-order",
                ("statement", None) => "statement",
                _ => continue,
            };
            let followed = self.sequences.entry(name).or_default();
            followed.given_up.insert(note.key);
        }
    }
}

impl Followed {
    fn note_uses(&mut self, scene: &Scene<'_>, uses: &[&str], findings: &mut Vec<String>) {
        let mut seen = BTreeSet::new();
        for sql in uses {
            for (number, to) in rows(&scene.hq(), sql, [], |row| (text(row, 0), text(row, 1))) {
                if !seen.insert(number.clone()) {
                    findings.push(format!("{number} is in use twice"));
                }
                // A party has no other sign of whose it is than its customer, checked elsewhere.
                let owner = self.owners.entry(number.clone()).or_insert_with(|| to.clone());
                if *owner != to {
                    findings.push(format!("{number} was given to {owner}, and again to {to}"));
                }
            }
        }
    }

    fn note_sequence(&mut self, name: &str, now: Sequence, findings: &mut Vec<String>) {
        if now.spell(now.next).is_some_and(|next| self.owners.contains_key(&next)) {
            findings.push(format!("the next number of {name}, {}, was given before", now.next));
        }
        let last = self.last.replace(now.clone());
        // Numbers of a sequence that somebody changed meanwhile follow no rule that can be seen
        // from here.
        let is_same = |last: &Sequence| last.format == now.format && last.largest == now.largest;
        let Some(last) = last.filter(is_same) else { return };
        if now.next < last.next {
            findings.push(format!("{name} went back from {} to {}", last.next, now.next));
        }
        if !(last.is_continuous && now.is_continuous) {
            return;
        }
        let given = (last.next..now.next).filter_map(|number| now.spell(number));
        for number in given {
            if !self.owners.contains_key(&number) && !self.given_up.contains(&number) {
                findings.push(format!("{number} of the continuous sequence {name} is a gap"));
            }
        }
    }
}

impl Sequence {
    /// Spells a number as its format says, from the right: digits, letters, everything else.
    fn spell(&self, number: u64) -> Option<String> {
        let (mut rest, mut spelled) = (number, Vec::new());
        for place in self.format.chars().rev() {
            let (first, radix) = match place {
                '#' => (b'0', 10),
                '&' => (b'A', 26),
                other => {
                    spelled.push(other);
                    continue;
                }
            };
            let digit = u8::try_from(rest % radix).expect("at most 26");
            spelled.push(char::from(first + digit));
            rest /= radix;
        }
        (rest == 0).then(|| spelled.into_iter().rev().collect())
    }
}

fn sequence(scene: &Scene<'_>, name: &str) -> Option<Sequence> {
    let sql = "SELECT format, block_size IS NULL, next, largest FROM number_sequence
        WHERE name = ?1";
    let number = |row: &rusqlite::Row<'_>, column| {
        row.get::<_, i64>(column).expect("a number").cast_unsigned()
    };
    let read = |row: &rusqlite::Row<'_>| Sequence {
        format: text(row, 0),
        is_continuous: row.get(1).expect("true or false"),
        next: number(row, 2),
        largest: number(row, 3),
    };
    rows(&scene.hq(), sql, [name], read).pop()
}

#[cfg(test)]
mod tests {
    use super::super::small::Small;
    use super::*;

    fn with_two(checker: &mut Numbers) -> Small {
        let mut small = Small::new();
        assert_eq!(small.look(checker), [""; 0]);
        small.customer("S1");
        small.customer("S1");
        small.settle();
        small
    }

    #[test]
    fn a_gap_is_found() {
        let mut checker = Numbers::default();
        let small = with_two(&mut checker);
        small.harm_hq("UPDATE number_sequence SET next = next + 1 WHERE name = 'customer-account'");
        let findings = small.look(&mut checker).join("\n");
        assert!(findings.contains("of the continuous sequence customer-account"), "{findings}");
    }

    #[test]
    fn a_gap_is_none_where_numbers_are_taken_in_blocks() {
        let mut checker = Numbers::default();
        let small = with_two(&mut checker);
        small.harm_hq("UPDATE number_sequence SET next = next + 1, block_size = 10");
        assert_eq!(small.look(&mut checker), [""; 0]);
    }

    #[test]
    fn a_number_that_is_given_again_is_found() {
        let mut checker = Numbers::default();
        let small = with_two(&mut checker);
        assert_eq!(small.look(&mut checker), [""; 0]);
        small.harm_hq("UPDATE number_sequence SET next = next - 1 WHERE name = 'customer-account'");
        let findings = small.look(&mut checker).join("\n");
        assert!(findings.contains("the next number of customer-account"), "{findings}");
        assert!(findings.contains("customer-account went back"), "{findings}");
        small.harm_hq("UPDATE alias SET guid = randomblob(16) WHERE account = 'C-00000002'");
        let findings = small.look(&mut checker).join("\n");
        assert!(findings.contains("C-00000002 was given to"), "{findings}");
    }
}
