//! Bugs of distribution and of jobs: packages skipped, sessions set back, leases that hold nobody.

use super::Place::Headquarters;
use super::Triggers;

pub(super) const BUGS: &[Triggers] = &[
    Triggers {
        name: "skips a package",
        found_by: &["placement", "products", "addresses kept"],
        place: Headquarters,
        sql: "CREATE TRIGGER bug AFTER UPDATE ON database_position WHEN NEW.sequence % 3 = 0 BEGIN
                UPDATE database_position SET sequence = sequence + 1, version = version + 1
                    WHERE edge_database = NEW.edge_database AND job = NEW.job;
            END;",
    },
    Triggers {
        name: "leaves a change out of every package",
        found_by: &["placement", "products", "addresses kept"],
        place: Headquarters,
        sql: "CREATE TRIGGER bug AFTER UPDATE ON row_version WHEN NEW.sequence % 2 = 0 BEGIN
                UPDATE row_version SET version = version + 1
                    WHERE channel_group = NEW.channel_group AND job = NEW.job;
            END;",
    },
    Triggers {
        name: "sets an applied session back",
        found_by: &["arrows"],
        place: Headquarters,
        sql: "CREATE TRIGGER bug AFTER UPDATE OF status ON download_session
            WHEN NEW.applied_at IS NOT NULL AND NEW.ordinal % 2 = 0 BEGIN
                UPDATE download_session SET status = OLD.status, applied_at = NULL
                    WHERE ordinal = NEW.ordinal;
            END;",
    },
    Triggers {
        name: "takes a lease that somebody holds",
        found_by: &["leases"],
        place: Headquarters,
        // The witness of leases goes on seeing what they said, not what was made of it.
        sql: "DROP TRIGGER sim_lease;
            CREATE TABLE bug_lease (job TEXT PRIMARY KEY, holder TEXT, expires_at INTEGER) STRICT;
            CREATE TRIGGER bug AFTER INSERT ON job_lease BEGIN
                DELETE FROM bug_lease WHERE job = NEW.job;
                INSERT INTO bug_lease VALUES (NEW.job, NEW.holder, NEW.expires_at);
                UPDATE job_lease SET expires_at = taken_at WHERE job = NEW.job;
            END;
            CREATE TRIGGER bug_too AFTER UPDATE ON job_lease
            WHEN NEW.expires_at > NEW.taken_at BEGIN
                INSERT INTO sim_note (what, key, old, new)
                    SELECT 'lease', NEW.job || ': ' || holder || ' -> ' || NEW.holder,
                        CAST(expires_at AS TEXT), CAST(NEW.expires_at AS TEXT)
                    FROM bug_lease WHERE job = NEW.job AND holder <> NEW.holder;
                DELETE FROM bug_lease WHERE job = NEW.job;
                INSERT INTO bug_lease VALUES (NEW.job, NEW.holder, NEW.expires_at);
                UPDATE job_lease SET expires_at = taken_at WHERE job = NEW.job;
            END;",
    },
];
