//! Statements: the states they go through, what they sum, and what they post to which accounts.
//!
//! Everything is planned in whole numbers of a currency's smallest unit, so that what is posted
//! agrees with what was sold to the cent.

mod aggregate;
mod drawer;
mod vouchers;

pub use aggregate::{Aggregate, Aggregates, Contribution, LineSums, TRANSACTIONS_MAX, Unpostable};
pub use drawer::Drawer;
pub use vouchers::{PlannedEntry, PlannedVoucher, Totals, plan_voucher};

#[cfg(test)]
mod tests;

/// What a statement takes up (F103).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StatementKind {
    /// Trickle feed: validated transactions of a store, as often as wanted.
    Transactional,
    /// Trickle feed: the counts of a store's closed shifts.
    Financial,
    /// Both at once, at the end of the day. Never mixed with trickle feed.
    Classic,
}

impl StatementKind {
    /// Every kind.
    pub const ALL: [StatementKind; 3] =
        [StatementKind::Transactional, StatementKind::Financial, StatementKind::Classic];

    /// The name in databases, APIs and on pages.
    pub fn as_str(self) -> &'static str {
        match self {
            StatementKind::Transactional => "Transactional",
            StatementKind::Financial => "Financial",
            StatementKind::Classic => "Classic",
        }
    }

    /// The posting mode that it belongs to.
    pub fn mode(self) -> PostingMode {
        match self {
            StatementKind::Transactional | StatementKind::Financial => PostingMode::TrickleFeed,
            StatementKind::Classic => PostingMode::Classic,
        }
    }

    /// Whether it takes up transactions.
    pub fn takes_transactions(self) -> bool {
        self != StatementKind::Financial
    }

    /// Whether it takes up closed shifts.
    pub fn takes_shifts(self) -> bool {
        self != StatementKind::Transactional
    }
}

/// What a statement has done last (F100; `domain.md` 4.8): three states of calculation, then ten
/// of posting. Each is reached in one database transaction; after an error or a crash the
/// statement stands at the last state it reached and goes on from there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StatementState {
    /// It exists.
    Started,
    /// Its transactions and shifts are marked as its own.
    Marked,
    /// Its totals are known.
    Calculated,
    /// Everything marked still keeps the rules of posting.
    Checked,
    /// Sales are summed per resolved account (F102).
    Aggregated,
    /// Each sum has its sales order.
    CustomerOrderCreated,
    /// Each sales order has its invoice, and the invoice its voucher.
    CustomerOrderInvoiced,
    /// Discounts are posted.
    DiscountsPosted,
    /// Differences between drawers and books are posted.
    IncomeExpensePosted,
    /// Every transaction names the voucher that holds it.
    VouchersLinked,
    /// Payments are posted.
    PaymentsPosted,
    /// Payments by gift card are posted.
    GiftCardsPosted,
    /// Done: nothing of it changes any more.
    Posted,
}

impl StatementState {
    /// Every state, in order.
    pub const ALL: [StatementState; 13] = [
        StatementState::Started,
        StatementState::Marked,
        StatementState::Calculated,
        StatementState::Checked,
        StatementState::Aggregated,
        StatementState::CustomerOrderCreated,
        StatementState::CustomerOrderInvoiced,
        StatementState::DiscountsPosted,
        StatementState::IncomeExpensePosted,
        StatementState::VouchersLinked,
        StatementState::PaymentsPosted,
        StatementState::GiftCardsPosted,
        StatementState::Posted,
    ];

    /// The name in databases, APIs and on pages.
    pub fn as_str(self) -> &'static str {
        match self {
            StatementState::Started => "Started",
            StatementState::Marked => "Marked",
            StatementState::Calculated => "Calculated",
            StatementState::Checked => "Checked",
            StatementState::Aggregated => "Aggregated",
            StatementState::CustomerOrderCreated => "Customer order created",
            StatementState::CustomerOrderInvoiced => "Customer order invoiced",
            StatementState::DiscountsPosted => "Discounts posted",
            StatementState::IncomeExpensePosted => "Income/expense posted",
            StatementState::VouchersLinked => "Vouchers linked",
            StatementState::PaymentsPosted => "Payments posted",
            StatementState::GiftCardsPosted => "Gift cards posted",
            StatementState::Posted => "Posted",
        }
    }

    /// Whether nothing is posted yet, so that the statement can still be given up.
    pub fn is_reversible(self) -> bool {
        self < StatementState::CustomerOrderInvoiced
    }

    /// The state that comes next; nothing after the last.
    pub fn next(self) -> Option<StatementState> {
        let next = StatementState::ALL.iter().position(|state| *state == self)? + 1;
        StatementState::ALL.get(next).copied()
    }
}

/// Whether sales are posted all day long or once at its end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum PostingMode {
    /// Transactional statements often, financial ones for closed shifts.
    #[default]
    TrickleFeed,
    /// One statement at the end of the day.
    Classic,
}

impl PostingMode {
    /// Both modes.
    pub const ALL: [PostingMode; 2] = [PostingMode::TrickleFeed, PostingMode::Classic];

    /// The name in commands, APIs and databases.
    pub fn as_str(self) -> &'static str {
        match self {
            PostingMode::TrickleFeed => "trickle-feed",
            PostingMode::Classic => "classic",
        }
    }
}

/// An account of the general ledger. A customer's own account stands beside
/// [`LedgerAccount::Customers`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LedgerAccount {
    /// Cash in drawers.
    Cash,
    /// What card companies owe.
    Cards,
    /// What customers owe; negative where they paid ahead. Always with a customer account.
    Customers,
    /// Sales tax owed.
    SalesTax,
    /// Gift cards that are out.
    GiftCards,
    /// Sales before discounts, without tax.
    Sales,
    /// Discounts given.
    Discounts,
    /// Differences between what was counted and what should have been there.
    OverShort,
}

impl LedgerAccount {
    /// Every account, in the order of the chart.
    pub const ALL: [LedgerAccount; 8] = [
        LedgerAccount::Cash,
        LedgerAccount::Cards,
        LedgerAccount::Customers,
        LedgerAccount::SalesTax,
        LedgerAccount::GiftCards,
        LedgerAccount::Sales,
        LedgerAccount::Discounts,
        LedgerAccount::OverShort,
    ];

    /// The name in databases, APIs and on pages.
    pub fn as_str(self) -> &'static str {
        match self {
            LedgerAccount::Cash => "cash",
            LedgerAccount::Cards => "cards",
            LedgerAccount::Customers => "customers",
            LedgerAccount::SalesTax => "sales-tax",
            LedgerAccount::GiftCards => "gift-cards",
            LedgerAccount::Sales => "sales",
            LedgerAccount::Discounts => "discounts",
            LedgerAccount::OverShort => "over-short",
        }
    }
}
