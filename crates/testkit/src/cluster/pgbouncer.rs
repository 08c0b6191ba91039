//! PgBouncer before a server, in transaction mode: every transaction may be served by another
//! session, and one session serves transactions of everybody.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::{Cluster, USER, free_port, is_root, run};

const MISSING: &str = "PgBouncer is needed for these tests: apt-get install pgbouncer";

/// What it says when it listens.
const LISTENS: &str = "process up";

/// Runs it until the input is closed, which the end of this process does, however it ends.
const KEEPER: &str = "trap '' INT TERM; \"$0\" \"$1/settings\" </dev/null & exec 2>&-; \
                      read -r line; kill -9 $!; rm -rf \"$1\"";

/// A running PgBouncer; it ends when this is dropped.
pub struct PgBouncer {
    folder: PathBuf,
    port: u16,
    // A shell that keeps it.
    child: Child,
}

impl PgBouncer {
    /// Starts one before a server, with so many sessions for each database.
    pub fn start(cluster: &Cluster, sessions: u32) -> Self {
        let folder = tempfile::Builder::new().prefix("tillsync-pgb-").tempdir().expect("a folder");
        let folder = folder.keep();
        let port = free_port();
        let (here, there) = (folder.display(), cluster.folder.display());
        let server = cluster.port();
        // It refuses to be root.
        let user = if is_root() { format!("user = {USER}\n") } else { String::new() };
        // Sessions take turns, so that whatever is left behind in one is met by somebody else.
        let settings = format!(
            "[databases]\n* = host={there} port={server}\n[pgbouncer]\nlisten_addr =\n\
             unix_socket_dir = {here}\nlisten_port = {port}\nauth_type = trust\n\
             auth_file = {here}/users\npool_mode = transaction\ndefault_pool_size = {sessions}\n\
             max_client_conn = 1000\nserver_round_robin = 1\nserver_idle_timeout = 1\n\
             query_wait_timeout = 60\n{user}"
        );
        fs::write(folder.join("settings"), settings).expect("a file");
        fs::write(folder.join("users"), format!("\"{USER}\" \"\"\n")).expect("a file");
        if is_root() {
            run(Command::new("chown").args(["-R", USER]).arg(&folder));
        }
        let mut child = Command::new("sh")
            .args(["-c", KEEPER])
            .arg(program())
            .arg(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect(MISSING);
        let mut said = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut line = String::new();
        while !line.contains(LISTENS) {
            let before = std::mem::take(&mut line);
            let length = said.read_line(&mut line).expect("a line");
            assert!(length > 0, "PgBouncer ended: {before}");
        }
        // It stops when nobody takes what it says.
        std::thread::spawn(move || io::copy(&mut said, &mut io::sink()));
        PgBouncer { folder, port, child }
    }

    /// The URL of a database of the server, through this, as headquarters has to be told.
    pub fn url_of(&self, database: &str) -> String {
        let name = database.rsplit_once("dbname=").expect("a name").1;
        let folder = self.folder.display();
        format!("host={folder} port={} user={USER} pooler=transaction dbname={name}", self.port)
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        drop(self.child.wait());
    }
}

fn program() -> PathBuf {
    let usual = Path::new("/usr/sbin/pgbouncer");
    if usual.exists() { usual.to_owned() } else { PathBuf::from("pgbouncer") }
}
