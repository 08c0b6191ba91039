//! Headquarters that goes on with another database.

use std::path::Path;
use std::sync::Arc;

use tillsync_hq::Headquarters;
use tillsync_hq::storage::Storage;

use super::{World, headquarters_over, open_headquarters};

impl World {
    /// Stops headquarters, lets the story do something to its database, given its file, and starts
    /// it again with the database that the story yields. Packages stay where they are.
    pub fn move_headquarters(&mut self, moved: impl FnOnce(&Path) -> Box<dyn Storage>) {
        let elsewhere = self.folder.path().join("elsewhere");
        let nobody = open_headquarters(&elsewhere, &self.clock, &self.entropy, &self.life);
        self.replace_headquarters(nobody);
        let storage = moved(&self.folder.path().join("hq/hq.db"));
        let folder = self.folder.path();
        let hq = headquarters_over(storage, folder, &self.clock, &self.entropy, &self.life);
        hq.initialize().expect("it has all that a headquarters needs");
        self.replace_headquarters(Arc::new(hq));
    }

    fn replace_headquarters(&mut self, hq: Arc<Headquarters>) {
        for node in self.nodes.values() {
            node.line.lead_to_headquarters(&hq);
        }
        let old = std::mem::replace(&mut self.hq, hq);
        assert!(Arc::into_inner(old).is_some(), "somebody still holds headquarters");
    }
}
