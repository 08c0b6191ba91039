//! Looking for contradictions that no constraint of the schema can forbid. Reads everything: for
//! doctors, not for every day.

use rusqlite::Connection;
use tillsync_hq::storage::StorageError;
use uuid::Uuid;

use crate::columns::read_all;

const FINDINGS_MAX: usize = 100;

/// What a row that a check finds is about: the GUID of a customer, address or operation.
struct Check {
    sql: &'static str,
    /// What is wrong, with `{}` for the GUID.
    finding: &'static str,
}

const CHECKS: [Check; 7] = [
    Check {
        sql: "SELECT guid FROM alias WHERE NOT EXISTS (
                SELECT 1 FROM customer
                WHERE customer.guid = alias.guid AND customer.account = alias.account)
            ORDER BY guid LIMIT ?1",
        finding: "the alias of customer {} names an account that the customer does not have",
    },
    Check {
        sql: "SELECT guid FROM customer
            WHERE NOT EXISTS (SELECT 1 FROM alias WHERE alias.guid = customer.guid)
            ORDER BY guid LIMIT ?1",
        finding: "customer {} has an account but no alias",
    },
    Check {
        sql: "SELECT guid FROM customer
            WHERE NOT EXISTS (SELECT 1 FROM party WHERE party.number = customer.party)
            ORDER BY guid LIMIT ?1",
        finding: "customer {} has no party",
    },
    Check {
        sql: "SELECT guid FROM address
            WHERE NOT EXISTS (SELECT 1 FROM customer WHERE customer.guid = address.customer)
            ORDER BY guid LIMIT ?1",
        finding: "address {} belongs to no customer",
    },
    Check {
        sql: "SELECT customer FROM address GROUP BY customer HAVING sum(is_primary) <> 1
            ORDER BY customer LIMIT ?1",
        finding: "customer {} has addresses but not exactly one primary address",
    },
    Check {
        sql: "SELECT id FROM operation
            WHERE status = 1 AND NOT EXISTS (SELECT 1 FROM alias WHERE guid = customer)
            ORDER BY id LIMIT ?1",
        finding: "operation {} is completed but its customer has no account",
    },
    Check {
        sql: "SELECT id FROM operation
            WHERE status = 1 AND kind = 'add_address' AND NOT EXISTS (
                SELECT 1 FROM address WHERE guid = unhex(
                    replace(json_extract(content, '$.guid'), 'urn:uuid:', ''), '{}-'))
            ORDER BY id LIMIT ?1",
        finding: "operation {} is completed but its address does not exist",
    },
];

/// Every contradiction found, up to a limit.
pub(crate) fn contradictions(connection: &Connection) -> Result<Vec<String>, StorageError> {
    let mut findings = Vec::new();
    for check in CHECKS {
        let wanted = FINDINGS_MAX - findings.len();
        let guids =
            read_all(connection, check.sql, [wanted as i64], "look for contradictions", |row| {
                row.id(|guid: Uuid| guid)
            })?;
        let sentences = guids.iter().map(|guid| check.finding.replace("{}", &guid.to_string()));
        findings.extend(sentences);
    }
    let sql = "SELECT headquarters.operations, counted.rows
        FROM headquarters, (SELECT count(*) AS rows FROM operation) AS counted
        WHERE headquarters.operations <> counted.rows";
    let miscounts = read_all(connection, sql, [], "count the operations", |row| {
        let (noted, counted): (i64, i64) = (row.value()?, row.value()?);
        Ok(format!("the inbox holds {counted} operations, but {noted} are noted"))
    })?;
    findings.extend(miscounts);
    findings.truncate(FINDINGS_MAX);
    Ok(findings)
}
