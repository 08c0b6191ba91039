//! Headquarters' database on PostgreSQL: opening it, and saying why that failed.
//!
//! It must never print the URL, which may hold a password.

use std::error::Error;
use std::sync::Arc;

use tillsync_domain::kind::ErrorKind;
use tillsync_fleet::DatabaseUrl;
use tillsync_hq::Headquarters;
use tillsync_hq::storage::{Storage, StorageError};
use tillsync_hq_postgres::{
    NewsUrls, PostgresNews, PostgresStorage, Trouble, pending_migrations, trouble_of,
};

/// What the database driver or the server said.
type Said = Box<dyn Error + Send + Sync>;

/// Which database, when it is no file.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct DatabaseArgument {
    /// PostgreSQL database of headquarters, as postgres://user@host/name, with libpq's parameters
    /// (sslmode=verify-full, sslrootcert=FILE, several hosts, …); with it, the data directory holds
    /// packages only. What it leaves open is taken from PGHOST, PGUSER, PGPASSWORD and their like
    /// and from ~/.pgpass. Others on this machine can read command lines: keep a password out of
    /// them. Further parameters: pool_size, pool_wait, pooler=transaction (PgBouncer).
    #[arg(
        id = "database-url",
        long = "database",
        value_name = "URL",
        env = tillsync_fleet::DATABASE_VARIABLE,
        hide_env_values = true
    )]
    pub(crate) url: Option<DatabaseUrl>,
}

/// Why headquarters' database on PostgreSQL cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DatabaseError {
    /// It never quotes what it cannot read, which may be a part of the password.
    #[error("this is no address of a PostgreSQL database")]
    BadUrl(#[source] Said),
    /// Files for an encrypted connection.
    #[error("the connection to the headquarters database cannot be encrypted")]
    Certificates(#[source] Said),
    /// The server and this program do not believe each other.
    #[error("the PostgreSQL server of headquarters is not trusted, or does not trust this program")]
    Untrusted(#[source] Said),
    /// No server answers.
    #[error("the PostgreSQL server of headquarters cannot be reached")]
    Unreachable(#[source] Said),
    /// The server, or the database, does not let headquarters in.
    #[error("the headquarters database on PostgreSQL cannot be opened")]
    Refused(#[source] StorageError),
    /// The schema cannot be made or changed.
    #[error("the headquarters database on PostgreSQL cannot be brought up to date")]
    NotMigrated(#[source] StorageError),
    /// A database without any schema.
    #[error("there is no headquarters in this PostgreSQL database yet")]
    NoHeadquarters,
    /// Tables of somebody else.
    #[error("this PostgreSQL database belongs to another program")]
    Foreign(#[source] Said),
    /// The schema of a later version.
    #[error("this PostgreSQL database was written by a newer version of tillsync")]
    Newer(#[source] Said),
    /// A schema that lacks changes.
    #[error("the headquarters database lacks changes of this version: {}", .0.join(", "))]
    Outdated(Vec<String>),
    /// A database that a demo must not touch.
    #[error("this PostgreSQL database already holds a headquarters")]
    InUse,
}

impl DatabaseError {
    /// What sort of failure it is.
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            DatabaseError::BadUrl(_) | DatabaseError::Certificates(_) => ErrorKind::Invalid,
            DatabaseError::Unreachable(_) => ErrorKind::Busy,
            DatabaseError::Untrusted(_) => ErrorKind::Forbidden,
            DatabaseError::Refused(error) | DatabaseError::NotMigrated(error) => error.kind(),
            DatabaseError::NoHeadquarters => ErrorKind::NotFound,
            DatabaseError::Foreign(_)
            | DatabaseError::Newer(_)
            | DatabaseError::Outdated(_)
            | DatabaseError::InUse => ErrorKind::Conflict,
        }
    }

    /// What to do.
    pub(crate) fn hint(&self) -> &'static str {
        match self {
            DatabaseError::BadUrl(_) => {
                "write postgres://user:password@host:5432/name, with %-codes for what is special \
                 in a password, or host=… user=… password='…' dbname=…"
            }
            DatabaseError::Certificates(_) => {
                "correct sslrootcert, sslcert and sslkey of the URL, or PGSSLROOTCERT, PGSSLCERT \
                 and PGSSLKEY; they name files in PEM form"
            }
            DatabaseError::Untrusted(_) => {
                "sslmode=verify-full (or verify-ca) needs a server with ssl=on, sslrootcert naming \
                 the authority that signed its certificate, and the host as that names it; \
                 sslmode=require encrypts without asking who answers"
            }
            DatabaseError::Unreachable(_) => {
                "check host and port of --database or TILLSYNC_DATABASE, that the server runs, and \
                 that it listens to this machine (listen_addresses, firewalls)"
            }
            DatabaseError::Refused(_) => {
                "check that --database or TILLSYNC_DATABASE names headquarters' own database and a \
                 role that may use it"
            }
            DatabaseError::NotMigrated(_) => {
                "give headquarters an empty database that its role owns: \
                 createdb --owner ROLE --encoding UTF8 --template template0 NAME"
            }
            DatabaseError::Foreign(_) => {
                "give headquarters an empty database (createdb --owner ROLE --encoding UTF8 \
                 --template template0 NAME), or in this one a schema of its own: CREATE SCHEMA \
                 tillsync AUTHORIZATION ROLE; ALTER ROLE ROLE IN DATABASE NAME SET search_path = \
                 tillsync"
            }
            DatabaseError::Newer(_) => {
                "run the version that wrote it or a later one; nothing was changed"
            }
            DatabaseError::NoHeadquarters => {
                "check the name of the database; the first `tillsync hq serve` makes a headquarters"
            }
            DatabaseError::Outdated(_) => {
                "`tillsync hq migrate` makes the changes, and so does the next `tillsync hq serve` \
                 of this version; a node of the version before goes on with them"
            }
            DatabaseError::InUse => "give the demo an empty database, or leave --database away",
        }
    }
}

/// What to do about an answer of the server, by its SQLSTATE.
pub(crate) fn hint_for(sqlstate: &str) -> Option<&'static str> {
    match sqlstate {
        "28000" | "28P01" => Some(
            "check user and password in --database, TILLSYNC_DATABASE, PGPASSWORD or ~/.pgpass \
             (which must be readable by its owner only), and the server's pg_hba.conf",
        ),
        "3D000" => Some(
            "correct the name in --database or TILLSYNC_DATABASE, or make the database: \
             createdb --owner ROLE --encoding UTF8 --template template0 NAME",
        ),
        "42501" => Some(
            "let the role of --database or TILLSYNC_DATABASE own headquarters' database and \
             everything in it (ALTER DATABASE … OWNER TO …)",
        ),
        "53300" => Some(
            "let the server take more connections (max_connections): a node of headquarters keeps \
             up to 16, a command a few",
        ),
        "26000" | "42P05" => Some(
            "something between headquarters and the server changes sessions between transactions: \
             add pooler=transaction to the URL of the database",
        ),
        "42P01" | "42703" | "42P07" | "42710" => Some(
            "the database belongs to another program or was changed by hand: give headquarters \
             one of its own",
        ),
        _ => None,
    }
}

/// The SQLSTATE that a server answered with, by the words of an error or of its causes.
pub(crate) fn sqlstate_in(error: &(dyn Error + 'static)) -> Option<String> {
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        if let Some((_, rest)) = text.split_once("(SQLSTATE ") {
            return rest.get(..5).map(str::to_owned);
        }
        next = error.source();
    }
    None
}

/// Opens the database for a server, which brings it up to date.
pub(crate) fn open_to_serve(url: &DatabaseUrl) -> Result<Arc<dyn Storage>, DatabaseError> {
    let is_current = pending(url)?.is_empty();
    let opened = PostgresStorage::open(url.reveal()).map_err(|error| {
        // Whoever was let in and then failed, failed with the schema.
        if is_current { refused(error) } else { DatabaseError::NotMigrated(error) }
    })?;
    Ok(Arc::new(opened))
}

/// Opens the database of a headquarters that is there, to change what it holds.
pub(crate) fn open_to_change(url: &DatabaseUrl) -> Result<Arc<dyn Storage>, DatabaseError> {
    expect_current(url)?;
    Ok(Arc::new(PostgresStorage::open(url.reveal()).map_err(refused)?))
}

/// Opens the database of a headquarters that is there, or a replica of it, to look at it.
pub(crate) fn open_to_look(url: &DatabaseUrl) -> Result<Arc<dyn Storage>, DatabaseError> {
    expect_current(url)?;
    Ok(Arc::new(PostgresStorage::open_read_only(url.reveal()).map_err(refused)?))
}

/// Lets a node that serves hear at once what others do, and tell them.
pub(crate) fn connect_nodes(
    hq: &Arc<Headquarters>,
    (url, listen): (&DatabaseUrl, Option<&DatabaseUrl>),
) -> Result<(), DatabaseError> {
    let listener = Arc::downgrade(hq);
    let heard = move |news| {
        if let Some(hq) = listener.upgrade() {
            hq.signals().heard(news);
        }
    };
    let urls = NewsUrls { database: url.reveal(), listen: listen.map(DatabaseUrl::reveal) };
    let news = PostgresNews::open(urls, hq.node(), heard).map_err(refused)?;
    hq.signals().connect(Box::new(news));
    Ok(())
}

/// The changes of the schema that are not made yet, oldest first.
pub(crate) fn pending(url: &DatabaseUrl) -> Result<Vec<String>, DatabaseError> {
    pending_migrations(url.reveal()).map_err(refused)
}

/// Refuses a database that is not a new one: headquarters has never served from it.
pub(crate) fn expect_new(url: &DatabaseUrl) -> Result<(), DatabaseError> {
    if is_new(&pending(url)?) { Ok(()) } else { Err(DatabaseError::InUse) }
}

/// Refuses a database whose schema is not this program's.
pub(crate) fn expect_current(url: &DatabaseUrl) -> Result<(), DatabaseError> {
    let pending = pending(url)?;
    if is_new(&pending) {
        return Err(DatabaseError::NoHeadquarters);
    }
    if pending.is_empty() { Ok(()) } else { Err(DatabaseError::Outdated(pending)) }
}

/// Whether even the first change is missing.
fn is_new(pending: &[String]) -> bool {
    pending.first().is_some_and(|first| first.starts_with("V1__"))
}

fn refused(error: StorageError) -> DatabaseError {
    let Some(trouble) = trouble_of(&error) else { return DatabaseError::Refused(error) };
    let sort = match trouble {
        Trouble::Address => DatabaseError::BadUrl,
        Trouble::Certificates => DatabaseError::Certificates,
        Trouble::Encryption => DatabaseError::Untrusted,
        Trouble::Unreachable => DatabaseError::Unreachable,
        Trouble::Foreign => DatabaseError::Foreign,
        Trouble::Newer => DatabaseError::Newer,
        Trouble::Answer(_) | Trouble::Older => return DatabaseError::Refused(error),
    };
    match error {
        StorageError::Busy { source, .. } | StorageError::Broken { source, .. } => sort(source),
        error => DatabaseError::Refused(error),
    }
}
