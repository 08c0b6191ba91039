//! Bugs planted on purpose, to see that the simulator finds them.
//!
//! The production code has no switch for them: a bug is planted where a backend or the network
//! could have it, by a trigger in a database, by a hand on a message, by a storage that lies. A
//! new capability plants its own: a row in one of these files, or a file and a row here.

mod customers;
mod distribution;
mod edges;
mod inbox;
mod ledger;
mod lies;
mod realtime;
mod wires;

use std::sync::Arc;

use crate::chain::Chain;

/// A bug that must be found.
pub trait Bug: Sync {
    /// What is wrong, in a few words.
    fn name(&self) -> &'static str;

    /// The checkers that may speak up. One that nobody of these finds is not found: a run that
    /// merely breaks down says nothing about what is checked.
    fn found_by(&self) -> &'static [&'static str];

    /// Plants it.
    fn plant(&self, chain: &Arc<Chain>);
}

/// A bug that consists of triggers in databases.
struct Triggers {
    name: &'static str,
    found_by: &'static [&'static str],
    place: Place,
    sql: &'static str,
}

/// Whose databases a bug is planted in.
enum Place {
    Headquarters,
    Edges,
}

impl Bug for Triggers {
    fn name(&self) -> &'static str {
        self.name
    }

    fn found_by(&self) -> &'static [&'static str] {
        self.found_by
    }

    fn plant(&self, chain: &Arc<Chain>) {
        match self.place {
            Place::Headquarters => chain.plant_at_headquarters(self.sql),
            Place::Edges => chain.plant_at_edges(self.sql),
        }
    }
}

/// Every planted bug.
pub fn all() -> impl Iterator<Item = &'static dyn Bug> {
    let triggers = [inbox::BUGS, customers::BUGS, ledger::BUGS, distribution::BUGS, edges::BUGS];
    let triggers = triggers.into_iter().flatten().map(|bug| bug as &dyn Bug);
    triggers.chain([
        &wires::IgnoresTheEpoch as &dyn Bug,
        &lies::AcknowledgesWhatItRolledBack,
        &lies::KeepsWhatItRefused,
        &realtime::AsksUnderAnotherGuid,
        &realtime::AnswersAnotherAccount,
    ])
}

/// The planted bug of a name.
pub fn named(name: &str) -> Option<&'static dyn Bug> {
    all().find(|bug| bug.name() == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::checkers;

    #[test]
    fn each_bug_has_a_name_of_its_own_and_checkers_that_exist() {
        let checkers = checkers::all();
        let checkers: BTreeSet<_> = checkers.iter().map(|checker| checker.name()).collect();
        let names: BTreeSet<_> = all().map(Bug::name).collect();
        assert_eq!(names.len(), all().count());
        for bug in all() {
            assert!(!bug.found_by().is_empty(), "{} is found by nobody", bug.name());
            for checker in bug.found_by() {
                assert!(checkers.contains(checker), "{}: no checker {checker}", bug.name());
            }
        }
    }
}
