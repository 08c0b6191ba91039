//! Staff of a story: added at headquarters, signed in at tills.

use std::sync::Arc;

use tillsync_channel::clients::{ClientName, create_api_token};
use tillsync_channel::sign_in::{
    NewSignIn, Presented, SIGN_IN_LASTS, SignInError, SignedIn, find_holder, sign_in,
};
use tillsync_domain::clock::Clock;
use tillsync_domain::ids::DatabaseId;
use tillsync_domain::staff::{Pin, StaffName, StaffRole};
use tillsync_exchange::device::Secret;
use tillsync_hq::staff::{NewStaff, StaffChange};

use super::World;

impl World {
    /// Adds somebody at headquarters whose stores are those of an address book.
    pub fn add_staff(&self, staff: &str, pin: &str, book: &str) {
        let new = NewStaff {
            id: staff.parse().expect("a staff id"),
            name: StaffName { first: Some("Ada".into()), last: None },
            role: StaffRole::Cashier,
            address_books: vec![book.parse().expect("a book")],
            pin: Some(Pin::parse(pin).expect("a PIN")),
        };
        self.hq.add_staff(&new, "the story").expect("somebody new");
    }

    /// Changes somebody at headquarters.
    pub fn change_staff(&self, staff: &str, change: &StaffChange) {
        let staff = staff.parse().expect("a staff id");
        self.hq.change_staff(&staff, change, "the story").expect("somebody known");
    }

    /// Signs somebody in at a till, with a program that gets its token for that.
    ///
    /// # Errors
    /// What the till is told.
    pub fn sign_in(&self, at: &str, staff: &str, pin: &str) -> Result<NewSignIn, SignInError> {
        let (edge, now) = (self.edge(at), self.clock.now());
        let name = ClientName::parse("till").expect("a name");
        let program = create_api_token(edge.db(), &name, edge.entropy(), now).expect("a token");
        let (staff, pin) = (staff.to_owned(), Pin::parse(pin).ok());
        let client = program.hash();
        sign_in(edge, Presented { client, staff, pin, lasts: SIGN_IN_LASTS }, now)
    }

    /// Who is signed in at a till with a token, if it holds there now.
    pub fn who_is(&self, at: &str, token: &Secret) -> Option<SignedIn> {
        let holder = find_holder(self.edge(at).db(), token.hash(), self.clock.now());
        holder.expect("the database answers").and_then(|holder| holder.staff)
    }

    /// Enrols a register again with a new code; its database stays.
    pub fn enrol_again(&mut self, register: &str) {
        let id: DatabaseId = register.parse().expect("a database id");
        let (kind, line) = (self.nodes[register].kind, Arc::clone(&self.nodes[register].line));
        self.stop(register);
        self.enrol(&id, kind, line);
    }
}
