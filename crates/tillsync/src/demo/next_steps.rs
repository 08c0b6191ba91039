//! What to try once the demo has printed its report.

use std::path::Path;

use tillsync_fleet::DatabaseUrl;

use super::{Database, Ending, Options};

/// The commands to try: on the databases in the folder, or how to keep some. `url` is where
/// headquarters' database is, when it is no file.
pub(super) fn next_steps(options: &Options, folder: &Path, url: Option<&DatabaseUrl>) -> String {
    let mut text = "\nWhat to try next\n".to_owned();
    let mut put = |command: &str, why: &str| text += &format!("  {command}\n      {why}\n");
    if options.ending == Ending::Stop && options.data_dir.is_none() {
        put("tillsync demo --serve", "leaves everything running, to sell and look around");
        put("tillsync demo --data-dir NEW-FOLDER", "keeps the databases, to look into them");
        return text;
    }
    match (&options.database, options.ending) {
        (Database::File, _) => {}
        (Database::TemporaryPostgres, Ending::Stop) => {
            put("tillsync demo --postgres --serve", "headquarters' database was removed with it");
            return text;
        }
        // It may hold a password, so it is not repeated.
        (Database::Postgres(_), _) => put("export TILLSYNC_DATABASE=URL", "as given to the demo"),
        (Database::TemporaryPostgres, Ending::Serve) => {
            // It has no password, and nobody else knows it.
            let url = quoted(url.map_or("", DatabaseUrl::reveal));
            put(&format!("export TILLSYNC_DATABASE={url}"), "spares --database below");
        }
    }
    let folder = quoted(&folder.display().to_string());
    put(&format!("export TILLSYNC_DATA_DIR={folder}"), "spares --data-dir below");
    put("tillsync database list", "stores and registers, and what they have not sent");
    put("tillsync customer find waller", "customers with an account, by a part of the name");
    put("tillsync customer trace C-00000010", "one customer's way from GUID to account");
    put("tillsync customer history C-00000010", "what it bought and ordered");
    put("tillsync transaction list", "sales and orders as they were uploaded");
    put("tillsync statement list", "what the end of the day took up");
    put("tillsync ledger show", "what was posted");
    put("tillsync doctor", "whether every database is sound");
    text
}

/// A text as a shell takes it.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::Form;
    use super::*;
    use crate::commands::Cli;

    fn options(data_dir: Option<&str>, database: Database, ending: Ending) -> Options {
        Options {
            customers: None,
            mapping: None,
            stores: 1,
            registers: 0,
            data_dir: data_dir.map(Into::into),
            database,
            form: Form::Text,
            ending,
        }
    }

    #[test]
    fn every_command_to_try_parses() {
        for data_dir in [None, Some("/tmp/demo")] {
            for ending in [Ending::Stop, Ending::Serve] {
                for database in [Database::File, Database::TemporaryPostgres] {
                    let options = options(data_dir, database, ending);
                    let text = next_steps(&options, Path::new("/tmp/demo"), None);
                    let commands = text.lines().filter_map(|line| line.strip_prefix("  tillsync "));
                    let mut count = 0;
                    for command in commands {
                        let words = ["tillsync"].into_iter().chain(command.split(' '));
                        // What the shell was told before.
                        let place = ["--data-dir", "/tmp/demo"];
                        let place = place.into_iter().filter(|_| !command.starts_with("demo"));
                        let parsed = Cli::try_parse_from(words.chain(place));
                        assert!(parsed.is_ok(), "{command}: {parsed:?}");
                        count += 1;
                    }
                    assert!(count > 0, "{options:?}");
                }
            }
        }
    }

    #[test]
    fn what_is_gone_is_not_looked_into() {
        let gone = |data_dir, database| {
            let options = options(data_dir, database, Ending::Stop);
            !next_steps(&options, Path::new("/tmp/demo"), None).contains("TILLSYNC_DATA_DIR")
        };
        assert!(gone(None, Database::File));
        assert!(gone(Some("/tmp/demo"), Database::TemporaryPostgres));
        assert!(!gone(Some("/tmp/demo"), Database::File));
    }

    #[test]
    fn a_text_is_quoted_where_a_shell_needs_it() {
        assert_eq!(quoted("/tmp/demo-1"), "/tmp/demo-1");
        assert_eq!(quoted("/tmp/it's"), r"'/tmp/it'\''s'");
    }
}
