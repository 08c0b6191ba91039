//! A digest of everything that every database holds, to compare two runs of one seed.

use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use sha2::{Digest, Sha256};

use crate::chain::Chain;

/// The digest of all databases.
pub(crate) fn digest_of(chain: &Chain) -> String {
    let mut hash = Sha256::new();
    add_file(&mut hash, &chain.hq.file());
    for site in chain.all_edges() {
        add_file(&mut hash, &site.file());
    }
    hex::encode(hash.finalize())
}

fn add_file(hash: &mut Sha256, file: &Path) {
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY);
    let connection = connection.expect("a database");
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";
    let mut statement = connection.prepare(tables).expect("every database has a schema");
    let names = statement.query_map([], |row| row.get::<_, String>(0)).expect("readable");
    let names: Vec<String> = names.collect::<Result<_, _>>().expect("readable");
    for name in names.iter().filter(|name| *name != "refinery_schema_history") {
        hash.update(name.as_bytes());
        add_table(hash, &connection, name);
    }
}

fn add_table(hash: &mut Sha256, connection: &Connection, name: &str) {
    let sql = format!("SELECT * FROM \"{name}\"");
    let mut statement = connection.prepare(&sql).expect("a table");
    let columns = statement.column_count();
    let mut rows = statement.query([]).expect("readable");
    while let Some(row) = rows.next().expect("readable") {
        for column in 0..columns {
            match row.get_ref(column).expect("a column") {
                ValueRef::Null => hash.update([0]),
                ValueRef::Integer(value) => hash.update(value.to_le_bytes()),
                ValueRef::Real(value) => hash.update(value.to_le_bytes()),
                ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
                    hash.update((bytes.len() as u64).to_le_bytes());
                    hash.update(bytes);
                }
            }
        }
    }
}
