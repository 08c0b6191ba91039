//! The package store test: the whole loop with packages on a real S3-compatible server that is
//! killed in the middle, again and again.
//!
//! While the store is away, tills sell, headquarters promotes, and the jobs that make packages fail
//! with a reason; once it is back, everything must come out as if nothing had happened. All of it
//! once with packages that headquarters sends, and once with links to the server.

mod seaweed;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tillsync_fleet::{
    Fleet, FleetPlan, HeadquartersClient, JobName, Program, Stopwatch, wait_until,
};

use crate::Verdict;
use crate::crash::books::Books;
use crate::crash::judge::{self, Dump};
use crate::crash::load::{Acknowledged, Load, Pace};
use crate::crash::operator;
use crate::trial;
use seaweed::{SECRET, Seaweed};

/// The environment variable that tells headquarters how packages go.
const LINKS_VARIABLE: &str = "TILLSYNC_PACKAGE_LINKS";

/// What every link of S3 holds, and no log may.
const SIGNATURE: &str = "X-Amz-Signature";

/// Customers that must be promoted before each kill, and while the store is away.
const PROMOTED_BETWEEN: u64 = 25;

/// How long something may take that goes on although the store is away.
const PATIENCE: Duration = Duration::from_secs(60);

/// Arguments of `cargo xtask package-store`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Keep packages on a temporary S3-compatible server (SeaweedFS); the one kind there is.
    #[arg(long, required = true)]
    s3: bool,
    /// How often to kill the server.
    #[arg(long, default_value_t = 3)]
    kills: u32,
    /// How many stores, with a register each.
    #[arg(long, default_value_t = 2)]
    stores: usize,
    /// The longest wait for everything to settle after the last kill, in seconds.
    #[arg(long, default_value_t = 180)]
    seconds_max: u64,
    /// Only with packages on this way: headquarters or link; without it, both.
    #[arg(long, value_enum)]
    way: Option<Way>,
    /// Test this executable instead of building the program as it ships.
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

/// How the bytes of packages go to the stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Way {
    /// Headquarters reads them and sends them on.
    Headquarters,
    /// From the server itself.
    Link,
}

impl Way {
    /// What headquarters calls it among its settings.
    fn setting(self) -> &'static str {
        match self {
            Way::Headquarters => "through-headquarters",
            Way::Link => "direct",
        }
    }
}

impl Arguments {
    /// A trial of less than a minute, for every change.
    pub(crate) fn short(program: PathBuf) -> Self {
        let (way, program) = (Some(Way::Link), Some(program));
        Arguments { s3: true, kills: 1, stores: 1, seconds_max: 60, way, program }
    }
}

/// Runs the loop over a store that is killed, and judges what is left.
pub(crate) fn run(root: &Path, arguments: &Arguments) -> Result<Verdict> {
    let executable = match &arguments.program {
        Some(program) => program.clone(),
        None => trial::build_program(root)?,
    };
    let both = [Way::Headquarters, Way::Link];
    for way in both.into_iter().filter(|way| arguments.way.is_none_or(|asked| asked == *way)) {
        let verdict = trial::in_folder("package-store", None, |folder| {
            let (executable, fleet) = (executable.clone(), folder.join("fleet"));
            let trial = Trial { arguments, way, executable, folder: fleet };
            trial.run(root, &folder.join("seaweedfs"))
        })?;
        if verdict == Verdict::Failed {
            return Ok(verdict);
        }
    }
    Ok(Verdict::Passed)
}

struct Trial<'a> {
    arguments: &'a Arguments,
    way: Way,
    executable: PathBuf,
    folder: PathBuf,
}

/// How many packages went which way.
struct Sent {
    by_headquarters: f64,
    by_link: f64,
}

/// What happened around the kills.
#[derive(Default)]
struct Outages {
    /// What a job said while the store was away.
    reasons: Vec<String>,
    /// Customers promoted meanwhile.
    promoted: u64,
}

/// What is wrong at the end; nothing when all is well.
type Findings = Vec<String>;

impl Trial<'_> {
    fn run(&self, root: &Path, seaweed: &Path) -> Result<Verdict> {
        let mut store = Seaweed::start(root, seaweed)?;
        let mut service = store.service();
        let setting = (LINKS_VARIABLE.to_owned(), self.way.setting().to_owned());
        service.variables.push(setting);
        println!("packages in {} on SeaweedFS, {}", service.url, self.way.setting());
        let plan = FleetPlan {
            executable: self.executable.clone(),
            folder: self.folder.clone(),
            stores: self.arguments.stores,
            registers: 1,
            database: None,
            packages: Some(service.clone()),
        };
        let mut fleet = Fleet::start(&plan, |name| eprintln!("started {name}"))?;
        let program = Program::at(&self.executable).on_packages(Some(service));
        operator::set_up(&fleet, &program, &root.join("data/items.csv"))?;
        let hq = fleet.headquarters()?;
        let load = Load::start(fleet.edges(), Pace::default())?;
        let outages = self.kill_store(&mut store, &hq);
        let told = load.stop()?;
        let outages = outages?;
        eprintln!("{} customers acknowledged; waiting for all of them to settle", told.count());
        let watch = Stopwatch::start();
        let limit = Duration::from_secs(self.arguments.seconds_max);
        let has_settled = trial::wait_until_settled(&fleet, told.count(), limit);
        let seconds = watch.seconds();
        operator::end_day(&hq)?;
        let sent = Sent::read(&hq)?;
        let mut findings = self.judge(&fleet, &program, &told)?;
        findings.extend(sent.judge(self.way));
        if !has_settled {
            findings.push("not every edge knows every customer".to_owned());
        }
        let log = std::fs::read_to_string(fleet.layout().log("hq"))?;
        fleet.stop()?;
        if log.contains(SECRET) || log.contains(SIGNATURE) {
            findings.push("the log of headquarters holds a secret of the store".to_owned());
        }
        for edge in fleet.edges() {
            let log = std::fs::read_to_string(fleet.layout().log(&edge.id.to_string()))?;
            if log.contains(SIGNATURE) {
                findings.push(format!("the log of {} holds a link", edge.id));
            }
        }
        findings.extend(examine_with_doctor(&program, &self.folder)?);
        self.print((&told, &sent), &outages, seconds, &findings);
        Ok(if findings.is_empty() { Verdict::Passed } else { Verdict::Failed })
    }

    /// Kills the store under load, looks at how headquarters takes it, and starts it again.
    fn kill_store(&self, store: &mut Seaweed, hq: &HeadquartersClient) -> Result<Outages> {
        let mut outages = Outages::default();
        for kill in 1..=self.arguments.kills {
            wait_for_promotions(hq)?;
            store.kill()?;
            eprintln!("killed the store ({kill} of {})", self.arguments.kills);
            outages.promoted += wait_for_promotions(hq)?;
            outages.reasons.push(failure_of_1010(hq)?);
            store.restart()?;
        }
        Ok(outages)
    }

    fn judge(&self, fleet: &Fleet, program: &Program, told: &Acknowledged) -> Result<Findings> {
        let books = Books::read(&fleet.headquarters()?)?.judge(&told.sold);
        let mut findings: Findings = books.findings().collect();
        let places: Vec<_> = fleet.edges().iter().map(judge::place_of).collect();
        let customers = Dump::read(program, &self.folder)?.judge(&told.customers, &places);
        findings.extend(customers.lost.iter().map(|one| format!("lost: {one}")));
        findings.extend(customers.doubled.iter().map(|one| format!("doubled: {one}")));
        let unknown = customers.unknown.iter().filter(|(_, count)| **count > 0);
        findings.extend(unknown.map(|(place, count)| format!("{count} unknown at {place}")));
        findings.extend(told.unanswered.iter().map(|one| format!("unanswered: {one}")));
        if told.count() == 0 || told.sold.trades.is_empty() {
            findings.push("nobody bought anything".to_owned());
        }
        if fleet.layout().headquarters().join("packages").exists() {
            findings.push("headquarters keeps packages on its own disk".to_owned());
        }
        Ok(findings)
    }

    fn print(
        &self,
        (told, sent): (&Acknowledged, &Sent),
        outages: &Outages,
        seconds: f64,
        findings: &Findings,
    ) {
        for (name, value) in [
            ("store killed", self.arguments.kills.to_string()),
            ("promoted while it was away", outages.promoted.to_string()),
            ("customers acknowledged", told.count().to_string()),
            ("sales and orders", told.sold.trades.len().to_string()),
            ("packages by headquarters", sent.by_headquarters.to_string()),
            ("packages by a link", sent.by_link.to_string()),
            ("settled after, s", format!("{seconds:.1}")),
            ("findings", findings.len().to_string()),
        ] {
            println!("  {name:<28}{value:>9}");
        }
        if let Some(reason) = outages.reasons.first() {
            println!("job 1010 without its store: {reason}");
        }
        findings.iter().take(40).for_each(|finding| println!("  {finding}"));
    }
}

impl Sent {
    fn read(hq: &HeadquartersClient) -> Result<Sent> {
        let sent = |way| hq.metric(&format!("tillsync_packages_sent_total{{way=\"{way}\"}}"));
        Ok(Sent { by_headquarters: sent("headquarters")?, by_link: sent("link")? })
    }

    /// Some packages go through headquarters in any case, when the store breaks off in the middle.
    fn judge(&self, way: Way) -> Option<String> {
        let is_right = match way {
            Way::Headquarters => self.by_link == 0.0 && self.by_headquarters > 0.0,
            Way::Link => self.by_link > self.by_headquarters,
        };
        let Sent { by_headquarters, by_link } = self;
        (!is_right)
            .then(|| format!("{by_headquarters} packages by headquarters, {by_link} by links"))
    }
}

/// Waits until headquarters has promoted some more customers, and says how many.
fn wait_for_promotions(hq: &HeadquartersClient) -> Result<u64> {
    let before = hq.status()?.customers;
    let more = wait_until(PATIENCE, || {
        let customers = hq.status().ok()?.customers;
        customers.checked_sub(before).filter(|more| *more >= PROMOTED_BETWEEN)
    });
    more.context("headquarters promotes nobody any more")
}

/// Runs 1010, which must fail and say why.
fn failure_of_1010(hq: &HeadquartersClient) -> Result<String> {
    let found = wait_until(PATIENCE, || {
        let run = hq.run_job(JobName::Customers1010).ok()?;
        let error = run["error"].as_str().filter(|_| run["outcome"] != "succeeded")?;
        Some(error.to_owned())
    });
    let reason = found.context("job 1010 does not fail although its store is away")?;
    if !reason.contains("package store") {
        bail!("job 1010 does not say what is away: {reason}");
    }
    Ok(reason)
}

/// Everything that doctor says against headquarters or the store; every object has its package.
fn examine_with_doctor(program: &Program, folder: &Path) -> Result<Findings> {
    let arguments = ["doctor", "--json", "--data-dir"].map(OsString::from);
    let mut arguments = arguments.to_vec();
    arguments.push(folder.into());
    let report = program.run_json(&arguments)?;
    let findings = report["headquarters"]["findings"].as_array().into_iter().flatten();
    let about_packages = |finding: &&Value| {
        let message = finding["message"].as_str().unwrap_or_default();
        finding["severity"] == "error" || message.contains("package")
    };
    Ok(findings.filter(about_packages).map(|finding| format!("doctor: {finding}")).collect())
}
