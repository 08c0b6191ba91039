//! What is gone with a disk: what it alone held.
//!
//! It looks at log entries, not at where something was acknowledged: an entry is gone when neither
//! the copy that comes in its place, nor headquarters, nor the disk of any other machine has it.
//! Packages on their way are not looked for: what is called gone may still arrive, once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rusqlite::{Connection, OpenFlags, Row};
use tillsync_domain::document::Body;
use tillsync_domain::ids::{AddressGuid, CustomerGuid, DatabaseId, TransactionNumber};
use tillsync_domain::operation::ActKind;
use tillsync_domain::shift::{ShiftAct, ShiftStatus};
use tillsync_exchange::rows::document::read_body;
use uuid::Uuid;

use crate::chain::Chain;
use crate::observe::Lost;

/// The id of a log entry.
type Id = [u8; 16];

/// A log entry, as far as it says what was acknowledged.
enum Entry {
    Operation { customer: CustomerGuid, kind: String, content: String },
    Document { number: TransactionNumber, kind: String, content: String },
}

/// What a database holds that nobody else has: neither a copy of it, nor headquarters, nor any
/// other machine. `replaced` is the machine whose own disk does not count.
pub(crate) fn lost_with(
    chain: &Chain,
    file: &Path,
    copy: &Path,
    replaced: Option<&DatabaseId>,
) -> Lost {
    let mut kept = BTreeSet::new();
    add_ids(&mut kept, copy, &["operation", "document"]);
    let hq = chain.hq.file();
    add_ids(&mut kept, &hq, &["operation", "document", "quarantine", "document_quarantine"]);
    for site in chain.all_edges() {
        if Some(&site.id) != replaced {
            add_ids(&mut kept, &site.file(), &["operation", "document"]);
        }
    }
    let mut lost = Lost::default();
    for (id, entry) in entries(file) {
        if !kept.contains(&id) {
            note(&mut lost, entry);
        }
    }
    lost
}

fn note(lost: &mut Lost, entry: Entry) {
    match entry {
        Entry::Operation { customer, kind, .. } if kind == ActKind::CreateCustomer.as_str() => {
            lost.customers.push(customer);
        }
        Entry::Operation { kind, content, .. } if kind == ActKind::AddAddress.as_str() => {
            lost.addresses.push(address_of(&content));
        }
        Entry::Operation { .. } => {}
        Entry::Document { number, kind, content } => match read_body(&kind, &content) {
            Ok(Body::Sale(_) | Body::Order(_)) => lost.trades.push(number),
            Ok(Body::Shift(event)) => {
                let status = match event.act {
                    ShiftAct::Opened { .. } => ShiftStatus::Open,
                    ShiftAct::BlindClosed => ShiftStatus::BlindClosed,
                    ShiftAct::Closed { .. } => ShiftStatus::Closed,
                };
                lost.steps.push((event.shift, status));
            }
            // A newer program's: nobody here was told of it.
            Err(_) => {}
        },
    }
}

fn address_of(content: &str) -> AddressGuid {
    let content: serde_json::Value = serde_json::from_str(content).expect("an address");
    let guid = content["guid"].as_str().expect("an address has a GUID");
    guid.parse().expect("a GUID")
}

fn entries(file: &Path) -> BTreeMap<Id, Entry> {
    let connection = open(file);
    let mut found = BTreeMap::new();
    let sql = "SELECT id, customer, kind, content FROM operation";
    each(&connection, sql, |row| {
        let customer: Id = row.get(1).expect("a GUID");
        let customer = CustomerGuid::from_uuid(Uuid::from_bytes(customer));
        let (kind, content) = (row.get(2).expect("a kind"), row.get(3).expect("a text"));
        found.insert(id(row), Entry::Operation { customer, kind, content });
    });
    // One whose number is another's was shown to nobody under it.
    let sql = "SELECT id, number, kind, content FROM document WHERE is_set_aside = 0";
    each(&connection, sql, |row| {
        let number: String = row.get(1).expect("a number");
        let number = number.parse().expect("a number");
        let (kind, content) = (row.get(2).expect("a kind"), row.get(3).expect("a text"));
        found.insert(id(row), Entry::Document { number, kind, content });
    });
    found
}

fn add_ids(ids: &mut BTreeSet<Id>, file: &Path, tables: &[&str]) {
    let connection = open(file);
    for table in tables {
        each(&connection, &format!("SELECT id FROM {table}"), |row| {
            ids.insert(id(row));
        });
    }
}

fn each(connection: &Connection, sql: &str, mut take: impl FnMut(&Row<'_>)) {
    let mut statement = connection.prepare(sql).expect("a table of every such database");
    let mut rows = statement.query([]).expect("readable");
    while let Some(row) = rows.next().expect("readable") {
        take(row);
    }
}

fn id(row: &Row<'_>) -> Id {
    row.get(0).expect("an id")
}

fn open(file: &Path) -> Connection {
    Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("a database")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tillsync_channel::create::{CreateCustomer, create_customer};
    use tillsync_domain::clock::Clock;
    use tillsync_domain::customer::{AddressDraft, CustomerDraft};

    use super::*;
    use crate::machines::edge::EdgeSite;
    use crate::plan::{Store, Topology};

    fn chain() -> Arc<Chain> {
        let group = ("retail".to_owned(), vec!["retail".to_owned()]);
        let store = Store { id: "S1".into(), group: "retail".into(), registers: 1 };
        Chain::build(1, &Topology { nodes: 1, groups: vec![group], stores: vec![store] })
    }

    fn create(site: &EdgeSite) -> CustomerGuid {
        let request = CreateCustomer {
            customer: CustomerDraft { last_name: Some("Laine".into()), ..Default::default() },
            addresses: vec![AddressDraft { street: Some("Road 1".into()), ..Default::default() }],
            staff: None,
            request: None,
        };
        let edge = site.running().expect("it runs");
        create_customer(&edge, request, site.clock.now()).expect("a good customer").guid
    }

    #[test]
    fn what_came_behind_the_copy_and_reached_nobody_is_lost() {
        let chain = chain();
        let store = chain.edge("S1").expect("the store");
        create(&store);
        let copy = store.back_up();
        let late = create(&store);
        let lost = lost_with(&chain, &store.file(), &copy, Some(&store.id));
        assert_eq!(lost.customers, [late]);
        assert_eq!(lost.addresses.len(), 1);
    }

    #[test]
    fn what_headquarters_or_the_store_has_is_not_lost() {
        let chain = chain();
        let (store, register) = (chain.edge("S1").expect("one"), chain.edge("S1.1").expect("one"));
        let (copy, copy_of_register) = (store.back_up(), register.back_up());
        create(&store);
        create(&register);
        chain.upload(&store);
        chain.upload(&register);
        let lost = lost_with(&chain, &register.file(), &copy_of_register, Some(&register.id));
        assert!(lost.customers.is_empty(), "the store has it");
        let lost = lost_with(&chain, &store.file(), &copy, Some(&store.id));
        assert!(lost.customers.is_empty(), "headquarters has the one, the register the other");
    }

    #[test]
    fn what_a_store_took_over_is_lost_with_it_when_the_register_has_it_no_more() {
        let chain = chain();
        let (store, register) = (chain.edge("S1").expect("one"), chain.edge("S1.1").expect("one"));
        let (copy, copy_of_register) = (store.back_up(), register.back_up());
        let guid = create(&register);
        chain.upload(&register);
        register.restore(&copy_of_register);
        let lost = lost_with(&chain, &store.file(), &copy, Some(&store.id));
        assert_eq!(lost.customers, [guid]);
    }

    #[test]
    fn a_second_machine_loses_what_the_first_has_not() {
        let chain = chain();
        let store = chain.edge("S1").expect("the store");
        let copy = store.back_up();
        let second = store.clone_machine(&copy);
        second.start();
        let guid = create(&second);
        create(&store);
        let lost = lost_with(&chain, &second.file(), &copy, None);
        assert_eq!(lost.customers, [guid]);
    }
}
