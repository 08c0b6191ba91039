//! Where the database is and how to get there: the URL, libpq's environment variables for what it
//! leaves open, and the password file.
//!
//! Nothing here may ever quote a value in an error: any of them may be a password in a wrong place.

mod password_file;
mod text;

use std::path::{Path, PathBuf};
use std::time::Duration;

use postgres::Config;
use postgres::config::{Host, SslMode, TargetSessionAttrs};

use self::text::UrlText;

/// How long a transaction waits for a connection, and for a server that is being restarted, unless
/// the URL says otherwise.
const WAIT: Duration = Duration::from_secs(30);

/// How many connections of each kind a process opens, unless the URL says otherwise.
const POOL_SIZE: u32 = 8;

/// Where Debian's and most other servers keep their socket.
const SOCKETS: &str = "/var/run/postgresql";

/// What libpq's variables stand for; a URL that says it itself goes before.
const VARIABLES: [(&str, &str); 15] = [
    ("PGHOST", "host"),
    ("PGHOSTADDR", "hostaddr"),
    ("PGPORT", "port"),
    ("PGUSER", "user"),
    ("PGDATABASE", "dbname"),
    ("PGPASSWORD", "password"),
    ("PGPASSFILE", "passfile"),
    ("PGOPTIONS", "options"),
    ("PGAPPNAME", "application_name"),
    ("PGCONNECT_TIMEOUT", "connect_timeout"),
    ("PGTARGETSESSIONATTRS", "target_session_attrs"),
    ("PGSSLMODE", "sslmode"),
    ("PGSSLROOTCERT", "sslrootcert"),
    ("PGSSLCERT", "sslcert"),
    ("PGSSLKEY", "sslkey"),
];

/// Looks an environment variable up.
pub(crate) type Environment<'e> = &'e dyn Fn(&str) -> Option<String>;

/// Why an address is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AddressError {
    #[error("the URL of the headquarters database cannot be read")]
    Unreadable,
    #[error("sslmode is none of disable, prefer, require, verify-ca and verify-full")]
    SslMode,
    #[error("pooler is neither none nor transaction")]
    Pooler,
    #[error("pool_size is not a number from 1 to 1000")]
    PoolSize,
    #[error("pool_wait is not a number of seconds from 1 to 3600")]
    PoolWait,
}

/// How much a connection is worth when somebody stands in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Nothing is encrypted.
    Nothing,
    /// Whoever answers is taken for the server.
    Anybody,
    /// Whoever was certified by one of the authorities.
    Authority,
    /// The one that was certified under the name that was asked for.
    Name,
}

/// Files for an encrypted connection; what is absent is looked for where libpq does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    pub(crate) roots: Option<PathBuf>,
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
    pub(crate) home: Option<PathBuf>,
}

/// What stands between this process and the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pooler {
    /// Nothing, or something that keeps a session together.
    None,
    /// Something that may give each transaction another session, such as PgBouncer.
    Transaction,
}

/// A database, and the way there.
pub(crate) struct Address {
    pub(crate) config: Config,
    pub(crate) trust: Trust,
    pub(crate) files: TlsFiles,
    pub(crate) pooler: Pooler,
    pub(crate) pool_size: u32,
    pub(crate) pool_wait: Duration,
}

impl Address {
    /// Reads a URL, or `key=value` pairs, as libpq does.
    pub(crate) fn read(url: &str, environment: Environment<'_>) -> Result<Self, AddressError> {
        let mut text = UrlText::read(url).ok_or(AddressError::Unreadable)?;
        for (variable, key) in VARIABLES {
            if let Some(value) = environment(variable).filter(|value| !value.is_empty())
                && !text.says(key)
            {
                text.add(key, &value);
            }
        }
        let mut take = |key| text.take(key);
        let home = environment("HOME").map(PathBuf::from);
        let mode = take("sslmode");
        let files = TlsFiles {
            roots: take("sslrootcert").map(PathBuf::from),
            certificate: take("sslcert").map(PathBuf::from),
            key: take("sslkey").map(PathBuf::from),
            home: home.clone(),
        };
        let (pooler, size) = (take("pooler"), take("pool_size"));
        let (wait, password_file) = (take("pool_wait"), take("passfile"));
        let mut config: Config =
            text.rest().parse().map_err(|_: postgres::Error| AddressError::Unreadable)?;
        fill_host(&mut config);
        let trust = trust_of(mode.as_deref(), &files, &config)?;
        config.ssl_mode(match (trust, mode.as_deref()) {
            (Trust::Nothing, _) => SslMode::Disable,
            (Trust::Anybody, None | Some("prefer")) => SslMode::Prefer,
            _ => SslMode::Require,
        });
        let password_file = password_file.map(PathBuf::from);
        let password_file = password_file.or_else(|| home.map(|home| home.join(".pgpass")));
        if let (None, Some(file)) = (config.get_password(), password_file) {
            fill_password(&mut config, &file, environment);
        }
        Ok(Address {
            config,
            trust,
            files,
            pooler: match pooler.as_deref() {
                None | Some("none") => Pooler::None,
                Some("transaction") => Pooler::Transaction,
                Some(_) => return Err(AddressError::Pooler),
            },
            pool_size: number(size.as_deref(), 1000, AddressError::PoolSize)?.unwrap_or(POOL_SIZE),
            pool_wait: number(wait.as_deref(), 3600, AddressError::PoolWait)?
                .map_or(WAIT, |seconds| Duration::from_secs(seconds.into())),
        })
    }

    /// Goes only to a server that takes changes: of several hosts, the one that is primary now.
    pub(crate) fn into_primary(mut self) -> Self {
        if self.config.get_target_session_attrs() == TargetSessionAttrs::Any {
            self.config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        self
    }
}

fn number(text: Option<&str>, most: u32, error: AddressError) -> Result<Option<u32>, AddressError> {
    let Some(text) = text else { return Ok(None) };
    let number = text.parse().ok().filter(|number| (1..=most).contains(number));
    number.map(Some).ok_or(error)
}

fn fill_host(config: &mut Config) {
    if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
        config.host(if Path::new(SOCKETS).is_dir() { SOCKETS } else { "localhost" });
    }
}

fn trust_of(mode: Option<&str>, files: &TlsFiles, config: &Config) -> Result<Trust, AddressError> {
    let trust = match mode {
        Some("disable") => Trust::Nothing,
        // Whoever names authorities wants them to be asked: libpq's rule.
        Some("require") if files.roots.is_some() => Trust::Authority,
        None | Some("prefer" | "require") => Trust::Anybody,
        Some("verify-ca") => Trust::Authority,
        Some("verify-full") => Trust::Name,
        Some(_) => return Err(AddressError::SslMode),
    };
    // A socket leaves the machine for nobody, and PostgreSQL never encrypts it.
    let hosts = config.get_hosts();
    let is_local = !hosts.is_empty() && hosts.iter().all(|host| matches!(host, Host::Unix(_)));
    Ok(if is_local { Trust::Nothing } else { trust })
}

fn fill_password(config: &mut Config, file: &Path, environment: Environment<'_>) {
    let user = config.get_user().map(str::to_owned).or_else(|| environment("USER"));
    let Some(user) = user else { return };
    let database = config.get_dbname().unwrap_or(&user).to_owned();
    let places: Vec<_> = match config.get_hosts() {
        [] => config.get_hostaddrs().iter().map(ToString::to_string).collect(),
        hosts => hosts.iter().map(password_host).collect(),
    };
    let ports = config.get_ports().to_vec();
    let places = places.into_iter().enumerate().map(|(index, host)| {
        let port = ports.get(index).or(ports.first()).copied().unwrap_or(5432);
        [host, port.to_string(), database.clone(), user.clone()]
    });
    // All hosts of one headquarters are one database: the first that is known speaks for them.
    let found = places.into_iter().find_map(|place| password_file::look_up(file, &place));
    if let Some(password) = found {
        config.password(password);
    }
}

/// What a host is called in a password file: the usual socket is `localhost`.
fn password_host(host: &Host) -> String {
    match host {
        Host::Tcp(name) => name.clone(),
        Host::Unix(folder) if folder == Path::new(SOCKETS) => "localhost".to_owned(),
        Host::Unix(folder) => folder.display().to_string(),
    }
}

#[cfg(test)]
mod tests;
