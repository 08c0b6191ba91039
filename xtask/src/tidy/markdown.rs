//! The little of Markdown that the checks need: code spans, links and table rows, with lines.
//!
//! This module must never render; fenced blocks are skipped, because they show examples.

/// Something found on a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Located<T> {
    /// Counted from one.
    pub(super) line: usize,
    /// What stands there.
    pub(super) value: T,
}

/// The lines outside fenced blocks.
pub(super) fn prose(text: &str) -> impl Iterator<Item = Located<&str>> {
    let mut fence: Option<&str> = None;
    text.lines().enumerate().filter_map(move |(index, value)| {
        let start = value.trim_start();
        let marker = ["```", "~~~"].into_iter().find(|marker| start.starts_with(marker));
        match (fence, marker) {
            (None, Some(_)) => fence = marker,
            (Some(open), Some(close)) if open == close => fence = None,
            (None, None) => return Some(Located { line: index + 1, value }),
            (Some(_), _) => {}
        }
        None
    })
}

/// The contents of the code spans of a line.
pub(super) fn code_spans(line: &str) -> Vec<&str> {
    line.split('`').skip(1).step_by(2).collect()
}

/// The targets of the inline links and images of a line, code spans left out.
pub(super) fn link_targets(line: &str) -> Vec<&str> {
    let outside_code = line.split('`').step_by(2);
    outside_code.flat_map(targets_in).collect()
}

/// The cells of a table row, or nothing when the line is not one.
pub(super) fn cells(line: &str) -> Option<Vec<String>> {
    let inner = line.trim().strip_prefix('|')?.trim_end().trim_end_matches('|');
    // A bar inside a cell is written `\|`.
    let inner = inner.replace("\\|", "\u{0}");
    Some(inner.split('|').map(|cell| cell.trim().replace('\u{0}', "|")).collect())
}

fn targets_in(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("](") {
        rest = &rest[at + 2..];
        let Some(end) = rest.find(')') else { break };
        // `[text](target "title")`
        found.extend(rest[..end].split_whitespace().next());
        rest = &rest[end..];
    }
    // `[label]: target`
    if let Some((label, target)) = text.split_once("]: ")
        && label.starts_with('[')
    {
        found.extend(target.split_whitespace().next());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fenced_blocks_are_not_prose() {
        let lines: Vec<_> = prose("a\n```sh\nb\n```\nc\n").map(|found| found.line).collect();
        assert_eq!(lines, [1, 5]);
    }

    #[test]
    fn spans_links_and_cells_are_read() {
        assert_eq!(code_spans("see `a/b` and `c`"), ["a/b", "c"]);
        assert_eq!(link_targets("[a](b.md) `[c](d)` ![e](f.png \"t\")"), ["b.md", "f.png"]);
        assert_eq!(link_targets("[a]: b.md"), ["b.md"]);
        assert_eq!(cells("| a | `b\\|c` |"), Some(vec!["a".to_owned(), "`b|c`".to_owned()]));
        assert_eq!(cells("no table"), None);
    }
}
