//! Stores upgrade on different days: for a while an edge speaks a protocol that its upstream does
//! not, or records documents that this version cannot read.

use std::sync::Arc;

use rusqlite::{Connection, params};
use serde_json::value::RawValue;
use tillsync_domain::clock::Clock;
use tillsync_domain::ids::{DatabaseId, EntryId};
use tillsync_exchange::messages::Hello;
use tillsync_exchange::rows::document::DocumentRow;
use tillsync_exchange::version::{ProtocolRange, SPOKEN};
use uuid::Uuid;

use super::{Fault, later, outage};
use crate::chain::Chain;
use crate::dice::Dice;
use crate::machines::edge::EdgeSite;
use crate::net::Wire;

pub(super) struct NewerProtocol;

impl Fault for NewerProtocol {
    fn kind(&self) -> &'static str {
        "newer protocol"
    }

    fn share(&self) -> u32 {
        6
    }

    fn strike(&self, chain: &Arc<Chain>, dice: &mut Dice) -> bool {
        let edges = chain.all_edges();
        let Some(site) = dice.pick(&edges) else { return false };
        let id = site.id.clone();
        chain.tell(format!("{id} speaks a protocol that its upstream does not"));
        let wire: Arc<dyn Wire> = Arc::new(Newer(id.clone()));
        chain.net.add_wire(Arc::clone(&wire));
        later(chain, outage(dice), move |chain| {
            chain.tell(format!("{id} and its upstream understand each other again"));
            chain.net.remove_wire(&wire);
        });
        true
    }
}

struct Newer(DatabaseId);

impl Wire for Newer {
    fn hello(&self, from: &DatabaseId, hello: &mut Hello) {
        if *from == self.0 {
            let newer = SPOKEN.max + 1;
            hello.protocol = ProtocolRange { min: newer, max: newer };
        }
    }

    fn is_fault(&self) -> bool {
        true
    }
}

pub(super) struct UnknownDocument;

impl Fault for UnknownDocument {
    fn kind(&self) -> &'static str {
        "unknown document kind"
    }

    fn share(&self) -> u32 {
        4
    }

    fn strike(&self, chain: &Arc<Chain>, dice: &mut Dice) -> bool {
        let Some(site) = any_running(chain, dice) else { return false };
        let content = format!(r#"{{"until":"2026-0{}-01"}}"#, dice.between(1, 9));
        record(&site, dice, ("layaway", content));
        chain.tell(format!("{} records a document of an unknown kind", site.id));
        true
    }
}

pub(super) struct UnknownField;

impl Fault for UnknownField {
    fn kind(&self) -> &'static str {
        "unknown field"
    }

    fn share(&self) -> u32 {
        4
    }

    fn strike(&self, chain: &Arc<Chain>, dice: &mut Dice) -> bool {
        let Some(site) = any_running(chain, dice) else { return false };
        let Some(sale) = last_sale(&site) else { return false };
        let mut content: serde_json::Value = serde_json::from_str(&sale).expect("a sale");
        content["tip_jar"] = "1.00".into();
        record(&site, dice, ("sale", content.to_string()));
        chain.tell(format!("{} records a sale with an unknown field", site.id));
        true
    }
}

fn any_running(chain: &Chain, dice: &mut Dice) -> Option<Arc<EdgeSite>> {
    let running = chain.running_edges();
    dice.pick(&running).map(|(site, _)| Arc::clone(site))
}

fn last_sale(site: &EdgeSite) -> Option<String> {
    let sql = "SELECT content FROM document WHERE kind = 'sale' ORDER BY counter DESC LIMIT 1";
    let connection = Connection::open(site.file()).expect("a database");
    connection.query_row(sql, [], |row| row.get(0)).ok()
}

/// Appends a document to a log as a newer program would. Nobody is told of it here: such a program
/// would show it, this one cannot.
fn record(site: &EdgeSite, dice: &mut Dice, (kind, content): (&str, String)) {
    let connection = Connection::open(site.file()).expect("a database");
    let last = "SELECT max(ifnull((SELECT max(counter) FROM operation), 0),
                           ifnull((SELECT max(counter) FROM document), 0))";
    let last: u64 = connection.query_row(last, [], |row| row.get(0)).expect("a log");
    let id = (u128::from(dice.number()) << 64) | u128::from(dice.number());
    let row = DocumentRow {
        id: EntryId::from_uuid(Uuid::from_u128(id)),
        counter: last + 1,
        number: format!("L{:016X}", dice.number()).parse().expect("letters and digits"),
        kind: kind.to_owned(),
        created_at: site.clock.now(),
        origin: site.id.clone(),
        staff: None,
        relayed_at: None,
        content: RawValue::from_string(content).expect("JSON"),
    };
    let inserted = connection.execute(
        "INSERT INTO document (counter, id, number, kind, created_at, origin, content, hash)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            row.counter,
            row.id.as_uuid().as_bytes(),
            row.number.as_str(),
            row.kind,
            row.created_at.as_microsecond(),
            row.origin.as_str(),
            row.content.get(),
            row.content_hash().0,
        ],
    );
    inserted.expect("a new entry");
}
