//! The drawer of a shift: what should be in it, what was counted, and the difference.
//!
//! Only cash and cards are counted. A tender and currency that the count leaves out was counted as
//! nothing.

use std::collections::BTreeMap;

use super::{LedgerAccount, PlannedEntry, PlannedVoucher, Unpostable};
use crate::ids::ShiftNumber;
use crate::money::Currency;
use crate::shift::Count;
use crate::trade::{Tender, Trade};

/// One drawer, in smallest units by tender and currency.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Drawer(BTreeMap<(Tender, Currency), Contents>);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Contents {
    expected: i64,
    counted: i64,
}

impl Drawer {
    /// Puts the float in.
    ///
    /// # Errors
    /// Invalid: an amount is not a whole number of smallest units, or too large.
    pub fn put_float(&mut self, float: &[Count]) -> Result<(), Unpostable> {
        for count in float {
            self.add(count, |contents| &mut contents.expected)?;
        }
        Ok(())
    }

    /// Puts in what was paid with a trade of the shift, and takes out what was paid back. It need
    /// not keep any rule but that of exact amounts: the money is in the drawer all the same.
    ///
    /// # Errors
    /// Invalid: an amount is not a whole number of smallest units, or too large.
    pub fn put_payments(&mut self, trade: &Trade) -> Result<(), Unpostable> {
        for payment in &trade.payments {
            let (tender, amount, currency) = (payment.tender, payment.amount, trade.currency);
            self.add(&Count { tender, currency, amount }, |contents| &mut contents.expected)?;
        }
        Ok(())
    }

    /// Notes what was counted.
    ///
    /// # Errors
    /// Invalid: an amount is not a whole number of smallest units, or too large.
    pub fn note_counted(&mut self, counted: &[Count]) -> Result<(), Unpostable> {
        for count in counted {
            self.add(count, |contents| &mut contents.counted)?;
        }
        Ok(())
    }

    fn add(
        &mut self,
        count: &Count,
        part: fn(&mut Contents) -> &mut i64,
    ) -> Result<(), Unpostable> {
        let Count { tender, currency, amount } = *count;
        if ledger_account(tender).is_some() {
            let amount = currency.to_minor(amount)?;
            let sum = part(self.0.entry((tender, currency)).or_default());
            *sum = sum.checked_add(amount).ok_or(Unpostable::TooLarge)?;
        }
        Ok(())
    }

    /// Plans a voucher for each tender and currency whose count is not what should be there.
    ///
    /// # Errors
    /// Invalid: a difference leaves 64 bits.
    pub fn plan_differences(
        &self,
        shift: &ShiftNumber,
    ) -> Result<Vec<(Currency, PlannedVoucher)>, Unpostable> {
        let mut vouchers = Vec::new();
        for ((tender, currency), Contents { expected, counted }) in &self.0 {
            let account = ledger_account(*tender).expect("only counted tenders are put in");
            let difference = counted.checked_sub(*expected).ok_or(Unpostable::TooLarge)?;
            let opposite = difference.checked_neg().ok_or(Unpostable::TooLarge)?;
            if difference == 0 {
                continue;
            }
            let word = if difference > 0 { "over" } else { "short" };
            let entry = |account, amount| PlannedEntry { account, customer: None, amount };
            let entries =
                vec![entry(account, difference), entry(LedgerAccount::OverShort, opposite)];
            let text = format!("Shift {shift}: {} {word}", account.as_str());
            vouchers.push((*currency, PlannedVoucher { text, entries }));
        }
        Ok(vouchers)
    }
}

/// Where the money of a counted tender stands in the ledger; nothing for one that is not counted.
fn ledger_account(tender: Tender) -> Option<LedgerAccount> {
    match tender {
        Tender::Cash => Some(LedgerAccount::Cash),
        Tender::Card => Some(LedgerAccount::Cards),
        Tender::CustomerAccount | Tender::GiftCard => None,
    }
}
