//! `tillsync item import`.

use std::fs::File;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::failure::{CommandError, Failure, Verdict};
use crate::headquarters::Place;
use crate::item_file::{RefusedRow, read_items};
use crate::output::{self, Format};

/// Items written in one transaction.
const BATCH: usize = 1_000;

/// Arguments of `item import`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  tillsync item import data/items.csv --data-dir /srv/tillsync\n\n\
    The columns are number, name, tax_rate in percent, then prices without tax, one column per\n\
    currency, such as EUR; an empty price is none. Rows that are no item are listed and left out;\n\
    the others go through, and the exit code is 1."
)]
pub(crate) struct Arguments {
    /// The file.
    file: PathBuf,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    format: Format,
}

pub(super) fn run(arguments: &Arguments) -> Result<Verdict, Failure> {
    let path = &arguments.file;
    let file = File::open(path).map_err(|source| CommandError::File {
        doing: "read",
        path: path.clone(),
        source,
    })?;
    let read = read_items(file)?;
    let hq = arguments.place.open_to_change()?;
    let mut version = None;
    for batch in read.items.chunks(BATCH) {
        version = hq.put_items(batch)?.or(version);
    }
    let refused = read.refused.iter().map(refused_json).collect::<Vec<_>>();
    let value = json!({
        "items": read.items.len(),
        "version": version.map(|version| version.0),
        "refused": refused,
    });
    arguments.format.print(&value, || {
        let mut text = format!("{} items are set", read.items.len());
        if version.is_none() {
            text += "; none of them changed";
        }
        if !read.refused.is_empty() {
            let header = ["Row", "Field", "Why it is no item"];
            let cells = |refused: &RefusedRow| {
                [refused.row.to_string(), refused.field.clone(), refused.reason.clone()]
            };
            text += "\n";
            text += &output::table(header, read.refused.iter().map(cells));
        }
        text
    });
    Ok(if read.refused.is_empty() { Verdict::Good } else { Verdict::Bad })
}

fn refused_json(refused: &RefusedRow) -> Value {
    json!({"row": refused.row, "field": refused.field, "reason": refused.reason})
}
