//! A PostgreSQL server of one's own, for as long as somebody needs it.
//!
//! It is reached through a socket in its folder, so it takes no port from anybody. However this
//! process ends, nothing of it stays behind: a keeper of its own waits for that.

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::database::DatabaseUrl;
use crate::error::FleetError;

/// The user that the server runs as when this process is root, and that owns its databases.
const USER: &str = "postgres";

/// The number in the name of the socket; nobody listens on such a port.
const PORT: &str = "5432";

/// The longest folder that leaves a socket a valid name.
const FOLDER_BYTES_MAX: usize = 70;

/// Where Debian and its kin keep the programs of each version.
const VERSIONS: &str = "/usr/lib/postgresql";

/// Waits for the end of its input, which the end of this process brings about in any case; then it
/// stops the server and removes the folder. A server that does not stop is killed.
const KEEPER: &str = r#"
trap '' INT TERM HUP
read -r line
lock="$0/data/postmaster.pid"
signal=QUIT
tries=0
while [ -f "$lock" ] && [ "$tries" -lt 120 ]; do
    [ "$tries" -lt 100 ] || signal=KILL
    [ $((tries % 20)) -ne 0 ] || kill -s "$signal" "$(head -n 1 "$lock")" || break
    tries=$((tries + 1))
    sleep 0.1
done
rm -rf -- "$0"
"#;

/// A running server with an empty database; both are gone when this is dropped.
#[derive(Debug)]
pub struct TemporaryPostgres {
    folder: PathBuf,
    keeper: Child,
}

impl TemporaryPostgres {
    /// Makes a cluster in a temporary folder and starts its server.
    ///
    /// # Errors
    /// NotFound: PostgreSQL is not installed. Broken: it cannot be started.
    pub fn start() -> Result<Self, FleetError> {
        let server = TemporaryPostgres::prepare()?;
        server.make_cluster(&server.folder.join("data"))?;
        server.serve()?;
        Ok(server)
    }

    /// The same with the data on another disk; what is written ahead of it stays in the temporary
    /// folder.
    ///
    /// # Errors
    /// Those of [`TemporaryPostgres::start`].
    pub fn start_on(disk: &Path) -> Result<Self, FleetError> {
        let server = TemporaryPostgres::prepare()?;
        let data = disk.join("data");
        server.make_cluster(&data)?;
        let link = server.folder.join("data");
        std::os::unix::fs::symlink(&data, &link).map_err(|source| FleetError::File {
            doing: "link the data of PostgreSQL to",
            path: link,
            source,
        })?;
        server.serve()?;
        Ok(server)
    }

    /// Starts a server that follows this one; from then on this one waits with each commit until
    /// the other has it, too.
    ///
    /// # Errors
    /// Broken: it cannot be copied or does not start.
    pub fn start_standby(&self) -> Result<Self, FleetError> {
        let server = TemporaryPostgres::prepare()?;
        let mut copy = ServerUser::choose()?.command(&find_tools()?, "pg_basebackup");
        run(copy
            .args(["--write-recovery-conf", "--checkpoint=fast", "--no-sync"])
            .args(["--username", USER, "--port", PORT, "--host"])
            .arg(&self.folder)
            .arg("--pgdata")
            .arg(server.folder.join("data")))?;
        server.serve()?;
        self.run_sql("ALTER SYSTEM SET synchronous_standby_names = '*'")?;
        self.run_sql("SELECT pg_reload_conf()")?;
        Ok(server)
    }

    /// Stops the server at once, as a crash would, and starts it again.
    ///
    /// # Errors
    /// Broken: it does not come up again.
    pub fn restart(&self) -> Result<(), FleetError> {
        self.control(&["restart", "--mode=immediate"])
    }

    /// Stops the server at once, as a crash would.
    ///
    /// # Errors
    /// Broken: it cannot be stopped.
    pub fn stop(&self) -> Result<(), FleetError> {
        self.control(&["stop", "--mode=immediate"])
    }

    /// Lets a standby take changes.
    ///
    /// # Errors
    /// Broken: it is none.
    pub fn promote(&self) -> Result<(), FleetError> {
        self.control(&["promote"])
    }

    /// Runs SQL as somebody who goes behind headquarters' back.
    ///
    /// # Errors
    /// Broken: the server objects to it.
    pub fn run_sql(&self, sql: &str) -> Result<(), FleetError> {
        run(ServerUser::choose()?
            .command(&find_tools()?, "psql")
            .args(["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--command", sql])
            .arg(self.url().reveal()))
    }

    /// Its folder, with a keeper and nothing in it yet.
    fn prepare() -> Result<Self, FleetError> {
        let folder = make_folder(&ServerUser::choose()?)?;
        match keep(&folder) {
            Ok(keeper) => Ok(TemporaryPostgres { folder, keeper }),
            Err(source) => {
                // Nothing but an empty folder is left to be removed, and it harms nobody.
                drop(std::fs::remove_dir(&folder));
                Err(FleetError::Start { what: "the keeper of PostgreSQL".into(), source })
            }
        }
    }

    fn make_cluster(&self, data: &Path) -> Result<(), FleetError> {
        run(ServerUser::choose()?
            .command(&find_tools()?, "initdb")
            .args(["--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"])
            .args(["--username", USER, "--waldir"])
            .arg(self.folder.join("wal"))
            .arg("-D")
            .arg(data))
    }

    fn serve(&self) -> Result<(), FleetError> {
        // The folder is closed to other users, so whoever reaches the socket may come in.
        let folder = self.folder.display();
        let options =
            format!("-c listen_addresses='' -c port={PORT} -c unix_socket_directories='{folder}'");
        self.control(&["start", "-o", &options])
    }

    fn control(&self, what: &[&str]) -> Result<(), FleetError> {
        run(ServerUser::choose()?
            .command(&find_tools()?, "pg_ctl")
            .args(what)
            .args(["--wait", "--silent", "--log"])
            .arg(self.folder.join("log"))
            .arg("-D")
            .arg(self.folder.join("data")))
    }

    /// The URL of its database.
    pub fn url(&self) -> DatabaseUrl {
        TemporaryPostgres::url_of(&[self], "")
    }

    /// The URL of one database that several servers have, the first of which takes changes, with
    /// further parameters.
    pub fn url_of(servers: &[&TemporaryPostgres], further: &str) -> DatabaseUrl {
        let folders: Vec<_> = servers.iter().map(|one| one.folder.display().to_string()).collect();
        let folders = folders.join(",");
        let url = format!("host={folders} port={PORT} user={USER} dbname=postgres {further}");
        let Ok(url) = url.parse();
        url
    }
}

impl Drop for TemporaryPostgres {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        // The keeper ends in any case, and there is nobody left to be told how.
        drop(self.keeper.wait());
    }
}

/// Who the server runs as: it refuses to be root.
struct ServerUser(Option<(u32, u32)>);

impl ServerUser {
    fn choose() -> Result<Self, FleetError> {
        if id(&["-u"]) != Some(0) {
            return Ok(ServerUser(None));
        }
        match (id(&["-u", USER]), id(&["-g", USER])) {
            (Some(user), Some(group)) => Ok(ServerUser(Some((user, group)))),
            _ => Err(FleetError::NoPostgres { missing: "the user postgres" }),
        }
    }

    fn command(&self, tools: &Path, name: &str) -> Command {
        let mut command = Command::new(tools.join(name));
        if let Some((user, group)) = self.0 {
            command.uid(user).gid(group);
        }
        // What is set for other servers must not reach this one.
        for (variable, _) in std::env::vars_os() {
            if variable.as_encoded_bytes().starts_with(b"PG") {
                command.env_remove(variable);
            }
        }
        // The user may not be allowed to see where this process runs. A Ctrl-C at the terminal is
        // for this process, which stops the server in its own order.
        command.current_dir("/").process_group(0).stdin(Stdio::null()).stdout(Stdio::null());
        command
    }
}

fn id(arguments: &[&str]) -> Option<u32> {
    let answer = Command::new("id").args(arguments).stderr(Stdio::null()).output().ok()?;
    String::from_utf8(answer.stdout).ok()?.trim().parse().ok()
}

fn find_tools() -> Result<PathBuf, FleetError> {
    let asked = Command::new("pg_config").arg("--bindir").stderr(Stdio::null()).output();
    let answer = asked.map(|answer| answer.stdout).unwrap_or_default();
    let named = PathBuf::from(String::from_utf8_lossy(&answer).trim());
    let mut versions: Vec<_> = std::fs::read_dir(VERSIONS)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter_map(|path| Some((path.file_name()?.to_str()?.parse::<u32>().ok()?, path)))
        .collect();
    versions.sort_unstable();
    let newest_first = versions.into_iter().rev().map(|(_, path)| path.join("bin"));
    let has_tools = |folder: &PathBuf| {
        ["initdb", "pg_ctl"].iter().all(|tool| folder.is_absolute() && folder.join(tool).exists())
    };
    let found = std::iter::once(named).chain(newest_first).find(has_tools);
    found.ok_or(FleetError::NoPostgres { missing: "initdb" })
}

fn make_folder(user: &ServerUser) -> Result<PathBuf, FleetError> {
    let temporary = std::env::temp_dir();
    let is_short = temporary.as_os_str().len() <= FOLDER_BYTES_MAX;
    let base = if is_short { temporary } else { PathBuf::from("/tmp") };
    let failed = |source| FleetError::File {
        doing: "make a folder for PostgreSQL in",
        path: base.clone(),
        source,
    };
    let folder =
        tempfile::Builder::new().prefix("tillsync-pg-").tempdir_in(&base).map_err(failed)?;
    if let Some((user, group)) = user.0 {
        chown(folder.path(), Some(user), Some(group)).map_err(failed)?;
    }
    Ok(folder.keep())
}

fn keep(folder: &Path) -> std::io::Result<Child> {
    Command::new("sh")
        .args(["-c", KEEPER])
        .arg(folder)
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}

fn run(command: &mut Command) -> Result<(), FleetError> {
    let tool = Path::new(command.get_program()).file_name().unwrap_or_default();
    let tool = tool.to_string_lossy().into_owned();
    let ran = command.output();
    let ran = ran.map_err(|source| FleetError::Start { what: tool.clone(), source })?;
    if ran.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&ran.stderr).trim_end().to_owned();
    Err(FleetError::Postgres { tool, status: ran.status.to_string(), said })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::waiting::wait_until;

    #[test]
    fn a_server_and_its_folder_are_gone_when_it_is_dropped() {
        let server = TemporaryPostgres::start().unwrap();
        let folder = server.folder.clone();
        let process = std::fs::read_to_string(folder.join("data/postmaster.pid")).unwrap();
        let process = Path::new("/proc").join(process.lines().next().unwrap()).join("cmdline");
        // Without a line of its own: gone, or waiting to be buried.
        let is_running = || std::fs::read(&process).is_ok_and(|line| !line.is_empty());
        assert!(is_running() && folder.join(".s.PGSQL.5432").exists());
        drop(server);
        assert!(!folder.exists());
        assert!(wait_until(Duration::from_secs(10), || (!is_running()).then_some(())).is_some());
    }
}
