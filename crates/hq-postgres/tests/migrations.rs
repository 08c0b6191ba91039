//! What a change of the schema makes of rows that were there before.

use tillsync_testkit::cluster::cluster;

/// The schema before, rows of that time without what they refer to, and the change.
const STATEMENTS: [&str; 4] = [
    include_str!("../schema/V1__headquarters.sql"),
    include_str!("../schema/V2__nodes.sql"),
    "SET session_replication_role = replica;
    INSERT INTO statement (id, number, store, kind, state, failures, transactions, shifts, amounts,
        run, created_at, updated_at)
    SELECT lpad(n::text, 32, '0')::uuid, n, 'S1', 'transactional', state, 0, 3, 0, '{}',
        lpad('', 32, '0')::uuid, 0, 0
    FROM (VALUES (1, 'Aggregated'), (2, 'PaymentsPosted'), (3, 'Posted')) AS given (n, state);
    INSERT INTO aggregate (statement, account, currency, transactions, net, discount, tax, payments)
    SELECT lpad(statement::text, 32, '0')::uuid, account, currency, transactions, 0, 0, 0, '{}'
    FROM (VALUES (1, 'C-1', 'EUR', 1), (1, 'C-9', 'EUR', 2), (1, 'C-9', 'SEK', 1),
        (2, 'C-1', 'EUR', 3), (3, 'C-9', 'EUR', 3))
        AS given (statement, account, currency, transactions);
    INSERT INTO transaction_state (position, number, kind, store, received_at, is_voided,
        validation, account, statement)
    SELECT position, position, 'sale', 'S1', 0, false, 'Successful', account,
        lpad(statement::text, 32, '0')::uuid
    FROM (VALUES (1, 1, 'C-1'), (2, 1, 'C-9'), (3, 1, NULL), (4, 1, NULL), (5, 2, 'C-1'),
        (6, 2, 'C-1'), (7, 2, 'C-1'), (8, 3, NULL)) AS given (position, statement, account);",
    include_str!("../schema/V3__statements.sql"),
];

#[test]
fn a_statement_on_its_way_gets_its_default_account_from_its_sums() {
    let url = cluster().new_database();
    for sql in STATEMENTS {
        cluster().sql(&url, sql).expect("it runs");
    }
    let found = "SELECT number, default_account FROM statement ORDER BY ordinal";
    let found = cluster().sql(&url, found).expect("it runs");
    assert_eq!(found, "1|C-9\n2|\n3|", "a posted one never changes");
}
