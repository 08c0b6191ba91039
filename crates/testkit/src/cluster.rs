//! A PostgreSQL of one's own: one temporary cluster a test process, reached through a socket in its
//! folder, and one database a test.
//!
//! The cluster is stopped and removed when the process that started it ends, however it ends. No
//! test is ever left out: without PostgreSQL they fail, and say what to install. Tests that need
//! another server, or one that they may break, start one of their own beside it.

mod disk;
mod pgbouncer;

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

pub use disk::SmallDisk;
pub use pgbouncer::PgBouncer;

const MISSING: &str = "PostgreSQL is needed for these tests: apt-get install postgresql (15 or \
                       later), which brings initdb, pg_ctl and the user postgres";

/// The user that the server runs as and that owns the databases.
const USER: &str = "postgres";

/// Nothing of a test has to survive a power cut, but everything a crash of the server.
const SERVER_OPTIONS: &str =
    "-c listen_addresses='' -c fsync=off -c full_page_writes=off -c max_connections=400";

/// What makes a server different from the usual one of a test.
#[derive(Debug, Clone, Copy, Default)]
pub struct ServerPlan<'p> {
    /// Further options of the command line; the last one of a name counts.
    pub options: &'p str,
    /// Files of the data folder, with their content.
    pub files: &'p [(&'p str, &'p str)],
    /// Where the data folder is made, such as on a disk of its own.
    pub disk: Option<&'p Path>,
}

/// A running server with a folder of its own.
pub struct Cluster {
    folder: PathBuf,
    data: PathBuf,
    tools: PathBuf,
    port: u16,
    options: String,
    databases: AtomicU32,
    // It stops the server and removes the folder when its input is closed, which the end of this
    // process does.
    _keeper: Child,
}

/// The cluster of this process, started at the first call.
pub fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| Cluster::start(&ServerPlan::default()))
}

impl Cluster {
    /// Starts a server beside that of the process; it is gone when this is dropped.
    pub fn start(plan: &ServerPlan<'_>) -> Self {
        let tools = tools();
        let folder = make_folder();
        let data = plan.disk.unwrap_or(&folder).join("data");
        // Sorting as people of a language do shows whoever relies on the order of the server.
        run(as_user(&tools.join("initdb"))
            .args(["--auth=trust", "--encoding=UTF8", "--no-sync", "--username", USER])
            .args(["--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US", "--waldir"])
            .arg(folder.join("wal"))
            .arg("-D")
            .arg(&data));
        for (name, content) in plan.files {
            let file = data.join(name);
            fs::write(&file, content).expect("a file of the data folder");
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("permissions");
            if is_root() {
                run(Command::new("chown").arg(USER).arg(&file));
            }
        }
        Cluster::serve((folder, data, tools), plan.options)
    }

    /// Starts a server that follows this one, from a copy of its data.
    pub fn start_standby(&self) -> Self {
        let folder = make_folder();
        let data = folder.join("data");
        run(as_user(&self.tools.join("pg_basebackup"))
            .args(["--write-recovery-conf", "--checkpoint=fast", "--no-sync"])
            .args(["--username", USER, "--port", &self.port.to_string(), "--host"])
            .arg(&self.folder)
            .arg("--pgdata")
            .arg(&data));
        Cluster::serve((folder, data, self.tools.clone()), "")
    }

    fn serve((folder, data, tools): (PathBuf, PathBuf, PathBuf), options: &str) -> Self {
        let keeper = keep(&tools, &folder, &data);
        let port = free_port();
        let options = format!(
            "{SERVER_OPTIONS} -c port={port} -c unix_socket_directories='{}' {options}",
            folder.display(),
        );
        let databases = AtomicU32::new(0);
        let cluster = Cluster { folder, data, tools, port, options, databases, _keeper: keeper };
        cluster.control(&["start", "-o", &cluster.options]);
        cluster
    }

    /// Where the server listens: the number in the name of its socket, and its port if it has one.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The folder of the server's data.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The URL of a new, empty database.
    pub fn new_database(&self) -> String {
        let name = format!("case_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        run(Command::new(self.tools.join("createdb"))
            .args(["--username", USER, "--port", &self.port.to_string(), "--host"])
            .arg(&self.folder)
            .arg(&name));
        self.url_of(&name)
    }

    /// The URL of a database that it has, perhaps because another server had it first.
    pub fn url_of(&self, database: &str) -> String {
        format!("{} user={USER} dbname={database}", Cluster::hosts(&[self]))
    }

    /// The part of a URL that names several servers, to be tried in this order.
    pub fn hosts(clusters: &[&Cluster]) -> String {
        let folders: Vec<_> = clusters.iter().map(|one| one.folder.display().to_string()).collect();
        let ports: Vec<_> = clusters.iter().map(|one| one.port.to_string()).collect();
        format!("host={} port={}", folders.join(","), ports.join(","))
    }

    /// Runs SQL in a database, as somebody who goes behind headquarters' back; says what the server
    /// answered.
    ///
    /// # Errors
    /// What the server objected to.
    pub fn sql(&self, url: &str, sql: &str) -> Result<String, String> {
        let ran = Command::new(self.tools.join("psql"))
            .args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only"])
            .args(["--set", "ON_ERROR_STOP=1", "--command", sql, url])
            .stdin(Stdio::null())
            .output()
            .expect(MISSING);
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).trim().to_owned();
        if ran.status.success() { Ok(text(ran.stdout)) } else { Err(text(ran.stderr)) }
    }

    /// Stops the server at once, as a crash would, and starts it again.
    pub fn restart(&self) {
        self.control(&["restart", "--mode=immediate", "-o", &self.options]);
    }

    /// Stops the server at once, as a crash would.
    pub fn stop(&self) {
        self.control(&["stop", "--mode=immediate"]);
    }

    /// Lets a standby take changes.
    pub fn promote(&self) {
        self.control(&["promote"]);
    }

    fn control(&self, what: &[&str]) {
        run(as_user(&self.tools.join("pg_ctl"))
            .args(what)
            .args(["--wait", "--silent", "--log"])
            .arg(self.folder.join("log"))
            .arg("-D")
            .arg(&self.data));
    }
}

/// The newest installation: where `pg_config` says, or where Debian puts them.
fn tools() -> PathBuf {
    let said = Command::new("pg_config").arg("--bindir").output();
    let said = said.ok().and_then(|said| String::from_utf8(said.stdout).ok());
    let said = said.map(|folder| PathBuf::from(folder.trim()));
    let mut installed: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|version| Some(version.ok()?.path().join("bin")))
        .collect();
    installed.sort_by_key(|folder| {
        let version = folder.parent().and_then(Path::file_name).and_then(|name| name.to_str());
        version.and_then(|version| version.parse::<u32>().ok())
    });
    let mut candidates = said.into_iter().chain(installed.into_iter().rev());
    candidates.find(|folder| folder.join("initdb").exists()).expect(MISSING)
}

fn make_folder() -> PathBuf {
    let folder = tempfile::Builder::new().prefix("tillsync-pg-").tempdir().expect("a folder");
    let folder = folder.keep();
    if is_root() {
        run(Command::new("chown").arg(USER).arg(&folder));
    }
    folder
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// The server refuses to run as root.
fn as_user(program: &Path) -> Command {
    let mut command = if is_root() {
        let mut command = Command::new("runuser");
        command.args(["-u", USER, "--"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    // The user may not be allowed to see where the tests run.
    command.current_dir("/");
    command
}

/// A port that nobody has at the moment.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

fn keep(tools: &Path, folder: &Path, data: &Path) -> Child {
    let script = "trap '' INT TERM; read -r line; \"$0\" stop --silent --mode=immediate \
                  -D \"$2\"; rm -rf \"$1\" \"$2\"";
    as_user(Path::new("sh"))
        .args(["-c", script])
        .arg(tools.join("pg_ctl"))
        .arg(folder)
        .arg(data)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a shell")
}

fn run(command: &mut Command) {
    let ran = command.stdin(Stdio::null()).stdout(Stdio::null()).output().expect(MISSING);
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{command:?} failed: {said}");
}
