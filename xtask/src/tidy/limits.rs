//! The limits of size: file 500 lines, function 70 lines, line 100 characters, 5 parameters.
//!
//! This module must never make an exception by itself: exceptions stand in `xtask/ratchet.txt`.

use super::Finding;
use super::ratchet::{self, Excess, Rule};
use super::source::Sources;
use crate::tree::Tree;

/// Measures every Rust file and applies the ratchet list.
pub(super) fn check(tree: &Tree, sources: &Sources) -> Vec<Finding> {
    let mut excesses = Vec::new();
    for (path, text) in tree.files("rs") {
        excesses.extend(measure_file(path, text));
    }
    for source in &sources.files {
        for function in &source.functions {
            let measures =
                [(Rule::FunctionLines, function.lines), (Rule::Parameters, function.parameters)];
            excesses.extend(measures.into_iter().map(|(rule, value)| Excess {
                rule,
                path: source.path.clone(),
                item: function.name.clone(),
                lines: vec![function.line],
                value,
            }));
        }
    }
    excesses.retain(|excess| excess.value > excess.rule.limit());
    ratchet::apply(tree, excesses)
}

fn measure_file(path: &str, text: &str) -> [Excess; 2] {
    let is_long = |line: &str| line.chars().count() > LINE_CHARS && !line.contains("://");
    let long_lines: Vec<_> =
        (1..).zip(text.lines()).filter(|(_, line)| is_long(line)).map(|(at, _)| at).collect();
    let excess = |rule, lines, value| Excess {
        rule,
        path: path.to_owned(),
        item: ratchet::WHOLE_FILE.to_owned(),
        lines,
        value,
    };
    let count = long_lines.len();
    [
        excess(Rule::FileLines, vec![1], text.lines().count()),
        excess(Rule::LongLines, long_lines, count),
    ]
}

const LINE_CHARS: usize = 100;

#[cfg(test)]
mod tests {
    use super::super::render;
    use super::*;

    fn check_text(text: &str) -> String {
        let tree = Tree::of(&[("a.rs", text), (ratchet::PATH, "")]);
        render(&check(&tree, &Sources::parse(&tree).0))
    }

    fn function_of(lines: usize) -> String {
        format!("//! a\nfn f() {{\n{}}}\n", "    g();\n".repeat(lines - 2))
    }

    #[test]
    fn a_file_of_501_lines_is_found_and_one_of_500_is_not() {
        assert_eq!(check_text(&"//! a\n".repeat(500)), "");
        assert_eq!(
            check_text(&"//! a\n".repeat(501)),
            "a.rs:1: the file has 501 lines; the limit is 500\n"
        );
    }

    #[test]
    fn a_function_of_71_lines_is_found_and_one_of_70_is_not() {
        assert_eq!(check_text(&function_of(70)), "");
        assert_eq!(check_text(&function_of(71)), "a.rs:2: `f` has 71 lines; the limit is 70\n");
    }

    #[test]
    fn methods_and_nested_functions_are_measured_too() {
        let body = "        g();\n".repeat(70);
        let text = format!("//! a\nimpl A {{\n    fn m(&self) {{\n{body}    }}\n}}\n");
        assert_eq!(check_text(&text), "a.rs:3: `m` has 72 lines; the limit is 70\n");
    }

    #[test]
    fn a_line_of_101_characters_is_found_unless_it_holds_a_link() {
        let found = "a.rs:2: the line is longer than 100 characters\n";
        assert_eq!(check_text(&format!("//! a\n//{}\n", "é".repeat(98))), "");
        assert_eq!(check_text(&format!("//! a\n//{}\n", "é".repeat(99))), found);
        assert_eq!(check_text(&format!("//! a\n// https://{}\n", "e".repeat(99))), "");
    }

    #[test]
    fn a_sixth_parameter_is_found_and_self_does_not_count() {
        let five = "//! a\nimpl A { fn f(&self, a: A, b: A, c: A, d: A, e: A) {} }\n";
        assert_eq!(check_text(five), "");
        let six = "//! a\nfn f(a: A, b: A, c: A, d: A, e: A, g: A) {}\n";
        assert_eq!(check_text(six), "a.rs:2: `f` has 6 parameters; the limit is 5\n");
    }
}
