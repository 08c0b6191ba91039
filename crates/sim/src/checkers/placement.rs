//! A customer is where it may be: in databases whose group shares its address book, and where it
//! was written down. At rest it is in all of those, as headquarters has it.
//!
//! Who may see whom is computed anew: a customer's book is that of the database which brought it.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Row;
use rusqlite::types::Value as Cell;
use serde_json::Value;
use uuid::Uuid;

use super::scene::{Entry, rows, text, uuid};
use super::{Checker, Scene};
use crate::machines::edge::EdgeSite;
use crate::observe::Observation;

/// The fields of a customer: the names in packages, and what they are at headquarters.
const CUSTOMER: &[(&str, &str)] = &[
    ("customer_type", "party.customer_type"),
    ("name", "party.name"),
    ("first_name", "party.first_name"),
    ("middle_name", "party.middle_name"),
    ("last_name", "party.last_name"),
    ("group", "customer.customer_group"),
    ("currency", "customer.currency"),
    ("language", "customer.language"),
    ("email", "customer.email"),
    ("receipt_email", "customer.receipt_email"),
    ("phone", "customer.phone"),
    ("cellphone", "customer.cellphone"),
    ("identification_number", "customer.identification_number"),
    ("vat_number", "customer.vat_number"),
];

/// The fields of an address, likewise.
const ADDRESS: &[(&str, &str)] = &[
    ("purpose", "address.purpose"),
    ("name", "address.name"),
    ("street", "address.street"),
    ("street_number", "address.street_number"),
    ("city", "address.city"),
    ("county", "address.county"),
    ("state", "address.state"),
    ("zip_code", "address.zip_code"),
    ("country", "address.country"),
    ("phone", "address.phone"),
    ("email", "address.email"),
    ("is_primary", "address.is_primary"),
];

#[derive(Default)]
pub(super) struct Placement {
    /// Every book that a group ever shared: what it was sent once, it may hold until it is told
    /// to leave it.
    shared: BTreeMap<String, BTreeSet<String>>,
}

/// What headquarters says of itself that matters here.
struct Map {
    /// The group of each database that is not revoked.
    groups: BTreeMap<String, String>,
    /// The books that each group shares now.
    shared: BTreeMap<String, BTreeSet<String>>,
    /// The book of each customer.
    books: BTreeMap<Uuid, String>,
}

type Known = BTreeMap<Uuid, (Uuid, BTreeMap<&'static str, String>)>;

impl Checker for Placement {
    fn name(&self) -> &'static str {
        "placement"
    }

    fn saw(&mut self, observation: &Observation) {
        if let Observation::BooksChanged { group, books } = observation {
            self.shared.entry(group.clone()).or_default().extend(books.iter().cloned());
        }
    }

    fn look(&mut self, scene: &Scene<'_>) -> Vec<String> {
        let map = Map::of(scene);
        for (group, books) in &map.shared {
            self.shared.entry(group.clone()).or_default().extend(books.iter().cloned());
        }
        let levers = rows(&scene.hq(), "SELECT count(*) FROM exclusion", [], |row| row.get(0));
        let was_kept_back = levers.first().is_some_and(|moved: &Result<i64, _>| *moved != Ok(0));
        let mut findings = Vec::new();
        for site in scene.sites() {
            let Some(group) = map.groups.get(site.id.as_str()) else { continue };
            let books = &self.shared[group];
            let own: BTreeSet<Uuid> =
                scene.log(&site.id).iter().filter_map(|entry| entry.customer).collect();
            let held = holds(scene, site);
            let created = scene.log(&site.id).iter().filter(|it| it.kind == "create_customer");
            // A register loses its own, too, when customers are kept from it.
            let may_lose = site.parent.is_some() && was_kept_back;
            for entry in created {
                let guid = entry.customer.expect("a creation is somebody's");
                if !may_lose && !held.contains(&guid) {
                    findings.push(format!("{} created {guid}, and has it no more", site.id));
                }
            }
            for guid in held {
                let book = map.books.get(&guid);
                if !own.contains(&guid) && !book.is_some_and(|book| books.contains(book)) {
                    findings.push(format!("{} holds {guid} of book {book:?}", site.id));
                }
            }
        }
        findings
    }

    fn look_at_rest(&mut self, scene: &Scene<'_>) -> Vec<String> {
        let mut findings = self.look(scene);
        let map = Map::of(scene);
        let customers = at_headquarters(scene, CUSTOMER, CUSTOMERS_AT_HQ);
        let addresses = at_headquarters(scene, ADDRESS, ADDRESSES_AT_HQ);
        for site in scene.sites() {
            let Some(group) = map.groups.get(site.id.as_str()) else { continue };
            let is_visible = |guid: &Uuid| {
                map.books.get(guid).is_some_and(|book| map.shared[group].contains(book))
            };
            for (what, known, fields, sql) in [
                ("customer", &customers, CUSTOMER, "SELECT guid, guid, content FROM customer"),
                ("address", &addresses, ADDRESS, ADDRESSES_AT_EDGE),
            ] {
                let expected: Known = known
                    .iter()
                    .filter(|(_, (owner, _))| is_visible(owner))
                    .map(|(guid, row)| (*guid, row.clone()))
                    .collect();
                findings.extend(differences(
                    (&site.id, what),
                    &expected,
                    &at_edge(scene, site, fields, sql),
                ));
            }
            let sql = "SELECT guid FROM customer WHERE account IS NULL OR version = 0";
            for guid in rows(&scene.edge(site), sql, [], |row| uuid(row, 0)) {
                findings.push(format!("{} still has {guid} as pending", site.id));
            }
        }
        findings
    }
}

impl Map {
    fn of(scene: &Scene<'_>) -> Self {
        let hq = scene.hq();
        let sql = "SELECT id, channel_group, address_book, revoked_at IS NULL FROM edge_database";
        let mut map =
            Map { groups: BTreeMap::new(), shared: BTreeMap::new(), books: BTreeMap::new() };
        let mut book_of = BTreeMap::new();
        let read = |row: &Row<'_>| {
            (text(row, 0), text(row, 1), text(row, 2), row.get::<_, bool>(3).expect("or not"))
        };
        for (id, group, book, is_in_use) in rows(&hq, sql, [], read) {
            map.shared.entry(group.clone()).or_default();
            book_of.insert(id.clone(), book);
            if is_in_use {
                map.groups.insert(id, group);
            }
        }
        let sql = "SELECT channel_group, book FROM group_address_book";
        for (group, book) in rows(&hq, sql, [], |row| (text(row, 0), text(row, 1))) {
            map.shared.entry(group).or_default().insert(book);
        }
        let created = scene.hq_log().values().filter(|entry| entry.kind == "create_customer");
        for Entry { customer, source, .. } in created {
            if let (Some(guid), Some(book)) = (customer, book_of.get(source)) {
                map.books.insert(*guid, book.clone());
            }
        }
        map
    }
}

const CUSTOMERS_AT_HQ: (&str, &str) =
    ("customer.guid, customer.guid", "customer JOIN party ON party.number = customer.party");
/// One whose customer is not here is shown to nobody; the log holds it anyway.
const ADDRESSES_AT_EDGE: &str = "SELECT guid, customer, content FROM address
    WHERE customer IN (SELECT guid FROM customer)";
const ADDRESSES_AT_HQ: (&str, &str) = ("address.guid, address.customer", "address");

fn at_headquarters(
    scene: &Scene<'_>,
    fields: &'static [(&'static str, &'static str)],
    (keys, tables): (&str, &str),
) -> Known {
    let columns: Vec<&str> = fields.iter().map(|(_, column)| *column).collect();
    let sql = format!("SELECT {keys}, {} FROM {tables}", columns.join(", "));
    let read = |row: &Row<'_>| {
        let word = |column| match row.get::<_, Cell>(column).expect("a cell") {
            Cell::Integer(number) => Some(number.to_string()),
            Cell::Text(text) => Some(text),
            _ => None,
        };
        let names = fields.iter().enumerate();
        let words =
            names.filter_map(|(at, (name, _))| Some((*name, word(2 + at)?))).filter(is_said);
        (uuid(row, 0), (uuid(row, 1), words.collect()))
    };
    rows(&scene.hq(), &sql, [], read).into_iter().collect()
}

fn at_edge(
    scene: &Scene<'_>,
    site: &EdgeSite,
    fields: &'static [(&'static str, &'static str)],
    sql: &str,
) -> Known {
    let read = |row: &Row<'_>| {
        let content: Value = serde_json::from_str(&text(row, 2)).unwrap_or_default();
        let word = |name: &str| match content.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Bool(is_so) => Some(u8::from(*is_so).to_string()),
            other => Some(other.to_string()),
        };
        let words = fields.iter().filter_map(|(name, _)| Some((*name, word(name)?)));
        (uuid(row, 0), (uuid(row, 1), words.filter(is_said).collect()))
    };
    rows(&scene.edge(site), sql, [], read).into_iter().collect()
}

/// A package leaves out what is not so.
fn is_said((name, word): &(&'static str, String)) -> bool {
    !(*name == "is_primary" && word == "0")
}

fn holds(scene: &Scene<'_>, site: &EdgeSite) -> BTreeSet<Uuid> {
    let sql = "SELECT guid FROM customer UNION SELECT customer FROM address";
    rows(&scene.edge(site), sql, [], |row| uuid(row, 0)).into_iter().collect()
}

fn differences(
    (id, what): (&tillsync_domain::ids::DatabaseId, &str),
    expected: &Known,
    found: &Known,
) -> Vec<String> {
    let keys: BTreeSet<&Uuid> = expected.keys().chain(found.keys()).collect();
    let differs = |guid: &&&Uuid| expected.get(guid) != found.get(guid);
    keys.iter()
        .filter(differs)
        .map(|guid| {
            let (there, here) = (expected.get(guid), found.get(guid));
            format!("{id} has {what} {guid} as {here:?}, headquarters has {there:?}")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::small::Small;
    use super::*;

    fn rested() -> (Small, String) {
        let mut small = Small::new();
        let guid = small.customer("S1");
        small.address("S1", guid);
        small.settle();
        small.assert_rests::<Placement>();
        (small, guid.to_string())
    }

    #[test]
    fn a_customer_where_it_may_not_be_is_found() {
        let (small, guid) = rested();
        small.harm_edge(
            "A1",
            &format!(
                "INSERT INTO customer (guid, account, created_at, version, generation, content)
                    VALUES (unhex('{}'), 'C-00000002', 0, 1, 0, '{{}}')",
                guid.replace('-', "")
            ),
        );
        small.assert_finds::<Placement>(&format!("A1 holds {guid} of book Some(\"retail\")"));
    }

    #[test]
    fn a_customer_or_an_address_that_did_not_come_is_found_at_rest() {
        let (small, guid) = rested();
        small.harm_edge("S1.1", "DELETE FROM customer");
        small.assert_unrest::<Placement>(&format!("S1.1 has customer {guid} as None"));
        let (small, _) = rested();
        small.harm_edge("S1.1", "DELETE FROM address");
        small.assert_unrest::<Placement>("S1.1 has address");
    }

    #[test]
    fn a_customer_that_is_not_as_headquarters_has_it_is_found_at_rest() {
        let (small, _) = rested();
        small.harm_hq("UPDATE party SET last_name = 'Else'");
        small.assert_unrest::<Placement>("\"last_name\": \"Else\"");
        small.harm_edge("S1", "UPDATE customer SET account = NULL");
        small.assert_unrest::<Placement>("as pending");
    }
}
