//! The two threads that keep an edge in step with its upstream: one sends, one fetches.
//!
//! They must never hold anything that grows while the upstream is away; only the log grows. A
//! register that is offline asks its store for nothing but whether it is there, and one that
//! somebody disconnected not even for that.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tillsync_domain::clock::Clock;
use tillsync_domain::entropy::draw_unit;
use tillsync_domain::offline::RegisterLine;
use tillsync_exchange::messages::{DatabaseKind, ExchangeMode, POLL_WAIT_MS_MAX};
use tillsync_exchange::retry::{Jitter, RetryPolicy};

use crate::download::{self, poll_once};
use crate::edge::Edge;
use crate::offline::register_line;
use crate::offline_profile::{OfflineProfileSource, effective_offline_profile};
use crate::signals::{PullOutcome, Tickets, Woken};
use crate::upload::{Attempt, Conversation, UploadError, Uploaded, upload_pending};
use crate::upstream::Upstream;

/// How the loop behaves.
#[derive(Debug, Clone, Copy)]
pub struct LoopOptions {
    /// The longest wait before an upstream that is away is tried again.
    pub reconnect_max: Duration,
    /// How long one poll may be held upstream.
    pub poll_wait: Duration,
}

impl Default for LoopOptions {
    fn default() -> Self {
        let poll_wait = Duration::from_millis(POLL_WAIT_MS_MAX);
        LoopOptions { reconnect_max: Duration::from_secs(15), poll_wait }
    }
}

/// The first wait after a failure; doubles from there.
const RECONNECT_FIRST: Duration = Duration::from_millis(200);
/// Even with nothing to do, the log is looked at this often.
const IDLE_MAX: Duration = Duration::from_secs(60);
/// How soon a switch is noticed that another process made.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// The longest a poll waits for the upload that a pull asked for.
const PULL_WAIT_MAX: Duration = Duration::from_secs(30);
/// The longest a stop waits for a call upstream to return.
const STOP_WAIT_MAX: Duration = Duration::from_secs(2);

/// The running threads of one edge.
pub struct ExchangeLoop {
    edge: Arc<Edge>,
    running: Arc<Running>,
    threads: Vec<JoinHandle<()>>,
}

/// Whether anything may go upstream.
enum Way {
    Open,
    /// The store may be there: somebody has to look.
    Unknown,
    /// Somebody disconnected the register.
    Shut,
    Stop,
}

/// What both threads need.
struct Leg {
    edge: Arc<Edge>,
    upstream: Arc<dyn Upstream>,
    clock: Arc<dyn Clock>,
    options: LoopOptions,
}

impl ExchangeLoop {
    /// Starts both threads.
    ///
    /// # Errors
    /// The operating system gives no thread.
    pub fn start(
        edge: Arc<Edge>,
        upstream: Arc<dyn Upstream>,
        clock: Arc<dyn Clock>,
        options: LoopOptions,
    ) -> std::io::Result<Self> {
        edge.signals.resume();
        if let Err(error) = download::clear_incoming(&edge) {
            tracing::warn!(%error, "files of interrupted downloads cannot be removed");
        }
        let running = Arc::new(Running::default());
        let leg = Arc::new(Leg { edge: edge.clone(), upstream, clock, options });
        let mut threads = Vec::new();
        for (name, run) in [("upload", Leg::upload as fn(&Leg)), ("download", Leg::download)] {
            let (leg, token) = (leg.clone(), RunningToken::new(running.clone()));
            let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
                let _token = token;
                run(&leg);
            })?;
            threads.push(thread);
        }
        Ok(ExchangeLoop { edge, running, threads })
    }

    /// Stops both threads. One that waits for its upstream is left to end by itself; it does
    /// nothing more.
    pub fn stop(self) {
        self.edge.signals.stop();
        if self.running.all_ended(STOP_WAIT_MAX) {
            for thread in self.threads {
                let _ = thread.join();
            }
        }
    }
}

impl Leg {
    fn policy(&self) -> RetryPolicy {
        let delay_max = self.options.reconnect_max.max(RECONNECT_FIRST);
        RetryPolicy { tries_max: None, first_delay: RECONNECT_FIRST, delay_max }
    }

    fn jitter(&self) -> Jitter {
        Jitter(draw_unit(self.edge.entropy()))
    }

    fn upload(&self) {
        let mut conversation = Conversation::default();
        let mut failures = 0;
        // After a start the log may hold what was never sent, or be that of an older copy.
        let mut is_due = self.sends_by_itself(self.edge.mode());
        let mut seen = self.edge.signals.tickets();
        loop {
            match self.way(failures) {
                Way::Open => {}
                Way::Stop => return,
                Way::Shut => {
                    (failures, is_due) = (0, true);
                    continue;
                }
                Way::Unknown => {
                    // The next conversation begins with a hello: that is the health check.
                    (conversation, is_due) = (Conversation::default(), true);
                }
            }
            if !is_due {
                match self
                    .edge
                    .signals
                    .wait(seen, IDLE_MAX, |a, b, m| self.calls_for_upload(a, b, m))
                {
                    Woken::Stop => return,
                    Woken::Signal if self.has_line_changed(&mut seen) => continue,
                    Woken::Signal => {}
                    Woken::TimedOut if !self.sends_by_itself(self.edge.mode()) => continue,
                    Woken::TimedOut => {}
                }
            }
            if self.edge.signals.is_stopping() {
                return;
            }
            // Read before the log is: what is recorded from here on rings again.
            seen = self.edge.signals.tickets();
            match self.upload_once(&mut conversation, seen) {
                Ok(_) => (failures, is_due) = (0, false),
                Err(error) => {
                    failures += 1;
                    is_due = true;
                    let delay = self.policy().delay_after(failures, self.jitter());
                    tracing::debug!(failures, ?delay, %error, "upload failed");
                    if !self.is_offline()
                        && self.back_off(delay, error.is_communication(), seen) == Woken::Stop
                    {
                        return;
                    }
                }
            }
        }
    }

    fn upload_once(
        &self,
        conversation: &mut Conversation,
        seen: Tickets,
    ) -> Result<Uploaded, UploadError> {
        let attempt =
            Attempt { now: self.clock.now(), jitter: self.jitter(), policy: self.policy() };
        let result = upload_pending(&self.edge, &*self.upstream, conversation, &attempt).and_then(
            |uploaded| {
                if seen.pull > self.edge.signals.pull_answered() {
                    download::answer_pull(&self.edge, seen.pull)?;
                }
                Ok(uploaded)
            },
        );
        if result.is_ok() {
            self.edge.link.note_all_well();
        }
        self.edge.signals.upload_tried(result.is_ok().then_some(seen.pull));
        result
    }

    fn download(&self) {
        let mut failures = 0;
        while !self.edge.signals.is_stopping() {
            let seen = self.edge.signals.tickets();
            if self.is_offline() {
                // The other leg looks whether the store is there.
                self.edge.signals.wait(seen, LOOK_AGAIN, |seen, now, _| now.line > seen.line);
                continue;
            }
            let polled =
                poll_once(&self.edge, &*self.upstream, self.options.poll_wait, &*self.clock);
            let went_well = match polled {
                Ok(polled) => match polled.pull {
                    Some(pull) => {
                        let outcome = self.edge.signals.pull_and_wait(pull, PULL_WAIT_MAX);
                        outcome == PullOutcome::Answered
                    }
                    None => true,
                },
                Err(error) => {
                    tracing::debug!(failures, %error, "download failed");
                    let delay = self.policy().delay_after(failures + 1, self.jitter());
                    if !self.is_offline()
                        && self.back_off(delay, error.is_communication(), seen) == Woken::Stop
                    {
                        return;
                    }
                    failures += 1;
                    continue;
                }
            };
            if went_well {
                failures = 0;
            } else {
                // The upload leg could not answer; asking at once would only ask again.
                failures += 1;
                let delay = self.policy().delay_after(failures, self.jitter());
                if self.back_off(delay, true, seen) == Woken::Stop {
                    return;
                }
            }
        }
    }

    /// Waits out a delay; after a communication failure the other leg's success ends it early.
    fn back_off(&self, delay: Duration, wakes_early: bool, seen: Tickets) -> Woken {
        self.edge
            .signals
            .wait(seen, delay, |seen, now, _| wakes_early && now.reconnected > seen.reconnected)
    }

    fn calls_for_upload(&self, seen: Tickets, now: Tickets, mode: ExchangeMode) -> bool {
        now.line > seen.line
            || now.pull > seen.pull
            || (self.sends_by_itself(mode) && now.recorded > seen.recorded)
    }

    /// Whether a register is offline. A database that cannot say is found out by the next call.
    fn is_offline(&self) -> bool {
        register_line(&self.edge).is_ok_and(RegisterLine::is_offline)
    }

    /// Whether anything may go upstream; waits out the time until a health check is due.
    fn way(&self, failures: u32) -> Way {
        let seen = self.edge.signals.tickets();
        let (wait, answer) = match register_line(&self.edge) {
            Ok(RegisterLine::Online) | Err(_) => return Way::Open,
            Ok(line) if line.is_disconnected() => (LOOK_AGAIN, Way::Shut),
            // Whoever fails first, a till or the other leg, is believed only after a look.
            Ok(_) if failures == 0 => return Way::Unknown,
            Ok(_) => (self.health_check_wait(failures), Way::Unknown),
        };
        match self.edge.signals.wait(seen, wait, |seen, now, _| now.line > seen.line) {
            Woken::Stop => Way::Stop,
            Woken::Signal | Woken::TimedOut => answer,
        }
    }

    /// As the offline profile says; until one came here, as after any other failure.
    fn health_check_wait(&self, failures: u32) -> Duration {
        let profile = effective_offline_profile(&self.edge).unwrap_or_default();
        match profile.source {
            OfflineProfileSource::UntilDistributed => {
                self.policy().delay_after(failures, self.jitter())
            }
            OfflineProfileSource::Distributed { .. } => {
                Duration::from_secs(profile.settings.health_check_interval_s.into())
            }
        }
    }

    /// Whether what woke a wait concerns the line.
    fn has_line_changed(&self, seen: &mut Tickets) -> bool {
        let line = self.edge.signals.tickets().line;
        std::mem::replace(&mut seen.line, line) != line
    }

    /// A register always hands over to its channel at once (F114); a channel only in live mode.
    fn sends_by_itself(&self, mode: ExchangeMode) -> bool {
        match (self.edge.identity().kind, mode) {
            (DatabaseKind::Register, _) | (DatabaseKind::Channel, ExchangeMode::Live) => true,
            (DatabaseKind::Channel, ExchangeMode::Scheduled) => false,
        }
    }
}

/// How many threads still run.
#[derive(Default)]
struct Running {
    count: Mutex<usize>,
    ended: Condvar,
}

impl Running {
    fn all_ended(&self, wait_max: Duration) -> bool {
        let count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, _) = self
            .ended
            .wait_timeout_while(count, wait_max, |count| *count > 0)
            .unwrap_or_else(PoisonError::into_inner);
        *count == 0
    }
}

/// Counts a thread as running until it ends, however it ends.
struct RunningToken(Arc<Running>);

impl RunningToken {
    fn new(running: Arc<Running>) -> Self {
        *running.count.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        RunningToken(running)
    }
}

impl Drop for RunningToken {
    fn drop(&mut self) {
        *self.0.count.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.ended.notify_all();
    }
}
