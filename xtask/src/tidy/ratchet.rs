//! The list of exceptions to the limits. It starts empty and may only shrink: an entry that is
//! larger than what it excuses, or excuses nothing, is itself a finding.

use std::fmt;

use super::Finding;
use crate::tree::Tree;

/// Where the list stands. Each line: `RULE PATH ITEM VALUE`, `#` begins a comment.
pub(super) const PATH: &str = "xtask/ratchet.txt";

/// What stands for the item when a rule measures the whole file.
pub(super) const WHOLE_FILE: &str = "-";

/// A limit of size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// Lines of a file.
    FileLines,
    /// Lines of a function.
    FunctionLines,
    /// Lines of more than 100 characters in a file.
    LongLines,
    /// Parameters of a function besides `self`.
    Parameters,
}

impl Rule {
    /// The highest value that needs no exception.
    pub(super) fn limit(self) -> usize {
        match self {
            Rule::FileLines => 500,
            Rule::FunctionLines => 70,
            Rule::LongLines => 0,
            Rule::Parameters => 5,
        }
    }

    fn parse(text: &str) -> Option<Rule> {
        match text {
            "file-lines" => Some(Rule::FileLines),
            "function-lines" => Some(Rule::FunctionLines),
            "long-lines" => Some(Rule::LongLines),
            "parameters" => Some(Rule::Parameters),
            _ => None,
        }
    }
}

/// Something that is larger than its limit.
#[derive(Debug)]
pub(super) struct Excess {
    /// The limit.
    pub(super) rule: Rule,
    /// The file.
    pub(super) path: String,
    /// The function, or [`WHOLE_FILE`].
    pub(super) item: String,
    /// Where to look; each place is a finding.
    pub(super) lines: Vec<usize>,
    /// The measure.
    pub(super) value: usize,
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Excess { rule, item, value, .. } = self;
        let limit = rule.limit();
        match rule {
            Rule::FileLines => write!(f, "the file has {value} lines; the limit is {limit}"),
            Rule::FunctionLines => write!(f, "`{item}` has {value} lines; the limit is {limit}"),
            Rule::Parameters => write!(f, "`{item}` has {value} parameters; the limit is {limit}"),
            Rule::LongLines => write!(f, "the line is longer than 100 characters"),
        }
    }
}

/// Drops what the list excuses, and finds the entries that excuse too much.
pub(super) fn apply(tree: &Tree, mut excesses: Vec<Excess>) -> Vec<Finding> {
    let Some(text) = tree.text(PATH) else {
        return vec![Finding::new(PATH, 1, "is missing; an empty list is a file of comments")];
    };
    let mut findings = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let mut report = |message: String| findings.push(Finding::new(PATH, index + 1, message));
        let Some(entry) = Entry::parse(line) else {
            report("is not `RULE PATH ITEM VALUE`".to_owned());
            continue;
        };
        let excused = excesses.iter().position(|excess| entry.covers(excess));
        match excused.map(|position| excesses.remove(position).value) {
            None => report("excuses nothing (any more); remove it".to_owned()),
            Some(value) if value < entry.value => report(format!("lower it to {value}")),
            Some(value) if value > entry.value => {
                report(format!("excuses {}, but it grew to {value}", entry.value));
            }
            Some(_) => {}
        }
    }
    for excess in &excesses {
        let places = excess.lines.iter();
        let found = places.map(|line| Finding::new(&excess.path, *line, excess.to_string()));
        findings.extend(found);
    }
    findings
}

struct Entry<'a> {
    rule: Rule,
    path: &'a str,
    item: &'a str,
    value: usize,
}

impl<'a> Entry<'a> {
    fn parse(line: &'a str) -> Option<Entry<'a>> {
        let words: Vec<_> = line.split_whitespace().collect();
        let [rule, path, item, value] = words[..] else { return None };
        Some(Entry { rule: Rule::parse(rule)?, path, item, value: value.parse().ok()? })
    }

    fn covers(&self, excess: &Excess) -> bool {
        self.rule == excess.rule && self.path == excess.path && self.item == excess.item
    }
}

#[cfg(test)]
mod tests {
    use super::super::render;
    use super::*;

    fn apply_list(list: &str) -> String {
        let excess = Excess {
            rule: Rule::FunctionLines,
            path: "a.rs".to_owned(),
            item: "f".to_owned(),
            lines: vec![7],
            value: 80,
        };
        render(&apply(&Tree::of(&[(PATH, list)]), vec![excess]))
    }

    #[test]
    fn an_exact_entry_excuses() {
        assert_eq!(apply_list("# why\nfunction-lines a.rs f 80 # a printer\n"), "");
    }

    #[test]
    fn an_entry_that_is_larger_than_needed_must_be_lowered() {
        assert_eq!(apply_list("function-lines a.rs f 81"), "xtask/ratchet.txt:1: lower it to 80\n");
    }

    #[test]
    fn what_grows_beyond_its_entry_is_found() {
        assert!(apply_list("function-lines a.rs f 79").contains("it grew to 80"));
    }

    #[test]
    fn an_entry_that_excuses_nothing_must_go() {
        let found = apply_list("function-lines a.rs f 80\nfile-lines b.rs - 501\n");
        assert_eq!(found, "xtask/ratchet.txt:2: excuses nothing (any more); remove it\n");
    }

    #[test]
    fn a_line_that_is_no_entry_and_a_missing_list_are_found() {
        assert!(apply_list("function-lines a.rs f many").contains("is not `RULE"));
        assert!(render(&apply(&Tree::of(&[]), Vec::new())).contains("is missing"));
    }
}
