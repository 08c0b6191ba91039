//! One invented customer: what is drawn for it and how it is written.
//!
//! The order of the draws must never change: it decides what a seed means.

use std::io::{self, Write};

use super::random::Random;
use super::words;

/// One row of the file, without its number.
#[derive(Debug)]
pub(super) struct Record {
    given_name: String,
    surname: String,
    street_number: String,
    address_1: String,
    address_2: String,
    suburb: String,
    postcode: String,
    state: &'static str,
    date_of_birth: String,
    soc_sec_id: String,
}

/// Of a hundred values of an optional field, how many are left out.
const MISSING_PERCENT: u64 = 5;

impl Record {
    /// Draws the next customer.
    pub(super) fn draw(random: &mut Random) -> Record {
        let (given_name, surname) = draw_name(random);
        let (state, first_digits) = words::STATES[draw_index(random, words::STATES.len())];
        Record {
            given_name,
            surname,
            street_number: maybe(random, draw_street_number),
            address_1: maybe(random, draw_street),
            address_2: maybe(random, draw_second_line),
            suburb: maybe(random, draw_suburb),
            postcode: format!("{first_digits}{:02}", random.below(100)),
            state: if random.percent(MISSING_PERCENT) { "" } else { state },
            date_of_birth: maybe(random, draw_date),
            soc_sec_id: maybe(random, |random| format!("{}", 1_000_000 + random.below(9_000_000))),
        }
    }

    /// Writes the row under the number.
    pub(super) fn write(&self, out: &mut impl Write, number: u64) -> io::Result<()> {
        let Record { given_name, surname, street_number, address_1, address_2, .. } = self;
        let Record { suburb, postcode, state, date_of_birth, soc_sec_id, .. } = self;
        write!(out, "rec-{number}-org, {given_name}, {surname}, {street_number}, {address_1}, ")?;
        write!(out, "{address_2}, {suburb}, {postcode}, {state}, {date_of_birth}, ")?;
        writeln!(out, "{soc_sec_id}")
    }
}

fn maybe(random: &mut Random, draw: impl FnOnce(&mut Random) -> String) -> String {
    if random.percent(MISSING_PERCENT) { String::new() } else { draw(random) }
}

fn draw_index(random: &mut Random, length: usize) -> usize {
    usize::try_from(random.below(length as u64)).expect("an index of an array fits in usize")
}

/// One in a hundred has no name at all; some have only one of the two; nobody loses both by two
/// separate draws, so that the share of refused rows stays what it is meant to be.
fn draw_name(random: &mut Random) -> (String, String) {
    match random.below(100) {
        0 => (String::new(), String::new()),
        1..=4 => (String::new(), draw_surname(random)),
        5..=6 => (draw_given_name(random), String::new()),
        _ => (draw_given_name(random), draw_surname(random)),
    }
}

fn draw_given_name(random: &mut Random) -> String {
    match random.below(100) {
        // Letters beyond ASCII, so that widths counted in bytes are found out.
        0..=1 => random.pick(&words::GIVEN_BEYOND_ASCII).to_owned(),
        _ => join(random, &words::GIVEN_HEADS, &words::GIVEN_TAILS),
    }
}

fn draw_surname(random: &mut Random) -> String {
    let single = join(random, &words::SURNAME_HEADS, &words::SURNAME_TAILS);
    match random.below(100) {
        0..=1 => random.pick(&words::SURNAMES_BEYOND_ASCII).to_owned(),
        2..=3 => format!("o'{single}"),
        4..=6 => format!("{single}-{}", join(random, &words::SURNAME_HEADS, &words::SURNAME_TAILS)),
        7 => format!("van {single}"),
        _ => single,
    }
}

fn draw_street_number(random: &mut Random) -> String {
    let highest = if random.percent(80) { 120 } else { 2_400 };
    let number = 1 + random.below(highest);
    match random.below(20) {
        0 => format!("{number}a"),
        1 => format!("{number}-{}", number + 2),
        _ => number.to_string(),
    }
}

fn draw_street(random: &mut Random) -> String {
    let name = join(random, &words::PLACE_HEADS, &words::PLACE_TAILS);
    format!("{name} {}", random.pick(&words::STREET_KINDS))
}

fn draw_second_line(random: &mut Random) -> String {
    let name = join(random, &words::PLACE_HEADS, &words::PLACE_TAILS);
    match random.below(6) {
        0 => format!("flat {}", 1 + random.below(90)),
        1 => format!("unit {}/{}", 1 + random.below(40), 1 + random.below(200)),
        2 => format!("level {} {name} house", 1 + random.below(30)),
        3 => format!("care of {name} village"),
        4 => format!("{name} {}", random.pick(&words::PROPERTY_KINDS)),
        _ => name,
    }
}

fn draw_suburb(random: &mut Random) -> String {
    let name = join(random, &words::PLACE_HEADS, &words::PLACE_TAILS);
    match random.below(8) {
        0 => format!("{} {name}", random.pick(&words::DIRECTIONS)),
        1 => format!("{name} {}", random.pick(&words::SUBURB_KINDS)),
        _ => name,
    }
}

/// Always a date of the calendar: no month has fewer than 28 days.
fn draw_date(random: &mut Random) -> String {
    let year = 1920 + random.below(86);
    format!("{year}{:02}{:02}", 1 + random.below(12), 1 + random.below(28))
}

fn join(random: &mut Random, heads: &[&str], tails: &[&str]) -> String {
    let head = random.pick(heads);
    format!("{head}{}", random.pick(tails))
}
