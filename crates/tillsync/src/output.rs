//! What people and programs read on standard output: lines, tables, times, JSON.
//!
//! It must never end the program because nobody reads on: `tillsync … | head` is no failure.

use std::io::{self, Write};

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{ContentArrangement, Table};
use jiff::{SignedDuration, Timestamp, Unit};
use serde::Serialize;
use serde_json::Value;
use tillsync_domain::money::Currency;

/// How a command prints what it found.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Format {
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
}

impl Format {
    /// Prints the value as JSON, or the text that `text` makes.
    pub(crate) fn print(self, value: &Value, text: impl FnOnce() -> String) {
        if self.json {
            line(&format!("{value:#}"));
        } else {
            line(text().trim_end_matches('\n'));
        }
    }

    /// Whether JSON was asked for.
    pub(crate) fn is_json(self) -> bool {
        self.json
    }
}

/// Prints a line.
pub(crate) fn line(text: &str) {
    let mut stdout = io::stdout().lock();
    // Whoever read it went away: there is nobody left to tell.
    drop(writeln!(stdout, "{text}").and_then(|()| stdout.flush()));
}

/// A table with a header.
pub(crate) fn table<const N: usize>(
    header: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(header);
    table.add_rows(rows);
    table.to_string()
}

/// A time as people read it: to the millisecond, in UTC.
pub(crate) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S%.3f").to_string()
}

/// A time, or a dash.
pub(crate) fn time_or_dash(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "-".to_owned(), time)
}

/// A time for programs, or null.
pub(crate) fn json_time(at: Option<Timestamp>) -> Value {
    at.map_or(Value::Null, |at| Value::String(at.to_string()))
}

/// An amount of money as people read it.
pub(crate) fn money(currency: Currency, minor: i64) -> String {
    format!("{} {currency}", currency.from_minor(minor))
}

/// What headquarters' interface would answer, for programs.
pub(crate) fn json<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).expect("answers are plain data with text keys")
}

/// How long something took or waits, as people read it.
pub(crate) fn duration(length: SignedDuration) -> String {
    if length.abs() < SignedDuration::from_secs(10) {
        return format!("{:.3} s", length.as_secs_f64());
    }
    let rounded = length.round(Unit::Second).unwrap_or(length);
    format!("{rounded:#}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_times_show_milliseconds_and_long_ones_show_hours() {
        assert_eq!(duration(SignedDuration::from_millis(42)), "0.042 s");
        assert_eq!(duration(SignedDuration::from_millis(3_723_400)), "1h 2m 3s");
    }

    #[test]
    fn a_time_is_read_to_the_millisecond() {
        let at = "2026-03-01T10:00:00.123456Z".parse().unwrap();
        assert_eq!(time(at), "2026-03-01 10:00:00.123");
    }
}
