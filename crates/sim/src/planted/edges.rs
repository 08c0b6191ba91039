//! Bugs of stores and registers: logs with gaps, rows that get lost, repeats that act again.

use super::Place::Edges;
use super::Triggers;

pub(super) const BUGS: &[Triggers] = &[
    Triggers {
        name: "a snapshot deletes customers that are on their way up",
        found_by: &["customers kept", "placement"],
        place: Edges,
        sql: "CREATE TRIGGER bug AFTER UPDATE OF generation ON edge BEGIN
                DELETE FROM customer WHERE version = 0;
            END;",
    },
    Triggers {
        name: "a store does not apply a row of a package",
        found_by: &["accounts", "placement"],
        place: Edges,
        sql: "CREATE TRIGGER bug AFTER UPDATE OF account ON customer
            WHEN OLD.account IS NULL AND substr(hex(NEW.guid), -1) < '6' BEGIN
                UPDATE customer SET account = NULL, version = OLD.version WHERE row = NEW.row;
            END;",
    },
    Triggers {
        name: "a store renumbers a register's operation wrongly",
        found_by: &["logs"],
        place: Edges,
        sql: "DROP TRIGGER operation_is_never_changed;
            CREATE TRIGGER bug AFTER INSERT ON operation
            WHEN NEW.relayed_at IS NOT NULL AND NEW.counter % 2 = 0 BEGIN
                UPDATE operation SET counter = counter + 1 WHERE counter = NEW.counter;
            END;",
    },
    Triggers {
        name: "a store forgets what a register sent",
        found_by: &["logs", "watermarks", "customers kept", "trades kept"],
        place: Edges,
        sql: "DROP TRIGGER operation_is_never_removed;
            CREATE TRIGGER bug AFTER INSERT ON operation
            WHEN NEW.relayed_at IS NOT NULL AND substr(hex(NEW.id), -1) < '6' BEGIN
                DELETE FROM operation WHERE counter = NEW.counter;
            END;",
    },
    Triggers {
        name: "a till acknowledges a sale that it does not keep",
        found_by: &["trades kept"],
        place: Edges,
        sql: "DROP TRIGGER document_is_never_removed;
            CREATE TRIGGER bug AFTER INSERT ON document BEGIN
                DELETE FROM document WHERE kind = 'sale' AND counter < NEW.counter
                    AND counter > (SELECT sent_counter FROM edge);
            END;",
    },
    Triggers {
        name: "a repeated request acts twice",
        found_by: &["customers kept", "addresses kept"],
        place: Edges,
        sql: "CREATE TRIGGER bug AFTER INSERT ON request BEGIN
                DELETE FROM request WHERE key = NEW.key;
            END;",
    },
    Triggers {
        name: "a price is a cent off at the till",
        found_by: &["products"],
        place: Edges,
        sql: "CREATE TRIGGER bug AFTER UPDATE OF price ON price BEGIN
                UPDATE price SET price = NEW.price + 1
                    WHERE item = NEW.item AND currency = NEW.currency;
            END;",
    },
    Triggers {
        name: "a store's watermark of a register runs back",
        found_by: &["watermarks"],
        place: Edges,
        sql: "CREATE TRIGGER bug AFTER UPDATE ON received WHEN NEW.counter % 3 = 0 BEGIN
                UPDATE received SET counter = OLD.counter, entry = OLD.entry
                    WHERE source = NEW.source AND epoch = NEW.epoch;
            END;",
    },
];
