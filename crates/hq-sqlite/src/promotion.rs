//! Applying a promotion plan: everything of it, inside the caller's transaction.

use std::collections::HashSet;

use jiff::Timestamp;
use rusqlite::{Connection, params};
use tillsync_domain::ids::{CustomerGuid, OperationId, Version};
use tillsync_domain::promotion::{AddedAddress, Promoted, PromotionPlan};
use tillsync_exchange::rows::operation::{AddressContent, CustomerContent};
use tillsync_hq::storage::{CustomerWrites, PromotionContext, StorageError};

use crate::SqliteTx;
use crate::error::{Doing, refused};

const DOING: &str = "apply a promotion";

impl CustomerWrites for SqliteTx<'_> {
    fn promotion_apply(
        &mut self,
        plan: &PromotionPlan,
        context: &PromotionContext,
    ) -> Result<Version, StorageError> {
        let connection = self.connection;
        let touched = customers_touched(plan);
        let changes = !plan.promoted.is_empty() || !touched.is_empty();
        let version = change_version(connection, changes).doing(DOING)?;
        for promoted in &plan.promoted {
            let book = context.address_books.get(&promoted.source);
            let book = book.ok_or_else(|| refused(DOING, "a source has no address book"))?;
            let content = CustomerContent::from(&promoted.customer);
            party_insert(connection, promoted, &content).doing(DOING)?;
            customer_insert(connection, promoted, &content, version).doing(DOING)?;
            alias_insert(connection, promoted, context, version).doing(DOING)?;
            let sql = "INSERT INTO customer_address_book (customer, book) VALUES (?1, ?2)";
            let values = params![promoted.guid.as_uuid().as_bytes(), book.as_str()];
            run(connection, sql, values).doing(DOING)?;
        }
        for guid in touched {
            let sql = "UPDATE customer SET version = ?2 WHERE guid = ?1";
            let values = params![guid.as_uuid().as_bytes(), version.0.cast_signed()];
            if run(connection, sql, values).doing(DOING)? != 1 {
                return Err(refused(DOING, "a customer of the plan does not exist"));
            }
        }
        for added in &plan.addresses {
            address_insert(connection, added, version).doing(DOING)?;
        }
        for operation in &plan.completed {
            operation_complete(connection, operation, context.now)?;
        }
        Ok(version)
    }
}

/// The customers that existed before and change, each once.
fn customers_touched(plan: &PromotionPlan) -> Vec<CustomerGuid> {
    let mut seen: HashSet<CustomerGuid> = plan.promoted.iter().map(|p| p.guid).collect();
    let owners = plan.addresses.iter().map(|added| added.customer);
    plan.touched.iter().copied().chain(owners).filter(|guid| seen.insert(*guid)).collect()
}

/// A plan that only completes operations leaves nothing in the change log.
fn change_version(connection: &Connection, changes: bool) -> rusqlite::Result<Version> {
    if changes {
        run(connection, "UPDATE headquarters SET version = version + 1", [])?;
    }
    let mut statement = connection.prepare_cached("SELECT version FROM headquarters")?;
    let version: i64 = statement.query_row([], |row| row.get(0))?;
    Ok(Version(version.cast_unsigned()))
}

fn party_insert(
    connection: &Connection,
    promoted: &Promoted,
    content: &CustomerContent,
) -> rusqlite::Result<usize> {
    let sql = "INSERT INTO party
        (number, customer_type, name, first_name, middle_name, last_name)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let values = params![
        promoted.party.as_str(),
        content.customer_type,
        content.name,
        content.first_name,
        content.middle_name,
        content.last_name,
    ];
    run(connection, sql, values)
}

fn customer_insert(
    connection: &Connection,
    promoted: &Promoted,
    content: &CustomerContent,
    version: Version,
) -> rusqlite::Result<usize> {
    let sql = "INSERT INTO customer
        (guid, account, party, version, created_at, customer_group, currency, language, email,
         receipt_email, phone, cellphone, identification_number, vat_number, search)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";
    let values = params![
        promoted.guid.as_uuid().as_bytes(),
        promoted.account.as_str(),
        promoted.party.as_str(),
        version.0.cast_signed(),
        promoted.created_at.as_microsecond(),
        content.group,
        content.currency,
        content.language,
        content.email,
        content.receipt_email,
        content.phone,
        content.cellphone,
        content.identification_number,
        content.vat_number,
        search_text(promoted, content),
    ];
    run(connection, sql, values)
}

/// What a search looks at; no field holds a line break, so no match spans two fields.
fn search_text(promoted: &Promoted, content: &CustomerContent) -> String {
    let mut text = promoted.account.as_str().to_lowercase();
    let name = promoted.customer.name.full();
    let fields = [&content.email, &content.receipt_email, &content.phone, &content.cellphone];
    let fields = fields.into_iter().filter_map(Option::as_deref);
    for field in std::iter::once(name.as_str()).chain(fields) {
        text.push('\n');
        text.push_str(&field.to_lowercase());
    }
    text
}

fn alias_insert(
    connection: &Connection,
    promoted: &Promoted,
    context: &PromotionContext,
    version: Version,
) -> rusqlite::Result<usize> {
    let sql = "INSERT INTO alias (guid, account, promoted_at, run, version)
        VALUES (?1, ?2, ?3, ?4, ?5)";
    let values = params![
        promoted.guid.as_uuid().as_bytes(),
        promoted.account.as_str(),
        context.now.as_microsecond(),
        context.run.as_uuid().as_bytes(),
        version.0.cast_signed(),
    ];
    run(connection, sql, values)
}

fn address_insert(
    connection: &Connection,
    added: &AddedAddress,
    version: Version,
) -> rusqlite::Result<usize> {
    let customer = added.customer.as_uuid().as_bytes();
    let version = version.0.cast_signed();
    let content = AddressContent::from(&added.address);
    if content.is_primary {
        let sql = "UPDATE address SET is_primary = 0, version = ?2
            WHERE customer = ?1 AND is_primary = 1";
        run(connection, sql, params![customer, version])?;
    }
    let sql = "INSERT INTO address
        (guid, customer, is_primary, version, created_at, purpose, name, street, street_number,
         city, county, state, zip_code, country, phone, email)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)";
    let values = params![
        content.guid.as_uuid().as_bytes(),
        customer,
        content.is_primary,
        version,
        added.created_at.as_microsecond(),
        content.purpose,
        content.name,
        content.street,
        content.street_number,
        content.city,
        content.county,
        content.state,
        content.zip_code,
        content.country,
        content.phone,
        content.email,
    ];
    run(connection, sql, values)
}

fn operation_complete(
    connection: &Connection,
    operation: &OperationId,
    now: Timestamp,
) -> Result<(), StorageError> {
    let sql = "UPDATE operation
        SET status = 1, error = NULL, next_try_at = NULL, completed_at = ?2
        WHERE id = ?1 AND status <> 1";
    let values = params![operation.as_uuid().as_bytes(), now.as_microsecond()];
    match run(connection, sql, values).doing(DOING)? {
        1 => Ok(()),
        // Applying it once more would give a customer a second account.
        _ => Err(refused(DOING, "an operation of the plan is unknown or was applied before")),
    }
}

fn run(
    connection: &Connection,
    sql: &str,
    values: impl rusqlite::Params,
) -> rusqlite::Result<usize> {
    connection.prepare_cached(sql)?.execute(values)
}
