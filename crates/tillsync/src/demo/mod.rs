//! The demo: headquarters, stores and registers as real processes, customers created and sold to
//! while links are cut, and the proof that each of them ended with exactly one account and each
//! sale in the ledger.
//!
//! It must never look into a server: it uses the command line, HTTP, and the files at the end.

mod converge;
mod day;
pub(crate) mod input;
mod interrupt;
mod load;
mod mapping;
mod next_steps;
mod progress;
mod report;
mod takings;
mod till;
mod verify;
mod ways;

use std::path::{Path, PathBuf};

use serde_json::json;
use tillsync_domain::ids::PENDING_SYNC;
use tillsync_exchange::messages::DatabaseKind;
use tillsync_fleet::{
    CommerceClient, DatabaseUrl, Edge, EdgeStatus, Fleet, FleetPlan, LinkState, MemoryKib, NodeId,
    Stopwatch, TemporaryPostgres,
};
use tillsync_hq::trace::CustomerTrace;

use self::converge::{Converged, Population, ask_edges, clients_of, wait_until_known};
use self::day::{Day, run_jobs};
use self::input::Input;
use self::interrupt::Interrupt;
use self::load::{Accepted, Loaded, create_customers};
use self::next_steps::next_steps;
use self::progress::Progress;
use self::report::{Claim, EdgeLine, Report, aliases_claim, jobs_claim};
use self::ways::try_ways;
use crate::failure::{CommandError, Failure, Verdict};
use crate::headquarters::Place;
use crate::headquarters::database::{DatabaseArgument, expect_new};
use crate::headquarters::packages::PackagesArgument;
use crate::output;

/// Customers at the cut store that are looked up while the link is cut.
const LOOKED_UP: usize = 20;

/// What to run.
#[derive(Debug)]
pub(crate) struct Options {
    /// The CSV; the project's own when absent.
    pub(crate) customers: Option<PathBuf>,
    /// Its mapping; that of the project's own CSV when absent.
    pub(crate) mapping: Option<PathBuf>,
    /// How many stores.
    pub(crate) stores: usize,
    /// How many registers each store has.
    pub(crate) registers: usize,
    /// Where to keep the databases; removed at the end when absent.
    pub(crate) data_dir: Option<PathBuf>,
    /// Where headquarters' database is.
    pub(crate) database: Database,
    /// How the report is printed.
    pub(crate) form: Form,
    /// What happens at the end.
    pub(crate) ending: Ending,
}

/// Where headquarters' database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Database {
    /// In a file beside the packages.
    File,
    /// On a PostgreSQL server that somebody keeps; it is empty, and stays as the demo leaves it.
    Postgres(DatabaseUrl),
    /// On a PostgreSQL server that the demo starts and removes.
    TemporaryPostgres,
}

/// How the report is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// For people.
    Text,
    /// One JSON object.
    Json,
}

/// What happens to the processes at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// They stop.
    Stop,
    /// They serve until Ctrl-C.
    Serve,
}

/// Runs the demo and prints its report.
pub(crate) fn run(options: &Options) -> Result<Verdict, Failure> {
    let input = Input::open(options.customers.as_deref(), options.mapping.as_deref())?;
    let interrupt = Interrupt::watch()?;
    // Holds a temporary folder until everything in it has ended.
    let (folder, _temporary) = choose_folder(options.data_dir.as_deref())?;
    // Outlives every server that uses it.
    let postgres = match &options.database {
        Database::TemporaryPostgres => Some(TemporaryPostgres::start()?),
        Database::Postgres(_) | Database::File => None,
    };
    interrupt.check()?;
    let database = match &options.database {
        Database::Postgres(url) => {
            expect_new(url)?;
            Some(url.clone())
        }
        Database::TemporaryPostgres | Database::File => postgres.as_ref().map(|one| one.url()),
    };
    let watch = Stopwatch::start();
    let (fleet, started) = start_fleet(options, &folder, database.clone())?;
    let stages = vec![("start", started)];
    let mut demo = Demo { fleet, database, input, interrupt, watch, stages };
    let report = demo.run(options.ending)?;
    match options.form {
        Form::Json => output::line(&report.json().to_string()),
        Form::Text => {
            let next = next_steps(options, demo.fleet.layout().root(), demo.database.as_ref());
            output::line((report.text() + &next).trim_end());
        }
    }
    if options.ending == Ending::Serve {
        demo.serve()?;
    }
    Ok(report.verdict())
}

struct Demo {
    fleet: Fleet,
    database: Option<DatabaseUrl>,
    input: Input,
    interrupt: Interrupt,
    watch: Stopwatch,
    stages: Vec<(&'static str, f64)>,
}

impl Demo {
    fn run(&mut self, ending: Ending) -> Result<Report, Failure> {
        let clients = clients_of(self.fleet.edges());
        let hq = self.fleet.headquarters()?;
        let mut day =
            self.stage("open", |demo| Day::begin(demo.fleet.edges(), &hq, &demo.interrupt))?;
        let ways = self.stage("ways", |demo| {
            try_ways(&demo.input, demo.fleet.edges(), &hq, &demo.interrupt)
        })?;
        let cut = cut_links(self.fleet.edges());
        let loaded = self.stage("create", |demo| {
            create_customers(&demo.input, demo.fleet.edges(), &ways.accepted, &demo.interrupt)
        })?;
        self.stage("sell", |_| {
            day.sell(&loaded);
            Ok(())
        })?;
        let before = ask_edges(&clients);
        let created = &loaded.accepted[..];
        let is_new = |one: &&Accepted| ways.accepted.iter().all(|other| other.row != one.row);
        let created: Vec<_> = created.iter().filter(is_new).collect();
        let mut claims = self.look_up_pending(&cut, &created, &before);
        let hidden = self.fleet.edges().iter().filter(|edge| edge.kind == DatabaseKind::Channel);
        let population =
            Population { customers: loaded.accepted.len() as u64, hidden: hidden.count() as u64 };
        let converged = self.stage("converge", |demo| {
            cut.iter().for_each(|index| demo.fleet.edges()[*index].link.mend());
            Ok(wait_until_known(&clients, &hq, population, &demo.interrupt)?)
        })?;
        claims.push(Claim {
            what: "all edges had caught up before the wait ended".to_owned(),
            holds: converged == Converged::Yes,
        });
        self.stage("close", |demo| {
            day.sell_again();
            day.close(demo.fleet.edges(), &demo.interrupt)
        })?;
        let jobs = self.stage("jobs", |demo| run_jobs(&hq, &demo.interrupt))?;
        let peak = self.end_servers(ending)?;
        let watch = Stopwatch::start();
        claims.extend(ways.claims);
        let mut report = self.verify(loaded, &day, claims)?;
        (report.ways, report.created_sync) = (ways.ways, ways.created_sync);
        report.claims.push(jobs_claim(&jobs));
        report.jobs = jobs;
        report.hq_memory_mib = peak.mib();
        for (line, (index, status)) in report.edges.iter_mut().zip(before.iter().enumerate()) {
            line.was_cut = cut.contains(&index);
            line.pending_before = status.pending;
        }
        self.stages.push(("verify", watch.seconds()));
        report.stages = std::mem::take(&mut self.stages);
        report.seconds = self.watch.seconds();
        Ok(report)
    }

    fn stage<T>(
        &mut self,
        name: &'static str,
        work: impl FnOnce(&mut Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let watch = Stopwatch::start();
        let done = work(self)?;
        self.stages.push((name, watch.seconds()));
        Ok(done)
    }

    /// Whether customers at the cut store are pending there and can be found by key and by name.
    fn look_up_pending(
        &self,
        cut: &[usize],
        created: &[&Accepted],
        before: &[EdgeStatus],
    ) -> Vec<Claim> {
        let mut claims = Vec::new();
        for index in cut {
            let edge = &self.fleet.edges()[*index];
            let own: Vec<_> = created.iter().filter(|one| one.edge == *index).collect();
            let is_pending = before[*index].pending >= own.len() as u64;
            let client = CommerceClient::new(&edge.door);
            let found = own.iter().take(LOOKED_UP).all(|one| is_found_pending(&client, one));
            claims.push(Claim {
                what: format!(
                    "customers of {} were pending and findable while it was cut",
                    edge.id
                ),
                holds: is_pending && found,
            });
        }
        claims
    }

    /// Ends the servers unless they go on, and says how much memory headquarters took.
    fn end_servers(&mut self, ending: Ending) -> Result<MemoryKib, Failure> {
        if ending == Ending::Stop {
            self.stage("stop", |demo| Ok(demo.fleet.stop()?))?;
        }
        Ok(self.fleet.peak_memory(NodeId::Headquarters))
    }

    fn verify(&self, loaded: Loaded, day: &Day, mut claims: Vec<Claim>) -> Result<Report, Failure> {
        let edges = self.fleet.edges();
        let mut progress = Progress::begin("checking the databases", edges.len() as u64);
        let place = Place {
            data_dir: self.fleet.layout().root().to_owned(),
            database: DatabaseArgument { url: self.database.clone() },
            packages: PackagesArgument::default(),
        };
        let hq = place.open_to_look()?;
        let books = verify::read_headquarters(&hq)?;
        claims.push(aliases_claim(&books));
        let ends = books.settle(&loaded.accepted);
        let mut lines = Vec::new();
        for (index, edge) in edges.iter().enumerate() {
            let mut line = EdgeLine::new(edge, books.compare(edge)?);
            line.created = loaded.accepted.iter().filter(|one| one.edge == index).count() as u64;
            line.refused = loaded.refused_at[index];
            lines.push(line);
            progress.set(lines.len() as u64);
        }
        let takings = takings::read_takings(&hq, edges, day)?;
        let trace = farthest(edges, &loaded.accepted).map(|one| hq.trace_customer(&one.key));
        progress.end();
        Ok(Report {
            ways: Vec::new(),
            created_sync: 0,
            loaded,
            aliases: books.aliases,
            ends,
            edges: lines,
            takings,
            claims,
            jobs: Vec::new(),
            trace: trace.and_then(Result::ok).filter(has_begun),
            hq_memory_mib: 0.0,
            stages: Vec::new(),
            seconds: 0.0,
        })
    }

    /// Says where everything is, and waits for Ctrl-C.
    fn serve(&mut self) -> Result<(), Failure> {
        let url = |address: &tillsync_fleet::Address| {
            address.get().map(|address| format!("http://{address}")).unwrap_or_default()
        };
        let token = self.fleet.layout().operator_token();
        eprintln!("\nServing until Ctrl-C from {}", self.fleet.layout().root().display());
        eprintln!(
            "  headquarters  {}  (token in {})",
            url(self.fleet.headquarters_address()),
            token.display()
        );
        for edge in self.fleet.edges() {
            let (address, token) = (url(&edge.door.address), edge.door.token.reveal());
            eprintln!("  {:<12}  {address}  token {token}", edge.id.as_str());
        }
        while !self.interrupt.is_set() {
            tillsync_fleet::pause(std::time::Duration::from_millis(200));
        }
        Ok(self.fleet.stop()?)
    }
}

/// The kept folder, or a temporary one that is removed when its guard is dropped.
fn choose_folder(
    data_dir: Option<&Path>,
) -> Result<(PathBuf, Option<tempfile::TempDir>), CommandError> {
    let Some(folder) = data_dir else {
        let failed = |source| CommandError::Process { doing: "make a temporary folder", source };
        let temporary =
            tempfile::Builder::new().prefix("tillsync-demo-").tempdir().map_err(failed)?;
        return Ok((temporary.path().to_owned(), Some(temporary)));
    };
    if folder.join("hq").exists() || folder.join("stores").exists() {
        return Err(CommandError::NotEmpty(folder.to_owned()));
    }
    Ok((folder.to_owned(), None))
}

fn start_fleet(
    options: &Options,
    folder: &Path,
    database: Option<DatabaseUrl>,
) -> Result<(Fleet, f64), Failure> {
    let failed = |source| CommandError::Process { doing: "find this program's own file", source };
    let plan = FleetPlan {
        executable: std::env::current_exe().map_err(failed)?,
        folder: folder.to_owned(),
        stores: options.stores,
        registers: options.registers,
        database,
        packages: None,
    };
    let servers = 1 + options.stores * (1 + options.registers);
    let mut progress = Progress::begin("starting servers", servers as u64);
    let mut started = 0;
    let fleet = Fleet::start(&plan, |_| {
        started += 1;
        progress.set(started);
    })?;
    Ok((fleet, progress.end()))
}

/// Cuts the last store off, and takes the first register of the first store offline.
fn cut_links(edges: &[Edge]) -> Vec<usize> {
    let store = edges.iter().rposition(|edge| edge.kind == DatabaseKind::Channel);
    let register = edges.iter().position(|edge| edge.kind == DatabaseKind::Register);
    let cut: Vec<_> = store.into_iter().chain(register).collect();
    for index in &cut {
        edges[*index].link.cut();
        debug_assert_eq!(edges[*index].link.state(), LinkState::Cut);
    }
    cut
}

fn is_found_pending(client: &CommerceClient, one: &Accepted) -> bool {
    let Ok(Some(customer)) = client.find_customer(&one.key) else { return false };
    let shows = |text: &str| customer.to_string().contains(text);
    if customer["IsAsyncCustomer"] != json!(true) || !shows(PENDING_SYNC) {
        return false;
    }
    let words = ["FirstName", "LastName", "Name"].map(|field| customer[field].as_str());
    let Some(word) = words.into_iter().flatten().find(|word| word.len() > 2) else { return true };
    let found = client.search_customers(word, 1_000).unwrap_or_default();
    // A name that more customers share than one page holds proves nothing either way.
    found.len() == 1_000
        || found.iter().any(|other| other["AccountNumber"] == customer["AccountNumber"])
}

/// A customer that took the longest way: created at a register of the cut store, if there is one.
fn farthest<'a>(edges: &[Edge], accepted: &'a [Accepted]) -> Option<&'a Accepted> {
    let last_store = edges.iter().rfind(|edge| edge.kind == DatabaseKind::Channel)?;
    let is_farthest = |one: &&Accepted| {
        let edge = &edges[one.edge];
        edge.kind == DatabaseKind::Register && edge.store == last_store.id
    };
    accepted.iter().find(is_farthest).or_else(|| accepted.iter().find(|one| one.edge > 0))
}

fn has_begun(trace: &CustomerTrace) -> bool {
    !trace.events.is_empty()
}
