//! What people do: one operation a file. A new capability adds a file and a row here.

mod add_address;
mod change_group;
mod change_items;
mod change_parameters;
mod change_profile;
mod change_sequence;
mod close_shift;
mod create_customer;
mod distribute;
mod give_back;
mod grow;
mod keep_from_registers;
mod number_twice;
mod office;
mod order;
mod refused;
mod repair;
mod revoke;
mod sell;
mod statements;
mod strangers;
mod till;

pub(crate) use keep_from_registers::keep_nothing_back;
pub(crate) use strangers::NOBODY;

use std::sync::Arc;

use crate::chain::Chain;
use crate::dice::Dice;

/// Something that somebody does.
pub trait Operation: Sync {
    /// Its name in stories and tables.
    fn kind(&self) -> &'static str;

    /// How often it happens among all operations.
    fn share(&self) -> u32;

    /// Does it, wherever the dice say, and tells the chain what was acknowledged or refused.
    fn perform(&self, chain: &Arc<Chain>, dice: &mut Dice) -> Performed;
}

/// What became of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Performed {
    /// It was done.
    Done,
    /// It was refused, as the rules have it or as a broken machine must.
    Refused(String),
    /// There was nobody or nothing to do it with.
    NotNow,
}

/// Every operation.
pub const ALL: &[&dyn Operation] = &[
    &create_customer::CreateCustomer,
    &add_address::AddAddress,
    &sell::Sell,
    &order::Order,
    &give_back::GiveBack,
    &strangers::SellToStranger,
    &strangers::NameNobody,
    &number_twice::UseNumberTwice,
    &close_shift::OpenShift,
    &close_shift::BlindCloseShift,
    &close_shift::CloseShift,
    &refused::RefusedAtTill,
    &refused::RefusedAtHeadquarters,
    &change_items::ChangeItems,
    &change_group::ChangeBooks,
    &change_group::ChangeMode,
    &change_parameters::ChangeParameters,
    &change_profile::ChangeProfile,
    &change_profile::AssignProfile,
    &change_sequence::ChangeSequence,
    &statements::PostStatements,
    &statements::RetryStatement,
    &statements::ReleaseStatement,
    &repair::RepairTransaction,
    &repair::LockOrder,
    &repair::GiveUpEdit,
    &repair::LiftHold,
    &repair::SettleNow,
    &distribute::FullSync,
    &distribute::Pull,
    &distribute::CommandSession,
    &distribute::CleanUp,
    &distribute::ChangeSchedule,
    &grow::NewStore,
    &grow::NewRegister,
    &revoke::Revoke,
    &keep_from_registers::MoveLever,
    &keep_from_registers::PauseDownloads,
    &keep_from_registers::SwitchRegister,
];
