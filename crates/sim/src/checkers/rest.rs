//! At rest nothing is unsent, pending, open or due, and one more round changes nothing.
//!
//! What waits for something that no longer exists anywhere waits for ever, and rightly: a sale for
//! a customer that a disk took with it. Whether it was rightly lost, others check.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;
use rusqlite::types::ValueRef;
use sha2::{Digest, Sha256};

use super::scene::{rows, text};
use super::{Checker, Scene};
use crate::observe::Observation;
use crate::operations::NOBODY;

/// What must not be found at headquarters: a sentence, and a query for whom it is true.
const DUE_AT_HQ: &[(&str, &str)] = &[
    (
        "is an operation that is not done",
        "SELECT hex(id) || coalesce(': ' || error, '') FROM operation
            WHERE status <> 1 AND EXISTS (SELECT 1 FROM operation AS made
                WHERE made.customer = operation.customer AND made.kind = 'create_customer')",
    ),
    (
        "is a transaction that is not judged",
        "SELECT number || coalesce(': ' || findings, '') FROM transaction_state AS state
            WHERE validation IN ('New', 'Waiting') AND NOT (
                (customer_guid IS NOT NULL AND NOT EXISTS (
                    SELECT 1 FROM operation WHERE operation.customer = state.customer_guid
                        AND kind = 'create_customer'))
                OR (ship_to IS NOT NULL AND NOT EXISTS (
                    SELECT 1 FROM address WHERE address.guid = state.ship_to)))",
    ),
    (
        "is an order without a sales order",
        "SELECT state.number || ' ' || status || coalesce(': ' || error, '')
            FROM order_state JOIN transaction_state AS state USING (position)
            WHERE status <> 'Succeeded'
                AND (customer_account IS NULL OR EXISTS (
                    SELECT 1 FROM alias WHERE alias.account = state.customer_account))
                AND (customer_guid IS NULL OR EXISTS (
                    SELECT 1 FROM operation WHERE operation.customer = state.customer_guid
                        AND kind = 'create_customer'))
                AND (ship_to IS NULL OR EXISTS (
                    SELECT 1 FROM address WHERE address.guid = state.ship_to))",
    ),
    (
        "is a statement that is not posted",
        "SELECT number || ' ' || state || coalesce(': ' || error, '') FROM statement
            WHERE state <> 'Posted'",
    ),
    (
        "is a transaction that no statement took",
        "SELECT number FROM transaction_state WHERE validation = 'Successful'
            AND statement IS NULL",
    ),
    (
        "is a download that is not over",
        "SELECT hex(id) || ' for ' || edge_database || coalesce(': ' || error, '')
            FROM download_session WHERE status NOT IN (4, 5, 6, 9) AND edge_database NOT IN (
                SELECT id FROM edge_database WHERE revoked_at IS NOT NULL)",
    ),
    (
        "has not got everything",
        // Registers have packages of their own where something is kept from them, and of a job
        // that has nothing to send there is nothing to get.
        "SELECT edge_database.id || ' for ' || row_version.job
            FROM edge_database JOIN row_version USING (channel_group)
            LEFT JOIN database_position AS position
                ON position.edge_database = edge_database.id AND position.job = row_version.job
            WHERE enrolled_at IS NOT NULL AND revoked_at IS NULL
                AND row_version.audience = coalesce(position.audience, '')
                AND (row_version.job <> '1060' OR EXISTS (SELECT 1 FROM staff))
                AND (row_version.job <> '1110' OR EXISTS (SELECT 1 FROM feature))
                AND coalesce(position.sequence, -1) < row_version.sequence",
    ),
];

/// The same at an edge.
const DUE_AT_EDGE: &[(&str, &str)] = &[
    (
        "is unsent",
        "SELECT 'entry ' || counter FROM (
            SELECT counter FROM operation UNION ALL SELECT counter FROM document)
            WHERE counter > (SELECT sent_counter FROM edge)",
    ),
    ("is pending", "SELECT hex(guid) FROM customer WHERE account IS NULL"),
    (
        "is an upload that is not over",
        "SELECT hex(id) || coalesce(': ' || error, '') FROM upload_session
            WHERE status NOT IN (3, 4)",
    ),
];

/// What changes in every round, and says nothing of what is kept: heartbeats, runs, leases, and
/// packages that held nothing.
const RESTLESS_AT_HQ: &[(&str, &str)] = &[
    ("job_run", "SELECT 0"),
    ("job_lease", "SELECT 0"),
    ("job_schedule", "SELECT 0"),
    ("node", "SELECT 0"),
    ("sim_note", "SELECT 0"),
    ("sqlite_sequence", "SELECT 0"),
    ("headquarters", "SELECT version, operations, transactions, orders, posted FROM headquarters"),
    (
        "edge_database",
        "SELECT id, kind, channel_group, parent, address_book, credential, revoked_at,
            default_customer FROM edge_database",
    ),
    ("package", "SELECT * FROM package WHERE status <> 9"),
    // What fails or waits for good reason is tried again and again, and says so.
    ("operation", "SELECT id, hash, status, completed_at FROM operation"),
    (
        "order_state",
        "SELECT position, status, editor, is_repaired, sales_order, hold
        FROM order_state",
    ),
    (
        "transaction_state",
        "SELECT number, customer_guid, customer_account, ship_to, total, repaired, validation,
            account, statement, posted_at, voucher FROM transaction_state",
    ),
];

/// The same at an edge.
const RESTLESS_AT_EDGE: &[(&str, &str)] = &[
    ("sim_note", "SELECT 0"),
    (
        "edge",
        "SELECT database_id, group_id, epoch, mode, sent_counter, sent_entry, generation
            FROM edge",
    ),
];

/// What must not be in error: what an edge took although it knew everything, as far as nobody
/// changed it at headquarters.
const IN_ERROR: &str = "SELECT number, coalesce(findings, '') FROM transaction_state
    WHERE validation = 'Error'";

#[derive(Default)]
pub(super) struct Rest {
    /// What an edge took.
    acknowledged: BTreeSet<String>,
    /// Databases that exist, or existed, twice: each copy prints receipts in good faith.
    copied: BTreeSet<String>,
    /// What every table of every database came to when all was at rest last.
    before: BTreeMap<(String, String), [u8; 32]>,
}

impl Rest {
    /// Whether people meant what headquarters refuses: an account that nobody has, kept when goods
    /// are brought back, or a receipt number that two copies of one database have printed.
    fn is_for_good_reason(&self, why: &str) -> bool {
        let receipt = why.split("has receipt number ").nth(1);
        let receipt = receipt.and_then(|rest| rest.split_whitespace().next());
        let printed_by = receipt.and_then(|number| number.rsplit_once('-')).map(|(at, _)| at);
        why.contains(NOBODY) || printed_by.is_some_and(|database| self.copied.contains(database))
    }
}

impl Checker for Rest {
    fn name(&self) -> &'static str {
        "rest"
    }

    fn saw(&mut self, observation: &Observation) {
        match observation {
            Observation::Traded { view, .. } => {
                self.acknowledged.insert(view.number.to_string());
            }
            Observation::NamedNobody { number } | Observation::Repaired { number } => {
                self.acknowledged.remove(number.as_str());
            }
            Observation::Restored { at, .. } | Observation::Cloned { at } => {
                self.copied.insert(at.to_string());
            }
            _ => {}
        }
    }

    fn look(&mut self, _scene: &Scene<'_>) -> Vec<String> {
        vec![]
    }

    fn look_at_rest(&mut self, scene: &Scene<'_>) -> Vec<String> {
        let mut findings = due("headquarters", &scene.hq(), DUE_AT_HQ);
        let in_error = rows(&scene.hq(), IN_ERROR, [], |row| (text(row, 0), text(row, 1)));
        let is_unexpected = |(number, why): &&(String, String)| {
            self.acknowledged.contains(number) && !self.is_for_good_reason(why)
        };
        for (number, why) in in_error.iter().filter(is_unexpected) {
            findings.push(format!("headquarters: {number} is in error: {why}"));
        }
        let sql = "SELECT id FROM edge_database WHERE revoked_at IS NOT NULL";
        let revoked: BTreeSet<String> =
            rows(&scene.hq(), sql, [], |row| text(row, 0)).into_iter().collect();
        let mut now = BTreeMap::new();
        add_digests(&mut now, ("headquarters", RESTLESS_AT_HQ), &scene.hq());
        for site in scene.sites().iter().filter(|site| !revoked.contains(site.id.as_str())) {
            let connection = scene.edge(site);
            findings.extend(due(site.id.as_str(), &connection, DUE_AT_EDGE));
            add_digests(&mut now, (site.id.as_str(), RESTLESS_AT_EDGE), &connection);
        }
        let before = std::mem::replace(&mut self.before, now);
        for ((place, table), digest) in &self.before {
            let key = (place.clone(), table.clone());
            if before.get(&key).is_some_and(|before| before != digest) {
                findings.push(format!("{place} still changes its {table}"));
            }
        }
        findings
    }
}

fn due(place: &str, connection: &Connection, due: &[(&str, &str)]) -> Vec<String> {
    let mut findings = Vec::new();
    for (sentence, sql) in due {
        let found = rows(connection, sql, [], |row| text(row, 0));
        findings.extend(found.iter().map(|what| format!("{place}: {what} {sentence}")));
    }
    findings
}

fn add_digests(
    digests: &mut BTreeMap<(String, String), [u8; 32]>,
    (place, restless): (&str, &[(&str, &str)]),
    connection: &Connection,
) {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";
    for table in rows(connection, sql, [], |row| text(row, 0)) {
        let all = format!("SELECT * FROM \"{table}\"");
        let own = restless.iter().find(|(name, _)| *name == table).map(|(_, sql)| *sql);
        digests.insert((place.to_owned(), table), digest(connection, own.unwrap_or(all.as_str())));
    }
}

fn digest(connection: &Connection, sql: &str) -> [u8; 32] {
    let mut statement = connection.prepare(sql).expect("a table");
    let columns = statement.column_count();
    let mut found = statement.query([]).expect("readable");
    let mut hash = Sha256::new();
    while let Some(row) = found.next().expect("readable") {
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
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::super::small::Small;
    use super::*;

    fn rested() -> Small {
        let mut small = Small::new();
        small.customer("S1");
        small.sale("S1");
        small.settle();
        small.assert_rests::<Rest>();
        small
    }

    #[test]
    fn what_is_not_done_is_found() {
        for (sql, sentence) in [
            ("UPDATE operation SET status = 2, completed_at = NULL", "operation that is not done"),
            (
                "UPDATE transaction_state SET statement = NULL, posted_at = NULL, voucher = NULL",
                "that no statement took",
            ),
            (
                "UPDATE transaction_state SET validation = 'Waiting', statement = NULL,
                posted_at = NULL",
                "that is not judged",
            ),
            (
                "UPDATE transaction_state SET validation = 'Error', statement = NULL,
                posted_at = NULL",
                "is in error",
            ),
            ("UPDATE statement SET state = 'Marked'", "that is not posted"),
            ("UPDATE download_session SET status = 2", "that is not over"),
            (
                "UPDATE database_position SET sequence = sequence - 1",
                "S1 for 1010 has not got everything",
            ),
            ("DELETE FROM database_position", "S1.1 for 1010 has not got everything"),
        ] {
            let small = rested();
            small.harm_hq(sql);
            small.assert_unrest::<Rest>(sentence);
        }
    }

    #[test]
    fn what_an_edge_has_not_sent_or_heard_of_is_found() {
        for (sql, sentence) in [
            ("UPDATE edge SET sent_counter = 0", "S1: entry 1 is unsent"),
            ("UPDATE customer SET account = NULL", "is pending"),
            ("UPDATE upload_session SET status = 5 WHERE row = 1", "upload that is not over"),
        ] {
            let small = rested();
            small.harm_edge("S1", sql);
            small.assert_unrest::<Rest>(sentence);
        }
    }

    #[test]
    fn a_table_that_changes_although_all_is_done_is_found() {
        let small = rested();
        let mut checker = Rest::default();
        assert_eq!(small.look_at_rest(&mut checker), [""; 0]);
        small.harm_hq("UPDATE job_run SET error = 'x'");
        assert_eq!(small.look_at_rest(&mut checker), [""; 0]);
        small.harm_hq("UPDATE item SET name = 'other' WHERE number = 'tea'");
        let findings = small.look_at_rest(&mut checker);
        assert_eq!(findings, ["headquarters still changes its item"]);
    }
}
