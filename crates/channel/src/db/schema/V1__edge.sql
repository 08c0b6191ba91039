-- The database of a channel or a register. All ids are 16-byte UUIDs, all times are microseconds
-- since 1970 in UTC. No statement here or elsewhere calls the clock or draws a random number.

-- Who this database is: one row, written when it is enrolled.
CREATE TABLE edge (
    one              INTEGER PRIMARY KEY CHECK (one = 1),
    database_id      TEXT    NOT NULL,
    kind             TEXT    NOT NULL,
    group_id         TEXT    NOT NULL,
    parent           TEXT,
    upstream         TEXT    NOT NULL,
    credential       TEXT    NOT NULL,
    code_hash        BLOB    NOT NULL,
    epoch            BLOB    NOT NULL,
    mode             TEXT    NOT NULL,
    pulled           INTEGER NOT NULL DEFAULT 0,
    sent_counter     INTEGER NOT NULL DEFAULT 0,
    sent_entry       BLOB,
    generation       INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Credentials drawn for an activation code whose answer has not arrived yet.
CREATE TABLE enrolment (
    code_hash  BLOB PRIMARY KEY,
    credential TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The log, in two tables that share one counter: what was done to customers, and documents. The
-- counter is given inside the write transaction, so in commit order.
CREATE TABLE operation (
    counter    INTEGER PRIMARY KEY,
    id         BLOB    NOT NULL UNIQUE,
    customer   BLOB    NOT NULL,
    kind       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    origin     TEXT    NOT NULL,
    staff      TEXT,
    relayed_at INTEGER,
    content    TEXT    NOT NULL,
    hash       BLOB    NOT NULL
) STRICT;

CREATE INDEX operation_customer ON operation (customer);

CREATE TRIGGER operation_is_never_changed BEFORE UPDATE ON operation
BEGIN SELECT RAISE(ABORT, 'an operation is never changed'); END;

CREATE TRIGGER operation_is_never_removed BEFORE DELETE ON operation
BEGIN SELECT RAISE(ABORT, 'an operation is never removed'); END;

-- Sales, orders and steps of shifts. The number is the identity; the columns behind the hash are
-- for look-ups only and empty where this version cannot read the content. The total is in the
-- currency's smallest unit. A register's document whose number is another's is set aside: it goes
-- up, where somebody can judge it, and is shown nowhere.
CREATE TABLE document (
    counter          INTEGER PRIMARY KEY,
    id               BLOB    NOT NULL UNIQUE,
    number           TEXT    NOT NULL,
    kind             TEXT    NOT NULL,
    created_at       INTEGER NOT NULL,
    origin           TEXT    NOT NULL,
    staff            TEXT,
    relayed_at       INTEGER,
    content          TEXT    NOT NULL,
    hash             BLOB    NOT NULL,
    customer_guid    BLOB,
    customer_account TEXT,
    shift            TEXT,
    receipt          TEXT,
    currency         TEXT,
    total            INTEGER,
    is_set_aside     INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE UNIQUE INDEX document_number ON document (number) WHERE is_set_aside = 0;
CREATE INDEX document_guid ON document (customer_guid) WHERE customer_guid IS NOT NULL;
CREATE INDEX document_account ON document (customer_account) WHERE customer_account IS NOT NULL;
CREATE INDEX document_receipt ON document (receipt) WHERE receipt IS NOT NULL;

CREATE TRIGGER document_is_never_changed BEFORE UPDATE ON document
BEGIN SELECT RAISE(ABORT, 'a document is never changed'); END;

CREATE TRIGGER document_is_never_removed BEFORE DELETE ON document
BEGIN SELECT RAISE(ABORT, 'a document is never removed'); END;

-- Numbers drawn here, without gaps: they are drawn in the transaction that uses them.
CREATE TABLE sequence (
    name TEXT    PRIMARY KEY,
    last INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Shifts as their documents tell them, of this database and of its registers: the counters of the
-- documents of each step. How far a shift has come is the last of them that is set.
CREATE TABLE shift (
    number       TEXT    PRIMARY KEY,
    origin       TEXT    NOT NULL,
    opened       INTEGER,
    blind_closed INTEGER,
    closed       INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX shift_open ON shift (origin) WHERE blind_closed IS NULL AND closed IS NULL;

-- What was returned of which line of which sale, so that nothing is returned twice.
CREATE TABLE returned (
    number        TEXT    NOT NULL,
    line          INTEGER NOT NULL,
    document      INTEGER NOT NULL,
    document_line INTEGER NOT NULL,
    quantity      TEXT    NOT NULL,
    PRIMARY KEY (number, line, document, document_line)
) STRICT, WITHOUT ROWID;

-- Requests that carried an idempotency key.
CREATE TABLE request (
    key      TEXT PRIMARY KEY,
    hash     BLOB NOT NULL,
    customer BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Customers: downloaded ones (version > 0) and those that so far exist here only (version 0).
CREATE TABLE customer (
    row          INTEGER PRIMARY KEY,
    guid         BLOB    NOT NULL UNIQUE,
    account      TEXT UNIQUE,
    party_number TEXT,
    created_at   INTEGER NOT NULL,
    version      INTEGER NOT NULL,
    generation   INTEGER NOT NULL,
    content      TEXT    NOT NULL
) STRICT;

CREATE INDEX customer_pending ON customer (created_at) WHERE account IS NULL;

CREATE TABLE address (
    guid       BLOB    PRIMARY KEY,
    customer   BLOB    NOT NULL,
    created_at INTEGER NOT NULL,
    version    INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    content    TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX address_customer ON address (customer);

-- What customers are searched by: name, e-mail, phones. Keyed by customer.row.
CREATE VIRTUAL TABLE customer_text USING fts5 (
    words, content = '', contentless_delete = 1, detail = none
);

-- What can be sold, as headquarters sends it.
CREATE TABLE item (
    number     TEXT    PRIMARY KEY,
    name       TEXT    NOT NULL,
    tax_rate   TEXT    NOT NULL,
    is_active  INTEGER NOT NULL,
    version    INTEGER NOT NULL,
    generation INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Prices in the currency's smallest unit; empty where the item is not sold in it any more.
CREATE TABLE price (
    item       TEXT    NOT NULL,
    currency   TEXT    NOT NULL,
    price      INTEGER,
    version    INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    PRIMARY KEY (item, currency)
) STRICT, WITHOUT ROWID;

-- How far each epoch of each register was received (channels only).
CREATE TABLE received (
    source  TEXT    NOT NULL,
    epoch   BLOB    NOT NULL,
    counter INTEGER NOT NULL,
    entry   BLOB,
    at      INTEGER NOT NULL,
    PRIMARY KEY (source, epoch)
) STRICT, WITHOUT ROWID;

-- Entries that came with a known id or number and other content, word for word (F115). Only a
-- document has a number.
CREATE TABLE quarantine (
    id          BLOB    NOT NULL,
    hash        BLOB    NOT NULL,
    number      TEXT,
    source      TEXT    NOT NULL,
    epoch       BLOB    NOT NULL,
    counter     INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    line        TEXT    NOT NULL,
    PRIMARY KEY (id, hash)
) STRICT, WITHOUT ROWID;

-- The packages sent upstream, with the statuses of domain.md 4.1.
CREATE TABLE upload_session (
    row         INTEGER PRIMARY KEY,
    id          BLOB    NOT NULL UNIQUE,
    epoch       BLOB    NOT NULL,
    first       INTEGER NOT NULL,
    last        INTEGER NOT NULL,
    made_at     INTEGER NOT NULL,
    status      INTEGER NOT NULL,
    failures    INTEGER NOT NULL,
    next_try_at INTEGER,
    error       TEXT,
    updated_at  INTEGER NOT NULL
) STRICT;

-- P-0001 runs once at a time (F65): one session at most is neither applied nor cancelled.
CREATE UNIQUE INDEX upload_session_open ON upload_session ((1)) WHERE status NOT IN (3, 4);

-- How far each job has been applied, and which sessions were.
CREATE TABLE applied (
    job     TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE applied_session (
    row        INTEGER PRIMARY KEY,
    id         BLOB    NOT NULL UNIQUE,
    job        TEXT    NOT NULL,
    applied_at INTEGER NOT NULL
) STRICT;

-- Programs that may use the customer interface of this database.
CREATE TABLE api_token (
    hash       BLOB PRIMARY KEY,
    name       TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The registers of this channel.
CREATE TABLE register (
    database_id     TEXT PRIMARY KEY,
    credential_hash BLOB    NOT NULL UNIQUE,
    enrolled_at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
