//! A world as stable text: no GUIDs, no times, sorted.

use tillsync_channel::health::read_health;
use tillsync_hq::check::CheckDepth;

use super::World;

impl World {
    /// Customers and pending ones at headquarters and at every edge, a line each.
    pub fn render(&self) -> String {
        let report = self.hq().check(CheckDepth::Counts).expect("hq answers");
        let count = |status: &str| report.inbox.by_status.get(status).copied().unwrap_or(0);
        let mut text = format!("hq: {} customers", report.customers);
        for status in ["Pending", "Failed", "Quarantined"] {
            if count(status) > 0 {
                text.push_str(&format!(", {} operations {}", count(status), status.to_lowercase()));
            }
        }
        for at in self.edges() {
            let health = read_health(self.edge(&at)).expect("the edge answers");
            text.push_str(&format!("\n{at}: {} customers", health.customers));
            for (count, what) in [(health.pending, "pending"), (health.unsent, "unsent")] {
                if count > 0 {
                    text.push_str(&format!(", {count} {what}"));
                }
            }
        }
        text
    }
}
