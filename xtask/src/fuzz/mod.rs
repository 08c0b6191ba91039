//! Fuzzing: every target for a while, guided by what its inputs reach in the product's code.
//!
//! The engine is libFuzzer, compiled with this machine's C++ compiler; what is looked at are the
//! targets of the crate `fuzz`. It must never change a corpus unless it is told to.

mod engine;
mod report;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use self::engine::{Engine, Run};
use self::report::Report;
use crate::Verdict;

/// What to fuzz, and for how long.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Seconds per target.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Only this target; all of them when absent.
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
    /// Afterwards replace the corpora in fuzz/corpus by the fewest inputs that reach as much.
    #[arg(long)]
    keep: bool,
}

/// All corpora together, in bytes: they are part of the repository.
const CORPUS_BYTES_MAX: u64 = 1 << 20;

/// The corpus of one target, in inputs and in bytes.
const CORPUS_INPUTS_MAX: usize = 100;
const CORPUS_OF_TARGET_BYTES_MAX: u64 = 48 << 10;

/// The target whose error the engine must find, lest a run without findings says nothing.
const PLANTED: &str = "planted";

/// Where everything about one repository's targets lies.
struct Folders {
    seeds: PathBuf,
    corpus: PathBuf,
    found: PathBuf,
    crashes: PathBuf,
    words: PathBuf,
}

impl Folders {
    fn of(root: &Path) -> Self {
        let (fuzz, output) = (root.join("fuzz"), root.join("target/fuzz"));
        Folders {
            seeds: fuzz.join("seeds"),
            corpus: fuzz.join("corpus"),
            found: output.join("found"),
            crashes: output.join("crashes"),
            words: fuzz.join("words.dict"),
        }
    }

    /// Every target has a folder of seeds; a test of the crate `fuzz` holds that.
    fn targets(&self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.seeds).context("list the targets in fuzz/seeds")? {
            let entry = entry.context("list the targets in fuzz/seeds")?;
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
        names.sort_unstable();
        Ok(names)
    }
}

/// Builds the engine, checks that it finds a planted error, and runs the targets.
pub(crate) fn run(root: &Path, arguments: &Arguments) -> Result<Verdict> {
    let folders = Folders::of(root);
    let mut targets = folders.targets()?;
    if let Some(only) = &arguments.target {
        if !targets.contains(only) {
            bail!("there is no target {only}; they are {}", targets.join(", "));
        }
        targets.retain(|name| name == only);
    }
    let engine = Engine::build(root)?;
    if !finds_planted(&engine)? {
        println!("planted: NOT found, so this engine proves nothing");
        return Ok(Verdict::Failed);
    }
    println!("planted: found, as it must be");
    let mut crashes = 0;
    println!("{}", Report::HEADING);
    for name in &targets {
        let report = fuzz(&engine, &folders, name, arguments.seconds)?;
        println!("{}", report.row(name));
        if let Some(crash) = &report.crash {
            crashes += 1;
            println!("{crash}");
        }
    }
    println!("{} targets, {crashes} crashes", targets.len());
    if arguments.keep && crashes == 0 {
        keep(&engine, &folders, &targets)?;
    }
    Ok(if crashes == 0 { Verdict::Passed } else { Verdict::Failed })
}

fn finds_planted(engine: &Engine) -> Result<bool> {
    let folder = tempfile::tempdir().context("make a temporary folder")?;
    let run = Run {
        target: PLANTED,
        corpora: vec![folder.path().to_owned()],
        crashes: folder.path().to_owned(),
        options: vec!["-max_total_time=60".to_owned()],
    };
    Ok(engine.run(&run)?.crash.is_some_and(|crash| crash.contains("the planted error was found")))
}

fn fuzz(engine: &Engine, folders: &Folders, name: &str, seconds: u32) -> Result<Report> {
    // The first is where the engine writes what it finds; it is kept for the next run.
    let corpora: Vec<_> =
        [&folders.found, &folders.corpus, &folders.seeds].map(|folder| folder.join(name)).into();
    let crashes = folders.crashes.join(name);
    for folder in corpora.iter().chain([&crashes]) {
        fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    }
    let options = vec![
        format!("-max_total_time={seconds}"),
        format!("-dict={}", folders.words.display()),
        "-max_len=4096".to_owned(),
    ];
    engine.run(&Run { target: name, corpora, crashes, options })
}

/// Writes the corpora anew: of all inputs that are known, the fewest that reach as much.
fn keep(engine: &Engine, folders: &Folders, targets: &[String]) -> Result<()> {
    for name in targets {
        let merged = tempfile::tempdir().context("make a temporary folder")?;
        let known = [&folders.seeds, &folders.corpus, &folders.found];
        let mut corpora = vec![merged.path().to_owned()];
        corpora.extend(known.map(|folder| folder.join(name)));
        let crashes = folders.crashes.join(name);
        let options = vec!["-merge=1".to_owned()];
        engine.run(&Run { target: name, corpora, crashes, options })?;
        let corpus = folders.corpus.join(name);
        fs::remove_dir_all(&corpus).with_context(|| format!("empty {}", corpus.display()))?;
        fs::create_dir_all(&corpus).with_context(|| format!("make {}", corpus.display()))?;
        for path in chosen(merged.path())? {
            let name = path.file_name().context("an input has a name")?;
            fs::copy(&path, corpus.join(name)).context("keep an input")?;
        }
    }
    let bytes = bytes_in(&folders.corpus)?;
    println!("corpora: {bytes} bytes of at most {CORPUS_BYTES_MAX}");
    if bytes > CORPUS_BYTES_MAX {
        bail!("the corpora are too large for the repository; lower a target's `bytes_max`");
    }
    Ok(())
}

/// Of all inputs that reach something of their own, so many from the shortest to the longest that
/// a corpus stays small: the engine finds the others again.
fn chosen(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut known = Vec::new();
    for entry in fs::read_dir(folder).context("list the merged inputs")? {
        let entry = entry.context("list the merged inputs")?;
        known.push((entry.metadata().context("look at an input")?.len(), entry.path()));
    }
    known.sort_unstable();
    let step = (known.len() / CORPUS_INPUTS_MAX).max(1);
    let mut bytes = 0;
    let mut chosen = Vec::new();
    for (length, path) in known.into_iter().step_by(step).take(CORPUS_INPUTS_MAX) {
        bytes += length;
        if bytes > CORPUS_OF_TARGET_BYTES_MAX {
            break;
        }
        chosen.push(path);
    }
    Ok(chosen)
}

fn bytes_in(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))? {
        let entry = entry.with_context(|| format!("list {}", folder.display()))?;
        let metadata = entry.metadata().context("look at an input")?;
        bytes += if metadata.is_dir() { bytes_in(&entry.path())? } else { metadata.len() };
    }
    Ok(bytes)
}
