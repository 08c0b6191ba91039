//! Stories of servers that fail under load: connections run out, disks are full, the primary is
//! lost and its standby takes its place. Stores go on selling in each of them; what they
//! acknowledged must be at headquarters afterwards, once, and posted.
//!
//! This module must see the program as a stranger does.

mod disk;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use tillsync_fleet::{
    DatabaseUrl, Fleet, FleetPlan, HeadquartersClient, NodeId, Program, TemporaryPostgres, pause,
    wait_until,
};

use crate::Verdict;
use crate::crash::books::Books;
use crate::crash::judge::{self, Dump};
use crate::crash::load::{Acknowledged, Load, Pace};
use crate::crash::operator;
use crate::trial;
use disk::SmallDisk;

/// Customers that must be promoted before and after each trouble.
const PROMOTED_BETWEEN: u64 = 20;

/// How long headquarters may take to go on once it can.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long a trouble lasts: longer than whoever meets it is ready to wait.
const TROUBLE: Duration = Duration::from_secs(8);

/// Room for the data of a server, or for headquarters' folder, with some customers.
const DISK_MIB: u32 = 256;

/// Nodes of headquarters over one database.
const NODES: usize = 2;

/// Arguments of `cargo xtask postgres-faults`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Tell only this story.
    #[arg(long, value_enum)]
    story: Option<Story>,
    /// How many stores.
    #[arg(long, default_value_t = 3)]
    stores: usize,
    /// The longest wait for everything to settle in the end of a story, in seconds.
    #[arg(long, default_value_t = 180)]
    seconds_max: u64,
    /// Test this executable instead of building the program as it ships.
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Story {
    /// A session that hangs keeps every connection of every node waiting.
    Connections,
    /// The disk of PostgreSQL is full, then has room again.
    ServerDisk,
    /// The disk of a headquarters on SQLite is full, then has room again.
    SqliteDisk,
    /// The primary is lost; its synchronous standby is promoted.
    Failover,
}

const STORIES: [Story; 4] =
    [Story::Connections, Story::ServerDisk, Story::SqliteDisk, Story::Failover];

/// Tells every story, or one, and says what came of each.
pub(crate) fn run(root: &Path, arguments: &Arguments) -> Result<Verdict> {
    let executable = match &arguments.program {
        Some(program) => program.clone(),
        None => trial::build_program(root)?,
    };
    let mut verdict = Verdict::Passed;
    for story in STORIES {
        if arguments.story.is_some_and(|only| only != story) {
            continue;
        }
        println!("{story:?}");
        let told = trial::in_folder("postgres-faults", None, |folder| {
            let trial = Trial { arguments, executable: &executable, folder: &folder.join("fleet") };
            trial.tell(root, story)
        });
        if told.with_context(|| format!("{story:?}"))? == Verdict::Failed {
            verdict = Verdict::Failed;
        }
    }
    Ok(verdict)
}

struct Trial<'a> {
    arguments: &'a Arguments,
    executable: &'a Path,
    folder: &'a Path,
}

/// The trouble of a story: what happens between two times of peace.
type Trouble<'t> = dyn FnMut(&HeadquartersClient) -> Result<()> + 't;

/// A chain over a database, what happens to it, and what headquarters must say in its log then.
struct Plot<'t> {
    database: Option<DatabaseUrl>,
    reason: &'static str,
    trouble: &'t mut Trouble<'t>,
}

impl Trial<'_> {
    fn tell(&self, root: &Path, story: Story) -> Result<Verdict> {
        match story {
            Story::Connections => self.tell_of_connections(root),
            Story::ServerDisk => self.tell_of_server_disk(root),
            Story::SqliteDisk => self.tell_of_sqlite_disk(root),
            Story::Failover => self.tell_of_failover(root),
        }
    }

    fn tell_of_connections(&self, root: &Path) -> Result<Verdict> {
        let postgres = TemporaryPostgres::start()?;
        let url = TemporaryPostgres::url_of(&[&postgres], "pool_size=2 pool_wait=2");
        let mut trouble = |hq: &HeadquartersClient| {
            let held = format!(
                "BEGIN; LOCK TABLE write_turn IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep({})",
                TROUBLE.as_secs()
            );
            std::thread::scope(|scope| {
                let session = scope.spawn(|| postgres.run_sql(&held));
                // Looking needs nobody's turn.
                hq.status()?;
                let ended = session.join().map_err(|_| anyhow!("the session panicked"))?;
                Ok(ended?)
            })
        };
        let reason = "none came free in 2 s";
        self.go_through(root, Plot { database: Some(url), reason, trouble: &mut trouble })
    }

    fn tell_of_server_disk(&self, root: &Path) -> Result<Verdict> {
        let disk = SmallDisk::mount(&self.folder.with_file_name("disk"), DISK_MIB)?;
        let postgres = TemporaryPostgres::start_on(disk.path())?;
        let mut trouble = |hq: &HeadquartersClient| fill_for_a_while(&disk, hq);
        let (database, reason) = (Some(postgres.url()), "No space left on device");
        self.go_through(root, Plot { database, reason, trouble: &mut trouble })
    }

    fn tell_of_sqlite_disk(&self, root: &Path) -> Result<Verdict> {
        let disk = SmallDisk::mount(&self.folder.join("hq"), DISK_MIB)?;
        let mut trouble = |hq: &HeadquartersClient| fill_for_a_while(&disk, hq);
        let reason = "disk is full";
        self.go_through(root, Plot { database: None, reason, trouble: &mut trouble })
    }

    fn tell_of_failover(&self, root: &Path) -> Result<Verdict> {
        let primary = TemporaryPostgres::start()?;
        let standby = primary.start_standby()?;
        let url = TemporaryPostgres::url_of(&[&standby, &primary], "pool_wait=3");
        let mut trouble = |_: &HeadquartersClient| {
            primary.stop()?;
            pause(TROUBLE);
            Ok(standby.promote()?)
        };
        let reason = "no connection could be opened in 3 s";
        self.go_through(root, Plot { database: Some(url), reason, trouble: &mut trouble })
    }

    /// Starts a chain, makes trouble under load, and judges what is left.
    fn go_through(&self, root: &Path, plot: Plot<'_>) -> Result<Verdict> {
        let Plot { database, reason, trouble } = plot;
        let nodes = if database.is_some() { NODES } else { 1 };
        let plan = FleetPlan {
            executable: self.executable.to_owned(),
            folder: self.folder.to_owned(),
            stores: self.arguments.stores,
            registers: 0,
            database: database.clone(),
            packages: None,
        };
        let mut fleet = Fleet::start_nodes(&plan, nodes, |_| {})?;
        let program = Program::at(self.executable).on_database(database);
        operator::set_up(&fleet, &program, &root.join("data/items.csv"))?;
        let hq = fleet.headquarters()?;
        let load = Load::start(fleet.edges(), Pace::default())?;
        let made = wait_for_promotions(&hq)
            .and_then(|()| trouble(&hq))
            .and_then(|()| wait_for_promotions(&hq));
        let told = load.stop()?;
        made?;
        let limit = Duration::from_secs(self.arguments.seconds_max);
        let has_settled = trial::wait_until_settled(&fleet, told.count(), limit);
        operator::end_day(&hq)?;
        let verdict = self.judge(&fleet, &program, (&told, has_settled));
        let servers = fleet.nodes();
        let nodes = servers.iter().filter(|node| !matches!(node, NodeId::Edge(_)));
        let logs: Vec<_> = nodes.map(|node| fleet.layout().log(fleet.name(*node))).collect();
        fleet.stop()?;
        let says = |log: &PathBuf| Ok(std::fs::read_to_string(log)?.contains(reason));
        let is_said = logs.iter().map(says).collect::<Result<Vec<_>>>()?.contains(&true);
        if !is_said {
            println!("  headquarters did not say in its log why: {reason}");
            return Ok(Verdict::Failed);
        }
        verdict
    }

    fn judge(
        &self,
        fleet: &Fleet,
        program: &Program,
        (told, has_settled): (&Acknowledged, bool),
    ) -> Result<Verdict> {
        let books = Books::read(&fleet.headquarters()?)?.judge(&told.sold);
        let places: Vec<_> = fleet.edges().iter().map(judge::place_of).collect();
        let customers = Dump::read(program, self.folder)?.judge(&told.customers, &places);
        let doctor = trial::errors_of_doctor(program, self.folder)?;
        let sold = told.sold.trades.len() as u64;
        customers.print(told.count(), &[("sales and orders", sold)]);
        println!("  sold {}, posted {}", books.amount_told, books.amount_posted);
        let unanswered = told.unanswered.iter().map(|one| format!("unanswered: {one}"));
        let wrong: Vec<_> = books.findings().chain(unanswered).collect();
        let is_good = customers.is_clean()
            && wrong.is_empty()
            && doctor.is_empty()
            && has_settled
            && told.count() > 0
            && sold > 0;
        trial::print_end(has_settled, &doctor, customers.details().chain(wrong));
        Ok(if is_good { Verdict::Passed } else { Verdict::Failed })
    }
}

/// Fills a disk, lets stores meet it, and gives the room back. What headquarters knows can be read
/// all the time.
fn fill_for_a_while(disk: &SmallDisk, hq: &HeadquartersClient) -> Result<()> {
    disk.fill()?;
    pause(TROUBLE);
    hq.status().context("look at headquarters while its disk is full")?;
    disk.free()
}

fn wait_for_promotions(hq: &HeadquartersClient) -> Result<()> {
    let mut before = None;
    let more = wait_until(PATIENCE, || {
        let customers = hq.status().ok()?.customers;
        let before = *before.get_or_insert(customers);
        (customers >= before + PROMOTED_BETWEEN).then_some(())
    });
    more.context("headquarters promotes nobody any more")
}
