//! The long poll: a channel asks what is next and is answered when there is something.
//!
//! A poll that waits holds a connection and a small task, never a thread. Every change wakes all
//! of them, so their looks at the database are bounded and spread over a few milliseconds.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use tillsync_domain::ids::DatabaseId;
use tillsync_exchange::messages::{POLL_WAIT_MS_MAX, Poll, PollAnswer};
use tillsync_hq::Headquarters;
use tillsync_hq::access::AccessError;
use tillsync_hq::distribution::PollOutcome;
use tillsync_hq::storage::DatabaseRecord;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use crate::app::{App, Lane};
use crate::auth::Device;
use crate::input::Body;
use crate::refusal::HttpError;

/// The widest spread of looks after a change.
const SPREAD_MAX: Duration = Duration::from_millis(20);

/// So many waiting polls need a millisecond of spread each time.
const POLLS_PER_MILLISECOND: usize = 500;

/// The shortest wait for a retry that becomes due, so that clocks cannot make a busy loop.
const RETRY_WAIT_MIN: Duration = Duration::from_millis(20);

/// Who polls, for whom, and what it said.
struct Asking {
    acting: DatabaseRecord,
    database: DatabaseRecord,
    poll: Poll,
}

/// `POST /exchange/v1/poll`: answers at once when there is news, otherwise when something changes
/// or the time the channel offered to wait is over.
pub(crate) async fn poll_packages(
    State(app): State<Arc<App>>,
    Device(acting): Device,
    Body(poll): Body<Poll>,
) -> Result<Json<PollAnswer>, HttpError> {
    let deadline = Instant::now() + Duration::from_millis(poll.wait_ms.min(POLL_WAIT_MS_MAX));
    let mut offers = app.hq().signals().watch_offers();
    // Seen before the look: a change during the look must wake this poll.
    offers.borrow_and_update();
    let (asking, mut outcome) = first_look(&app, acting, poll).await?;
    let asking = Arc::new(asking);
    let _waiting = app.count_waiting_poll();
    while !outcome.is_news && Instant::now() < deadline && !app.hq().signals().is_stopping() {
        wait(&app, &mut offers, deadline, (&asking, outcome.look_again_at)).await;
        offers.borrow_and_update();
        outcome = look_again(&app, Arc::clone(&asking)).await?;
    }
    Ok(Json(outcome.answer))
}

async fn first_look(
    app: &App,
    acting: DatabaseRecord,
    poll: Poll,
) -> Result<(Asking, PollOutcome), HttpError> {
    app.run(move |hq| {
        let database = hq.authorize_for(&acting, &poll.database)?;
        let outcome = hq.answer_poll(&database, &poll, true)?;
        Ok::<_, HttpError>((Asking { acting, database, poll }, outcome))
    })
    .await
}

async fn look_again(app: &App, asking: Arc<Asking>) -> Result<PollOutcome, HttpError> {
    app.run_in(Lane::Look, move |hq| {
        let outcome = hq.answer_poll(&asking.database, &asking.poll, false)?;
        if outcome.is_news {
            refuse_revoked(hq, &asking)?;
        }
        Ok::<_, HttpError>(outcome)
    })
    .await
}

/// Waits for a change, for a retry that becomes due, or for the deadline.
async fn wait(
    app: &App,
    offers: &mut watch::Receiver<u64>,
    deadline: Instant,
    (asking, look_again_at): (&Asking, Option<Timestamp>),
) {
    let due = look_again_at.map(|at| {
        let wait = Duration::try_from(at.duration_since(app.hq().now())).unwrap_or_default();
        Instant::now() + wait.max(RETRY_WAIT_MIN)
    });
    let until = due.map_or(deadline, |due| due.min(deadline));
    tokio::select! {
        // The sender lives as long as headquarters, so this ends only with a change.
        _ = offers.changed() => {
            if !app.hq().signals().is_stopping() {
                sleep(share(&asking.database.database.id, app.polls_waiting())).await;
            }
        }
        () = sleep_until(until) => {}
    }
}

/// A database's part of the spread: always the same for one database, even over all of them.
fn share(database: &DatabaseId, polls_waiting: usize) -> Duration {
    let millis = (polls_waiting / POLLS_PER_MILLISECOND) as u64;
    let spread = Duration::from_millis(millis).min(SPREAD_MAX);
    let mut hasher = DefaultHasher::new();
    database.hash(&mut hasher);
    let micros = u64::try_from(spread.as_micros()).expect("a short time");
    Duration::from_micros(hasher.finish() % (micros + 1))
}

/// Refuses news to a device that was revoked while it waited.
fn refuse_revoked(hq: &Headquarters, asking: &Asking) -> Result<(), AccessError> {
    let ids = [&asking.acting.database.id, &asking.database.database.id];
    let is_revoked = hq.storage().read(|tx| {
        let mut is_revoked = false;
        for id in ids {
            is_revoked |= tx.database_get(id)?.is_none_or(|record| record.revoked_at.is_some());
        }
        Ok(is_revoked)
    })?;
    if is_revoked { Err(AccessError::BadCredential) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_polls_look_at_once_and_many_are_spread() {
        let database = |n: usize| format!("S{n}").parse::<DatabaseId>().expect("a database");
        assert_eq!(share(&database(1), 10), Duration::ZERO);
        let shares: Vec<_> = (0..1_000).map(|n| share(&database(n), 10_000)).collect();
        assert!(shares.iter().all(|share| *share <= SPREAD_MAX));
        let early = shares.iter().filter(|share| **share < SPREAD_MAX / 2).count();
        assert!((400..600).contains(&early), "{early} of 1000 in the first half");
    }
}
