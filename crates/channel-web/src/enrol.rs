//! What is done to a data directory before it is served: enrolment and tokens.

use std::path::{Path, PathBuf};

use tillsync_channel::clients::{self, BadClientName, ClientName};
use tillsync_channel::identity::{
    BadUpstreamUrl, EnrolError, Enrolment, UpstreamUrl, database_file, enrol_database,
};
use tillsync_channel::{Db, DbError};
use tillsync_domain::clock::Clock;
use tillsync_domain::entropy::Entropy;
use tillsync_domain::kind::ErrorKind;
use tillsync_exchange::device::Secret;
use tillsync_exchange::messages::{DatabaseKind, Enrolled};

use tillsync_web::PlainHttp;

use crate::dial::{DialError, Dialing, HttpUpstream};

/// Why a data directory was not prepared.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The upstream's URL is no URL.
    #[error(transparent)]
    Url(#[from] BadUpstreamUrl),
    /// The upstream must not or cannot be dialled.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The enrolment did not succeed.
    #[error(transparent)]
    Enrol(#[from] EnrolError),
    /// The name of the program is not usable.
    #[error(transparent)]
    Client(#[from] BadClientName),
    /// There is no database there.
    #[error("{} does not exist; enrol first", .0.display())]
    NoDatabase(PathBuf),
    /// The database failed.
    #[error("prepare the database")]
    Db(#[from] DbError),
}

impl SetupError {
    /// What sort of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            SetupError::Url(_) => ErrorKind::Invalid,
            SetupError::Dial(error) => error.kind(),
            SetupError::Enrol(error) => error.kind(),
            SetupError::Client(error) => error.kind(),
            SetupError::NoDatabase(_) => ErrorKind::NotFound,
            SetupError::Db(error) => error.kind(),
        }
    }
}

/// What to enrol.
pub struct EnrolOptions<'a> {
    /// Where the database is, or will be.
    pub data_dir: &'a Path,
    /// Channel or register.
    pub kind: DatabaseKind,
    /// The base URL of headquarters, or of the register's channel.
    pub upstream: &'a str,
    /// The activation code as typed.
    pub code: &'a str,
    /// Whether plain HTTP may leave the machine.
    pub plain_http: PlainHttp,
    /// The authorities of the upstream's certificate; those that this machine trusts when absent.
    pub upstream_ca: Option<&'a Path>,
}

/// Makes the database and redeems the activation code. May be repeated with the same code.
///
/// # Errors
/// Invalid: a bad URL, or authorities that are none. NotFound: no such authorities. Forbidden or
/// Busy: the upstream said so. Conflict: the directory belongs to another database.
pub fn enrol(options: EnrolOptions<'_>, entropy: &dyn Entropy) -> Result<Enrolled, SetupError> {
    let EnrolOptions { data_dir, kind, upstream, code, plain_http, .. } = options;
    let url = UpstreamUrl::parse(upstream)?;
    let dialing = Dialing { plain_http, authority: options.upstream_ca.map(Path::to_owned) };
    let dialer = HttpUpstream::anonymous(&url, &dialing)?;
    let db = Db::open(&data_dir.join(database_file(kind)))?;
    let enrolment = Enrolment { kind, upstream: url, code: code.to_owned() };
    Ok(enrol_database(&db, &dialer, enrolment, entropy)?)
}

/// Makes a token for a program that uses the customer interface; it is shown this once.
///
/// # Errors
/// Invalid: the name. NotFound: no database. Busy or Broken: the database failed.
pub fn create_api_token(
    data_dir: &Path,
    kind: DatabaseKind,
    name: &str,
    (clock, entropy): (&dyn Clock, &dyn Entropy),
) -> Result<Secret, SetupError> {
    let name = ClientName::parse(name)?;
    let path = data_dir.join(database_file(kind));
    if !path.exists() {
        return Err(SetupError::NoDatabase(path));
    }
    Ok(clients::create_api_token(&Db::open(&path)?, &name, entropy, clock.now())?)
}

/// Takes every token of a program away, at once, and says how many there were.
///
/// # Errors
/// Invalid: the name. NotFound: no database. Busy or Broken: the database failed.
pub fn revoke_api_tokens(
    data_dir: &Path,
    kind: DatabaseKind,
    name: &str,
) -> Result<usize, SetupError> {
    let name = ClientName::parse(name)?;
    let path = data_dir.join(database_file(kind));
    if !path.exists() {
        return Err(SetupError::NoDatabase(path));
    }
    Ok(clients::revoke_api_tokens(&Db::open(&path)?, &name)?)
}
