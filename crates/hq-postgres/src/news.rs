//! News between the nodes of one headquarters, through LISTEN and NOTIFY.
//!
//! They are sent beside every transaction, after its commit: a NOTIFY inside would make commits
//! wait for one another. Nothing may rest on them: a pooler between node and server swallows them,
//! and so does a server that restarts. Whoever waits for them also looks by itself.

use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use postgres::Error;
use postgres::fallible_iterator::FallibleIterator;
use tillsync_hq::storage::{NodeId, StorageError};
use tillsync_hq::{Announcer, News};

use crate::address::Pooler;
use crate::pool::{Connector, Session};
use crate::storage::connector_to_change;

/// How long the listener waits for news before it looks whether it is still wanted.
const LISTEN_AT_MOST: Duration = Duration::from_secs(1);

/// The pause before the server is tried again.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// The addresses of the database for news.
#[derive(Debug, Clone, Copy)]
pub struct NewsUrls<'u> {
    /// The database, as headquarters reaches it.
    pub database: &'u str,
    /// The server itself, where a pooler stands before the database: whoever listens needs a
    /// session that stays.
    pub listen: Option<&'u str>,
}

/// The way to the other nodes; it ends when this is dropped.
pub struct PostgresNews {
    told: Sender<News>,
    // The listener ends when this is gone.
    _wanted: Sender<()>,
}

impl PostgresNews {
    /// Opens the way for a node. `heard` is called for what other nodes tell, on a thread of its
    /// own, and whenever something may have been missed. Behind a pooler of transactions nothing is
    /// heard, unless there is a way around it; this node is heard nevertheless.
    ///
    /// # Errors
    /// Broken: the URL is none, or the machine gives no threads.
    pub fn open(
        urls: NewsUrls<'_>,
        node: &NodeId,
        heard: impl Fn(News) + Send + 'static,
    ) -> Result<Self, StorageError> {
        // A notification is a change: only the primary passes it on.
        let connector = connector_to_change(urls.database)?;
        let to_listen = match urls.listen {
            Some(url) => Some(connector_to_change(url)?),
            None => Some(connector.clone()).filter(|way| way.pooler == Pooler::None),
        };
        let (told, to_tell) = channel();
        let (wanted, is_wanted) = channel();
        let teller = node.clone();
        let tell = move || tell_others(&connector, &teller, &to_tell);
        let started = |name: &str| thread::Builder::new().name(name.to_owned());
        started("tell-nodes").spawn(tell).map_err(no_thread)?;
        if let Some(connector) = to_listen {
            let node = node.clone();
            let listen = move || listen_until_unwanted(&connector, &node, &is_wanted, &heard);
            started("hear-nodes").spawn(listen).map_err(no_thread)?;
        }
        Ok(PostgresNews { told, _wanted: wanted })
    }
}

impl Announcer for PostgresNews {
    fn announce(&self, news: News) {
        if self.told.send(news).is_err() {
            tracing::debug!("nothing is told any more; other nodes look by themselves");
        }
    }
}

fn no_thread(source: std::io::Error) -> StorageError {
    let doing = "start the threads for news of other nodes";
    StorageError::Broken { doing, source: Box::new(source) }
}

fn tell_others(connector: &Connector, node: &NodeId, to_tell: &Receiver<News>) {
    let mut session = None;
    while let Ok(first) = to_tell.recv() {
        // What came while the server was busy is told once.
        let news: BTreeSet<News> = std::iter::once(first).chain(to_tell.try_iter()).collect();
        // A connection that went away is noticed only when it is used.
        let told = tell(connector, &mut session, node, &news)
            .or_else(|_| tell(connector, &mut session, node, &news));
        if let Err(error) = told {
            tracing::debug!(%error, "tell other nodes");
        }
    }
}

fn tell(
    connector: &Connector,
    session: &mut Option<Session>,
    node: &NodeId,
    news: &BTreeSet<News>,
) -> Result<(), Error> {
    let mut open = match session.take() {
        Some(open) => open,
        None => connector.open()?,
    };
    let mut tx = open.client.transaction()?;
    for one in news {
        let payload = format!("{node} {}", one.as_str());
        tx.execute("SELECT pg_notify('tillsync', $1)", &[&payload])?;
    }
    tx.commit()?;
    *session = Some(open);
    Ok(())
}

fn listen_until_unwanted(
    connector: &Connector,
    node: &NodeId,
    is_wanted: &Receiver<()>,
    heard: &dyn Fn(News),
) {
    loop {
        if let Err(error) = listen(connector, node, is_wanted, heard) {
            tracing::debug!(%error, "listen to other nodes");
        }
        if is_wanted.recv_timeout(AFTER_FAILURE) == Err(RecvTimeoutError::Disconnected) {
            return;
        }
    }
}

/// Listens on one connection, until it breaks or nobody wants the news any more.
fn listen(
    connector: &Connector,
    node: &NodeId,
    is_wanted: &Receiver<()>,
    heard: &dyn Fn(News),
) -> Result<(), Error> {
    let mut session = connector.open()?;
    session.client.batch_execute("LISTEN tillsync")?;
    // Something may have been told while nobody listened.
    heard(News::Offers);
    loop {
        let next = session.client.notifications().timeout_iter(LISTEN_AT_MOST).next()?;
        if let Some(news) = next.and_then(|told| news_in(told.payload(), node)) {
            heard(news);
        }
        if is_wanted.recv_timeout(Duration::ZERO) == Err(RecvTimeoutError::Disconnected) {
            return Ok(());
        }
        if session.client.is_closed() {
            return Ok(());
        }
    }
}

/// What another node tells; nothing when it is an echo, or a word of a later version.
fn news_in(payload: &str, own: &NodeId) -> Option<News> {
    let (node, word) = payload.split_once(' ')?;
    News::ALL.into_iter().find(|news| node != own.0 && news.as_str() == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_hears_what_others_say_and_knows_and_nothing_else() {
        let own = NodeId("a".into());
        assert_eq!(news_in("b offers", &own), Some(News::Offers));
        assert_eq!(news_in("b work", &own), Some(News::Work));
        for deaf in ["a offers", "b later", "b", "", "b offers work"] {
            assert_eq!(news_in(deaf, &own), None, "{deaf:?}");
        }
    }
}
