//! Looking for contradictions that no constraint of the schema can forbid. Reads everything: for
//! doctors, not for every day.

use serde::Deserialize;
use tillsync_hq::storage::StorageError;
use uuid::Uuid;

use crate::columns::{Columns, bounded};
use crate::tx::PgTx;

const DOING: &str = "look for contradictions";

const FINDINGS_MAX: usize = 100;

/// What a row that a check finds is about: the GUID of a customer, address or operation.
struct Check {
    sql: &'static str,
    /// What is wrong, with `{}` for the GUID.
    finding: &'static str,
}

const CHECKS: [Check; 6] = [
    Check {
        sql: "SELECT guid FROM alias WHERE NOT EXISTS (
                SELECT 1 FROM customer
                WHERE customer.guid = alias.guid AND customer.account = alias.account)
            ORDER BY guid LIMIT $1",
        finding: "the alias of customer {} names an account that the customer does not have",
    },
    Check {
        sql: "SELECT guid FROM customer
            WHERE NOT EXISTS (SELECT 1 FROM alias WHERE alias.guid = customer.guid)
            ORDER BY guid LIMIT $1",
        finding: "customer {} has an account but no alias",
    },
    Check {
        sql: "SELECT guid FROM customer
            WHERE NOT EXISTS (SELECT 1 FROM party WHERE party.number = customer.party)
            ORDER BY guid LIMIT $1",
        finding: "customer {} has no party",
    },
    Check {
        sql: "SELECT guid FROM address
            WHERE NOT EXISTS (SELECT 1 FROM customer WHERE customer.guid = address.customer)
            ORDER BY guid LIMIT $1",
        finding: "address {} belongs to no customer",
    },
    Check {
        sql: "SELECT customer FROM address GROUP BY customer
            HAVING count(*) FILTER (WHERE is_primary) <> 1
            ORDER BY customer LIMIT $1",
        finding: "customer {} has addresses but not exactly one primary address",
    },
    Check {
        sql: "SELECT id FROM operation
            WHERE status = 1 AND NOT EXISTS (SELECT 1 FROM alias WHERE guid = customer)
            ORDER BY id LIMIT $1",
        finding: "operation {} is completed but its customer has no account",
    },
];

const UNKNOWN_ADDRESS: &str = "operation {} is completed but its address does not exist";

/// Every contradiction found, up to a limit.
pub(crate) fn contradictions(tx: &mut PgTx<'_>) -> Result<Vec<String>, StorageError> {
    let mut findings = Vec::new();
    for check in CHECKS {
        let wanted = bounded(FINDINGS_MAX - findings.len());
        let guids = tx.read_all(check.sql, &[&wanted], DOING, |row| row.id(|guid: Uuid| guid))?;
        let sentences = guids.iter().map(|guid| check.finding.replace("{}", &guid.to_string()));
        findings.extend(sentences);
    }
    findings.extend(addresses_missing(tx)?);
    let sql = "SELECT noted.rows, counted.rows
        FROM (SELECT coalesce(sum(amount), 0)::bigint AS rows FROM tally
                WHERE name = 'operations') AS noted,
            (SELECT count(*) AS rows FROM operation) AS counted
        WHERE noted.rows <> counted.rows";
    let miscounts = tx.read_all(sql, &[], "count the operations", |row| {
        let (noted, counted): (i64, i64) = (row.value()?, row.value()?);
        Ok(format!("the inbox holds {counted} operations, but {noted} are noted"))
    })?;
    findings.extend(miscounts);
    findings.truncate(FINDINGS_MAX);
    Ok(findings)
}

/// The part of an address operation that names the address.
#[derive(Deserialize)]
struct Named {
    guid: Uuid,
}

/// Content is read here and not by PostgreSQL: a text that it cannot hold anywhere in a document
/// makes it refuse the whole of it.
fn addresses_missing(tx: &mut PgTx<'_>) -> Result<Vec<String>, StorageError> {
    let completed = "SELECT id, content FROM operation
        WHERE status = 1 AND kind = 'add_address' ORDER BY id";
    let missing = "SELECT named.id FROM unnest($1::uuid[], $2::uuid[]) AS named (id, guid)
        WHERE NOT EXISTS (SELECT 1 FROM address WHERE address.guid = named.guid)
        ORDER BY named.id";
    let read = |row: &mut Columns<'_>| Ok((row.value::<Uuid>()?, row.json::<Named>()?));
    let mut findings = Vec::new();
    tx.visit_lots(completed, &[], (DOING, read), &mut |tx, lot| {
        let (ids, guids): (Vec<_>, Vec<_>) =
            lot.into_iter().map(|(id, named)| (id, named.guid)).unzip();
        let ids = tx.read_all(missing, &[&ids, &guids], DOING, |row| row.value::<Uuid>())?;
        let room = FINDINGS_MAX.saturating_sub(findings.len());
        let sentence = |id: &Uuid| UNKNOWN_ADDRESS.replace("{}", &id.to_string());
        findings.extend(ids.iter().take(room).map(sentence));
        Ok(())
    })?;
    Ok(findings)
}
