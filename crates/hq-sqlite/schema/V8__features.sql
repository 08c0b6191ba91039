-- Feature switches, one set for all channels. The first rows come when switches come into force;
-- changed_by is empty where nobody has set one since.
CREATE TABLE feature (
    code TEXT PRIMARY KEY,
    is_enabled INTEGER NOT NULL CHECK (is_enabled IN (0, 1)),
    changed_at INTEGER NOT NULL,
    changed_by TEXT,
    version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
