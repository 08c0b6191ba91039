//! Applying a promotion plan: everything of it, inside the caller's transaction.

use std::collections::HashSet;

use jiff::Timestamp;
use postgres::types::Type;
use tillsync_domain::ids::{AddressBook, CustomerGuid, OperationId, Version};
use tillsync_domain::promotion::{AddedAddress, Promoted, PromotionPlan};
use tillsync_exchange::rows::operation::{AddressContent, CustomerContent};
use tillsync_hq::storage::{CustomerWrites, PromotionContext, StorageError};

use crate::error::refused;
use crate::tx::{PgTx, Target, Values};

const DOING: &str = "apply a promotion";

const T: Type = Type::TEXT;
const N: Type = Type::INT8;

const PARTY: Target = Target {
    sql: "COPY party (number, customer_type, name, first_name, middle_name, last_name)
        FROM STDIN BINARY",
    types: &[T, N, T, T, T, T],
};
const CUSTOMER: Target = Target {
    sql: "COPY customer (guid, account, party, version, created_at, customer_group, currency,
        language, email, receipt_email, phone, cellphone, identification_number, vat_number,
        search) FROM STDIN BINARY",
    types: &[Type::UUID, T, T, N, N, T, T, T, T, T, T, T, T, T, T],
};
const ALIAS: Target = Target {
    sql: "COPY alias (guid, account, promoted_at, run, version) FROM STDIN BINARY",
    types: &[Type::UUID, T, N, Type::UUID, N],
};
const BOOK: Target = Target {
    sql: "COPY customer_address_book (customer, book) FROM STDIN BINARY",
    types: &[Type::UUID, T],
};
const ADDRESS: Target = Target {
    sql: "COPY address (guid, customer, is_primary, version, created_at, purpose, name, street,
        street_number, city, county, state, zip_code, country, phone, email)
        FROM STDIN BINARY",
    types: &[Type::UUID, Type::UUID, Type::BOOL, N, N, N, T, T, T, T, T, T, T, T, T, T],
};

impl CustomerWrites for PgTx<'_> {
    fn promotion_apply(
        &mut self,
        plan: &PromotionPlan,
        context: &PromotionContext,
    ) -> Result<Version, StorageError> {
        let books = address_books(plan, context)?;
        self.operations_complete(&plan.completed, context.now)?;
        let touched = customers_touched(plan);
        // Others that promote wait from here on: what needs no version comes before.
        let changes = !plan.promoted.is_empty() || !touched.is_empty();
        let version = self.change_version(changes, DOING)?;
        if !plan.promoted.is_empty() {
            self.promoted_insert(&plan.promoted, &books, context, version)?;
        }
        self.customers_touch(&touched, version)?;
        self.primaries_give_way(plan, &touched, version)?;
        self.addresses_insert(&plan.addresses, version)?;
        Ok(version)
    }
}

/// The address book of each customer of the plan, in its order.
fn address_books<'c>(
    plan: &PromotionPlan,
    context: &'c PromotionContext,
) -> Result<Vec<&'c AddressBook>, StorageError> {
    let book = |promoted: &Promoted| {
        let book = context.address_books.get(&promoted.source);
        book.ok_or_else(|| refused(DOING, "a source has no address book"))
    };
    plan.promoted.iter().map(book).collect()
}

/// The customers that existed before and change, each once.
fn customers_touched(plan: &PromotionPlan) -> Vec<CustomerGuid> {
    let mut seen: HashSet<CustomerGuid> = plan.promoted.iter().map(|p| p.guid).collect();
    let owners = plan.addresses.iter().map(|added| added.customer);
    plan.touched.iter().copied().chain(owners).filter(|guid| seen.insert(*guid)).collect()
}

impl PgTx<'_> {
    /// The version of the change log, raised if something changes: a plan that only completes
    /// operations leaves nothing there. Whoever raises it keeps its row locked until the commit, so
    /// versions become visible in their own order.
    pub(crate) fn change_version(
        &mut self,
        changes: bool,
        doing: &'static str,
    ) -> Result<Version, StorageError> {
        let raise = "UPDATE change_log SET version = version + 1 RETURNING version";
        let sql = if changes { raise } else { "SELECT version FROM change_log" };
        self.count(sql, doing).map(Version)
    }

    fn promoted_insert(
        &mut self,
        promoted: &[Promoted],
        books: &[&AddressBook],
        context: &PromotionContext,
        version: Version,
    ) -> Result<(), StorageError> {
        let contents: Vec<_> =
            promoted.iter().map(|promoted| CustomerContent::from(&promoted.customer)).collect();
        let with_contents = || promoted.iter().zip(&contents);
        self.parties_insert(with_contents())?;
        self.customers_insert(with_contents(), version)?;
        let (now, run) = (context.now.as_microsecond(), context.run.as_uuid());
        let version = version.0.cast_signed();
        self.copy_in(&ALIAS, DOING, |rows| {
            promoted.iter().try_for_each(|promoted| {
                let (guid, account) = (promoted.guid.as_uuid(), promoted.account.as_str());
                rows.write(&[guid, &account, &now, run, &version])
            })
        })?;
        self.copy_in(&BOOK, DOING, |rows| {
            promoted.iter().zip(books).try_for_each(|(promoted, book)| {
                rows.write(&[promoted.guid.as_uuid(), &book.as_str()])
            })
        })
    }

    fn parties_insert<'p>(
        &mut self,
        mut promoted: impl Iterator<Item = (&'p Promoted, &'p CustomerContent)>,
    ) -> Result<(), StorageError> {
        self.copy_in(&PARTY, DOING, |rows| {
            promoted.try_for_each(|(promoted, content)| {
                rows.write(&[
                    &promoted.party.as_str(),
                    &i64::from(content.customer_type),
                    &content.name,
                    &content.first_name,
                    &content.middle_name,
                    &content.last_name,
                ])
            })
        })
    }

    fn customers_insert<'p>(
        &mut self,
        mut promoted: impl Iterator<Item = (&'p Promoted, &'p CustomerContent)>,
        version: Version,
    ) -> Result<(), StorageError> {
        let version = version.0.cast_signed();
        self.copy_in(&CUSTOMER, DOING, |rows| {
            promoted.try_for_each(|(promoted, content)| {
                rows.write(&[
                    promoted.guid.as_uuid(),
                    &promoted.account.as_str(),
                    &promoted.party.as_str(),
                    &version,
                    &promoted.created_at.as_microsecond(),
                    &content.group,
                    &content.currency,
                    &content.language,
                    &content.email,
                    &content.receipt_email,
                    &content.phone,
                    &content.cellphone,
                    &content.identification_number,
                    &content.vat_number,
                    &search_text(promoted, content),
                ])
            })
        })
    }

    fn customers_touch(
        &mut self,
        touched: &[CustomerGuid],
        version: Version,
    ) -> Result<(), StorageError> {
        if touched.is_empty() {
            return Ok(());
        }
        let guids: Vec<_> = touched.iter().map(CustomerGuid::as_uuid).collect();
        let sql = "UPDATE customer SET version = $2 WHERE guid = ANY($1)";
        let values: Values<'_> = &[&guids, &version.0.cast_signed()];
        if self.change(sql, values, DOING)? != touched.len() as u64 {
            return Err(refused(DOING, "a customer of the plan does not exist"));
        }
        Ok(())
    }

    /// A new customer has no earlier address that could be primary.
    fn primaries_give_way(
        &mut self,
        plan: &PromotionPlan,
        touched: &[CustomerGuid],
        version: Version,
    ) -> Result<(), StorageError> {
        let touched: HashSet<_> = touched.iter().collect();
        let takes_over =
            |added: &&AddedAddress| added.address.is_primary && touched.contains(&added.customer);
        let takes_over = plan.addresses.iter().filter(takes_over);
        let customers: Vec<_> = takes_over.map(|added| added.customer.as_uuid()).collect();
        if customers.is_empty() {
            return Ok(());
        }
        let sql = "UPDATE address SET is_primary = false, version = $2
            WHERE customer = ANY($1) AND is_primary";
        self.change(sql, &[&customers, &version.0.cast_signed()], DOING)?;
        Ok(())
    }

    fn addresses_insert(
        &mut self,
        addresses: &[AddedAddress],
        version: Version,
    ) -> Result<(), StorageError> {
        if addresses.is_empty() {
            return Ok(());
        }
        let version = version.0.cast_signed();
        self.copy_in(&ADDRESS, DOING, |rows| {
            addresses.iter().try_for_each(|added| {
                let content = AddressContent::from(&added.address);
                rows.write(&[
                    content.guid.as_uuid(),
                    added.customer.as_uuid(),
                    &content.is_primary,
                    &version,
                    &added.created_at.as_microsecond(),
                    &i64::from(content.purpose),
                    &content.name,
                    &content.street,
                    &content.street_number,
                    &content.city,
                    &content.county,
                    &content.state,
                    &content.zip_code,
                    &content.country,
                    &content.phone,
                    &content.email,
                ])
            })
        })
    }

    fn operations_complete(
        &mut self,
        operations: &[OperationId],
        now: Timestamp,
    ) -> Result<(), StorageError> {
        if operations.is_empty() {
            return Ok(());
        }
        let ids: Vec<_> = operations.iter().map(OperationId::as_uuid).collect();
        let sql = "UPDATE operation
            SET status = 1, error = NULL, next_try_at = NULL, completed_at = $2
            WHERE id = ANY($1) AND status <> 1";
        let values: Values<'_> = &[&ids, &now.as_microsecond()];
        if self.change(sql, values, DOING)? != operations.len() as u64 {
            // Applying one once more would give a customer a second account.
            let reason = "an operation of the plan is unknown or was applied before";
            return Err(refused(DOING, reason));
        }
        Ok(())
    }
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
