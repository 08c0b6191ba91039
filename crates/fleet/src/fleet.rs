//! Headquarters, stores and registers as separate processes, with a link between each edge and
//! its upstream.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use tillsync_domain::ids::DatabaseId;
use tillsync_exchange::device::Secret;
use tillsync_exchange::messages::DatabaseKind;

use crate::database::DatabaseUrl;
use crate::error::FleetError;
use crate::headquarters::HeadquartersClient;
use crate::layout::Layout;
use crate::link::Link;
use crate::packages::PackageService;
use crate::program::Program;
use crate::server::{Address, Killed, MemoryKib, Server};

/// What to build.
#[derive(Debug, Clone)]
pub struct FleetPlan {
    /// The tillsync executable.
    pub executable: PathBuf,
    /// The folder of all databases and logs; no fleet lives there yet.
    pub folder: PathBuf,
    /// How many stores, named S1, S2 and so on.
    pub stores: usize,
    /// How many registers each store has, named S1.R1 and so on.
    pub registers: usize,
    /// Where headquarters' database is; in a file of the folder when absent.
    pub database: Option<DatabaseUrl>,
    /// Where headquarters' packages are; in a folder beside its database when absent.
    pub packages: Option<PackageService>,
}

/// One server of a fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NodeId {
    /// Headquarters, or its first node.
    Headquarters,
    /// Another node of headquarters, counted from 0.
    Another(usize),
    /// The edge at this position of [`Fleet::edges`].
    Edge(usize),
}

/// What a client needs to use an edge.
#[derive(Debug, Clone)]
pub struct EdgeDoor {
    /// Where the edge listens at the moment.
    pub address: Address,
    /// The token for its customer interface.
    pub token: Secret,
}

/// A store, or a register of one.
#[derive(Debug)]
pub struct Edge {
    /// Its name.
    pub id: DatabaseId,
    /// What it is.
    pub kind: DatabaseKind,
    /// The store that it is or belongs to.
    pub store: DatabaseId,
    /// Its database.
    pub database: PathBuf,
    /// The wire to its upstream.
    pub link: Link,
    /// How clients use it.
    pub door: EdgeDoor,
    server: Server,
}

/// A fleet whose processes end with it.
#[derive(Debug)]
pub struct Fleet {
    layout: Layout,
    /// The program as headquarters runs it. The edges' is never told where its database is.
    operator: Program,
    // Dropped first, so that nobody misses an upstream.
    edges: Vec<Edge>,
    headquarters: Server,
    others: Vec<Server>,
    /// The way to whichever node of headquarters runs, where there are several.
    front: Option<Link>,
}

impl Fleet {
    /// Builds a fleet and starts all of it: stores first, each followed by its registers.
    ///
    /// # Errors
    /// Broken: a command failed or a server did not come up.
    pub fn start(plan: &FleetPlan, on_started: impl FnMut(&str)) -> Result<Fleet, FleetError> {
        Fleet::start_nodes(plan, 1, on_started)
    }

    /// The same with so many nodes of headquarters, over one database that they share. Each store
    /// begins with another one and changes to the next when its own does not answer.
    ///
    /// # Errors
    /// As [`Fleet::start`].
    pub fn start_nodes(
        plan: &FleetPlan,
        nodes: usize,
        mut on_started: impl FnMut(&str),
    ) -> Result<Fleet, FleetError> {
        let layout = Layout::under(&plan.folder);
        make_folder(&layout.logs())?;
        make_folder(&layout.headquarters())?;
        let program = Program::at(&plan.executable);
        let arguments = words(&["hq", "serve"], &layout.headquarters());
        let operator = program.clone().on_database(plan.database.clone());
        let operator = operator.on_packages(plan.packages.clone());
        let log = layout.log("hq");
        let mut headquarters = Server::new("hq", operator.clone(), arguments.clone(), log);
        headquarters.start()?;
        on_started(headquarters.name());
        let mut others = Vec::new();
        for number in 2..=nodes {
            let (name, mut arguments) = (format!("hq{number}"), arguments.clone());
            arguments.extend(["--node".into(), name.clone().into()]);
            let mut node = Server::new(&name, operator.clone(), arguments, layout.log(&name));
            node.start()?;
            on_started(&name);
            others.push(node);
        }
        let (edges, front) = (Vec::new(), None);
        let mut fleet = Fleet { layout, operator, edges, headquarters, others, front };
        if nodes > 1 {
            fleet.front = Some(open_link("headquarters", fleet.ways_up(0))?);
        }
        for store in 1..=plan.stores {
            let upstream = fleet.ways_up(store);
            fleet.add_edge(&program, &Place { store, register: None }, upstream)?;
            on_started(&last_name(&fleet.edges));
            let upstream = fleet.edges.last().map(|edge| edge.door.address.clone());
            for register in 1..=plan.registers {
                let upstream = vec![upstream.clone().expect("the store was added just before")];
                let place = Place { store, register: Some(register) };
                fleet.add_edge(&program, &place, upstream)?;
                on_started(&last_name(&fleet.edges));
            }
        }
        Ok(fleet)
    }

    /// Where the files are.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Every edge: each store followed by its registers.
    pub fn edges(&self) -> &[Edge] {
        &self.edges
    }

    /// Every server.
    pub fn nodes(&self) -> Vec<NodeId> {
        let edges = (0..self.edges.len()).map(NodeId::Edge);
        let others = (0..self.others.len()).map(NodeId::Another);
        std::iter::once(NodeId::Headquarters).chain(others).chain(edges).collect()
    }

    /// The name of a server, for people.
    pub fn name(&self, node: NodeId) -> &str {
        match node {
            NodeId::Headquarters => self.headquarters.name(),
            NodeId::Another(index) => self.others[index].name(),
            NodeId::Edge(index) => self.edges[index].server.name(),
        }
    }

    /// Where headquarters listens.
    pub fn headquarters_address(&self) -> &Address {
        self.headquarters.address()
    }

    /// A client of headquarters' operator interface.
    ///
    /// # Errors
    /// Broken: headquarters has left no token.
    pub fn headquarters(&self) -> Result<HeadquartersClient, FleetError> {
        let path = self.layout.operator_token();
        let token = std::fs::read_to_string(&path).map_err(|source| FleetError::File {
            doing: "read",
            path,
            source,
        })?;
        let address = match &self.front {
            Some(front) => Address::from(front.address()),
            None => self.headquarters.address().clone(),
        };
        Ok(HeadquartersClient::new(address, Secret::presented(token.trim())))
    }

    /// Ends a server at once with SIGKILL, and says whether there was anything to end.
    pub fn kill(&mut self, node: NodeId) -> Killed {
        self.server(node).kill()
    }

    /// Stops one server gracefully.
    ///
    /// # Errors
    /// Broken: it did not end as it should.
    pub fn drain(&mut self, node: NodeId) -> Result<(), FleetError> {
        self.server(node).stop()
    }

    /// Holds a server still with SIGSTOP; nothing new is sent to it. Connections to it stay open
    /// until [`Fleet::hang_up_on_absent`].
    ///
    /// # Errors
    /// Broken: it could not be told.
    pub fn pause(&mut self, node: NodeId) -> Result<(), FleetError> {
        self.server(node).pause()
    }

    /// Lets a paused server go on as if nothing had happened.
    ///
    /// # Errors
    /// Broken: it could not be told.
    pub fn wake(&mut self, node: NodeId) -> Result<(), FleetError> {
        self.server(node).wake()
    }

    /// Ends every connection to a server that is paused or gone, as a balancer does that looks
    /// after its servers.
    pub fn hang_up_on_absent(&self) {
        let links = self.edges.iter().map(|edge| &edge.link);
        for link in links.chain(&self.front) {
            link.hang_up_on_absent();
        }
    }

    /// Starts a server that does not run, and waits until it listens.
    ///
    /// # Errors
    /// Broken: it did not come up.
    pub fn restart(&mut self, node: NodeId) -> Result<(), FleetError> {
        self.server(node).start()
    }

    /// Starts headquarters, which does not run, over another database from now on; everything else
    /// stays where it is.
    ///
    /// # Errors
    /// Broken: it did not come up.
    pub fn move_headquarters(&mut self, database: DatabaseUrl) -> Result<(), FleetError> {
        self.operator = self.operator.clone().on_database(Some(database));
        self.headquarters.run_as(self.operator.clone());
        self.headquarters.start()
    }

    /// Stops every server gracefully: registers and stores first, headquarters last.
    ///
    /// # Errors
    /// Broken: one did not end as it should; the others are stopped nevertheless.
    pub fn stop(&mut self) -> Result<(), FleetError> {
        for edge in &mut self.edges {
            edge.server.ask_to_stop();
        }
        // A poll that waits upstream would hold up the end of its edge.
        for edge in &self.edges {
            edge.link.cut();
        }
        let mut outcome = Ok(());
        for edge in &mut self.edges {
            outcome = outcome.and(edge.server.stop());
        }
        for node in &mut self.others {
            outcome = outcome.and(node.stop());
        }
        outcome.and(self.headquarters.stop())
    }

    /// The most memory that a server has held in any of its runs.
    pub fn peak_memory(&mut self, node: NodeId) -> MemoryKib {
        self.server(node).peak_memory()
    }

    fn server(&mut self, node: NodeId) -> &mut Server {
        match node {
            NodeId::Headquarters => &mut self.headquarters,
            NodeId::Another(index) => &mut self.others[index],
            NodeId::Edge(index) => &mut self.edges[index].server,
        }
    }

    /// The addresses of headquarters' nodes, beginning with another one for each number.
    fn ways_up(&self, number: usize) -> Vec<Address> {
        let nodes = std::iter::once(&self.headquarters).chain(&self.others);
        let mut ways: Vec<_> = nodes.map(|node| node.address().clone()).collect();
        let first = number % ways.len();
        ways.rotate_left(first);
        ways
    }

    fn add_edge(
        &mut self,
        program: &Program,
        place: &Place,
        upstream: Vec<Address>,
    ) -> Result<(), FleetError> {
        let (id, store) = (place.id(), place.store_id());
        let folder = place.folder(&self.layout);
        make_folder(&folder)?;
        let link = open_link(id.as_str(), upstream)?;
        let hq = self.layout.headquarters();
        self.operator.run(&place.addition(&hq))?;
        let code = self.operator.run(&words(&["hq", "activation-code", id.as_str()], &hq))?;
        program.run(&place.enrolment(&folder, &link, &code))?;
        let mut token = words(&[place.noun(), "token"], &folder);
        token.extend(["--name", "fleet"].map(OsString::from));
        let token = Secret::presented(&program.run(&token)?);
        let mut serve = words(&[place.noun(), "serve"], &folder);
        // A mended link is noticed within a second instead of the usual quarter of a minute.
        serve.extend(["--reconnect-max", "1"].map(OsString::from));
        // Nobody looks on for longer at a till that waits for an answer which got lost.
        serve.extend(["--realtime-timeout", "3"].map(OsString::from));
        let log = self.layout.log(id.as_str());
        let mut server = Server::new(id.as_str(), program.clone(), serve, log);
        server.start()?;
        let door = EdgeDoor { address: server.address().clone(), token };
        let (kind, database) = (place.kind(), folder.join(place.database_file()));
        self.edges.push(Edge { id, kind, store, database, link, door, server });
        Ok(())
    }
}

/// Which store or register of a plan, counted from 1.
struct Place {
    store: usize,
    register: Option<usize>,
}

impl Place {
    fn store_id(&self) -> DatabaseId {
        format!("S{}", self.store).parse().expect("a valid name")
    }

    fn id(&self) -> DatabaseId {
        match self.register {
            None => self.store_id(),
            Some(number) => format!("S{}.R{number}", self.store).parse().expect("a valid name"),
        }
    }

    fn kind(&self) -> DatabaseKind {
        match self.register {
            None => DatabaseKind::Channel,
            Some(_) => DatabaseKind::Register,
        }
    }

    fn noun(&self) -> &'static str {
        match self.kind() {
            DatabaseKind::Channel => "channel",
            DatabaseKind::Register => "register",
        }
    }

    fn database_file(&self) -> &'static str {
        match self.kind() {
            DatabaseKind::Channel => "channel.db",
            DatabaseKind::Register => "offline.db",
        }
    }

    fn folder(&self, layout: &Layout) -> PathBuf {
        match self.register {
            None => layout.store(&self.store_id()),
            Some(number) => layout.register(&self.store_id(), number),
        }
    }

    fn addition(&self, hq: &Path) -> Vec<OsString> {
        let (verb, option, value) = match self.kind() {
            DatabaseKind::Channel => ("add-channel", "--group", "default".to_owned()),
            DatabaseKind::Register => ("add-register", "--channel", self.store_id().to_string()),
        };
        let mut arguments = words(&["hq", verb, self.id().as_str()], hq);
        arguments.extend([option.into(), value.into()]);
        arguments
    }

    fn enrolment(&self, folder: &Path, link: &Link, code: &str) -> Vec<OsString> {
        let upstream = match self.kind() {
            DatabaseKind::Channel => "--hq",
            DatabaseKind::Register => "--channel",
        };
        let url = format!("http://{}", link.address());
        let mut arguments = words(&[self.noun(), "enrol"], folder);
        arguments.extend([upstream.into(), url.into(), "--code".into(), code.into()]);
        arguments
    }
}

fn open_link(name: &str, targets: Vec<Address>) -> Result<Link, FleetError> {
    Link::open_to_any(targets)
        .map_err(|source| FleetError::Start { what: format!("the link of {name}"), source })
}

fn words(command: &[&str], data_dir: &Path) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = command.iter().map(OsString::from).collect();
    arguments.extend(["--data-dir".into(), data_dir.into()]);
    arguments
}

fn last_name(edges: &[Edge]) -> String {
    edges.last().map(|edge| edge.id.to_string()).unwrap_or_default()
}

fn make_folder(folder: &Path) -> Result<(), FleetError> {
    std::fs::create_dir_all(folder).map_err(|source| FleetError::File {
        doing: "make the folder",
        path: folder.to_owned(),
        source,
    })
}
