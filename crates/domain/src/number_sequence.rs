//! Number sequences: how headquarters spells account numbers and how many are left.

use std::fmt;
use std::str::FromStr;

use crate::ids::{ACCOUNT_NUMBER_CHARS_MAX, AccountNumber};

/// The format of a number: `#` is a digit, `&` a letter A–Z, anything else stands for itself.
///
/// The changing places count together, the rightmost fastest: `C-&#` runs `C-A0 … C-A9, C-B0 …`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberFormat(String);

/// A text that is no number format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NumberFormatError {
    /// Nothing in it changes from number to number.
    #[error("the format {0:?} has no '#' (digit) or '&' (letter), so every number would be equal")]
    Constant(String),
    /// Too wide for an account number.
    #[error(
        "the format is {0} characters long, but a number has at most {ACCOUNT_NUMBER_CHARS_MAX}"
    )]
    TooLong(usize),
    /// Holds something that cannot stand in a number.
    #[error("the format {0:?} holds a control character or begins or ends with a space")]
    Unprintable(String),
}

impl FromStr for NumberFormat {
    type Err = NumberFormatError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let length = text.chars().count();
        if length > ACCOUNT_NUMBER_CHARS_MAX {
            return Err(NumberFormatError::TooLong(length));
        }
        if text.trim() != text || text.chars().any(char::is_control) {
            return Err(NumberFormatError::Unprintable(text.to_owned()));
        }
        if !text.contains(['#', '&']) {
            return Err(NumberFormatError::Constant(text.to_owned()));
        }
        Ok(NumberFormat(text.to_owned()))
    }
}

impl NumberFormat {
    /// The format as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The largest number the format can spell; saturates at `u64::MAX`.
    pub fn largest(&self) -> u64 {
        let places = self.0.chars().filter_map(place_radix);
        places.fold(1_u64, u64::saturating_mul).saturating_sub(1)
    }

    /// Spells a number, or returns nothing when it does not fit the format.
    pub fn spell(&self, number: u64) -> Option<AccountNumber> {
        let mut rest = number;
        let mut reversed = String::with_capacity(self.0.len());
        for place in self.0.chars().rev() {
            match place_radix(place) {
                Some(radix) => {
                    let first = if place == '#' { b'0' } else { b'A' };
                    let digit = u8::try_from(rest % radix).expect("a radix is at most 26");
                    reversed.push(char::from(first + digit));
                    rest /= radix;
                }
                None => reversed.push(place),
            }
        }
        let spelled: String = reversed.chars().rev().collect();
        (rest == 0)
            .then(|| AccountNumber::parse(&spelled).expect("a format spells printable numbers"))
    }

    /// The number that is spelled so, or nothing when this format does not spell it.
    pub fn read(&self, spelled: &str) -> Option<u64> {
        if spelled.chars().count() != self.0.chars().count() {
            return None;
        }
        self.0.chars().zip(spelled.chars()).try_fold(0_u64, |number, (place, found)| {
            let Some(radix) = place_radix(place) else {
                return (place == found).then_some(number);
            };
            number.checked_mul(radix)?.checked_add(place_digit(place, found)?)
        })
    }
}

fn place_digit(place: char, found: char) -> Option<u64> {
    let first = if place == '#' { '0' } else { 'A' };
    let digit = u64::from(found).checked_sub(u64::from(first))?;
    (digit < place_radix(place)?).then_some(digit)
}

fn place_radix(place: char) -> Option<u64> {
    match place {
        '#' => Some(10),
        '&' => Some(26),
        _ => None,
    }
}

/// The most numbers in a block: what one crash can waste.
pub const BLOCK_SIZE_MAX: u32 = 10_000;

/// Whether numbers may be lost (F111).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SequenceMode {
    /// Gapless: each number is taken inside the transaction that uses it.
    Continuous,
    /// Numbers are taken ahead in blocks of this size; a crash may leave a gap, never a repeat.
    Blocks {
        /// Numbers per block, at least 1.
        size: u32,
    },
}

/// One number sequence as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberSequence {
    /// How numbers are spelled.
    pub format: NumberFormat,
    /// Whether gaps are allowed.
    pub mode: SequenceMode,
    /// The next number to give.
    pub next: u64,
    /// The last number that may be given.
    pub largest: u64,
}

/// A change of a sequence that would break it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SequenceChangeError {
    /// The end does not fit the format.
    #[error("the largest number {largest} does not fit the format {format}, which ends at {fits}")]
    FormatTooNarrow {
        /// The format asked for.
        format: NumberFormat,
        /// The end asked for.
        largest: u64,
        /// The end that fits.
        fits: u64,
    },
    /// Numbers already given would be given again.
    #[error(
        "the next number cannot go back from {from} to {to}: numbers in between were given out"
    )]
    Backwards {
        /// Where the sequence stands.
        from: u64,
        /// Where it was asked to go.
        to: u64,
    },
    /// A block of no numbers, or of so many that a crash would waste a range.
    #[error("a block holds 1 to {BLOCK_SIZE_MAX} numbers")]
    BlockSize,
}

impl fmt::Display for NumberFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl NumberSequence {
    /// A sequence that begins at 1 and runs to the end of its format.
    pub fn new(format: NumberFormat, mode: SequenceMode) -> Self {
        NumberSequence { largest: format.largest(), format, mode, next: 1 }
    }

    /// How many numbers are left.
    pub fn remaining(&self) -> u64 {
        (self.largest + 1).saturating_sub(self.next)
    }

    /// Takes up to `wanted` numbers, fewer when the sequence runs out (F112).
    pub fn take(&mut self, wanted: usize) -> Vec<AccountNumber> {
        if wanted == 0 {
            return vec![];
        }
        let end = self.largest.min(self.next.saturating_add(wanted as u64 - 1));
        let numbers = (self.next..=end).map_while(|number| self.format.spell(number)).collect();
        self.next = self.next.max(end + 1);
        numbers
    }

    /// Moves behind a number that was given already, although this sequence does not know it; what
    /// it could not have spelled, it cannot repeat.
    pub fn move_past(&mut self, spelled: &str) {
        if let Some(number) = self.format.read(spelled).filter(|number| *number <= self.largest) {
            self.next = self.next.max(number + 1);
        }
    }

    /// The sequence after a change by an operator, extension included.
    ///
    /// # Errors
    /// Invalid: the change would repeat numbers or does not fit the format.
    pub fn changed(&self, change: SequenceChange) -> Result<NumberSequence, SequenceChangeError> {
        let format = change.format.unwrap_or_else(|| self.format.clone());
        let ended_with_format = self.largest == self.format.largest();
        let kept = if ended_with_format { format.largest() } else { self.largest };
        let largest = change.largest.unwrap_or(kept);
        let next = change.next.unwrap_or(self.next);
        let mode = change.mode.unwrap_or(self.mode);
        if largest > format.largest() {
            let fits = format.largest();
            return Err(SequenceChangeError::FormatTooNarrow { format, largest, fits });
        }
        if next < self.next && format == self.format {
            return Err(SequenceChangeError::Backwards { from: self.next, to: next });
        }
        if let SequenceMode::Blocks { size } = mode
            && !(1..=BLOCK_SIZE_MAX).contains(&size)
        {
            return Err(SequenceChangeError::BlockSize);
        }
        Ok(NumberSequence { format, mode, next, largest })
    }
}

/// What an operator changes of a sequence; absent parts stay.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SequenceChange {
    /// Another spelling.
    pub format: Option<NumberFormat>,
    /// Gapless or in blocks.
    pub mode: Option<SequenceMode>,
    /// A later start.
    pub next: Option<u64>,
    /// Another end.
    pub largest: Option<u64>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn format(text: &str) -> NumberFormat {
        text.parse().expect("a number format")
    }

    fn spelled(numbers: &[AccountNumber]) -> Vec<&str> {
        numbers.iter().map(AccountNumber::as_str).collect()
    }

    #[test]
    fn digits_and_letters_count_together() {
        let format = format("C-&#");
        assert_eq!(format.largest(), 259);
        for (number, text) in [(0, "C-A0"), (9, "C-A9"), (10, "C-B0"), (259, "C-Z9")] {
            assert_eq!(format.spell(number).expect("fits").as_str(), text);
        }
        assert_eq!(format.spell(260), None);
    }

    #[test]
    fn formats_that_cannot_number_are_refused() {
        for bad in ["", "CUST", " ###", "123456789012345678901#", "#\n"] {
            assert!(bad.parse::<NumberFormat>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_sequence_runs_out_and_goes_on_when_extended() {
        let mut sequence = NumberSequence::new(format("#"), SequenceMode::Continuous);
        assert_eq!(sequence.take(7).len(), 7);
        assert_eq!(spelled(&sequence.take(7)), ["8", "9"]);
        assert_eq!((sequence.take(1), sequence.remaining()), (vec![], 0));
        let change = SequenceChange { format: Some(format("##")), ..SequenceChange::default() };
        let mut extended = sequence.changed(change).expect("an extension");
        assert_eq!(spelled(&extended.take(2)), ["10", "11"]);
    }

    #[test]
    fn taking_nothing_takes_nothing_even_at_zero() {
        let fresh = NumberSequence::new(format("#"), SequenceMode::Continuous);
        let mut sequence = NumberSequence { next: 0, ..fresh };
        assert_eq!((sequence.take(0), sequence.next), (vec![], 0));
        assert_eq!(spelled(&sequence.take(1)), ["0"]);
    }

    #[test]
    fn a_sequence_moves_past_numbers_it_could_have_given_and_never_back() {
        let mut sequence = NumberSequence::new(format("C-##"), SequenceMode::Continuous);
        for (given, next) in
            [("C-07", 8), ("C-03", 8), ("X-50", 8), ("C-1", 8), ("C-1A", 8), ("C-99", 100)]
        {
            sequence.move_past(given);
            assert_eq!(sequence.next, next, "{given}");
        }
        assert_eq!(sequence.remaining(), 0);
    }

    #[test]
    fn a_change_that_would_repeat_numbers_is_refused() {
        let mut sequence = NumberSequence::new(format("###"), SequenceMode::Continuous);
        sequence.take(10);
        let back = SequenceChange { next: Some(5), ..SequenceChange::default() };
        assert_eq!(sequence.changed(back), Err(SequenceChangeError::Backwards { from: 11, to: 5 }));
        let wide = SequenceChange { largest: Some(1000), ..SequenceChange::default() };
        assert!(sequence.changed(wide).is_err());
        for size in [0, BLOCK_SIZE_MAX + 1] {
            let mode = Some(SequenceMode::Blocks { size });
            let change = SequenceChange { mode, ..SequenceChange::default() };
            assert_eq!(sequence.changed(change), Err(SequenceChangeError::BlockSize));
        }
    }

    proptest! {
        #[test]
        fn no_two_numbers_are_spelled_alike(pattern in "[#&C-]{1,6}", a: u64, b: u64) {
            prop_assume!(pattern.contains(['#', '&']) && a != b);
            let format = format(&pattern);
            let (a, b) = (a % (format.largest() + 1), b % (format.largest() + 1));
            prop_assume!(a != b);
            prop_assert_ne!(format.spell(a), format.spell(b));
        }

        #[test]
        fn what_is_spelled_is_read_back(pattern in "[#&C-]{1,9}", number: u64) {
            prop_assume!(pattern.contains(['#', '&']));
            let format = format(&pattern);
            let number = number % (format.largest() + 1);
            let spelled = format.spell(number).expect("it fits");
            prop_assert_eq!(format.read(spelled.as_str()), Some(number));
        }

        #[test]
        fn taking_never_repeats_and_never_skips(takes in prop::collection::vec(0usize..40, 1..20)) {
            let mut sequence = NumberSequence::new(format("##"), SequenceMode::Continuous);
            let mut given = Vec::new();
            for wanted in takes {
                given.extend(sequence.take(wanted));
            }
            let expected: Vec<_> =
                (1..).map_while(|n| format("##").spell(n)).take(given.len()).collect();
            prop_assert_eq!(given, expected);
        }
    }
}
