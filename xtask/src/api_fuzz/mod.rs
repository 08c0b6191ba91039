//! Calls every operation of headquarters, a channel and a register with requests made from their
//! own OpenAPI documents, and holds each answer to what the document says.
//!
//! The requests are made by Schemathesis, in a Python environment of its own below `target`. This
//! module must see the program as a stranger does.

mod plan;
mod python;
mod report;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tillsync_fleet::{CommerceClient, Decimal, Fleet, FleetPlan, Program};

use self::plan::Server;
use self::python::Schemathesis;
use crate::{Verdict, crash, trial};

/// Arguments of `cargo xtask api-fuzz`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Invent requests for so many seconds on each server, instead of once through.
    #[arg(long)]
    seconds: Option<u32>,
    /// Requests that are invented for each operation, besides those at the edges of its schema.
    #[arg(long, default_value_t = 20)]
    max_examples: u32,
    /// Invents the same requests again; without it, others each time.
    #[arg(long)]
    seed: Option<u64>,
    /// Only this server: headquarters, channel or register.
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Test this executable instead of building the program as tests run it.
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

impl Arguments {
    /// As much as is part of `cargo xtask ci --long`.
    pub(crate) fn usual(program: PathBuf) -> Self {
        let program = Some(program);
        Arguments { seconds: None, max_examples: 20, seed: None, only: None, program }
    }
}

/// Starts the servers, lets requests rain on each, and prints what was found.
pub(crate) fn run(root: &Path, arguments: &Arguments) -> Result<Verdict> {
    let seed = trial::seed(arguments.seed);
    let executable = match &arguments.program {
        Some(program) => program.clone(),
        None => trial::build_test_program(root)?,
    };
    let schemathesis = Schemathesis::install(root)?;
    trial::in_folder("api-fuzz", None, |folder| {
        let plan = FleetPlan {
            executable: executable.clone(),
            folder: folder.to_owned(),
            stores: 1,
            registers: 1,
            database: None,
            packages: None,
        };
        let mut fleet = Fleet::start(&plan, |name| eprintln!("started {name}"))?;
        let program = Program::at(&executable);
        crash::operator::set_up(&fleet, &program, &root.join("data/items.csv"))?;
        let mut verdict = Verdict::Passed;
        let wanted =
            |server: &Server| arguments.only.as_ref().is_none_or(|name| name == server.name);
        for server in servers(&fleet)?.iter().filter(|server| wanted(server)) {
            let settings = python::Settings {
                seconds: arguments.seconds,
                max_examples: arguments.max_examples,
                seed,
            };
            let report = schemathesis.run(folder, server, &settings)?;
            println!("{report}");
            if !report.is_good() {
                verdict = Verdict::Failed;
            }
        }
        fleet.stop()?;
        Ok(verdict)
    })
}

/// The servers in the order in which they are tried: whatever is done to headquarters, such as
/// revoking the channel, comes last.
fn servers(fleet: &Fleet) -> Result<Vec<Server>> {
    let mut servers = Vec::new();
    for edge in fleet.edges().iter().rev() {
        // Sales need a shift; a till that has one already says so.
        CommerceClient::new(&edge.door).open_shift(Decimal::ZERO)?;
        let address = edge.door.address.get().context("the edge does not listen")?;
        servers.push(Server::edge(edge, address));
    }
    let address = fleet.headquarters_address().get().context("headquarters does not listen")?;
    let token = std::fs::read_to_string(fleet.layout().operator_token())
        .context("read the operator's token")?;
    servers.push(Server::headquarters(address, token.trim().to_owned()));
    Ok(servers)
}
