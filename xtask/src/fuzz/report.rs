//! What libFuzzer says of a run.

/// The figures of one run, and the input that broke a promise if there was one.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Report {
    pub(super) executions: u64,
    pub(super) executions_per_second: u64,
    /// Places in the code that were reached.
    pub(super) coverage: u64,
    /// Inputs that each reach something of their own.
    pub(super) inputs: u64,
    /// Which promise was broken, and where the input lies.
    pub(super) crash: Option<String>,
}

impl Report {
    /// The names of the columns of [`Report::row`].
    pub(super) const HEADING: &str =
        "target               executions  per second  coverage  inputs  crashes";

    /// Reads the end of what the engine printed.
    pub(super) fn read(said: &str, has_succeeded: bool) -> Report {
        let statistic = |name: &str| {
            let value = said.lines().find_map(|line| line.strip_prefix(name));
            value.and_then(|value| value.trim().parse().ok()).unwrap_or(0)
        };
        let state: Vec<&str> = said
            .lines()
            .rfind(|line| line.starts_with('#') && line.contains(" cov: "))
            .map(|line| line.split_whitespace().collect())
            .unwrap_or_default();
        let after = |label: &str| {
            let place = state.iter().position(|word| *word == label);
            let value = place.and_then(|place| state.get(place + 1));
            let digits = value.and_then(|value| value.split('/').next());
            digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
        };
        Report {
            executions: statistic("stat::number_of_executed_units:"),
            executions_per_second: statistic("stat::average_exec_per_sec:"),
            coverage: after("cov:"),
            inputs: after("corp:"),
            crash: (!has_succeeded).then(|| crash(said)),
        }
    }

    /// The figures as one line of a table.
    pub(super) fn row(&self, name: &str) -> String {
        let Report { executions, executions_per_second, coverage, inputs, crash } = self;
        let crashes = u8::from(crash.is_some());
        format!(
            "{name:<20} {executions:>10} {executions_per_second:>11} {coverage:>9} {inputs:>7} \
             {crashes:>8}"
        )
    }
}

/// The words of the promise that was broken, and the file that holds the input.
fn crash(said: &str) -> String {
    let is_wanted = |line: &&str| {
        !line.starts_with(['#', ' ']) && !line.starts_with("INFO:") && !line.starts_with("stat::")
    };
    let start = said.find("panicked at").or_else(|| said.find("ERROR: libFuzzer")).unwrap_or(0);
    let line_start = said[..start].rfind('\n').map_or(0, |place| place + 1);
    let words = said[line_start..].lines().filter(is_wanted).take(4);
    let file = said.lines().filter(|line| line.contains("Test unit written to"));
    words.chain(file).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_of_a_run_are_read() {
        let said = "INFO: Seed: 1\n#2\tINITED cov: 9 ft: 9 corp: 1/1b exec/s: 0 rss: 30Mb\n\
                    #8192\tDONE   cov: 512 ft: 700 corp: 41/2Kb lim: 64 exec/s: 4096 rss: 31Mb\n\
                    Done 8192 runs in 2 second(s)\n\
                    stat::number_of_executed_units: 8192\nstat::average_exec_per_sec:     4096\n";
        let expected = Report {
            executions: 8192,
            executions_per_second: 4096,
            coverage: 512,
            inputs: 41,
            crash: None,
        };
        assert_eq!(Report::read(said, true), expected);
    }

    #[test]
    fn a_broken_promise_is_told_with_its_words_and_its_input() {
        let said = "#2\tINITED cov: 9 ft: 9 corp: 1/1b exec/s: 0 rss: 30Mb\n\n\
                    thread '<unnamed>' (1) panicked at fuzz/src/values.rs:3:5:\n\
                    numbers do not ascend\nnote: run with `RUST_BACKTRACE=1`\n\
                    ==7== ERROR: libFuzzer: deadly signal\n\
                    artifact_prefix='c/'; Test unit written to c/crash-12\n";
        let crash = Report::read(said, false).crash.expect("it failed");
        for words in ["values.rs:3:5", "numbers do not ascend", "c/crash-12"] {
            assert!(crash.contains(words), "{crash}");
        }
    }
}
