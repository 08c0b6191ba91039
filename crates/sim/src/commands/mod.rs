//! The commands of the simulator, one a file, and how they share the processors.

pub(crate) mod many;
pub(crate) mod one;
pub(crate) mod planted;

use std::iter::repeat;
use std::num::NonZero;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use tillsync_sim::run::Finding;

use crate::Arguments;

/// How long a sentence of a finding may get in print.
const LETTERS_MAX: usize = 400;

/// Works on all items, on as many threads as asked for, and returns what came of them in order.
/// Runs share nothing, so they may go side by side.
fn side_by_side<T: Sync, R: Send>(
    arguments: &Arguments,
    items: &[T],
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let processors = || std::thread::available_parallelism().map_or(1, NonZero::get);
    let threads = arguments.jobs.unwrap_or_else(processors).clamp(1, items.len().max(1));
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    std::thread::scope(|scope| {
        for core in cores.into_iter().map(Some).chain(repeat(None)).take(threads) {
            let (next, done, work) = (&next, &done, &work);
            scope.spawn(move || {
                // Of a run's threads one works at a time: handing over to another processor
                // would only cost. Those that an activity starts inherit this.
                core.map(core_affinity::set_for_current);
                while let Some((at, item)) = take(next, items) {
                    let result = work(item);
                    done.lock().unwrap_or_else(PoisonError::into_inner).push((at, result));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

fn take<'a, T>(next: &AtomicUsize, items: &'a [T]) -> Option<(usize, &'a T)> {
    let at = next.fetch_add(1, Ordering::SeqCst);
    items.get(at).map(|item| (at, item))
}

fn print_findings(findings: &[Finding], most: usize) {
    for finding in findings.iter().take(most) {
        println!("  {}: {}", finding.checker, shortened(&finding.sentence));
    }
    if findings.len() > most {
        println!("  and {} more", findings.len() - most);
    }
}

/// The beginning of a sentence that is too long to be read.
fn shortened(sentence: &str) -> String {
    match sentence.char_indices().nth(LETTERS_MAX) {
        Some((end, _)) => format!("{}…", &sentence[..end]),
        None => sentence.to_owned(),
    }
}

#[expect(clippy::disallowed_methods, reason = "how long the runs take, for people to read")]
fn now() -> Instant {
    Instant::now()
}
