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
    -- Rows in `operation`, `transaction_state` and `order_state`, and transactions posted, so that
    -- counting does not read the history.
    operations INTEGER NOT NULL,
    transactions INTEGER NOT NULL,
    orders INTEGER NOT NULL,
    posted INTEGER NOT NULL
) STRICT;
INSERT INTO headquarters (id, version, pull, operations, transactions, orders, posted)
    VALUES (1, 0, 0, 0, 0, 0, 0);

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
    pulled INTEGER NOT NULL DEFAULT 0,
    -- Whom unnamed sales are posted to: never a temporary identity.
    default_customer TEXT REFERENCES alias (account)
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
    entry BLOB CHECK (length(entry) = 16),
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

CREATE TABLE document (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    counter INTEGER NOT NULL,
    number TEXT NOT NULL UNIQUE,
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
    -- What this version took it for: a later one may know better, so it is not of the content.
    role TEXT NOT NULL CHECK (role IN ('transaction', 'shift', 'unknown'))
) STRICT;
CREATE INDEX document_unknown ON document (position) WHERE role = 'unknown';

CREATE TRIGGER document_is_immutable
BEFORE UPDATE OF position, id, counter, number, kind, created_at, origin, staff, relayed_at,
    content, hash, source, epoch, received_at ON document
BEGIN
    SELECT RAISE(ABORT, 'a received document never changes');
END;
CREATE TRIGGER document_is_kept BEFORE DELETE ON document
BEGIN
    SELECT RAISE(ABORT, 'a received document is never deleted');
END;

-- Documents that came with the number or id of another document and other content.
CREATE TABLE document_quarantine (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL CHECK (length(id) = 16),
    counter INTEGER NOT NULL,
    number TEXT NOT NULL,
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
    UNIQUE (number, hash)
) STRICT;
CREATE TRIGGER document_quarantine_is_immutable BEFORE UPDATE ON document_quarantine
BEGIN
    SELECT RAISE(ABORT, 'a document that was set aside never changes');
END;

CREATE TABLE statement (
    ordinal INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    number TEXT NOT NULL UNIQUE,
    store TEXT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    error TEXT,
    failures INTEGER NOT NULL,
    transactions INTEGER NOT NULL,
    shifts INTEGER NOT NULL,
    -- By currency, as JSON.
    amounts TEXT NOT NULL,
    run BLOB NOT NULL CHECK (length(run) = 16),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX statement_store ON statement (store);
CREATE INDEX statement_open ON statement (store, ordinal) WHERE state <> 'Posted';
CREATE INDEX statement_failed ON statement (ordinal) WHERE error IS NOT NULL;
CREATE TRIGGER statement_is_final_once_posted BEFORE UPDATE ON statement
WHEN OLD.state = 'Posted'
BEGIN
    SELECT RAISE(ABORT, 'a posted statement never changes');
END;
CREATE TRIGGER statement_is_kept_once_posted BEFORE DELETE ON statement
WHEN OLD.state = 'Posted'
BEGIN
    SELECT RAISE(ABORT, 'a posted statement is never deleted');
END;

-- What headquarters makes of a sale or an order. Everything from `customer_guid` to `is_voided`
-- is read from the content, repairs included; amounts are in the currency's smallest unit.
CREATE TABLE transaction_state (
    position INTEGER PRIMARY KEY REFERENCES document (position),
    number TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL CHECK (kind IN ('sale', 'customer_order')),
    -- The source of the document, and when it came: here too, for the indexes.
    store TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    -- The customer by the key it was written with: one of the two, or neither.
    customer_guid BLOB CHECK (length(customer_guid) = 16),
    customer_account TEXT CHECK (customer_account IS NULL OR customer_guid IS NULL),
    ship_to BLOB CHECK (length(ship_to) = 16),
    shift TEXT,
    receipt TEXT,
    currency TEXT,
    total INTEGER CHECK ((total IS NULL) = (currency IS NULL)),
    is_voided INTEGER NOT NULL CHECK (is_voided IN (0, 1)),
    repaired TEXT,
    validation TEXT NOT NULL
        CHECK (validation IN ('New', 'Waiting', 'Successful', 'Error', 'None')),
    findings TEXT,
    validated_at INTEGER,
    -- The account behind the key, beside it and never instead of it.
    account TEXT,
    statement BLOB REFERENCES statement (id),
    posted_at INTEGER CHECK (posted_at IS NULL OR statement IS NOT NULL),
    voucher TEXT REFERENCES voucher (number) DEFERRABLE INITIALLY DEFERRED,
    CHECK (statement IS NULL OR validation = 'Successful')
) STRICT;
-- Work that is due is found without reading the history.
CREATE INDEX transaction_due ON transaction_state (position)
    WHERE validation IN ('New', 'Waiting');
CREATE INDEX transaction_due_store ON transaction_state (store, position)
    WHERE validation IN ('New', 'Waiting');
CREATE INDEX transaction_ready ON transaction_state (store, position)
    WHERE validation = 'Successful' AND statement IS NULL;
CREATE INDEX transaction_blocked ON transaction_state (received_at)
    WHERE validation = 'Waiting' AND kind = 'sale';
CREATE INDEX transaction_unsuccessful ON transaction_state (validation, position)
    WHERE validation <> 'Successful';
CREATE INDEX transaction_store ON transaction_state (store, position);
CREATE INDEX transaction_guid ON transaction_state (customer_guid, position)
    WHERE customer_guid IS NOT NULL;
CREATE INDEX transaction_written_account ON transaction_state (customer_account, position)
    WHERE customer_account IS NOT NULL;
CREATE INDEX transaction_account ON transaction_state (account, position)
    WHERE account IS NOT NULL;
CREATE INDEX transaction_shift ON transaction_state (shift, position)
    WHERE shift IS NOT NULL AND is_voided = 0;
CREATE INDEX transaction_receipt ON transaction_state (receipt, position)
    WHERE receipt IS NOT NULL AND is_voided = 0;
CREATE INDEX transaction_statement ON transaction_state (statement, account, currency, position)
    WHERE statement IS NOT NULL;

CREATE TRIGGER transaction_keeps_its_identity
BEFORE UPDATE OF position, number, kind, store, received_at ON transaction_state
BEGIN
    SELECT RAISE(ABORT, 'a transaction never becomes another one');
END;
CREATE TRIGGER transaction_is_final_once_posted BEFORE UPDATE ON transaction_state
WHEN OLD.posted_at IS NOT NULL
BEGIN
    SELECT RAISE(ABORT, 'a posted transaction never changes');
END;
CREATE TRIGGER transaction_is_kept BEFORE DELETE ON transaction_state
BEGIN
    SELECT RAISE(ABORT, 'a transaction is never deleted');
END;

-- Where the synchronization of an order stands.
CREATE TABLE order_state (
    position INTEGER PRIMARY KEY REFERENCES transaction_state (position),
    store TEXT NOT NULL,
    status TEXT NOT NULL
        CHECK (status IN ('New', 'Waiting', 'Failed', 'Editing', 'Succeeded')),
    error TEXT,
    tries INTEGER NOT NULL,
    next_try_at INTEGER,
    modified_at INTEGER NOT NULL,
    editor TEXT,
    status_before TEXT,
    is_repaired INTEGER NOT NULL CHECK (is_repaired IN (0, 1)),
    sales_order TEXT CHECK ((sales_order IS NOT NULL) = (status = 'Succeeded')),
    hold TEXT
) STRICT;
CREATE INDEX order_due ON order_state (position) WHERE status IN ('New', 'Waiting');
CREATE INDEX order_due_store ON order_state (store, position)
    WHERE status IN ('New', 'Waiting');
CREATE INDEX order_retry ON order_state (next_try_at)
    WHERE status = 'Failed' AND next_try_at IS NOT NULL;
CREATE INDEX order_unfinished ON order_state (status, position) WHERE status <> 'Succeeded';
CREATE INDEX order_on_hold ON order_state (position) WHERE hold IS NOT NULL;
CREATE UNIQUE INDEX order_sales_order ON order_state (sales_order)
    WHERE sales_order IS NOT NULL;
CREATE TRIGGER order_keeps_its_sales_order BEFORE UPDATE OF sales_order ON order_state
WHEN OLD.sales_order IS NOT NULL AND NEW.sales_order IS NOT OLD.sales_order
BEGIN
    SELECT RAISE(ABORT, 'an order has one sales order for ever');
END;

-- Who changed what in a transaction: the audit trail of repairs.
CREATE TABLE transaction_edit (
    ordinal INTEGER PRIMARY KEY AUTOINCREMENT,
    number TEXT NOT NULL REFERENCES transaction_state (number),
    at INTEGER NOT NULL,
    operator TEXT NOT NULL,
    field TEXT NOT NULL,
    old TEXT,
    new TEXT
) STRICT;
CREATE INDEX transaction_edit_number ON transaction_edit (number, ordinal);
CREATE TRIGGER transaction_edit_is_immutable BEFORE UPDATE ON transaction_edit
BEGIN
    SELECT RAISE(ABORT, 'the record of an edit never changes');
END;
CREATE TRIGGER transaction_edit_is_kept BEFORE DELETE ON transaction_edit
BEGIN
    SELECT RAISE(ABORT, 'the record of an edit is never deleted');
END;

CREATE TABLE shift (
    number TEXT PRIMARY KEY,
    store TEXT NOT NULL,
    origin TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('Open', 'BlindClosed', 'Closed')),
    opened_at INTEGER,
    blind_closed_at INTEGER,
    closed_at INTEGER,
    -- Counts as JSON, as the documents have them.
    float TEXT NOT NULL,
    counted TEXT CHECK ((counted IS NOT NULL) = (status = 'Closed')),
    statement BLOB REFERENCES statement (id)
        CHECK (statement IS NULL OR status = 'Closed')
) STRICT, WITHOUT ROWID;
CREATE INDEX shift_store ON shift (store, number);
CREATE INDEX shift_ready ON shift (store) WHERE status = 'Closed' AND statement IS NULL;
CREATE INDEX shift_statement ON shift (statement, number) WHERE statement IS NOT NULL;

CREATE TABLE aggregate (
    statement BLOB NOT NULL REFERENCES statement (id),
    account TEXT NOT NULL,
    currency TEXT NOT NULL,
    transactions INTEGER NOT NULL,
    net INTEGER NOT NULL,
    discount INTEGER NOT NULL,
    tax INTEGER NOT NULL,
    -- By tender, as JSON.
    payments TEXT NOT NULL,
    sales_order TEXT UNIQUE,
    invoice TEXT UNIQUE,
    voucher TEXT REFERENCES voucher (number) DEFERRABLE INITIALLY DEFERRED,
    PRIMARY KEY (statement, account, currency)
) STRICT, WITHOUT ROWID;

CREATE TABLE aggregate_line (
    statement BLOB NOT NULL,
    account TEXT NOT NULL,
    currency TEXT NOT NULL,
    item TEXT NOT NULL,
    quantity TEXT NOT NULL,
    net INTEGER NOT NULL,
    discount INTEGER NOT NULL,
    tax INTEGER NOT NULL,
    PRIMARY KEY (statement, account, currency, item),
    FOREIGN KEY (statement, account, currency)
        REFERENCES aggregate (statement, account, currency)
) STRICT, WITHOUT ROWID;

-- The ledger. A voucher is inserted behind its entries and seals them: it cannot be inserted
-- unless they come to zero, and no entry can be added to it afterwards.
CREATE TABLE voucher (
    number TEXT PRIMARY KEY,
    statement BLOB NOT NULL REFERENCES statement (id),
    state TEXT NOT NULL,
    store TEXT NOT NULL,
    currency TEXT NOT NULL,
    posted_at INTEGER NOT NULL,
    text TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX voucher_statement ON voucher (statement, number);
CREATE INDEX voucher_store ON voucher (store, currency);

CREATE TABLE ledger_entry (
    voucher TEXT NOT NULL REFERENCES voucher (number) DEFERRABLE INITIALLY DEFERRED,
    line INTEGER NOT NULL,
    account TEXT NOT NULL,
    -- The customer's account, for `customers` and for nothing else.
    customer TEXT CHECK ((customer IS NOT NULL) = (account = 'customers')),
    -- Debits are positive, credits negative.
    amount INTEGER NOT NULL CHECK (amount <> 0),
    PRIMARY KEY (voucher, line)
) STRICT, WITHOUT ROWID;
CREATE INDEX ledger_entry_customer ON ledger_entry (customer, amount)
    WHERE customer IS NOT NULL;

CREATE TRIGGER voucher_comes_to_zero BEFORE INSERT ON voucher
WHEN (SELECT count(*) < 2 OR sum(amount) <> 0 FROM ledger_entry WHERE voucher = NEW.number)
BEGIN
    SELECT RAISE(ABORT, 'a voucher has at least two entries and comes to zero');
END;
CREATE TRIGGER voucher_is_sealed BEFORE INSERT ON ledger_entry
WHEN EXISTS (SELECT 1 FROM voucher WHERE number = NEW.voucher)
BEGIN
    SELECT RAISE(ABORT, 'a voucher gets no further entries');
END;
CREATE TRIGGER voucher_is_immutable BEFORE UPDATE ON voucher
BEGIN
    SELECT RAISE(ABORT, 'a voucher never changes');
END;
CREATE TRIGGER voucher_is_kept BEFORE DELETE ON voucher
BEGIN
    SELECT RAISE(ABORT, 'a voucher is never deleted');
END;
CREATE TRIGGER ledger_entry_is_immutable BEFORE UPDATE ON ledger_entry
BEGIN
    SELECT RAISE(ABORT, 'an entry of the ledger never changes');
END;
CREATE TRIGGER ledger_entry_is_kept BEFORE DELETE ON ledger_entry
BEGIN
    SELECT RAISE(ABORT, 'an entry of the ledger is never deleted');
END;

CREATE TABLE item (
    number TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    -- Percent, a decimal.
    tax_rate TEXT NOT NULL,
    is_active INTEGER NOT NULL CHECK (is_active IN (0, 1)),
    version INTEGER NOT NULL,
    -- Number and name in small letters, one a line.
    search TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX item_version ON item (version, number);

-- A price that is not valid any more stays without an amount, so that tills hear of it.
CREATE TABLE price (
    item TEXT NOT NULL REFERENCES item (number),
    currency TEXT NOT NULL,
    amount INTEGER,
    version INTEGER NOT NULL,
    PRIMARY KEY (item, currency)
) STRICT, WITHOUT ROWID;
CREATE INDEX price_version ON price (version, item, currency);

-- What somebody changed, as JSON; everything else has its default.
CREATE TABLE parameter (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
