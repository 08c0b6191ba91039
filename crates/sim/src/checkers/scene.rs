//! What checkers look at: every database, opened read-only, and what several of them ask for,
//! read once a look.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, Params, Row};
use tillsync_domain::ids::{DatabaseId, EntryId};
use tillsync_exchange::rows::log::mark;
use tillsync_exchange::rows::operation::OperationRow;
use uuid::Uuid;

use crate::chain::Chain;
use crate::machines::edge::EdgeSite;

/// Databases that are open to be looked at.
#[derive(Default)]
pub struct Eyes(RefCell<BTreeMap<PathBuf, Rc<Connection>>>);

impl Eyes {
    fn at(&self, file: &Path) -> Rc<Connection> {
        let mut open = self.0.borrow_mut();
        let connection = open.entry(file.to_owned()).or_insert_with(|| {
            let opened = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY);
            let connection = opened.expect("a database");
            connection.set_prepared_statement_cache_capacity(64);
            Rc::new(connection)
        });
        Rc::clone(connection)
    }
}

/// One look at everything.
pub struct Scene<'a> {
    /// The chain.
    pub chain: &'a Chain,
    eyes: &'a Eyes,
    sites: Vec<Arc<EdgeSite>>,
    aliases: OnceCell<BTreeMap<Uuid, String>>,
    hq_log: OnceCell<BTreeMap<Uuid, Entry>>,
    set_aside: OnceCell<Vec<Entry>>,
    logs: OnceCell<BTreeMap<String, Vec<Entry>>>,
}

/// An entry of a log: an operation or a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its identity for ever.
    pub(super) id: Uuid,
    /// Its counter in this log; at headquarters that of the log it came from.
    pub(super) counter: i64,
    /// The number of a document.
    pub(super) number: Option<String>,
    /// What it is.
    pub(super) kind: String,
    /// The customer of an operation.
    pub(super) customer: Option<Uuid>,
    /// Where it was first recorded.
    pub(super) origin: String,
    /// What it says.
    pub(super) content: String,
    /// When a channel took it over from a register.
    pub(super) relayed_at: Option<Timestamp>,
    /// Which channel brought it, and in which of its epochs; empty at an edge.
    pub(super) source: String,
    /// See `source`.
    pub(super) epoch: Option<Uuid>,
}

impl Entry {
    /// What a watermark says of it.
    pub(super) fn mark(&self) -> Uuid {
        *mark(EntryId::from_uuid(self.id), self.relayed_at).as_uuid()
    }
}

impl<'a> Scene<'a> {
    /// A look through open eyes.
    pub fn of(chain: &'a Chain, eyes: &'a Eyes) -> Self {
        Scene {
            chain,
            eyes,
            sites: chain.all_edges(),
            aliases: OnceCell::new(),
            hq_log: OnceCell::new(),
            set_aside: OnceCell::new(),
            logs: OnceCell::new(),
        }
    }

    /// Headquarters' database.
    pub(super) fn hq(&self) -> Rc<Connection> {
        self.eyes.at(&self.chain.hq.file())
    }

    /// The database of an edge, whether its process runs or not: a disk holds what it holds.
    pub(super) fn edge(&self, site: &EdgeSite) -> Rc<Connection> {
        self.eyes.at(&site.file())
    }

    /// Every store and register, by name.
    pub(super) fn sites(&self) -> &[Arc<EdgeSite>] {
        &self.sites
    }

    /// Every account that headquarters gave, by GUID.
    pub(super) fn aliases(&self) -> &BTreeMap<Uuid, String> {
        self.aliases.get_or_init(|| {
            let sql = "SELECT guid, account FROM alias";
            rows(&self.hq(), sql, [], |row| (uuid(row, 0), text(row, 1))).into_iter().collect()
        })
    }

    /// Everything that headquarters received, by identity.
    pub(super) fn hq_log(&self) -> &BTreeMap<Uuid, Entry> {
        self.hq_log.get_or_init(|| {
            let sql = "SELECT id, counter, NULL, kind, customer, origin, content, relayed_at,
                        source, epoch
                    FROM operation
                UNION ALL
                SELECT id, counter, number, kind, NULL, origin, content, relayed_at,
                        source, epoch
                    FROM document";
            let entry = |row: &Row<'_>| {
                let found = entry(row);
                Entry { source: text(row, 8), epoch: Some(uuid(row, 9)), ..found }
            };
            rows(&self.hq(), sql, [], entry).into_iter().map(|found| (found.id, found)).collect()
        })
    }

    /// What headquarters set aside.
    pub(super) fn set_aside(&self) -> &[Entry] {
        self.set_aside.get_or_init(|| {
            let sql = "SELECT id, counter, NULL, kind, customer, origin, content, relayed_at
                    FROM quarantine
                UNION ALL
                SELECT id, counter, number, kind, NULL, origin, content, relayed_at
                    FROM document_quarantine";
            rows(&self.hq(), sql, [], entry)
        })
    }

    /// The log of an edge, by counter; nothing where there is no such edge.
    pub(super) fn log(&self, id: &DatabaseId) -> &[Entry] {
        let logs = self.logs.get_or_init(|| {
            let sql = "SELECT id, counter, NULL, kind, customer, origin, content, relayed_at
                    FROM operation
                UNION ALL
                SELECT id, counter, number, kind, NULL, origin, content, relayed_at FROM document
                ORDER BY 2";
            let log = |site: &Arc<EdgeSite>| rows(&self.edge(site), sql, [], entry);
            self.sites.iter().map(|site| (site.id.to_string(), log(site))).collect()
        });
        logs.get(id.as_str()).map_or(&[], Vec::as_slice)
    }

    /// The operations that a database asked headquarters for, or is about to, and has no word of.
    pub(super) fn intended(&self, site: &EdgeSite) -> Vec<Uuid> {
        let sql = "SELECT operations FROM intention";
        let kept = rows(&self.edge(site), sql, [], |row| text(row, 0));
        let operations = |kept: String| -> Vec<OperationRow> {
            serde_json::from_str(&kept).expect("operations as they were asked for")
        };
        kept.into_iter().flat_map(operations).map(|row| *row.id.as_uuid()).collect()
    }

    /// What can still come to headquarters from a database: its own log and, for a register, its
    /// store's.
    pub(super) fn logs_on_the_way(&self, id: &DatabaseId) -> impl Iterator<Item = &Entry> {
        // Of a register that was taken away, too, since its store may hold what it sent.
        let site = self.chain.edge(id.as_str());
        let parent = site.and_then(|site| site.parent.clone());
        self.log(id).iter().chain(parent.map_or(&[][..], |parent| self.log(&parent)))
    }
}

fn entry(row: &Row<'_>) -> Entry {
    Entry {
        id: uuid(row, 0),
        counter: row.get(1).expect("a counter"),
        number: row.get(2).expect("a number or none"),
        kind: text(row, 3),
        customer: row.get::<_, Option<Vec<u8>>>(4).expect("a GUID or none").map(|b| uuid_of(&b)),
        origin: text(row, 5),
        content: text(row, 6),
        relayed_at: row
            .get::<_, Option<i64>>(7)
            .expect("a time or none")
            .map(|micros| Timestamp::from_microsecond(micros).expect("a time that an edge wrote")),
        source: String::new(),
        epoch: None,
    }
}

/// The rows of a query.
pub(super) fn rows<T>(
    connection: &Connection,
    sql: &str,
    values: impl Params,
    mut read: impl FnMut(&Row<'_>) -> T,
) -> Vec<T> {
    let mut statement = connection.prepare_cached(sql).expect("a good query");
    let found = statement.query_map(values, |row| Ok(read(row))).expect("readable");
    found.collect::<Result<_, _>>().expect("readable")
}

/// A column of text.
pub(super) fn text(row: &Row<'_>, column: usize) -> String {
    row.get(column).expect("a text")
}

/// A column of an identity.
pub(super) fn uuid(row: &Row<'_>, column: usize) -> Uuid {
    uuid_of(&row.get::<_, Vec<u8>>(column).expect("an identity"))
}

fn uuid_of(bytes: &[u8]) -> Uuid {
    Uuid::from_slice(bytes).expect("sixteen bytes")
}
