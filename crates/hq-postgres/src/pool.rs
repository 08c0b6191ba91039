//! Connections: opened when needed, kept, and never more than a few, each with the statements it
//! has prepared.

use std::collections::HashMap;
use std::time::Duration;

use postgres::{Client, Config, Error, NoTls, Statement};
use r2d2::{ManageConnection, NopErrorHandler, PooledConnection};
use tillsync_hq::storage::StorageError;

/// How long a transaction waits for a connection, and for a server that is being restarted.
const WAIT_MAX: Duration = Duration::from_secs(30);

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
#[derive(Default)]
pub(crate) struct Statements(HashMap<String, Statement>);

/// Makes connections.
#[derive(Clone)]
pub(crate) struct Connector {
    config: Config,
}

impl Connector {
    /// Connections with these settings; what they do not say about a server that falls silent is
    /// filled in.
    pub(crate) fn new(mut config: Config) -> Self {
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_MAX);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(WAIT_MAX);
        }
        // Shorter than the two hours that mean that nothing was said.
        let keepalives_idle = config.get_keepalives_idle().min(WAIT_MAX);
        config.keepalives_idle(keepalives_idle);
        if config.get_application_name().is_none() {
            config.application_name("tillsync");
        }
        Connector { config }
    }
}

impl ManageConnection for Connector {
    type Connection = Session;
    type Error = Error;

    fn connect(&self) -> Result<Session, Error> {
        let client = self.config.connect(NoTls)?;
        Ok(Session { client, statements: Statements::default() })
    }

    fn is_valid(&self, session: &mut Session) -> Result<(), Error> {
        session.client.is_valid(WAIT_MAX)
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
        if let Some(known) = self.0.get(sql) {
            return Ok(known.clone());
        }
        let statement = tx.prepare(sql)?;
        if self.0.len() >= STATEMENTS_KEPT {
            self.0.clear();
        }
        self.0.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}

/// A pool of at most so many connections; none is opened before it is needed.
pub(crate) fn pool(connector: &Connector, size: u32) -> Pool {
    r2d2::Pool::builder()
        .max_size(size)
        .min_idle(Some(0))
        .connection_timeout(WAIT_MAX)
        // A connection that went away is noticed when a transaction begins on it.
        .test_on_check_out(false)
        .error_handler(Box::new(NopErrorHandler))
        .build_unchecked(connector.clone())
}

/// Lends a connection, waiting for one if all are out.
pub(crate) fn lend(pool: &Pool, doing: &'static str) -> Result<Lent, StorageError> {
    pool.get().map_err(|source| StorageError::Busy { doing, source: Box::new(source) })
}
