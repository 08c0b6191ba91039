//! Bugs of receiving: entries skipped, doubled or dropped, watermarks that do not tell the truth.

use super::Place::Headquarters;
use super::Triggers;

pub(super) const BUGS: &[Triggers] = &[
    Triggers {
        name: "skips an operation",
        found_by: &["logs", "customers kept", "addresses kept", "rest"],
        place: Headquarters,
        sql: "DROP TRIGGER operation_is_kept;
            CREATE TRIGGER bug AFTER INSERT ON operation
            WHEN NEW.counter % 3 = 0 AND NEW.source IN (SELECT id FROM edge_database) BEGIN
                DELETE FROM operation WHERE position = NEW.position;
            END;",
    },
    Triggers {
        name: "skips a document",
        found_by: &["logs", "trades kept", "shifts kept"],
        place: Headquarters,
        // The last statement of receiving documents.
        sql: "DROP TRIGGER document_is_kept;
            DROP TRIGGER transaction_is_kept;
            CREATE TRIGGER bug AFTER UPDATE OF transactions ON headquarters
            WHEN NEW.transactions > OLD.transactions BEGIN
                DELETE FROM order_state WHERE position IN
                    (SELECT position FROM document WHERE counter % 3 = 0);
                DELETE FROM transaction_state WHERE position IN
                    (SELECT position FROM document WHERE counter % 3 = 0);
                DELETE FROM document WHERE counter % 3 = 0;
            END;",
    },
    Triggers {
        name: "applies an operation twice, under a new id",
        found_by: &["logs", "addresses kept"],
        place: Headquarters,
        sql: "CREATE TRIGGER bug AFTER INSERT ON operation
            WHEN NEW.kind = 'add_address' AND hex(NEW.id) NOT LIKE '%EE' BEGIN
                INSERT INTO operation (id, counter, customer, kind, created_at, origin, staff,
                    relayed_at, content, hash, source, epoch, received_at)
                VALUES (CAST(substr(NEW.id, 1, 15) || X'EE' AS BLOB), NEW.counter, NEW.customer,
                    NEW.kind, NEW.created_at, NEW.origin, NEW.staff, NEW.relayed_at,
                    json_set(NEW.content, '$.guid',
                        substr(json_extract(NEW.content, '$.guid'), 1, 34) || 'ee'),
                    NEW.hash, NEW.source, NEW.epoch, NEW.received_at);
            END;",
    },
    Triggers {
        name: "repeats an upload under new ids",
        found_by: &["logs"],
        place: Headquarters,
        sql: "CREATE TRIGGER bug AFTER INSERT ON operation
            WHEN NEW.source IN (SELECT id FROM edge_database) AND hex(NEW.id) NOT LIKE '%EE' BEGIN
                INSERT INTO operation (id, counter, customer, kind, created_at, origin, staff,
                    relayed_at, content, hash, source, epoch, received_at)
                VALUES (CAST(substr(NEW.id, 1, 15) || X'EE' AS BLOB), NEW.counter, NEW.customer,
                    NEW.kind, NEW.created_at, NEW.origin, NEW.staff, NEW.relayed_at, NEW.content,
                    NEW.hash, NEW.source, NEW.epoch, NEW.received_at);
            END;",
    },
    Triggers {
        name: "loses the completion flag",
        found_by: &["arrows", "rest"],
        place: Headquarters,
        sql: "CREATE TRIGGER bug AFTER UPDATE OF status ON operation
            WHEN NEW.status = 1 AND NEW.position % 3 = 0
                AND NEW.source IN (SELECT id FROM edge_database) BEGIN
                UPDATE operation SET status = 0, completed_at = NULL
                    WHERE position = NEW.position;
            END;",
    },
    Triggers {
        name: "drops what contradicts",
        found_by: &["logs", "trades kept"],
        place: Headquarters,
        sql: "CREATE TRIGGER bug AFTER INSERT ON document_quarantine BEGIN
                DELETE FROM document_quarantine WHERE position = NEW.position;
            END;
            CREATE TRIGGER bug_too AFTER INSERT ON quarantine BEGIN
                DELETE FROM quarantine WHERE position = NEW.position;
            END;",
    },
    Triggers {
        name: "changes what was received",
        found_by: &["logs", "trades kept"],
        place: Headquarters,
        sql: "DROP TRIGGER document_is_immutable;
            CREATE TRIGGER bug AFTER INSERT ON document WHEN NEW.counter % 3 = 0 BEGIN
                UPDATE document SET content = replace(content, 'coffee', 'tea')
                    WHERE position = NEW.position;
            END;",
    },
    Triggers {
        name: "its watermark runs ahead of what it holds",
        found_by: &["watermarks", "logs", "customers kept", "trades kept"],
        place: Headquarters,
        sql: "CREATE TRIGGER bug AFTER UPDATE ON watermark WHEN NEW.counter % 3 = 0 BEGIN
                UPDATE watermark SET counter = counter + 1, entry = NULL
                    WHERE source = NEW.source AND epoch = NEW.epoch;
            END;",
    },
    Triggers {
        name: "its watermark runs back",
        found_by: &["watermarks"],
        place: Headquarters,
        sql: "CREATE TRIGGER bug AFTER UPDATE ON watermark WHEN NEW.counter % 3 = 0 BEGIN
                UPDATE watermark SET counter = OLD.counter, entry = OLD.entry
                    WHERE source = NEW.source AND epoch = NEW.epoch;
            END;",
    },
];
