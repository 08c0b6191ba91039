//! The aggregates of a statement with their lines.

use std::collections::HashMap;

use postgres::types::Type;
use tillsync_domain::ids::{AccountNumber, StatementId};
use tillsync_domain::money::Currency;
use tillsync_hq::storage::{AggregateLine, AggregateRecord, StorageError};

use crate::columns::{Columns, Read, bounded, to_json};
use crate::error::refused;
use crate::tx::{PgTx, Target, Values};

const T: Type = Type::TEXT;
const N: Type = Type::INT8;

const AGGREGATE: Target = Target {
    sql: "COPY aggregate (statement, account, currency, transactions, net, discount, tax, payments,
        sales_order, invoice, voucher) FROM STDIN BINARY",
    types: &[Type::UUID, T, T, N, N, N, N, T, T, T, T],
};
const LINE: Target = Target {
    sql: "COPY aggregate_line (statement, account, currency, item, quantity, net, discount, tax)
        FROM STDIN BINARY",
    types: &[Type::UUID, T, T, T, T, N, N, N],
};

/// One page, as a table of keys that lines can be joined to.
const PAGE: &str = "SELECT account, currency, transactions, net, discount, tax, payments,
        sales_order, invoice, voucher
    FROM aggregate
    WHERE statement = $1 AND (account, currency) > ($2, $3)
    ORDER BY account, currency LIMIT $4";

impl PgTx<'_> {
    pub(crate) fn aggregates_page(
        &mut self,
        id: &StatementId,
        after: Option<(&AccountNumber, Currency)>,
        limit: usize,
    ) -> Result<Vec<AggregateRecord>, StorageError> {
        let doing = "read the aggregates of a statement";
        let statement = id.as_uuid();
        let (account, currency) =
            after.map_or(("", ""), |(account, currency)| (account.as_str(), currency.code()));
        let page: Values<'_> = &[&statement, &account, &currency, &bounded(limit)];
        let mut aggregates = self.read_all(PAGE, page, doing, |row| aggregate(*id, row))?;
        let places: HashMap<_, _> = aggregates
            .iter()
            .enumerate()
            .map(|(place, found)| ((found.account.clone(), found.currency), place))
            .collect();
        let sql = format!(
            "SELECT line.account, line.currency, item, quantity, line.net, line.discount, line.tax
            FROM ({PAGE}) AS page JOIN aggregate_line AS line
                ON line.statement = $1 AND line.account = page.account
                    AND line.currency = page.currency
            ORDER BY line.account, line.currency, item"
        );
        let lines = self.read_all(&sql, page, doing, |row| {
            Ok(((row.parsed(AccountNumber::parse)?, row.text()?), line(row)?))
        })?;
        for (key, line) in lines {
            aggregates[places[&key]].lines.push(line);
        }
        Ok(aggregates)
    }

    pub(crate) fn aggregates_replace(
        &mut self,
        id: &StatementId,
        aggregates: &[AggregateRecord],
    ) -> Result<(), StorageError> {
        let doing = "store the aggregates of a statement";
        let statement = id.as_uuid();
        let sql = "SELECT state = 'Posted' FROM statement WHERE id = $1";
        let is_posted = self.read_one(sql, &[&statement], doing, |row| row.value::<bool>())?;
        if is_posted == Some(true) {
            return Err(refused(doing, "the statement is posted"));
        }
        for sql in [
            "DELETE FROM aggregate_line WHERE statement = $1",
            "DELETE FROM aggregate WHERE statement = $1",
        ] {
            self.change(sql, &[&statement], doing)?;
        }
        if aggregates.is_empty() {
            return Ok(());
        }
        self.copy_in(&AGGREGATE, doing, |rows| {
            aggregates.iter().try_for_each(|aggregate| {
                rows.write(&[
                    statement,
                    &aggregate.account.as_str(),
                    &aggregate.currency.code(),
                    &bounded(aggregate.transactions),
                    &aggregate.net,
                    &aggregate.discount,
                    &aggregate.tax,
                    &to_json(&aggregate.payments),
                    &aggregate.sales_order.as_ref().map(|number| number.as_str()),
                    &aggregate.invoice.as_ref().map(|number| number.as_str()),
                    &aggregate.voucher.as_ref().map(|number| number.as_str()),
                ])
            })
        })?;
        let lines = aggregates.iter().flat_map(|aggregate| {
            let (account, currency) = (aggregate.account.as_str(), aggregate.currency.code());
            aggregate.lines.iter().map(move |line| (account, currency, line))
        });
        self.copy_in(&LINE, doing, |rows| {
            lines.into_iter().try_for_each(|(account, currency, line)| {
                let (item, quantity) = (line.item.as_str(), &line.quantity);
                let (net, discount, tax) = (line.net, line.discount, line.tax);
                let values: Values<'_> =
                    &[statement, &account, &currency, &item, quantity, &net, &discount, &tax];
                rows.write(values)
            })
        })
    }
}

fn aggregate(statement: StatementId, row: &mut Columns<'_>) -> Read<AggregateRecord> {
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

fn line(row: &mut Columns<'_>) -> Read<AggregateLine> {
    Ok(AggregateLine {
        item: row.text()?,
        quantity: row.value()?,
        net: row.value()?,
        discount: row.value()?,
        tax: row.value()?,
    })
}
