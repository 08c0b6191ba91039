//! Creating customers as the profile of a store says.

use jiff::Timestamp;
use tillsync_channel::create::{CreateCustomer, CreateError};
use tillsync_channel::creation::create_by_mode;
use tillsync_channel::find::CustomerView;
use tillsync_domain::clock::Clock;
use tillsync_domain::customer::CustomerDraft;
use tillsync_domain::job::JobName;
use tillsync_domain::profile::{DEFAULT_PROFILE, FunctionalityProfile};

use super::World;

impl World {
    /// The time of the story.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Changes the profile that all stores have, and brings it to every database.
    pub fn set_profile(&mut self, change: impl Fn(&mut FunctionalityProfile)) {
        let profile = DEFAULT_PROFILE.parse().expect("a name");
        self.hq().set_profile(&profile, &change).expect("hq answers");
        self.run(JobName::ChannelConfiguration1070);
        for at in self.edges() {
            self.download(&at).expect("the lines are whole");
        }
    }

    /// Creates a person as a till does, acknowledged when this returns a customer.
    ///
    /// # Errors
    /// What the till is told.
    pub fn create_at_till(
        &mut self,
        at: &str,
        last_name: &str,
    ) -> Result<CustomerView, CreateError> {
        let customer =
            CustomerDraft { last_name: Some(last_name.into()), ..CustomerDraft::default() };
        self.create_by_mode(at, CreateCustomer { customer, ..CreateCustomer::default() })
    }

    /// Creates a customer as a till does, acknowledged when this returns one.
    ///
    /// # Errors
    /// What the till is told.
    pub fn create_by_mode(
        &mut self,
        at: &str,
        request: CreateCustomer,
    ) -> Result<CustomerView, CreateError> {
        let upstream = self.upstream(at);
        let view = create_by_mode(self.edge(at), upstream.as_ref(), request, self.clock.now())?;
        self.acknowledged.push((view.guid, at.to_owned()));
        Ok(view)
    }
}
