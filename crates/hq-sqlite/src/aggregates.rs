//! The aggregates of a statement with their lines.

use std::collections::HashMap;

use rusqlite::params;
use tillsync_domain::ids::{AccountNumber, StatementId};
use tillsync_domain::money::Currency;
use tillsync_hq::storage::{AggregateLine, AggregateRecord, StorageError};

use crate::SqliteTx;
use crate::columns::{Columns, bounded, change, read_all, read_one, to_json};
use crate::error::{Doing, refused};

const INSERT: &str = "INSERT INTO aggregate
    (statement, account, currency, transactions, net, discount, tax, payments, sales_order,
     invoice, voucher)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";

const INSERT_LINE: &str = "INSERT INTO aggregate_line
    (statement, account, currency, item, quantity, net, discount, tax)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

/// One page, as a table of keys that lines can be joined to.
const PAGE: &str = "SELECT account, currency, transactions, net, discount, tax, payments,
        sales_order, invoice, voucher
    FROM aggregate
    WHERE statement = ?1 AND (account, currency) > (?2, ?3)
    ORDER BY account, currency LIMIT ?4";

impl SqliteTx<'_> {
    pub(crate) fn aggregates_page(
        &self,
        id: &StatementId,
        after: Option<(&AccountNumber, Currency)>,
        limit: usize,
    ) -> Result<Vec<AggregateRecord>, StorageError> {
        let doing = "read the aggregates of a statement";
        let statement = id.as_uuid().as_bytes();
        let (account, currency) =
            after.map_or(("", ""), |(account, currency)| (account.as_str(), currency.code()));
        let page = params![statement, account, currency, bounded(limit)];
        let mut aggregates =
            read_all(self.connection, PAGE, page, doing, |row| aggregate(*id, row))?;
        let places: HashMap<_, _> = aggregates
            .iter()
            .enumerate()
            .map(|(place, found)| ((found.account.clone(), found.currency), place))
            .collect();
        let sql = format!(
            "SELECT line.account, line.currency, item, quantity, line.net, line.discount, line.tax
            FROM ({PAGE}) AS page CROSS JOIN aggregate_line AS line
                ON line.statement = ?1 AND line.account = page.account
                    AND line.currency = page.currency
            ORDER BY line.account, line.currency, item"
        );
        let lines = read_all(self.connection, &sql, page, doing, |row| {
            Ok(((row.parsed(AccountNumber::parse)?, row.text()?), line(row)?))
        })?;
        for (key, line) in lines {
            aggregates[places[&key]].lines.push(line);
        }
        Ok(aggregates)
    }

    pub(crate) fn aggregates_replace(
        &self,
        id: &StatementId,
        aggregates: &[AggregateRecord],
    ) -> Result<(), StorageError> {
        let doing = "store the aggregates of a statement";
        let statement = id.as_uuid().as_bytes();
        let sql = "SELECT state = 'Posted' FROM statement WHERE id = ?1";
        let is_posted =
            read_one(self.connection, sql, [statement], doing, |row| row.value::<bool>())?;
        if is_posted == Some(true) {
            return Err(refused(doing, "the statement is posted"));
        }
        for sql in [
            "DELETE FROM aggregate_line WHERE statement = ?1",
            "DELETE FROM aggregate WHERE statement = ?1",
        ] {
            change(self.connection, sql, [statement], doing)?;
        }
        for aggregate in aggregates {
            self.aggregate_insert(statement, aggregate).doing(doing)?;
        }
        Ok(())
    }

    fn aggregate_insert(
        &self,
        statement: &[u8; 16],
        aggregate: &AggregateRecord,
    ) -> rusqlite::Result<()> {
        let (account, currency) = (aggregate.account.as_str(), aggregate.currency.code());
        self.connection.prepare_cached(INSERT)?.execute(params![
            statement,
            account,
            currency,
            bounded(aggregate.transactions),
            aggregate.net,
            aggregate.discount,
            aggregate.tax,
            to_json(&aggregate.payments),
            aggregate.sales_order.as_ref().map(|number| number.as_str()),
            aggregate.invoice.as_ref().map(|number| number.as_str()),
            aggregate.voucher.as_ref().map(|number| number.as_str()),
        ])?;
        let mut insert = self.connection.prepare_cached(INSERT_LINE)?;
        for line in &aggregate.lines {
            insert.execute(params![
                statement,
                account,
                currency,
                line.item.as_str(),
                line.quantity,
                line.net,
                line.discount,
                line.tax,
            ])?;
        }
        Ok(())
    }
}

fn aggregate(statement: StatementId, row: &mut Columns<'_>) -> rusqlite::Result<AggregateRecord> {
    Ok(AggregateRecord {
        statement,
        account: row.parsed(AccountNumber::parse)?,
        currency: row.text()?,
        transactions: row.unsigned()?,
        net: row.value()?,
        discount: row.value()?,
        tax: row.value()?,
        payments: row.json()?,
        lines: Vec::new(),
        sales_order: row.text_or_none()?,
        invoice: row.text_or_none()?,
        voucher: row.text_or_none()?,
    })
}

fn line(row: &mut Columns<'_>) -> rusqlite::Result<AggregateLine> {
    Ok(AggregateLine {
        item: row.text()?,
        quantity: row.value()?,
        net: row.value()?,
        discount: row.value()?,
        tax: row.value()?,
    })
}
