-- A headquarters that was restored from a backup learns from its databases what it has forgotten.

-- One row each time, numbered from 1; the latest counts. While it is open, nothing is promoted.
CREATE TABLE recovery (
    number INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    began_at INTEGER NOT NULL,
    reason TEXT NOT NULL,
    -- The version that items and prices got because databases had seen higher ones; 0: none yet.
    items_renewed INTEGER NOT NULL,
    ended_at INTEGER,
    -- Absent: it ended because everybody was heard.
    ended_by TEXT
) STRICT;
CREATE UNIQUE INDEX recovery_open ON recovery ((1)) WHERE ended_at IS NULL;

-- Who is asked, and who was heard.
CREATE TABLE recovery_hearing (
    recovery BLOB NOT NULL REFERENCES recovery (id),
    edge_database TEXT NOT NULL,
    -- The versions up to which it has nothing that headquarters could have forgotten.
    customers_after INTEGER NOT NULL,
    items_after INTEGER NOT NULL,
    -- Where its next page begins, in its own terms, and what it has told so far.
    page_after INTEGER NOT NULL,
    told INTEGER NOT NULL,
    -- What it believes to have been received of its log.
    epoch BLOB CHECK (length(epoch) = 16),
    counter INTEGER,
    heard_at INTEGER,
    PRIMARY KEY (recovery, edge_database)
) STRICT, WITHOUT ROWID;

-- Numbers that were given before the restore: their customers get them again, and nobody else.
CREATE TABLE number_promise (
    guid BLOB PRIMARY KEY CHECK (length(guid) = 16),
    account TEXT NOT NULL UNIQUE,
    party TEXT UNIQUE,
    source TEXT NOT NULL,
    promised_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Numbers of which a database says something else than headquarters knows.
CREATE TABLE number_conflict (
    guid BLOB NOT NULL CHECK (length(guid) = 16),
    account TEXT NOT NULL,
    -- The number that headquarters has for the customer, and the customer that has the number.
    known_account TEXT,
    holder BLOB CHECK (length(holder) = 16),
    source TEXT NOT NULL,
    found_at INTEGER NOT NULL,
    settled_at INTEGER,
    settled_by TEXT,
    PRIMARY KEY (guid, account)
) STRICT, WITHOUT ROWID;
CREATE INDEX number_conflict_account ON number_conflict (account);
