//! What other nodes of one headquarters do is noticed here by looking now and then.
//!
//! Workers look by themselves. Only stores whose poll waits at this node would learn of a package
//! that another node made no earlier than with their next poll.

use std::sync::Arc;
use std::time::Duration;

use tillsync_domain::job::JobName;
use tillsync_hq::Headquarters;
use tillsync_hq::storage::{GroupRecord, Position, StorageError};

/// How often: as often as the workers look.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The jobs whose packages stores poll for.
const DOWNLOADS: [JobName; 2] = [JobName::Products1040, JobName::Customers1010];

/// What a waiting poll may have missed.
#[derive(Debug, PartialEq, Eq)]
struct Offered {
    pull: u64,
    groups: Vec<(GroupRecord, Vec<Position>)>,
}

/// Wakes the polls that wait here whenever there is something new for them. Never ends.
pub(crate) async fn watch(hq: Arc<Headquarters>) {
    let mut seen = None;
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let looking = Arc::clone(&hq);
        let looked = tokio::task::spawn_blocking(move || look(&looking)).await;
        // Whoever cannot look now looks again; the workers report that the database is away.
        let Ok(Ok(offered)) = looked else { continue };
        // The first look, too: something may have happened before it.
        if seen.as_ref() != Some(&offered) {
            hq.signals().offers_changed();
        }
        seen = Some(offered);
    }
}

fn look(hq: &Headquarters) -> Result<Offered, StorageError> {
    hq.storage().read(|tx| {
        let mut groups = Vec::new();
        for group in tx.groups_all()? {
            let positions = DOWNLOADS.map(|job| tx.row_version_get(&group.id, job));
            groups.push((group, positions.into_iter().collect::<Result<_, _>>()?));
        }
        Ok(Offered { pull: tx.pull_get()?, groups })
    })
}
