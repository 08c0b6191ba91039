//! Lists that commands print page by page.
//!
//! Nothing is cut without saying so: a page that is not the last names the next one.

use std::num::NonZeroUsize;

use serde::Serialize;

use crate::output::{self, Format};

/// How much of a list a command prints, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct Page {
    /// How many to show.
    #[arg(long, default_value = "50")]
    limit: NonZeroUsize,
    #[command(flatten)]
    format: Format,
}

/// How a list looks to people.
pub(crate) struct List<T, const N: usize> {
    /// What is said when nothing is on it.
    pub(crate) empty: &'static str,
    /// The names of the columns.
    pub(crate) header: [&'static str; N],
    /// What of one stands on the list, in a row or several.
    pub(crate) rows: fn(&T) -> Vec<[String; N]>,
    /// The option that asks for what comes behind one.
    pub(crate) next: fn(&T) -> String,
}

impl Page {
    /// How many to ask for: one more than is shown, to see whether there are more.
    pub(crate) fn wanted(&self) -> usize {
        self.limit.get().saturating_add(1)
    }

    /// Prints what was found, for programs as what `twin` makes of each.
    pub(crate) fn print<T: Clone, J: Serialize, const N: usize>(
        &self,
        mut found: Vec<T>,
        twin: impl Fn(T) -> J,
        list: &List<T, N>,
    ) {
        let has_more = found.len() > self.limit.get();
        found.truncate(self.limit.get());
        let value = found.iter().cloned().map(twin).collect::<Vec<_>>();
        self.format.print(&output::json(&value), || {
            let Some(last) = found.last() else { return list.empty.to_owned() };
            let mut text = output::table(list.header, found.iter().flat_map(list.rows));
            if has_more {
                text += &format!("\nthere are more; add {}", (list.next)(last));
            }
            text
        });
    }
}
