//! Progress on standard error: bars at a terminal, a line now and then elsewhere.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tillsync_fleet::Stopwatch;

/// How often a line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(2);

/// The progress of one stage.
pub(super) struct Progress {
    name: &'static str,
    total: u64,
    bar: Option<ProgressBar>,
    started: Stopwatch,
    lines: u32,
}

impl Progress {
    /// Begins a stage of `total` steps.
    pub(super) fn begin(name: &'static str, total: u64) -> Self {
        let started = Stopwatch::start();
        let bar = std::io::stderr().is_terminal().then(|| {
            let template = "{msg:<28} [{bar:40}] {pos}/{len}  {elapsed}";
            let style = ProgressStyle::with_template(template).expect("a valid template");
            ProgressBar::new(total).with_style(style.progress_chars("=> ")).with_message(name)
        });
        if bar.is_none() {
            eprintln!("{name} …");
        }
        Progress { name, total, bar, started, lines: 0 }
    }

    /// Says how far the stage has come.
    pub(super) fn set(&mut self, done: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(done);
        } else if self.started.elapsed() >= LINE_EVERY * (self.lines + 1) {
            self.lines = u32::try_from(self.started.elapsed().as_secs() / 2).unwrap_or(u32::MAX);
            eprintln!("{}: {done} of {}", self.name, self.total);
        }
    }

    /// Ends the stage and returns how long it took, in seconds.
    pub(super) fn end(self) -> f64 {
        let seconds = self.started.seconds();
        match &self.bar {
            Some(bar) => bar.finish(),
            None => eprintln!("{}: done in {seconds:.1} s", self.name),
        }
        seconds
    }
}
