//! Registers that somebody switches to offline and back, and feature switches.

use tillsync_channel::offline::{
    SwitchError, Switched, check_health, connect_register, disconnect_register, register_line,
};
use tillsync_domain::clock::Clock;
use tillsync_domain::feature::Feature;
use tillsync_domain::job::JobName;
use tillsync_domain::offline::RegisterLine;

use super::World;

impl World {
    /// Switches a register to offline.
    ///
    /// # Errors
    /// What the till is told.
    pub fn disconnect(&self, at: &str) -> Result<Switched, SwitchError> {
        disconnect_register(self.edge(at), self.clock.now())
    }

    /// Switches a register back, and lets it look for its store at once.
    pub fn connect(&self, at: &str) -> RegisterLine {
        connect_register(self.edge(at)).expect("a register");
        self.look(at)
    }

    /// Lets a register look whether its store is there.
    pub fn look(&self, at: &str) -> RegisterLine {
        let upstream = self.upstream(at);
        check_health(self.edge(at), upstream.as_ref(), self.clock.now()).expect("reads")
    }

    /// How a register works.
    pub fn register_line(&self, at: &str) -> RegisterLine {
        register_line(self.edge(at)).expect("reads")
    }

    /// Sets a feature and runs job 1110, and no more.
    pub fn set_feature(&self, feature: Feature, is_enabled: bool) {
        self.hq().set_feature(feature, is_enabled, "a story").expect("is allowed");
        self.run(JobName::GlobalConfiguration1110);
    }
}
