//! Taking an order in the way that the functionality profile asks for (F49, F50; `domain.md` 8.1):
//! through headquarters, or here alone.
//!
//! What headquarters is asked for is written down before, so that a repeat asks for the very same
//! order whatever became of the answer. It is recorded once headquarters has accepted it, and never
//! without. The database is never held while an answer is awaited.

use std::collections::HashSet;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension};
use tillsync_domain::document::{Body, Document};
use tillsync_domain::ids::{AddressGuid, CustomerKey, ReceiptNumber, TransactionNumber};
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::operation::{Act, ActKind};
use tillsync_domain::profile::{OrderTaking, order_taking};
use tillsync_domain::trade::Delivery;
use tillsync_exchange::realtime::{
    AcceptedOrder, CreateOrderCall, OrderAnswer, OrderRefusal, ROWS_MAX,
};
use tillsync_exchange::rows::document::DocumentRow;
use tillsync_exchange::rows::operation::OperationRow;

use super::{
    Prepared, RecordTrade, Recorded, SellError, Setting, What, document_write, intention,
    record_trade,
};
use crate::create::whole_microseconds;
use crate::creation::line;
use crate::db::DbError;
use crate::edge::Edge;
use crate::find::customer_by_key;
use crate::log;
use crate::profile::effective_profile;
use crate::realtime::{CallError, answer_write, ask, is_about, of_somebody_else};
use crate::transactions::TransactionView;
use crate::upstream::{Upstream, UpstreamError};

/// How a customer order would be taken here now.
///
/// # Errors
/// Busy or Broken: the database failed.
pub fn order_mode(edge: &Edge) -> Result<OrderTaking, DbError> {
    Ok(order_taking(&effective_profile(edge)?.options, line(edge)?))
}

/// Records a sale or an order. An order has its sales order when headquarters was asked; sales are
/// recorded here alone, as [`record_trade`] does.
///
/// A request whose number was recorded before with the same content answers what was recorded
/// then, whatever the mode is now.
///
/// # Errors
/// As [`record_trade`]. Conflict also: headquarters does not take the order, or the till is
/// offline. Busy also: another request asks for the same order at this moment, or headquarters did
/// not answer; nothing is recorded here, and a repeat under the same number gives one order.
pub fn record_by_mode(
    edge: &Edge,
    upstream: &dyn Upstream,
    trade: RecordTrade,
    now: Timestamp,
) -> Result<TransactionView, SellError> {
    if !matches!(trade.what, What::Order(_)) {
        return record_trade(edge, trade, now);
    }
    match order_mode(edge)? {
        OrderTaking::Asynchronous => record_trade(edge, trade, now),
        OrderTaking::Synchronous => through_headquarters(edge, upstream, trade, now),
        OrderTaking::Refused(offline) => {
            let before = edge.db.read(|connection| match &trade.number {
                Some(number) => trade.known(connection, number),
                None => Ok(None),
            })?;
            match before {
                Some(Prepared::Before(view)) => Ok(*view),
                Some(Prepared::Kept(_) | Prepared::New(_)) | None => Err(offline.into()),
            }
        }
    }
}

/// An order to ask headquarters for.
struct Asked {
    row: DocumentRow,
    document: Document,
    operations: Vec<OperationRow>,
    /// Whether headquarters was perhaps asked for it before.
    is_kept: bool,
}

fn through_headquarters(
    edge: &Edge,
    upstream: &dyn Upstream,
    trade: RecordTrade,
    now: Timestamp,
) -> Result<TransactionView, SellError> {
    // A number that is drawn below is nobody else's.
    let _passage = match &trade.number {
        Some(number) => {
            let passage = edge.orders_under_way.enter(number);
            Some(passage.ok_or_else(|| SellError::UnderWay(number.clone()))?)
        }
        None => None,
    };
    let now = whole_microseconds(now);
    let setting = Setting::of(edge, now);
    let intended = edge.db.write(move |connection| intend(connection, trade, setting))?;
    let asked = match intended {
        Ok(asked) => *asked,
        Err(before) => return Ok(*before),
    };
    let Asked { row, document, operations, is_kept } = asked;
    let call = CreateOrderCall { document: row.clone(), operations };
    let number = row.number.clone();
    match call_create_order(edge, upstream, &call, now) {
        Ok(OrderAnswer::Accepted(accepted)) => settle(edge, (row, document), *accepted),
        Ok(OrderAnswer::Refused { reason, message }) => {
            withdraw(edge, &document, is_kept)?;
            let (kind, code) = (kind_of(reason), Some(reason.code()));
            Err(SellError::Refused { kind, code, message, fields: Vec::new() })
        }
        Err(CallError::Refused { kind, message, fields }) => {
            // Who is not let in has not heard what became of an earlier call.
            if kind != ErrorKind::Forbidden {
                withdraw(edge, &document, is_kept)?;
            }
            Err(SellError::Refused { kind, code: None, message, fields })
        }
        Err(source @ CallError::Skipped) => {
            withdraw(edge, &document, is_kept)?;
            Err(SellError::Unanswered { number, source: Box::new(source) })
        }
        Err(source @ CallError::Unanswered(_)) => {
            Err(SellError::Unanswered { number, source: Box::new(source) })
        }
    }
}

fn kind_of(reason: OrderRefusal) -> ErrorKind {
    match reason {
        OrderRefusal::CustomerNotAtHeadquarters => ErrorKind::Conflict,
        OrderRefusal::OrderNotUsable => ErrorKind::Invalid,
    }
}

/// Writes down what headquarters is going to be asked for; or finds what was recorded before.
fn intend(
    connection: &Connection,
    trade: RecordTrade,
    setting: Setting,
) -> Result<Result<Box<Asked>, Box<TransactionView>>, SellError> {
    let (entry, is_kept) = match trade.prepare(connection, setting)? {
        Prepared::Before(view) => return Ok(Err(view)),
        Prepared::Kept(entry) => (entry, true),
        Prepared::New(entry) => (entry, false),
    };
    let (row, document) = *entry;
    if !is_kept {
        intention::keep(connection, &row)?;
    }
    let operations = operations_for(connection, &document)?;
    Ok(Ok(Box::new(Asked { row, document, operations, is_kept })))
}

/// Records the order that headquarters has. It stands in the log as any other, so a headquarters
/// that is restored gets it again.
fn settle(
    edge: &Edge,
    (row, document): (DocumentRow, Document),
    accepted: AcceptedOrder,
) -> Result<TransactionView, SellError> {
    let recorded = edge.db.write(move |connection| {
        intention::drop_of(connection, &row.number)?;
        accepted_write(connection, &row.number, &accepted)?;
        document_write(connection, &row, &document)
    })?;
    match recorded {
        Recorded::Now(view) => {
            edge.signals.entries_recorded();
            Ok(*view)
        }
        Recorded::Before(view) => Ok(*view),
    }
}

/// Headquarters does not have the order: its number and its receipt are free again. Not if it was
/// asked before: that call may still arrive. A receipt that is missing is better than two orders.
fn withdraw(edge: &Edge, document: &Document, is_kept: bool) -> Result<(), DbError> {
    if is_kept {
        return Ok(());
    }
    let Some(trade) = document.body.trade() else { return Ok(()) };
    let (number, receipt): (TransactionNumber, ReceiptNumber) =
        (document.number.clone(), trade.receipt.clone());
    edge.db.write(move |connection| intention::withdraw(connection, &number, &receipt))
}

fn accepted_write(
    connection: &Connection,
    number: &TransactionNumber,
    accepted: &AcceptedOrder,
) -> Result<(), DbError> {
    connection
        .prepare_cached(
            "INSERT INTO sales_order (number, sales_order) VALUES (?1, ?2)
             ON CONFLICT (number) DO NOTHING",
        )?
        .execute([number.as_str(), accepted.sales_order.as_str()])?;
    match &accepted.customer {
        Some(customer) => answer_write(connection, customer),
        None => Ok(()),
    }
}

fn call_create_order(
    edge: &Edge,
    upstream: &dyn Upstream,
    call: &CreateOrderCall,
    now: Timestamp,
) -> Result<OrderAnswer, CallError> {
    let asked = match call.document.document().ok().as_ref().and_then(|it| it.body.trade()) {
        Some(trade) => match &trade.customer {
            Some(CustomerKey::Temporary(guid)) => Some(*guid),
            Some(CustomerKey::Numbered(_)) | None => None,
        },
        None => None,
    };
    ask((edge, &edge.realtime), now, || -> Result<_, UpstreamError> {
        let answer = upstream.create_order(call)?;
        match &answer {
            OrderAnswer::Accepted(accepted)
                if accepted.customer.as_ref().is_some_and(|it| !is_about(it, asked)) =>
            {
                Err(of_somebody_else())
            }
            OrderAnswer::Accepted(_) | OrderAnswer::Refused { .. } => Ok(answer),
        }
    })
}

/// Passes a register's call on. What this database has of the customer and the register does not
/// send goes along; the answer is taken over, so that the whole store knows it.
///
/// # Errors
/// Busy: no answer, or nobody was asked. Otherwise headquarters' refusal.
pub fn pass_on_create_order(
    edge: &Edge,
    upstream: &dyn Upstream,
    call: &CreateOrderCall,
    now: Timestamp,
) -> Result<OrderAnswer, CallError> {
    let mut call = call.clone();
    if let Ok(document) = call.document.document() {
        let own = edge.db.read(|connection| operations_for(connection, &document));
        let own = own.unwrap_or_else(|error| {
            tracing::warn!(%error, "a register's order goes up with what the register sent alone");
            Vec::new()
        });
        let sent: HashSet<_> = call.operations.iter().map(|operation| operation.id).collect();
        call.operations.extend(own.into_iter().filter(|operation| !sent.contains(&operation.id)));
        call.operations.truncate(ROWS_MAX);
    }
    let answer = call_create_order(edge, upstream, &call, now)?;
    if let OrderAnswer::Accepted(accepted) = answer.clone() {
        let number = call.document.number.clone();
        let written = edge.db.write(move |c| accepted_write(c, &number, &accepted));
        if let Err(error) = written {
            tracing::warn!(%error, "what a register's order has got is not here yet");
        }
    }
    Ok(answer)
}

/// What this database's log has of an order's customer that headquarters may not know: the creation
/// of one without an account, and the addresses that exist here only. Those that the order needs
/// come first, should there be more than a call may have.
fn operations_for(
    connection: &Connection,
    document: &Document,
) -> Result<Vec<OperationRow>, DbError> {
    let Body::Order(order) = &document.body else { return Ok(Vec::new()) };
    let Some(key) = &order.trade.customer else { return Ok(Vec::new()) };
    let Some(customer) = customer_by_key(connection, key)? else { return Ok(Vec::new()) };
    let ship_to = match order.delivery {
        Delivery::Ship(address) => Some(address),
        Delivery::Pickup => None,
    };
    let mut needed = Vec::new();
    for row in log::operations_of(connection, customer.guid)? {
        if row.kind == ActKind::CreateCustomer.as_str() {
            if customer.account.is_none() {
                needed.push((0, row));
            }
        } else if let Some(address) = address_of(&row)
            && !is_at_headquarters(connection, address)?
        {
            needed.push((if Some(address) == ship_to { 1 } else { 2 }, row));
        }
    }
    needed.sort_by_key(|(rank, _)| *rank);
    needed.truncate(ROWS_MAX);
    Ok(needed.into_iter().map(|(_, row)| row).collect())
}

/// The address that an operation adds, if that is what it does.
fn address_of(row: &OperationRow) -> Option<AddressGuid> {
    match row.operation().ok()?.act {
        Act::AddAddress(address) => Some(address.guid),
        _ => None,
    }
}

fn is_at_headquarters(connection: &Connection, address: AddressGuid) -> Result<bool, DbError> {
    let found = connection
        .prepare_cached("SELECT 1 FROM address WHERE guid = ?1 AND version > 0")?
        .query_row([address.as_uuid().as_bytes()], |_| Ok(()))
        .optional()?;
    Ok(found.is_some())
}
