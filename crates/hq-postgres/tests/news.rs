//! News from node to node, also after the server was restarted.

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use tillsync_hq::storage::NodeId;
use tillsync_hq::{Announcer, News};
use tillsync_hq_postgres::{NewsUrls, PostgresNews};
use tillsync_testkit::cluster::{Cluster, PgBouncer, ServerPlan, cluster};

/// Tries before a test gives up.
const TRIES: usize = 300;

fn node(url: &str, name: &str) -> (PostgresNews, Receiver<News>) {
    node_at(NewsUrls { database: url, listen: None }, name)
}

fn node_at(urls: NewsUrls<'_>, name: &str) -> (PostgresNews, Receiver<News>) {
    let (heard, news) = channel();
    // The test may be over.
    let tell = move |news| heard.send(news).unwrap_or_default();
    let opened = PostgresNews::open(urls, &NodeId(name.into()), tell).expect("it opens");
    (opened, news)
}

/// Announces until it is heard: news may get lost.
fn tell_until_heard(from: &PostgresNews, to: &Receiver<News>) {
    for _ in 0..TRIES {
        from.announce(News::Work);
        if to.recv_timeout(Duration::from_millis(100)) == Ok(News::Work) {
            return;
        }
    }
    panic!("nothing was heard");
}

#[test]
fn nodes_hear_one_another_and_not_themselves_even_after_a_restart_of_the_server() {
    let server = Cluster::start(&ServerPlan::default());
    let url = server.new_database();
    let (north, north_hears) = node(&url, "north");
    let (south, south_hears) = node(&url, "south");
    let first = Duration::from_secs(30);
    // Both listen once they have looked whether they missed something.
    assert_eq!(north_hears.recv_timeout(first), Ok(News::Offers));
    assert_eq!(south_hears.recv_timeout(first), Ok(News::Offers));
    north.announce(News::Work);
    assert_eq!(south_hears.recv_timeout(first), Ok(News::Work), "the first word is enough");
    assert_eq!(north_hears.try_recv().ok(), None, "its own word does not come back");
    server.restart();
    tell_until_heard(&north, &south_hears);
    tell_until_heard(&south, &north_hears);
}

#[test]
fn a_node_that_is_gone_listens_no_more() {
    let url = cluster().new_database();
    let (node, hears) = node(&url, "north");
    drop(node);
    loop {
        match hears.recv_timeout(Duration::from_secs(30)) {
            Ok(_) => {}
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => panic!("its listener goes on"),
        }
    }
}

/// A pooler swallows what is told, so nobody listens through it; what is told through it is heard
/// by whoever has a way around it.
#[test]
fn behind_a_pooler_a_node_is_heard_and_hears_by_a_way_around_it() {
    let database = cluster().new_database();
    let pooler = PgBouncer::start(cluster(), 2);
    let url = pooler.url_of(&database);
    let (deaf, deaf_hears) = node(&url, "deaf");
    let urls = NewsUrls { database: &url, listen: Some(&database) };
    let (around, around_hears) = node_at(urls, "around");
    let first = Duration::from_secs(30);
    assert_eq!(around_hears.recv_timeout(first), Ok(News::Offers));
    deaf.announce(News::Work);
    assert_eq!(around_hears.recv_timeout(first), Ok(News::Work));
    around.announce(News::Offers);
    assert_eq!(deaf_hears.recv_timeout(first), Err(RecvTimeoutError::Disconnected));
}
