//! What the checks want to know of each Rust file: its functions, modules and tests.
//!
//! This module must never resolve names or types: it reads syntax only.

use std::collections::BTreeSet;
use std::iter::Peekable;

use proc_macro2::token_stream::IntoIter;
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use super::Finding;
use crate::tree::Tree;

/// Names that say nothing about what a module owns.
const NAMES_FORBIDDEN: [&str; 7] =
    ["utils", "util", "helpers", "helper", "common", "misc", "manager"];

/// Every Rust file of the tree, parsed.
#[derive(Debug, Default)]
pub(super) struct Sources {
    /// The files, by path.
    pub(super) files: Vec<Source>,
    /// The names of all tests that run by default.
    pub(super) tests: BTreeSet<String>,
}

/// What one Rust file declares.
#[derive(Debug)]
pub(super) struct Source {
    /// Path from the root.
    pub(super) path: String,
    /// Every function with a body or a signature in a trait.
    pub(super) functions: Vec<Function>,
    modules: Vec<(String, usize)>,
}

/// A function and its measures.
#[derive(Debug)]
pub(super) struct Function {
    /// Its name without the module.
    pub(super) name: String,
    /// The line of its `fn`.
    pub(super) line: usize,
    /// How many lines from its `fn` to its closing brace.
    pub(super) lines: usize,
    /// How many parameters besides `self`.
    pub(super) parameters: usize,
}

impl Sources {
    /// Parses every Rust file; a file that is not Rust is a finding.
    pub(super) fn parse(tree: &Tree) -> (Sources, Vec<Finding>) {
        let (mut sources, mut findings) = (Sources::default(), Vec::new());
        for (path, text) in tree.files("rs") {
            if !is_fixture(path) && !text.starts_with("//!") {
                findings.push(Finding::new(path, 1, OPENING_MISSING));
            }
            match syn::parse_file(text) {
                Ok(file) => sources.files.push(Source::read(path, &file)),
                Err(error) => {
                    let line = error.span().start().line;
                    findings.push(Finding::new(path, line, format!("is not Rust: {error}")));
                }
            }
            if let Ok(tokens) = text.parse::<TokenStream>() {
                collect_tests(tokens, &mut sources.tests);
            }
        }
        (sources, findings)
    }

    /// Finds modules whose name says nothing.
    pub(super) fn check_names(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for source in &self.files {
            let stem = source.path.trim_end_matches(".rs");
            let in_path = stem.split('/').map(|part| (part.to_owned(), 1));
            for (name, line) in in_path.chain(source.modules.iter().cloned()) {
                if NAMES_FORBIDDEN.contains(&name.as_str()) {
                    let message = format!("`{name}` does not say what the module owns; rename it");
                    findings.push(Finding::new(&source.path, line, message));
                }
            }
        }
        findings
    }
}

const OPENING_MISSING: &str = "must open with `//!`: what the file owns and what it must never do";

impl Source {
    fn read(path: &str, file: &syn::File) -> Source {
        let source = Source { path: path.to_owned(), functions: Vec::new(), modules: Vec::new() };
        let mut reader = Reader(source);
        reader.visit_file(file);
        reader.0
    }
}

fn is_fixture(path: &str) -> bool {
    path.split('/').any(|part| part == "fixtures")
}

struct Reader(Source);

impl Reader {
    fn add(&mut self, signature: &syn::Signature, end: proc_macro2::Span) {
        let line = signature.fn_token.span.start().line;
        let typed = signature.inputs.iter().filter(|input| matches!(input, syn::FnArg::Typed(_)));
        self.0.functions.push(Function {
            name: signature.ident.to_string(),
            line,
            lines: end.end().line - line + 1,
            parameters: typed.count(),
        });
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.add(&item.sig, item.block.brace_token.span.close());
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.add(&item.sig, item.block.brace_token.span.close());
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        let end = match &item.default {
            Some(block) => block.brace_token.span.close(),
            None => item.sig.span(),
        };
        self.add(&item.sig, end);
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.0.modules.push((item.ident.to_string(), item.ident.span().start().line));
        visit::visit_item_mod(self, item);
    }
}

/// Walks tokens rather than items, because tests also stand inside `proptest! { … }`.
fn collect_tests(tokens: TokenStream, tests: &mut BTreeSet<String>) {
    let (mut marked, mut ignored) = (false, false);
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Punct(mark) if mark.as_char() == '#' => {
                if let Some(TokenTree::Group(group)) = tokens.peek()
                    && group.delimiter() == Delimiter::Bracket
                {
                    let name = attribute_name(group.stream());
                    marked |= name.as_deref() == Some("test");
                    ignored |= name.as_deref() == Some("ignore");
                    tokens.next();
                }
            }
            TokenTree::Ident(word) if word == "fn" => {
                if let (true, false, Some(name)) = (marked, ignored, tokens.peek()) {
                    tests.insert(name.to_string());
                }
                (marked, ignored) = (false, false);
            }
            TokenTree::Ident(word) if word == "cases" => collect_cases(&mut tokens, tests),
            TokenTree::Group(group) => collect_tests(group.stream(), tests),
            _ => {}
        }
    }
}

/// The names in `cases! { module { name… } … }`: the macro makes a test of each.
fn collect_cases(tokens: &mut Peekable<IntoIter>, tests: &mut BTreeSet<String>) {
    let is_call =
        |token: &TokenTree| matches!(token, TokenTree::Punct(mark) if mark.as_char() == '!');
    if tokens.next_if(is_call).is_none() {
        return;
    }
    let Some(TokenTree::Group(cases)) = tokens.next() else { return };
    for module in cases.stream() {
        if let TokenTree::Group(names) = module {
            let names = names.stream().into_iter();
            tests.extend(names.filter_map(|name| match name {
                TokenTree::Ident(name) => Some(name.to_string()),
                _ => None,
            }));
        }
    }
}

/// The last word of an attribute's path: `test` of `#[tokio::test(…)]`.
fn attribute_name(tokens: TokenStream) -> Option<String> {
    let path = tokens.into_iter().take_while(|token| match token {
        TokenTree::Ident(_) => true,
        TokenTree::Punct(mark) => mark.as_char() == ':',
        _ => false,
    });
    path.filter(|token| matches!(token, TokenTree::Ident(_))).last().map(|word| word.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::render;
    use super::*;

    fn parse(path: &str, text: &str) -> (Sources, String) {
        let (sources, mut findings) = Sources::parse(&Tree::of(&[(path, text)]));
        findings.extend(sources.check_names());
        (sources, render(&findings))
    }

    #[test]
    fn cases_of_a_suite_are_tests() {
        let sources =
            parse("a.rs", "//! a\ncases! {$ a { is_kept is_found } ; whole: b { lasts } }").0;
        assert_eq!(Vec::from_iter(&sources.tests), ["is_found", "is_kept", "lasts"]);
        assert!(parse("a.rs", "//! a\nmacro_rules! cases { () => {} }").0.tests.is_empty());
    }

    #[test]
    fn a_file_that_does_not_say_what_it_owns_is_found() {
        assert_eq!(parse("a.rs", "//! Owns a.\n").1, "");
        assert!(parse("a.rs", "fn a() {}\n").1.starts_with("a.rs:1: must open with"));
        assert_eq!(parse("tests/fixtures/a.rs", "fn a() {}\n").1, "");
    }

    #[test]
    fn a_module_name_that_says_nothing_is_found_as_file_folder_and_item() {
        assert!(parse("crates/hq/src/utils.rs", "//! a\n").1.contains("utils.rs:1: `utils`"));
        assert!(parse("crates/hq/src/common/mod.rs", "//! a\n").1.contains("`common`"));
        assert!(parse("a.rs", "//! a\nmod helpers {}\n").1.starts_with("a.rs:2: `helpers`"));
    }

    #[test]
    fn a_file_that_is_not_rust_is_found_at_its_line() {
        assert!(parse("a.rs", "//! a\nfn (\n").1.starts_with("a.rs:2: is not Rust"));
    }

    #[test]
    fn tests_are_found_in_modules_and_macros_and_ignored_ones_are_not() {
        let text = "//! a\nmod tests { #[test] fn plain() {} #[tokio::test(x)] async fn web() {}\n\
            #[test] #[ignore = \"slow\"] fn slow() {} fn builder() {}\n\
            proptest! { #[test] fn property(x in 0..9) {} } }";
        let names: Vec<_> = parse("a.rs", text).0.tests.into_iter().collect();
        assert_eq!(names, ["plain", "property", "web"]);
    }
}
