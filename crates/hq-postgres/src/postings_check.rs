//! Looking for contradictions between documents, statements and the ledger, the ones included that
//! the schema forbids: a file can be changed behind its back. Reads everything: for doctors, not
//! for every day.

use tillsync_hq::storage::StorageError;

use crate::columns::bounded;
use crate::tx::PgTx;

const FINDINGS_MAX: usize = 100;

/// What is wrong with each thing that a query names.
struct Check {
    /// Selects what the finding is about, as people know it.
    sql: &'static str,
    /// What is wrong, with `{}` for the name.
    finding: &'static str,
}

const CHECKS: [Check; 14] = [
    Check {
        sql: "SELECT voucher FROM ledger_entry GROUP BY voucher HAVING sum(amount) <> 0
            ORDER BY voucher LIMIT $1",
        finding: "voucher {} does not come to zero",
    },
    Check {
        sql: "SELECT number FROM voucher
            WHERE (SELECT count(*) FROM ledger_entry WHERE voucher = number) < 2
            ORDER BY number LIMIT $1",
        finding: "voucher {} has fewer than two entries",
    },
    Check {
        sql: "SELECT DISTINCT voucher FROM ledger_entry
            WHERE NOT EXISTS (SELECT 1 FROM voucher WHERE number = ledger_entry.voucher)
            ORDER BY voucher LIMIT $1",
        finding: "there are entries of voucher {}, which does not exist",
    },
    Check {
        sql: "SELECT voucher.number FROM voucher LEFT JOIN statement
                ON statement.id = voucher.statement AND statement.store = voucher.store
            WHERE statement.id IS NULL ORDER BY voucher.number LIMIT $1",
        finding: "voucher {} was posted by no statement of its store",
    },
    Check {
        sql: "WITH amount (statement, currency, minor) AS (
                SELECT statement, currency, total FROM transaction_state
                WHERE statement IS NOT NULL AND kind = 'sale'
                UNION ALL
                SELECT statement, currency, -amount
                FROM voucher JOIN ledger_entry ON ledger_entry.voucher = voucher.number
                WHERE voucher.state = 'Customer order invoiced' AND account = 'customers')
            SELECT statement.number || ' in ' || coalesce(amount.currency, 'no currency') AS name
            FROM statement JOIN amount ON amount.statement = statement.id
            WHERE statement.state = 'Posted'
            GROUP BY statement.ordinal, amount.currency HAVING sum(minor) <> 0
            ORDER BY name LIMIT $1",
        finding: "the invoices of statement {} are not the amounts of its transactions",
    },
    Check {
        sql: "SELECT number FROM transaction_state
            WHERE posted_at IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM statement WHERE id = transaction_state.statement)
            ORDER BY number LIMIT $1",
        finding: "transaction {} is posted without a statement",
    },
    Check {
        sql: "SELECT state.number FROM transaction_state AS state
                JOIN statement ON statement.id = state.statement
            WHERE state.posted_at IS NOT NULL AND statement.state <> 'Posted'
            ORDER BY state.number LIMIT $1",
        finding: "transaction {} is posted, but its statement is not",
    },
    Check {
        sql: "SELECT state.number FROM transaction_state AS state
                JOIN statement ON statement.id = state.statement
            WHERE state.posted_at IS NULL AND statement.state = 'Posted'
            ORDER BY state.number LIMIT $1",
        finding: "transaction {} is not posted, but its statement is",
    },
    Check {
        sql: "SELECT state.number FROM transaction_state AS state
                JOIN statement ON statement.id = state.statement
            WHERE statement.store <> state.store ORDER BY state.number LIMIT $1",
        finding: "transaction {} is in a statement of another store",
    },
    Check {
        sql: "SELECT number FROM transaction_state
            WHERE statement IS NOT NULL AND (is_voided OR validation <> 'Successful')
            ORDER BY number LIMIT $1",
        finding: "transaction {} is in a statement, but may not be posted",
    },
    Check {
        sql: "SELECT state.number FROM transaction_state AS state
            WHERE state.statement IS NOT NULL AND state.kind = 'customer_order' AND NOT EXISTS (
                SELECT 1 FROM order_state
                WHERE order_state.position = state.position AND sales_order IS NOT NULL)
            ORDER BY state.number LIMIT $1",
        finding: "order {} is in a statement, but has no sales order",
    },
    Check {
        sql: "SELECT state.number FROM transaction_state AS state
                LEFT JOIN voucher ON voucher.number = state.voucher
                    AND voucher.statement = state.statement
            WHERE state.voucher IS NOT NULL AND voucher.number IS NULL
            ORDER BY state.number LIMIT $1",
        finding: "transaction {} names a voucher that its statement has not posted",
    },
    Check {
        sql: "SELECT number FROM document WHERE role = 'transaction' AND NOT EXISTS (
                SELECT 1 FROM transaction_state WHERE position = document.position)
            ORDER BY number LIMIT $1",
        finding: "document {} was received, but nothing was made of it",
    },
    Check {
        sql: "SELECT number FROM transaction_state AS state
            WHERE kind = 'customer_order' AND NOT EXISTS (
                SELECT 1 FROM order_state WHERE order_state.position = state.position)
            ORDER BY number LIMIT $1",
        finding: "order {} was received, but is not synchronized by anybody",
    },
];

/// The totals that are kept so that counting does not read the history, noted and counted.
const TOTALS: &str = "SELECT counted.what,
        (SELECT coalesce(sum(amount), 0)::bigint FROM tally WHERE tally.name = counted.name),
        counted.rows
    FROM (
        SELECT 1 AS place, 'transactions' AS name, 'transactions' AS what, count(*) AS rows
            FROM transaction_state
        UNION ALL SELECT 2, 'orders', 'orders', count(*) FROM order_state
        UNION ALL SELECT 3, 'posted', 'posted transactions', count(*) FROM transaction_state
            WHERE posted_at IS NOT NULL) AS counted
    ORDER BY place";

const TEMPORARY: &str = "SELECT (
        SELECT count(*) FROM ledger_entry
        WHERE customer IS NOT NULL
            AND NOT EXISTS (SELECT 1 FROM alias WHERE alias.account = customer))
    + (
        SELECT count(*) FROM aggregate
        WHERE NOT EXISTS (SELECT 1 FROM alias WHERE alias.account = aggregate.account))
    + (
        SELECT count(*) FROM order_state
            JOIN transaction_state AS state ON state.position = order_state.position
        WHERE order_state.sales_order IS NOT NULL
            AND NOT EXISTS (SELECT 1 FROM alias WHERE alias.account = state.account))
    + (
        SELECT count(*) FROM transaction_state AS state
        WHERE posted_at IS NOT NULL
            AND (customer_guid IS NOT NULL OR customer_account IS NOT NULL OR account IS NOT NULL)
            AND NOT EXISTS (SELECT 1 FROM alias WHERE alias.account = state.account))";

/// How often something was posted, or is about to be, on what is no account of a customer.
pub(crate) fn temporary_ids(tx: &mut PgTx<'_>) -> Result<u64, StorageError> {
    let doing = "look for temporary identities in postings";
    let found = tx.read_one(TEMPORARY, &[], doing, |row| row.unsigned())?;
    Ok(found.unwrap_or(0))
}

/// Every contradiction found, up to a limit.
pub(crate) fn contradictions(tx: &mut PgTx<'_>) -> Result<Vec<String>, StorageError> {
    let doing = "look for contradictions in postings";
    let mut findings = Vec::new();
    for check in CHECKS {
        let wanted = bounded(FINDINGS_MAX - findings.len());
        let names = tx.read_all(check.sql, &[&wanted], doing, |row| row.value::<String>())?;
        findings.extend(names.iter().map(|name| check.finding.replace("{}", name)));
    }
    let totals = tx.read_all(TOTALS, &[], "count the transactions", |row| {
        Ok((row.value::<String>()?, row.value::<i64>()?, row.value::<i64>()?))
    })?;
    let wrong = totals.into_iter().filter(|(_, noted, counted)| noted != counted);
    findings.extend(wrong.map(|(what, noted, counted)| {
        format!("there are {counted} {what}, but {noted} are noted")
    }));
    findings.truncate(FINDINGS_MAX);
    Ok(findings)
}
