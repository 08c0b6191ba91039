//! Writes a CSV of invented customers in the format of `data/febrl1.csv`.
//!
//! This module must never describe a real person, read the clock, or hold the file in memory: the
//! same seed gives the same bytes on every machine, whatever the number of rows.

pub(crate) mod random;
mod record;
mod words;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::Verdict;
use random::Random;
use record::Record;

/// Arguments of `cargo xtask generate`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How many rows to write.
    #[arg(long)]
    customers: u64,
    /// The same seed writes the same file.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The file to write; an existing one is replaced.
    #[arg(long)]
    out: PathBuf,
}

/// Writes the file.
pub(crate) fn run(arguments: &Arguments) -> Result<Verdict> {
    write_file(&arguments.out, arguments.customers, arguments.seed)?;
    let name = arguments.out.display();
    println!("{name}: {} customers from seed {}", arguments.customers, arguments.seed);
    Ok(Verdict::Passed)
}

/// Writes the customers of a seed to a file; an existing one is replaced.
pub(crate) fn write_file(path: &Path, customers: u64, seed: u64) -> Result<()> {
    let name = path.display();
    let file = File::create(path).with_context(|| format!("create {name}"))?;
    let mut out = BufWriter::new(file);
    write_customers(&mut out, customers, seed)
        .and_then(|()| out.flush())
        .with_context(|| format!("write {name}"))
}

const HEADER: &str = "rec_id, given_name, surname, street_number, address_1, address_2, suburb, \
                      postcode, state, date_of_birth, soc_sec_id";

fn write_customers(out: &mut impl Write, customers: u64, seed: u64) -> io::Result<()> {
    writeln!(out, "{HEADER}")?;
    let mut random = Random::from_seed(seed);
    for number in 0..customers {
        Record::draw(&mut random).write(out, number)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generate(customers: u64, seed: u64) -> String {
        let mut out = Vec::new();
        write_customers(&mut out, customers, seed).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn columns(text: &str) -> Vec<Vec<&str>> {
        text.lines().skip(1).map(|line| line.split(", ").collect()).collect()
    }

    #[test]
    fn the_header_is_that_of_the_febrl_file() {
        let febrl = include_str!("../../../data/febrl1.csv").lines().next();
        assert_eq!(Some(HEADER), febrl);
    }

    #[test]
    fn the_same_seed_writes_the_same_bytes_and_another_does_not() {
        assert_eq!(generate(500, 7), generate(500, 7));
        assert_ne!(generate(500, 7), generate(500, 8));
    }

    #[test]
    fn a_longer_file_begins_with_the_shorter_one() {
        assert!(generate(500, 7).starts_with(&generate(100, 7)));
    }

    #[test]
    fn every_row_has_eleven_plain_columns_and_its_own_id() {
        for (number, row) in columns(&generate(2_000, 3)).iter().enumerate() {
            assert_eq!(row.len(), 11, "{row:?}");
            assert_eq!(row[0], format!("rec-{number}-org"));
            assert!(row.iter().all(|value| !value.contains([',', '"'])), "{row:?}");
        }
    }

    #[test]
    fn about_one_row_in_a_hundred_has_no_name_and_one_field_in_twenty_is_missing() {
        let text = generate(20_000, 5);
        let rows = columns(&text);
        let share = |empty: &dyn Fn(&Vec<&str>) -> bool| {
            rows.iter().filter(|row| empty(row)).count() as f64 / rows.len() as f64
        };
        let nameless = share(&|row| row[1].is_empty() && row[2].is_empty());
        assert!((0.007..0.013).contains(&nameless), "{nameless}");
        for column in [3, 4, 5, 6, 8, 9, 10] {
            let missing = share(&|row| row[column].is_empty());
            assert!((0.04..0.06).contains(&missing), "column {column}: {missing}");
        }
    }

    #[test]
    fn names_and_addresses_vary() {
        let text = generate(5_000, 9);
        let names: std::collections::BTreeSet<_> =
            columns(&text).into_iter().map(|row| (row[1].to_owned(), row[2].to_owned())).collect();
        assert!(names.len() > 4_500, "{}", names.len());
    }
}
