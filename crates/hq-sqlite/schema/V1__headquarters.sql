-- Times are microseconds since 1970 in UTC; identities are the 16 bytes of a UUID. Numbers that a
-- remote sender chooses freely are unsigned 64-bit values in the bits of a signed one: compare
-- them in the program, never here.

-- One row: what the whole database counts.
CREATE TABLE headquarters (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    -- The version of the change log; every promotion transaction that changes data takes one.
    version INTEGER NOT NULL,
    -- The number of the latest pull.
    pull INTEGER NOT NULL,
    -- Rows in `operation`, so that counting does not read the history.
    operations INTEGER NOT NULL
) STRICT;
INSERT INTO headquarters (id, version, pull, operations) VALUES (1, 0, 0, 0);

CREATE TABLE channel_group (
    id TEXT PRIMARY KEY,
    mode TEXT NOT NULL CHECK (mode IN ('live', 'scheduled'))
) STRICT, WITHOUT ROWID;

CREATE TABLE group_address_book (
    channel_group TEXT NOT NULL REFERENCES channel_group (id),
    book TEXT NOT NULL,
    PRIMARY KEY (channel_group, book)
) STRICT, WITHOUT ROWID;

CREATE TABLE edge_database (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('channel', 'register')),
    channel_group TEXT NOT NULL REFERENCES channel_group (id),
    parent TEXT REFERENCES edge_database (id),
    address_book TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    credential BLOB UNIQUE CHECK (length(credential) = 32),
    enrolled_at INTEGER,
    revoked_at INTEGER,
    last_seen_at INTEGER,
    -- What it last said of itself, as JSON.
    health TEXT,
    pulled INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE activation (
    code BLOB PRIMARY KEY CHECK (length(code) = 32),
    edge_database TEXT NOT NULL REFERENCES edge_database (id),
    expires_at INTEGER NOT NULL,
    redeemed_by BLOB CHECK (length(redeemed_by) = 32)
) STRICT, WITHOUT ROWID;

CREATE TABLE operator_token (
    name TEXT PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE watermark (
    source TEXT NOT NULL,
    epoch BLOB NOT NULL CHECK (length(epoch) = 16),
    counter INTEGER NOT NULL,
    operation BLOB CHECK (length(operation) = 16),
    PRIMARY KEY (source, epoch)
) STRICT, WITHOUT ROWID;

CREATE TABLE operation (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    counter INTEGER NOT NULL,
    customer BLOB NOT NULL CHECK (length(customer) = 16),
    kind TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    origin TEXT NOT NULL,
    staff TEXT,
    relayed_at INTEGER,
    content TEXT NOT NULL,
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    source TEXT NOT NULL,
    epoch BLOB NOT NULL CHECK (length(epoch) = 16),
    received_at INTEGER NOT NULL,
    -- 0 pending, 1 succeeded, 2 failed.
    status INTEGER NOT NULL DEFAULT 0 CHECK (status IN (0, 1, 2)),
    error TEXT,
    tries INTEGER NOT NULL DEFAULT 0,
    next_try_at INTEGER,
    completed_at INTEGER,
    CHECK ((status = 1) = (completed_at IS NOT NULL))
) STRICT;
CREATE INDEX operation_customer ON operation (customer);
-- Work that is due is found without reading the history.
CREATE INDEX operation_pending ON operation (position, received_at) WHERE status = 0;
CREATE INDEX operation_failed ON operation (position, received_at) WHERE status = 2;
CREATE INDEX operation_retry ON operation (next_try_at)
    WHERE status = 2 AND next_try_at IS NOT NULL;

CREATE TRIGGER operation_is_immutable
BEFORE UPDATE OF position, id, counter, customer, kind, created_at, origin, staff, relayed_at,
    content, hash, source, epoch, received_at ON operation
BEGIN
    SELECT RAISE(ABORT, 'a received operation never changes');
END;
CREATE TRIGGER operation_is_kept BEFORE DELETE ON operation
BEGIN
    SELECT RAISE(ABORT, 'a received operation is never deleted');
END;

-- Operations that came with the id of another operation and other content.
CREATE TABLE quarantine (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL CHECK (length(id) = 16),
    counter INTEGER NOT NULL,
    customer BLOB NOT NULL CHECK (length(customer) = 16),
    kind TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    origin TEXT NOT NULL,
    staff TEXT,
    relayed_at INTEGER,
    content TEXT NOT NULL,
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    source TEXT NOT NULL,
    epoch BLOB NOT NULL CHECK (length(epoch) = 16),
    received_at INTEGER NOT NULL,
    UNIQUE (id, hash)
) STRICT;
CREATE INDEX quarantine_customer ON quarantine (customer);

CREATE TABLE party (
    number TEXT PRIMARY KEY,
    -- 1 person, 2 organization.
    customer_type INTEGER NOT NULL CHECK (customer_type IN (1, 2)),
    name TEXT,
    first_name TEXT,
    middle_name TEXT,
    last_name TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE customer (
    guid BLOB PRIMARY KEY CHECK (length(guid) = 16),
    -- That of the alias, where it is unique and found.
    account TEXT NOT NULL,
    party TEXT NOT NULL REFERENCES party (number),
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    customer_group TEXT,
    currency TEXT,
    language TEXT,
    email TEXT,
    receipt_email TEXT,
    phone TEXT,
    cellphone TEXT,
    identification_number TEXT,
    vat_number TEXT,
    -- Account, name, e-mails and phones in small letters, one a line.
    search TEXT NOT NULL
) STRICT;
CREATE INDEX customer_version ON customer (version, guid);

CREATE TABLE address (
    guid BLOB PRIMARY KEY CHECK (length(guid) = 16),
    customer BLOB NOT NULL REFERENCES customer (guid),
    is_primary INTEGER NOT NULL CHECK (is_primary IN (0, 1)),
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    purpose INTEGER NOT NULL,
    name TEXT,
    street TEXT,
    street_number TEXT,
    city TEXT,
    county TEXT,
    state TEXT,
    zip_code TEXT,
    country TEXT,
    phone TEXT,
    email TEXT
) STRICT;
CREATE INDEX address_customer ON address (customer, is_primary DESC, created_at, guid);
-- A customer has at most one primary address.
CREATE UNIQUE INDEX address_primary ON address (customer) WHERE is_primary = 1;

CREATE TABLE customer_address_book (
    customer BLOB NOT NULL REFERENCES customer (guid),
    book TEXT NOT NULL,
    PRIMARY KEY (customer, book)
) STRICT, WITHOUT ROWID;
CREATE INDEX customer_address_book_book ON customer_address_book (book);

-- The receipt of a promotion: kept for ever, exactly as it was given.
CREATE TABLE alias (
    guid BLOB PRIMARY KEY CHECK (length(guid) = 16),
    account TEXT NOT NULL UNIQUE,
    promoted_at INTEGER NOT NULL,
    run BLOB NOT NULL CHECK (length(run) = 16),
    version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TRIGGER alias_is_immutable BEFORE UPDATE ON alias
BEGIN
    SELECT RAISE(ABORT, 'an alias never changes');
END;
CREATE TRIGGER alias_is_kept BEFORE DELETE ON alias
BEGIN
    SELECT RAISE(ABORT, 'an alias is never deleted');
END;

CREATE TABLE number_sequence (
    name TEXT PRIMARY KEY,
    format TEXT NOT NULL,
    -- Absent: continuous.
    block_size INTEGER CHECK (block_size > 0),
    next INTEGER NOT NULL,
    largest INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE row_version (
    channel_group TEXT NOT NULL,
    job TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (channel_group, job)
) STRICT, WITHOUT ROWID;

-- Lists go by ordinal, the order of arrival: a clock may be set back.
CREATE TABLE package (
    ordinal INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    channel_group TEXT NOT NULL,
    job TEXT NOT NULL,
    scope TEXT NOT NULL CHECK (scope IN ('delta', 'snapshot')),
    sequence INTEGER NOT NULL,
    version INTEGER NOT NULL,
    status INTEGER NOT NULL,
    manifest TEXT,
    location TEXT,
    error TEXT,
    run BLOB NOT NULL CHECK (length(run) = 16),
    created_at INTEGER NOT NULL,
    -- The versions it covers, out of the manifest: after the first, up to the second.
    covers_from INTEGER,
    covers_to INTEGER
) STRICT;
CREATE INDEX package_list ON package (channel_group, job, sequence);
CREATE UNIQUE INDEX package_delta ON package (channel_group, job, sequence)
    WHERE scope = 'delta' AND status = 1;
CREATE INDEX package_covers ON package (covers_to, covers_from);

CREATE TABLE download_session (
    ordinal INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    edge_database TEXT NOT NULL,
    package BLOB NOT NULL REFERENCES package (id),
    job TEXT NOT NULL,
    status INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    next_try_at INTEGER,
    error TEXT,
    rerun_of BLOB CHECK (length(rerun_of) = 16),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    applied_at INTEGER
) STRICT;
CREATE INDEX download_session_database ON download_session (edge_database);
CREATE INDEX download_session_status ON download_session (status);
CREATE INDEX download_session_package ON download_session (package);
CREATE INDEX download_session_open ON download_session (edge_database)
    WHERE status NOT IN (4, 5, 6, 9);

CREATE TABLE upload_session (
    ordinal INTEGER PRIMARY KEY AUTOINCREMENT,
    -- The sender chooses it, so it is unique within the source only.
    id BLOB NOT NULL CHECK (length(id) = 16),
    source TEXT NOT NULL,
    epoch BLOB NOT NULL CHECK (length(epoch) = 16),
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    row_count INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    status INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    error TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (source, id)
) STRICT;
CREATE INDEX upload_session_source ON upload_session (source);

CREATE TABLE database_position (
    edge_database TEXT NOT NULL,
    job TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (edge_database, job)
) STRICT, WITHOUT ROWID;

-- The session each database applied last; absent when it never applied any.
CREATE TABLE database_applied (
    edge_database TEXT NOT NULL,
    job TEXT NOT NULL,
    session BLOB NOT NULL CHECK (length(session) = 16),
    PRIMARY KEY (edge_database, job)
) STRICT, WITHOUT ROWID;

CREATE TABLE job_lease (
    job TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    run BLOB NOT NULL CHECK (length(run) = 16),
    taken_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE job_run (
    ordinal INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    job TEXT NOT NULL,
    trigger TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    outcome TEXT NOT NULL,
    -- What it did, as JSON.
    detail TEXT NOT NULL,
    error TEXT
) STRICT;
CREATE INDEX job_run_job ON job_run (job);

CREATE TABLE job_schedule (
    job TEXT PRIMARY KEY,
    cron TEXT,
    fired_at INTEGER
) STRICT, WITHOUT ROWID;
