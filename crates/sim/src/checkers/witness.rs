//! Witnesses in the databases: triggers that note each step of a status, each change of a lease
//! and each watermark that runs back, so that nothing that happens between two looks goes unseen.
//!
//! They write to a table of their own, which nobody but checkers reads, and change nothing else. A
//! copy of a database takes its witnesses along.

use std::path::Path;

use rusqlite::Connection;

use super::scene::{rows, text};

/// What was noted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Note {
    /// Its place in the order of what happened.
    pub(super) row: i64,
    /// What sort of thing changed.
    pub(super) what: String,
    /// Which one.
    pub(super) key: String,
    /// What it was; nothing when it is new.
    pub(super) old: Option<String>,
    /// What it is; nothing when it is gone.
    pub(super) new: Option<String>,
}

const TABLE: &str = "CREATE TABLE sim_note (
    row INTEGER PRIMARY KEY, what TEXT NOT NULL, key TEXT NOT NULL, old TEXT, new TEXT
) STRICT;";

/// A status that is followed: the table, what it is called, the key, the column.
type Followed = (&'static str, &'static str, &'static str, &'static str);

const FOLLOWED_AT_HQ: &[Followed] = &[
    ("upload_session", "upload", "?.source || ' ' || hex(?.id)", "status"),
    ("download_session", "download", "hex(?.id)", "status"),
    ("operation", "operation", "hex(?.id)", "status"),
    ("order_state", "order", "?.position", "status"),
    ("transaction_state", "transaction", "?.number", "validation"),
    ("statement", "statement", "?.number", "state"),
    ("shift", "shift", "?.number", "status"),
];

const FOLLOWED_AT_EDGE: &[Followed] = &[("upload_session", "upload", "hex(?.id)", "status")];

const ONLY_AT_HQ: &str = "
    CREATE TRIGGER sim_statement_gone AFTER DELETE ON statement BEGIN
        INSERT INTO sim_note (what, key, old) VALUES ('statement', OLD.number, OLD.state);
    END;
    CREATE TRIGGER sim_aggregate_gone AFTER DELETE ON aggregate
    WHEN OLD.sales_order IS NOT NULL BEGIN
        INSERT INTO sim_note (what, key, old)
            VALUES ('sales order', OLD.sales_order, hex(OLD.statement) || ' ' || OLD.account);
    END;
    CREATE TRIGGER sim_lease AFTER UPDATE ON job_lease WHEN NEW.holder <> OLD.holder BEGIN
        INSERT INTO sim_note (what, key, old, new)
            VALUES ('lease', NEW.job || ': ' || OLD.holder || ' -> ' || NEW.holder,
                CAST(OLD.expires_at AS TEXT), CAST(NEW.expires_at AS TEXT));
    END;
    CREATE TRIGGER sim_watermark_back AFTER UPDATE ON watermark WHEN NEW.counter < OLD.counter
    BEGIN
        INSERT INTO sim_note (what, key, old, new)
            VALUES ('back', 'headquarters has of ' || NEW.source || ' in ' || hex(NEW.epoch),
                CAST(OLD.counter AS TEXT), CAST(NEW.counter AS TEXT));
    END;
    CREATE TRIGGER sim_watermark_gone AFTER DELETE ON watermark BEGIN
        INSERT INTO sim_note (what, key, old)
            VALUES ('back', 'headquarters has of ' || OLD.source || ' in ' || hex(OLD.epoch),
                CAST(OLD.counter AS TEXT));
    END;
    CREATE TRIGGER sim_version_back AFTER UPDATE ON headquarters WHEN NEW.version < OLD.version
    BEGIN
        INSERT INTO sim_note (what, key, old, new)
            VALUES ('back', 'headquarters'' version of changes',
                CAST(OLD.version AS TEXT), CAST(NEW.version AS TEXT));
    END;";

const ONLY_AT_EDGE: &str = "
    CREATE TRIGGER sim_sent_back AFTER UPDATE ON edge
    WHEN NEW.epoch = OLD.epoch AND NEW.sent_counter < OLD.sent_counter BEGIN
        INSERT INTO sim_note (what, key, old, new)
            VALUES ('back', 'what was sent',
                CAST(OLD.sent_counter AS TEXT), CAST(NEW.sent_counter AS TEXT));
    END;
    CREATE TRIGGER sim_received_back AFTER UPDATE ON received WHEN NEW.counter < OLD.counter
    BEGIN
        INSERT INTO sim_note (what, key, old, new)
            VALUES ('back', 'what it has of ' || NEW.source || ' in ' || hex(NEW.epoch),
                CAST(OLD.counter AS TEXT), CAST(NEW.counter AS TEXT));
    END;
    CREATE TRIGGER sim_applied_back AFTER UPDATE ON applied WHEN NEW.version < OLD.version BEGIN
        INSERT INTO sim_note (what, key, old, new)
            VALUES ('back', 'what it applied of ' || NEW.job,
                CAST(OLD.version AS TEXT), CAST(NEW.version AS TEXT));
    END;";

/// Puts witnesses into a new database of headquarters.
pub(crate) fn watch_headquarters(file: &Path) {
    watch(file, FOLLOWED_AT_HQ, ONLY_AT_HQ);
}

/// Puts witnesses into a new database of a store or a register.
pub(crate) fn watch_edge(file: &Path) {
    watch(file, FOLLOWED_AT_EDGE, ONLY_AT_EDGE);
}

fn watch(file: &Path, followed: &[Followed], only_here: &str) {
    let mut script = String::from(TABLE);
    for (table, what, key, column) in followed {
        let (old, new) = (key.replace('?', "OLD"), key.replace('?', "NEW"));
        script += &format!(
            "CREATE TRIGGER sim_{table}_new AFTER INSERT ON {table} BEGIN
                INSERT INTO sim_note (what, key, new)
                    VALUES ('{what}', {new}, CAST(NEW.{column} AS TEXT));
            END;
            CREATE TRIGGER sim_{table}_step AFTER UPDATE OF {column} ON {table}
            WHEN NEW.{column} <> OLD.{column} BEGIN
                INSERT INTO sim_note (what, key, old, new)
                    VALUES ('{what}', {old}, CAST(OLD.{column} AS TEXT),
                        CAST(NEW.{column} AS TEXT));
            END;"
        );
    }
    script += only_here;
    let connection = Connection::open(file).expect("a database");
    // An enrolment that was refused is tried again with the same database.
    if connection.table_exists(None, "sim_note").expect("readable") {
        return;
    }
    connection.execute_batch(&script).expect("tables that are followed exist");
}

/// What was noted behind a row, in order.
pub(super) fn notes_behind(connection: &Connection, row: i64) -> Vec<Note> {
    let sql = "SELECT row, what, key, old, new FROM sim_note WHERE row > ?1 ORDER BY row";
    rows(connection, sql, [row], |found| Note {
        row: found.get(0).expect("a row"),
        what: text(found, 1),
        key: text(found, 2),
        old: found.get(3).expect("a text or none"),
        new: found.get(4).expect("a text or none"),
    })
}
