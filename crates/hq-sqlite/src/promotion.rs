//! Applying a promotion plan: everything of it, inside the caller's transaction.

use std::collections::HashSet;

use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, Statement, params, params_from_iter};
use tillsync_domain::ids::{CustomerGuid, OperationId, Version};
use tillsync_domain::promotion::{AddedAddress, Promoted, PromotionPlan};
use tillsync_exchange::rows::operation::{AddressContent, CustomerContent};
use tillsync_hq::storage::{CustomerWrites, PromotionContext, StorageError};

use crate::SqliteTx;
use crate::error::{Doing, refused};

const DOING: &str = "apply a promotion";

/// Operations completed by one statement.
const COMPLETED_AT_ONCE: usize = 100;

const PARTY: &str = "INSERT INTO party
    (number, customer_type, name, first_name, middle_name, last_name)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
const CUSTOMER: &str = "INSERT INTO customer
    (guid, account, party, version, created_at, customer_group, currency, language, email,
     receipt_email, phone, cellphone, identification_number, vat_number, search)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";
const ALIAS: &str = "INSERT INTO alias (guid, account, promoted_at, run, version)
    VALUES (?1, ?2, ?3, ?4, ?5)";
const BOOK: &str = "INSERT INTO customer_address_book (customer, book) VALUES (?1, ?2)";
const ADDRESS: &str = "INSERT INTO address
    (guid, customer, is_primary, version, created_at, purpose, name, street, street_number,
     city, county, state, zip_code, country, phone, email)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)";
const GIVE_WAY: &str = "UPDATE address SET is_primary = 0, version = ?2
    WHERE customer = ?1 AND is_primary = 1";
const TOUCH: &str = "UPDATE customer SET version = ?2 WHERE guid = ?1";

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
        promoted_insert(connection, &plan.promoted, context, version)?;
        customers_touch(connection, &touched, version)?;
        primaries_give_way(connection, plan, &touched, version).doing(DOING)?;
        addresses_insert(connection, &plan.addresses, version).doing(DOING)?;
        operations_complete(connection, &plan.completed, context.now)?;
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
pub(crate) fn change_version(connection: &Connection, changes: bool) -> rusqlite::Result<Version> {
    if changes {
        connection.prepare_cached("UPDATE headquarters SET version = version + 1")?.execute([])?;
    }
    let mut statement = connection.prepare_cached("SELECT version FROM headquarters")?;
    let version: i64 = statement.query_row([], |row| row.get(0))?;
    Ok(Version(version.cast_unsigned()))
}

fn promoted_insert(
    connection: &Connection,
    promoted: &[Promoted],
    context: &PromotionContext,
    version: Version,
) -> Result<(), StorageError> {
    let prepare = |sql| connection.prepare_cached(sql).doing(DOING);
    let (mut party, mut customer) = (prepare(PARTY)?, prepare(CUSTOMER)?);
    let (mut alias, mut in_book) = (prepare(ALIAS)?, prepare(BOOK)?);
    for promoted in promoted {
        let book = context.address_books.get(&promoted.source);
        let book = book.ok_or_else(|| refused(DOING, "a source has no address book"))?;
        let content = CustomerContent::from(&promoted.customer);
        party_insert(&mut party, promoted, &content).doing(DOING)?;
        customer_insert(&mut customer, promoted, &content, version).doing(DOING)?;
        let guid = promoted.guid.as_uuid().as_bytes();
        let values = params![
            guid,
            promoted.account.as_str(),
            context.now.as_microsecond(),
            context.run.as_uuid().as_bytes(),
            version.0.cast_signed(),
        ];
        alias.execute(values).doing(DOING)?;
        in_book.execute(params![guid, book.as_str()]).doing(DOING)?;
    }
    Ok(())
}

fn customers_touch(
    connection: &Connection,
    touched: &[CustomerGuid],
    version: Version,
) -> Result<(), StorageError> {
    let mut touch = connection.prepare_cached(TOUCH).doing(DOING)?;
    for guid in touched {
        let values = params![guid.as_uuid().as_bytes(), version.0.cast_signed()];
        if touch.execute(values).doing(DOING)? != 1 {
            return Err(refused(DOING, "a customer of the plan does not exist"));
        }
    }
    Ok(())
}

/// A new customer has no earlier address that could be primary.
fn primaries_give_way(
    connection: &Connection,
    plan: &PromotionPlan,
    touched: &[CustomerGuid],
    version: Version,
) -> rusqlite::Result<()> {
    let touched: HashSet<_> = touched.iter().collect();
    let mut give_way = connection.prepare_cached(GIVE_WAY)?;
    let takes_over =
        |added: &&AddedAddress| added.address.is_primary && touched.contains(&added.customer);
    for added in plan.addresses.iter().filter(takes_over) {
        let customer = added.customer.as_uuid().as_bytes();
        give_way.execute(params![customer, version.0.cast_signed()])?;
    }
    Ok(())
}

fn party_insert(
    statement: &mut Statement<'_>,
    promoted: &Promoted,
    content: &CustomerContent,
) -> rusqlite::Result<usize> {
    statement.execute(params![
        promoted.party.as_str(),
        content.customer_type,
        content.name,
        content.first_name,
        content.middle_name,
        content.last_name,
    ])
}

fn customer_insert(
    statement: &mut Statement<'_>,
    promoted: &Promoted,
    content: &CustomerContent,
    version: Version,
) -> rusqlite::Result<usize> {
    statement.execute(params![
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
    ])
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

fn addresses_insert(
    connection: &Connection,
    addresses: &[AddedAddress],
    version: Version,
) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(ADDRESS)?;
    let version = version.0.cast_signed();
    for added in addresses {
        let customer = added.customer.as_uuid().as_bytes();
        let content = AddressContent::from(&added.address);
        insert.execute(params![
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
        ])?;
    }
    Ok(())
}

fn operations_complete(
    connection: &Connection,
    operations: &[OperationId],
    now: Timestamp,
) -> Result<(), StorageError> {
    let now = now.as_microsecond();
    for chunk in operations.chunks(COMPLETED_AT_ONCE) {
        // Few widths, so that each statement is prepared once; a repeated id changes nothing.
        let width = if chunk.len() == 1 { 1 } else { COMPLETED_AT_ONCE };
        let sql = format!(
            "UPDATE operation
            SET status = 1, error = NULL, next_try_at = NULL, completed_at = ?
            WHERE id IN ({}) AND status <> 1",
            vec!["?"; width].join(", ")
        );
        let ids = chunk.iter().chain(std::iter::repeat_n(&chunk[0], width - chunk.len()));
        let ids = ids.map(|id| Value::Blob(id.as_uuid().as_bytes().to_vec()));
        let values = params_from_iter(std::iter::once(Value::Integer(now)).chain(ids));
        let completed =
            connection.prepare_cached(&sql).and_then(|mut s| s.execute(values)).doing(DOING)?;
        if completed != chunk.len() {
            // Applying one once more would give a customer a second account.
            let reason = "an operation of the plan is unknown or was applied before";
            return Err(refused(DOING, reason));
        }
    }
    Ok(())
}
