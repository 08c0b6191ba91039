//! Bugs behind the sale: verdicts, orders, shifts, statements, vouchers.

use super::Place::Headquarters;
use super::Triggers;

pub(super) const BUGS: &[Triggers] = &[
    Triggers {
        name: "posts a cent too much",
        found_by: &["books", "doctor"],
        place: Headquarters,
        sql: "DROP TRIGGER ledger_entry_is_immutable;
            CREATE TRIGGER bug AFTER INSERT ON voucher BEGIN
                UPDATE ledger_entry SET amount = amount + iif(line = 1, 1, -1)
                    WHERE voucher = NEW.number AND line < 3
                        AND amount <> iif(line = 1, -1, 1);
            END;",
    },
    Triggers {
        name: "posts on the GUID",
        found_by: &["books", "doctor"],
        place: Headquarters,
        sql: "DROP TRIGGER ledger_entry_is_immutable;
            CREATE TRIGGER bug AFTER INSERT ON ledger_entry
            WHEN NEW.customer IN (SELECT account FROM transaction_state
                WHERE customer_guid IS NOT NULL) BEGIN
                UPDATE ledger_entry SET customer = (SELECT lower(hex(guid)) FROM alias
                        WHERE account = NEW.customer)
                    WHERE voucher = NEW.voucher AND line = NEW.line;
            END;",
    },
    Triggers {
        name: "posts on somebody else's account",
        found_by: &["books", "doctor"],
        place: Headquarters,
        sql: "DROP TRIGGER ledger_entry_is_immutable;
            CREATE TRIGGER bug AFTER INSERT ON ledger_entry WHEN NEW.customer IS NOT NULL BEGIN
                UPDATE ledger_entry SET customer = (SELECT max(account) FROM alias)
                    WHERE voucher = NEW.voucher AND line = NEW.line;
            END;",
    },
    Triggers {
        name: "posts a sale in two statements",
        found_by: &["books", "doctor"],
        place: Headquarters,
        // Once for each: what never counts as posted would be posted without end.
        sql: "DROP TRIGGER transaction_is_final_once_posted;
            CREATE TABLE bug_posted (position INTEGER PRIMARY KEY) STRICT;
            CREATE TRIGGER bug AFTER UPDATE OF posted_at ON transaction_state
            WHEN NEW.posted_at IS NOT NULL AND NEW.position % 2 = 0
                AND NEW.position NOT IN (SELECT position FROM bug_posted) BEGIN
                INSERT INTO bug_posted VALUES (NEW.position);
                UPDATE transaction_state SET posted_at = NULL, statement = NULL, voucher = NULL
                    WHERE position = NEW.position;
            END;",
    },
    Triggers {
        name: "forgets what was counted at the end of a shift",
        found_by: &["shifts kept", "books", "doctor"],
        place: Headquarters,
        sql: "CREATE TRIGGER bug AFTER UPDATE OF counted ON shift
            WHEN NEW.counted IS NOT NULL AND NEW.counted <> '[]' BEGIN
                UPDATE shift SET counted = '[]' WHERE number = NEW.number;
            END;
            CREATE TRIGGER bug_too AFTER INSERT ON shift WHEN NEW.counted IS NOT NULL BEGIN
                UPDATE shift SET counted = '[]' WHERE number = NEW.number;
            END;",
    },
    Triggers {
        name: "synchronizes an order a second time",
        found_by: &["arrows", "numbers"],
        place: Headquarters,
        sql: "DROP TRIGGER order_keeps_its_sales_order;
            CREATE TRIGGER bug AFTER UPDATE OF status ON order_state
            WHEN NEW.status = 'Succeeded' AND NEW.position % 2 = 0 BEGIN
                UPDATE order_state SET status = 'New', sales_order = NULL
                    WHERE position = NEW.position;
            END;",
    },
    Triggers {
        name: "sets a verdict back",
        found_by: &["rest"],
        place: Headquarters,
        sql: "CREATE TRIGGER bug AFTER UPDATE OF validation ON transaction_state
            WHEN NEW.validation = 'Successful' AND OLD.validation <> 'Successful'
                AND NEW.position % 3 = 0 BEGIN
                UPDATE transaction_state SET validation = 'New' WHERE position = NEW.position;
            END;",
    },
    Triggers {
        name: "takes a posted statement up again",
        found_by: &["arrows", "books", "doctor"],
        place: Headquarters,
        sql: "DROP TRIGGER statement_is_final_once_posted;
            CREATE TRIGGER bug AFTER UPDATE OF state ON statement WHEN NEW.state = 'Posted' BEGIN
                UPDATE statement SET state = OLD.state WHERE id = NEW.id;
            END;",
    },
];
