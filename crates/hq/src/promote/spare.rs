//! Account numbers that were taken off a sequence in blocks and wait to be given.

use std::collections::{HashSet, VecDeque};
use std::ops::Deref;
use std::sync::{Mutex, PoisonError};

use tillsync_domain::ids::AccountNumber;

/// The spare numbers of one node.
///
/// They are lent out, never looked at under a lock: whoever promotes holds a transaction
/// meanwhile, and one promotion must not wait for another, which may wait for its database. Who
/// finds none here takes a block off the sequence.
#[derive(Default)]
pub(crate) struct SpareAccounts(Mutex<VecDeque<AccountNumber>>);

impl SpareAccounts {
    /// Lends all there are. What is not given comes back when the loan ends, however it ends.
    pub(super) fn lend(&self) -> Loan<'_> {
        let numbers = std::mem::take(&mut *self.lock());
        Loan { from: self, numbers }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<AccountNumber>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Spare numbers that nobody else gives meanwhile.
pub(super) struct Loan<'a> {
    from: &'a SpareAccounts,
    numbers: VecDeque<AccountNumber>,
}

impl Loan<'_> {
    /// Adds a block that was just taken off the sequence.
    pub(super) fn add(&mut self, block: Vec<AccountNumber>) {
        self.numbers.extend(block);
    }

    /// Keeps numbers that customers have now from coming back.
    pub(super) fn give(&mut self, given: &HashSet<&AccountNumber>) {
        self.numbers.retain(|number| !given.contains(number));
    }
}

impl Deref for Loan<'_> {
    type Target = VecDeque<AccountNumber>;

    fn deref(&self) -> &Self::Target {
        &self.numbers
    }
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        let mut stock = self.from.lock();
        // In front: what was taken off the sequence first is given first.
        self.numbers.append(&mut stock);
        std::mem::swap(&mut *stock, &mut self.numbers);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(range: std::ops::Range<u32>) -> Vec<AccountNumber> {
        range.map(|it| AccountNumber::parse(&format!("C{it}")).expect("a valid number")).collect()
    }

    #[test]
    fn what_is_lent_twice_at_once_is_two_different_things() {
        let spare = SpareAccounts::default();
        let mut first = spare.lend();
        first.add(numbers(1..4));
        let mut second = spare.lend();
        assert!(second.is_empty());
        second.add(numbers(4..6));
        first.give(&numbers(1..2).iter().collect());
        drop(first);
        second.give(&numbers(4..5).iter().collect());
        drop(second);
        assert_eq!(*spare.lend(), [numbers(5..6), numbers(2..4)].concat());
    }
}
