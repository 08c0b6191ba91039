//! One server process: started, found, killed, stopped.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

use crate::error::FleetError;
use crate::program::Program;
use crate::waiting::wait_until;

/// How long a server may take to listen: its database may have to recover first.
const START_LIMIT: Duration = Duration::from_secs(60);

/// How long a server may take to stop.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// The signal that ends a process without asking it, by its number on every Unix.
const SIGKILL: i32 = 9;

/// What became of a server that was to be killed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a server that had ended by itself was not killed"]
pub enum Killed {
    /// It ran, and the signal ended it.
    Now,
    /// It had been started but had ended by itself before the signal came.
    HadEnded {
        /// How it had ended.
        status: ExitStatus,
        /// Its log.
        log: PathBuf,
    },
    /// It had not been started, or had been killed or stopped before.
    DidNotRun,
}

/// An amount of memory in KiB.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct MemoryKib(pub u64);

impl MemoryKib {
    /// The amount in MiB.
    pub fn mib(self) -> f64 {
        self.0 as f64 / 1024.0
    }
}

/// Where a server listens at the moment; nothing while it does not run.
///
/// A server gets a new port at each start, so that nothing else can have taken the old one.
#[derive(Debug, Clone, Default)]
pub struct Address(Arc<Mutex<Option<SocketAddr>>>);

/// Where something listens that no fleet has started.
impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Address(Arc::new(Mutex::new(Some(address))))
    }
}

impl Address {
    /// Where it listens.
    pub fn get(&self) -> Option<SocketAddr> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set(&self, address: Option<SocketAddr>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = address;
    }
}

/// One server that can be started any number of times.
#[derive(Debug)]
pub(crate) struct Server {
    name: String,
    program: Program,
    arguments: Vec<OsString>,
    log: PathBuf,
    address: Address,
    child: Option<Child>,
    /// Where it listens again when it wakes.
    paused_at: Option<SocketAddr>,
    peak: MemoryKib,
}

impl Server {
    /// A server that does not run yet; `arguments` without the address to listen on.
    pub(crate) fn new(
        name: &str,
        program: Program,
        mut arguments: Vec<OsString>,
        log: PathBuf,
    ) -> Self {
        let rest = ["--listen", "127.0.0.1:0", "--stop-with-stdin"];
        arguments.extend(rest.map(OsString::from));
        let (name, address) = (name.to_owned(), Address::default());
        let peak = MemoryKib::default();
        Server { name, program, arguments, log, address, child: None, paused_at: None, peak }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// Is this program from its next start on.
    pub(crate) fn run_as(&mut self, program: Program) {
        self.program = program;
    }

    /// Starts the process and waits until it listens.
    pub(crate) fn start(&mut self) -> Result<(), FleetError> {
        let started = |source| FleetError::Start { what: self.name.clone(), source };
        let log = self.open_log()?;
        let mut command = self.program.command(&self.arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
        // A Ctrl-C at the terminal is for the parent; it stops its servers in its own order.
        command.process_group(0);
        let mut child = command.spawn().map_err(started)?;
        let stdout = child.stdout.take().expect("standard output is a pipe");
        // From here on dropping the server ends the process.
        self.child = Some(child);
        match self.wait_for_address(stdout) {
            Ok(address) => {
                self.address.set(Some(address));
                Ok(())
            }
            Err(error) => {
                // The error says what is wrong with it, however it ends.
                let _ = self.kill();
                Err(error)
            }
        }
    }

    /// Ends the process at once with SIGKILL: no code of it runs any more.
    ///
    /// This is not a power cut: the system still holds whatever the process had written to its
    /// files, synchronized or not.
    pub(crate) fn kill(&mut self) -> Killed {
        self.note_memory();
        self.address.set(None);
        let Some(mut child) = self.child.take() else { return Killed::DidNotRun };
        let ended_before = child.try_wait().ok().flatten();
        // It may end by itself until the signal arrives; after `wait` it is gone in any case.
        drop(child.kill());
        let status = child.wait().ok();
        let ended_alone =
            ended_before.or_else(|| status.filter(|status| status.signal() != Some(SIGKILL)));
        match ended_alone {
            None => Killed::Now,
            Some(status) => Killed::HadEnded { status, log: self.log.clone() },
        }
    }

    /// Holds the process still; it is no longer listed under its address.
    pub(crate) fn pause(&mut self) -> Result<(), FleetError> {
        self.paused_at = self.address.get();
        self.address.set(None);
        self.signal("-STOP")
    }

    /// Lets the process go on, under its address.
    pub(crate) fn wake(&mut self) -> Result<(), FleetError> {
        self.signal("-CONT")?;
        self.address.set(self.paused_at.take());
        Ok(())
    }

    fn signal(&self, signal: &str) -> Result<(), FleetError> {
        let Some(child) = &self.child else { return Ok(()) };
        let id = child.id().to_string();
        let sent = std::process::Command::new("kill").args([signal, &id]).status();
        sent.map(drop)
            .map_err(|source| FleetError::Start { what: format!("kill {signal}"), source })
    }

    /// Tells the process to end without waiting for it: its standard input ends.
    pub(crate) fn ask_to_stop(&mut self) {
        self.note_memory();
        self.address.set(None);
        if let Some(child) = &mut self.child {
            drop(child.stdin.take());
        }
    }

    /// Tells the process to end, and waits until it has.
    pub(crate) fn stop(&mut self) -> Result<(), FleetError> {
        self.ask_to_stop();
        let Some(mut child) = self.child.take() else { return Ok(()) };
        let ended = wait_until(STOP_LIMIT, || child.try_wait().transpose());
        let (server, log) = (self.name.clone(), self.log.clone());
        match ended {
            Some(Ok(status)) if status.success() => Ok(()),
            Some(Ok(status)) => {
                Err(FleetError::EndedBadly { server, status: status.to_string(), log })
            }
            Some(Err(source)) => {
                Err(FleetError::Start { what: format!("stopping {server}"), source })
            }
            None => {
                drop(child.kill());
                drop(child.wait());
                Err(FleetError::NotStopping { server, seconds: STOP_LIMIT.as_secs(), log })
            }
        }
    }

    /// The most memory that any run of the server has held.
    pub(crate) fn peak_memory(&mut self) -> MemoryKib {
        self.note_memory();
        self.peak
    }

    fn note_memory(&mut self) {
        let Some(child) = &self.child else { return };
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id()));
        if let Some(peak) = status.ok().as_deref().and_then(peak_of) {
            self.peak = self.peak.max(peak);
        }
    }

    fn open_log(&self) -> Result<File, FleetError> {
        let file = OpenOptions::new().create(true).append(true).open(&self.log);
        file.map_err(|source| FleetError::File {
            doing: "open the log",
            path: self.log.clone(),
            source,
        })
    }

    fn wait_for_address(&self, stdout: ChildStdout) -> Result<SocketAddr, FleetError> {
        let (sender, receiver) = mpsc::channel();
        let reading =
            std::thread::Builder::new().name("server-output".to_owned()).spawn(move || {
                let mut lines = BufReader::new(stdout);
                let mut line = String::new();
                let read = lines.read_line(&mut line);
                // Nobody listens any more when the wait is over.
                drop(sender.send(read.map(|_| line)));
                // A full pipe would stop the server.
                let mut rest = Vec::new();
                drop(lines.take(1 << 20).read_to_end(&mut rest));
            });
        reading.map_err(|source| FleetError::Start { what: self.name.clone(), source })?;
        let failed = |reason: &str| FleetError::NotListening {
            server: self.name.clone(),
            reason: reason.to_owned(),
            log: self.log.clone(),
        };
        match receiver.recv_timeout(START_LIMIT) {
            Ok(Ok(line)) if line.is_empty() => Err(failed("it ended")),
            Ok(Ok(line)) => address_in(&line).ok_or_else(|| failed("its first line is odd")),
            Ok(Err(_)) | Err(RecvTimeoutError::Disconnected) => Err(failed("its output broke off")),
            Err(RecvTimeoutError::Timeout) => {
                Err(failed(&format!("waited {} s", START_LIMIT.as_secs())))
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nobody is left to be told.
        let _ = self.kill();
    }
}

/// Reads the line with which a server says where it listens.
fn address_in(line: &str) -> Option<SocketAddr> {
    let line: Value = serde_json::from_str(line).ok()?;
    line.get("listening")?.as_str()?.strip_prefix("http://")?.parse().ok()
}

/// Reads the highest resident size out of `/proc/PID/status`.
fn peak_of(status: &str) -> Option<MemoryKib> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok().map(MemoryKib)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_listening_line_names_the_address() {
        let address = address_in("{\"listening\":\"http://127.0.0.1:8080\"}\n");
        assert_eq!(address, Some(SocketAddr::from(([127, 0, 0, 1], 8080))));
        assert_eq!(address_in("listening on port 8080\n"), None);
    }

    #[test]
    fn the_peak_is_read_in_kib() {
        let status = "Name:\ttillsync\nVmHWM:\t  123456 kB\nVmRSS:\t  100 kB\n";
        assert_eq!(peak_of(status), Some(MemoryKib(123_456)));
        assert_eq!(peak_of("Name:\ttillsync\n"), None);
    }

    /// A server that is a shell script; it says that it listens and then does as it is told.
    fn scripted(what: &str, rest: &str) -> (Server, PathBuf) {
        let name = format!("tillsync-server-{what}-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let program = Program::at(std::path::Path::new("/bin/sh"));
        let script = format!("echo '{{\"listening\":\"http://127.0.0.1:1\"}}'; {rest}");
        let arguments = vec!["-c".into(), script.into()];
        (Server::new("hq", program, arguments, folder.join("hq.log")), folder)
    }

    #[test]
    fn a_running_server_is_killed_once() {
        let (mut server, folder) = scripted("running", "exec cat");
        server.start().unwrap();
        assert_eq!(server.kill(), Killed::Now);
        assert_eq!(server.kill(), Killed::DidNotRun);
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_server_that_had_ended_by_itself_is_not_taken_for_killed() {
        let (mut server, folder) = scripted("ended", "exit 3");
        server.start().unwrap();
        let child = server.child.as_mut().unwrap();
        wait_until(STOP_LIMIT, || child.try_wait().unwrap()).unwrap();
        let killed = server.kill();
        let Killed::HadEnded { status, log } = killed else { panic!("{killed:?}") };
        assert_eq!((status.code(), log), (Some(3), folder.join("hq.log")));
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_paused_server_is_not_listed_until_it_wakes() {
        let (mut server, folder) = scripted("paused", "exec cat");
        server.start().unwrap();
        let address = server.address().get();
        server.pause().unwrap();
        assert_eq!(server.address().get(), None);
        let id = server.child.as_ref().unwrap().id();
        let state = || std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
        let stopped = || state().contains("T (stopped)").then_some(());
        assert!(wait_until(STOP_LIMIT, stopped).is_some(), "{}", state());
        server.wake().unwrap();
        assert_eq!(server.address().get(), address);
        assert!(wait_until(STOP_LIMIT, || stopped().is_none().then_some(())).is_some());
        assert_eq!(server.kill(), Killed::Now);
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_program_that_ends_at_once_is_reported_with_its_log() {
        let folder = std::env::temp_dir().join(format!("tillsync-server-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let program = Program::at(std::path::Path::new("/bin/true"));
        let mut server = Server::new("hq", program, vec![], folder.join("hq.log"));
        let error = server.start().unwrap_err();
        assert!(matches!(&error, FleetError::NotListening { reason, .. } if reason == "it ended"));
        assert_eq!(server.address().get(), None);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
