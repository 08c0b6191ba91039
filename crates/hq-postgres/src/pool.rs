//! Connections: opened when needed, kept, and never more than a few, each with the statements it
//! has prepared.

use std::collections::HashMap;
use std::time::Duration;

use postgres::{Client, Config, Error, NoTls, Statement};
use r2d2::{ManageConnection, NopErrorHandler, PooledConnection};
use tillsync_hq::storage::StorageError;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::address::{Address, Pooler};
use crate::error::Said;
use crate::tls::{self, TlsError};

/// How long a server that falls silent is believed to be there.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// How long one attempt to connect may take.
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// Statements that stay prepared on a connection: more than there are, so that only a mistake is
/// ever thrown away.
const STATEMENTS_KEPT: usize = 512;

/// Connections of one kind to one database.
pub(crate) type Pool = r2d2::Pool<Connector>;

/// A connection on loan.
pub(crate) type Lent = PooledConnection<Connector>;

/// A connection with the statements it knows.
pub(crate) struct Session {
    pub(crate) client: Client,
    pub(crate) statements: Statements,
}

/// Prepared statements by their text.
pub(crate) struct Statements {
    kept: HashMap<String, Statement>,
    pooler: Pooler,
}

/// Makes connections.
#[derive(Clone)]
pub(crate) struct Connector {
    config: Config,
    tls: Option<MakeRustlsConnect>,
    pub(crate) pooler: Pooler,
    size: u32,
    wait: Duration,
}

/// No connection came free in time.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoneFree {
    #[error(
        "all {size} connections that this process may have for it are in use, and none came free \
         in {} s",
        wait.as_secs()
    )]
    InUse { size: u32, wait: Duration },
    #[error("no connection could be opened in {} s: {said}", wait.as_secs())]
    NotOpened { wait: Duration, said: String },
}

impl Connector {
    /// Connections to this address; what it does not say about a server that falls silent is
    /// filled in.
    pub(crate) fn new(address: Address) -> Result<Self, TlsError> {
        let tls = tls::connector(address.trust, &address.files)?;
        let mut config = address.config;
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_MAX);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(SILENCE_MAX);
        }
        // Shorter than the two hours that mean that nothing was said.
        let keepalives_idle = config.get_keepalives_idle().min(SILENCE_MAX);
        config.keepalives_idle(keepalives_idle);
        if config.get_application_name().is_none() {
            config.application_name("tillsync");
        }
        let Address { pooler, pool_size: size, pool_wait: wait, .. } = address;
        Ok(Connector { config, tls, pooler, size, wait })
    }

    /// Opens a connection.
    pub(crate) fn open(&self) -> Result<Session, Error> {
        let client = match &self.tls {
            None => self.config.connect(NoTls)?,
            Some(tls) => self.config.connect(tls.clone())?,
        };
        let statements = Statements { kept: HashMap::new(), pooler: self.pooler };
        Ok(Session { client, statements })
    }
}

impl ManageConnection for Connector {
    type Connection = Session;
    type Error = Said;

    fn connect(&self) -> Result<Session, Said> {
        self.open().map_err(Said)
    }

    fn is_valid(&self, session: &mut Session) -> Result<(), Said> {
        session.client.is_valid(SILENCE_MAX).map_err(Said)
    }

    fn has_broken(&self, session: &mut Session) -> bool {
        session.client.is_closed()
    }
}

impl Statements {
    /// The statement, prepared once on this connection.
    pub(crate) fn prepare(
        &mut self,
        tx: &mut postgres::Transaction<'_>,
        sql: &str,
    ) -> Result<Statement, Error> {
        if let Some(known) = self.kept.get(sql) {
            return Ok(known.clone());
        }
        let statement = tx.prepare(sql)?;
        if self.kept.len() >= STATEMENTS_KEPT {
            self.kept.clear();
        }
        self.kept.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    /// Forgets, before a transaction ends, what is only known to the session that served it: the
    /// next transaction may be served by another, and that session may serve somebody else.
    pub(crate) fn end_transaction(&mut self) {
        if self.pooler == Pooler::Transaction {
            self.kept.clear();
        }
    }
}

/// A pool for transactions of one kind; no connection is opened before it is needed.
pub(crate) fn pool(connector: &Connector) -> Pool {
    r2d2::Pool::builder()
        .max_size(connector.size)
        .min_idle(Some(0))
        .connection_timeout(connector.wait)
        // A connection that went away is noticed when a transaction begins on it.
        .test_on_check_out(false)
        .error_handler(Box::new(NopErrorHandler))
        .build_unchecked(connector.clone())
}

/// Lends a connection, waiting for one if all are out.
pub(crate) fn lend(pool: &Pool, doing: &'static str) -> Result<Lent, StorageError> {
    pool.get().map_err(|error| {
        let wait = pool.connection_timeout();
        let size = pool.max_size();
        let source = if pool.state().connections == size {
            NoneFree::InUse { size, wait }
        } else {
            let said = error.to_string();
            let said = said.split_once(": ").map_or("no answer", |(_, said)| said).to_owned();
            NoneFree::NotOpened { wait, said }
        };
        StorageError::Busy { doing, source: Box::new(source) }
    })
}
