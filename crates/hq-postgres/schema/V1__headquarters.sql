-- Times are microseconds since 1970 in UTC. Numbers that a remote sender chooses freely are
-- unsigned 64-bit values in the bits of a signed one: compare them in the program, never here. What
-- is compared or sorted by its text has the collation "C", so that the order is the same everywhere.

-- Every transaction that writes takes a share of this table; one that lost against another is run
-- again holding all of it, so that it cannot lose twice. It has no rows.
CREATE TABLE write_turn ();

-- One row: the version of the change log. The transaction that raises it keeps the row locked until
-- it commits, so versions become visible in their own order.
CREATE TABLE change_log (
    version bigint NOT NULL
);
INSERT INTO change_log (version) VALUES (0);

-- One row: the number of the latest pull.
CREATE TABLE pull (
    number bigint NOT NULL
);
INSERT INTO pull (number) VALUES (0);

-- Rows in `operation`, `transaction_state` and `order_state`, and transactions posted, so that
-- counting does not read the history. Each is spread over several rows, so that writers that count
-- at once do not wait for each other; the sum is what counts.
CREATE TABLE tally (
    name text COLLATE "C" NOT NULL,
    slot bigint NOT NULL,
    amount bigint NOT NULL,
    PRIMARY KEY (name, slot)
) WITH (fillfactor = 50);

-- What must never happen to a row is refused in one way.
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TABLE channel_group (
    id text COLLATE "C" PRIMARY KEY,
    mode text COLLATE "C" NOT NULL CHECK (mode IN ('live', 'scheduled'))
);

CREATE TABLE group_address_book (
    channel_group text COLLATE "C" NOT NULL REFERENCES channel_group (id),
    book text COLLATE "C" NOT NULL,
    PRIMARY KEY (channel_group, book)
);

-- The receipt of a promotion: kept for ever, exactly as it was given.
CREATE TABLE alias (
    guid uuid PRIMARY KEY,
    account text COLLATE "C" NOT NULL UNIQUE,
    promoted_at bigint NOT NULL,
    run uuid NOT NULL,
    version bigint NOT NULL
);
CREATE TRIGGER alias_is_immutable BEFORE UPDATE ON alias
    FOR EACH ROW EXECUTE FUNCTION refuse('an alias never changes');
CREATE TRIGGER alias_is_kept BEFORE DELETE ON alias
    FOR EACH ROW EXECUTE FUNCTION refuse('an alias is never deleted');
CREATE TRIGGER alias_is_not_emptied BEFORE TRUNCATE ON alias
    FOR EACH STATEMENT EXECUTE FUNCTION refuse('an alias is never deleted');

CREATE TABLE edge_database (
    id text COLLATE "C" PRIMARY KEY,
    kind text COLLATE "C" NOT NULL CHECK (kind IN ('channel', 'register')),
    channel_group text COLLATE "C" NOT NULL REFERENCES channel_group (id),
    parent text COLLATE "C" REFERENCES edge_database (id),
    address_book text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL,
    credential bytea UNIQUE CHECK (octet_length(credential) = 32),
    enrolled_at bigint,
    revoked_at bigint,
    last_seen_at bigint,
    -- What it last said of itself, as JSON.
    health text,
    pulled bigint NOT NULL DEFAULT 0,
    -- Whom unnamed sales are posted to: never a temporary identity.
    default_customer text COLLATE "C" REFERENCES alias (account)
);

CREATE TABLE activation (
    code bytea PRIMARY KEY CHECK (octet_length(code) = 32),
    edge_database text COLLATE "C" NOT NULL REFERENCES edge_database (id),
    expires_at bigint NOT NULL,
    redeemed_by bytea CHECK (octet_length(redeemed_by) = 32)
);

CREATE TABLE operator_token (
    name text PRIMARY KEY,
    hash bytea NOT NULL UNIQUE CHECK (octet_length(hash) = 32),
    created_at bigint NOT NULL
);

CREATE TABLE watermark (
    source text COLLATE "C" NOT NULL,
    epoch uuid NOT NULL,
    counter bigint NOT NULL,
    entry uuid,
    PRIMARY KEY (source, epoch)
);

CREATE TABLE operation (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id uuid NOT NULL UNIQUE,
    counter bigint NOT NULL,
    customer uuid NOT NULL,
    kind text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL,
    origin text COLLATE "C" NOT NULL,
    staff text,
    relayed_at bigint,
    content text NOT NULL,
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    source text COLLATE "C" NOT NULL,
    epoch uuid NOT NULL,
    received_at bigint NOT NULL,
    -- 0 pending, 1 succeeded, 2 failed.
    status bigint NOT NULL DEFAULT 0 CHECK (status IN (0, 1, 2)),
    error text,
    tries bigint NOT NULL DEFAULT 0,
    next_try_at bigint,
    completed_at bigint,
    CHECK ((status = 1) = (completed_at IS NOT NULL))
);
CREATE INDEX operation_customer ON operation (customer);
-- Work that is due is found without reading the history.
CREATE INDEX operation_pending ON operation (position, received_at) WHERE status = 0;
CREATE INDEX operation_failed ON operation (position, received_at) WHERE status = 2;
CREATE INDEX operation_retry ON operation (next_try_at)
    WHERE status = 2 AND next_try_at IS NOT NULL;
CREATE TRIGGER operation_is_immutable
    BEFORE UPDATE OF position, id, counter, customer, kind, created_at, origin, staff, relayed_at,
    content, hash, source, epoch, received_at ON operation
    FOR EACH ROW EXECUTE FUNCTION refuse('a received operation never changes');
CREATE TRIGGER operation_is_kept BEFORE DELETE ON operation
    FOR EACH ROW EXECUTE FUNCTION refuse('a received operation is never deleted');
CREATE TRIGGER operation_is_not_emptied BEFORE TRUNCATE ON operation
    FOR EACH STATEMENT EXECUTE FUNCTION refuse('a received operation is never deleted');

-- Operations that came with the id of another operation and other content.
CREATE TABLE quarantine (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id uuid NOT NULL,
    counter bigint NOT NULL,
    customer uuid NOT NULL,
    kind text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL,
    origin text COLLATE "C" NOT NULL,
    staff text,
    relayed_at bigint,
    content text NOT NULL,
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    source text COLLATE "C" NOT NULL,
    epoch uuid NOT NULL,
    received_at bigint NOT NULL,
    UNIQUE (id, hash)
);
CREATE INDEX quarantine_customer ON quarantine (customer);
CREATE TRIGGER quarantine_is_immutable BEFORE UPDATE ON quarantine
    FOR EACH ROW EXECUTE FUNCTION refuse('an operation that was set aside never changes');

CREATE TABLE party (
    number text COLLATE "C" PRIMARY KEY,
    -- 1 person, 2 organization.
    customer_type bigint NOT NULL CHECK (customer_type IN (1, 2)),
    name text,
    first_name text,
    middle_name text,
    last_name text
);

CREATE TABLE customer (
    guid uuid PRIMARY KEY,
    -- That of the alias, where it is unique and found.
    account text COLLATE "C" NOT NULL,
    party text COLLATE "C" NOT NULL REFERENCES party (number),
    version bigint NOT NULL,
    created_at bigint NOT NULL,
    customer_group text,
    currency text COLLATE "C",
    language text,
    email text,
    receipt_email text,
    phone text,
    cellphone text,
    identification_number text,
    vat_number text,
    -- Account, name, e-mails and phones in small letters, one a line.
    search text NOT NULL
);
CREATE INDEX customer_version ON customer (version, guid);

CREATE TABLE address (
    guid uuid PRIMARY KEY,
    customer uuid NOT NULL REFERENCES customer (guid),
    is_primary boolean NOT NULL,
    version bigint NOT NULL,
    created_at bigint NOT NULL,
    purpose bigint NOT NULL,
    name text,
    street text,
    street_number text,
    city text,
    county text,
    state text COLLATE "C",
    zip_code text,
    country text,
    phone text,
    email text
);
CREATE INDEX address_customer ON address (customer, is_primary DESC, created_at, guid);
-- A customer has at most one primary address.
CREATE UNIQUE INDEX address_primary ON address (customer) WHERE is_primary;

CREATE TABLE customer_address_book (
    customer uuid NOT NULL REFERENCES customer (guid),
    book text COLLATE "C" NOT NULL,
    PRIMARY KEY (customer, book)
);
CREATE INDEX customer_address_book_book ON customer_address_book (book);

CREATE TABLE number_sequence (
    name text PRIMARY KEY,
    format text NOT NULL,
    -- Absent: continuous.
    block_size bigint CHECK (block_size > 0),
    next bigint NOT NULL,
    largest bigint NOT NULL
);

CREATE TABLE row_version (
    channel_group text COLLATE "C" NOT NULL,
    job text COLLATE "C" NOT NULL,
    sequence bigint NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (channel_group, job)
);

-- Lists go by ordinal, the order of arrival: a clock may be set back.
CREATE TABLE package (
    ordinal bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id uuid NOT NULL UNIQUE,
    channel_group text COLLATE "C" NOT NULL,
    job text COLLATE "C" NOT NULL,
    scope text COLLATE "C" NOT NULL CHECK (scope IN ('delta', 'snapshot')),
    sequence bigint NOT NULL,
    version bigint NOT NULL,
    status bigint NOT NULL,
    manifest text,
    location text,
    error text,
    run uuid NOT NULL,
    created_at bigint NOT NULL,
    -- The versions it covers, out of the manifest: after the first, up to the second.
    covers_from bigint,
    covers_to bigint
);
CREATE INDEX package_list ON package (channel_group, job, sequence);
CREATE UNIQUE INDEX package_delta ON package (channel_group, job, sequence)
    WHERE scope = 'delta' AND status = 1;
CREATE INDEX package_covers ON package (covers_to, covers_from);

CREATE TABLE download_session (
    ordinal bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id uuid NOT NULL UNIQUE,
    edge_database text COLLATE "C" NOT NULL,
    package uuid NOT NULL REFERENCES package (id),
    job text COLLATE "C" NOT NULL,
    status bigint NOT NULL,
    failures bigint NOT NULL,
    next_try_at bigint,
    error text,
    rerun_of uuid,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    applied_at bigint
);
CREATE INDEX download_session_database ON download_session (edge_database);
CREATE INDEX download_session_status ON download_session (status);
CREATE INDEX download_session_package ON download_session (package);
CREATE INDEX download_session_open ON download_session (edge_database)
    WHERE status NOT IN (4, 5, 6, 9);

CREATE TABLE upload_session (
    ordinal bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- The sender chooses it, so it is unique within the source only.
    id uuid NOT NULL,
    source text COLLATE "C" NOT NULL,
    epoch uuid NOT NULL,
    first bigint NOT NULL,
    last bigint NOT NULL,
    row_count bigint NOT NULL,
    bytes bigint NOT NULL,
    status bigint NOT NULL,
    tries bigint NOT NULL,
    error text,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    UNIQUE (source, id)
);
CREATE INDEX upload_session_source ON upload_session (source);

CREATE TABLE database_position (
    edge_database text COLLATE "C" NOT NULL,
    job text COLLATE "C" NOT NULL,
    sequence bigint NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (edge_database, job)
);

-- The session each database applied last; absent when it never applied any.
CREATE TABLE database_applied (
    edge_database text COLLATE "C" NOT NULL,
    job text COLLATE "C" NOT NULL,
    session uuid NOT NULL,
    PRIMARY KEY (edge_database, job)
);

CREATE TABLE job_lease (
    job text COLLATE "C" PRIMARY KEY,
    holder text COLLATE "C" NOT NULL,
    run uuid NOT NULL,
    taken_at bigint NOT NULL,
    expires_at bigint NOT NULL
);

CREATE TABLE job_run (
    ordinal bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id uuid NOT NULL UNIQUE,
    job text COLLATE "C" NOT NULL,
    trigger text COLLATE "C" NOT NULL,
    started_at bigint NOT NULL,
    ended_at bigint,
    outcome text COLLATE "C" NOT NULL,
    -- What it did, as JSON.
    detail text NOT NULL,
    error text
);
CREATE INDEX job_run_job ON job_run (job);

CREATE TABLE job_schedule (
    job text COLLATE "C" PRIMARY KEY,
    cron text,
    fired_at bigint
);

CREATE TABLE document (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id uuid NOT NULL UNIQUE,
    counter bigint NOT NULL,
    number text COLLATE "C" NOT NULL UNIQUE,
    kind text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL,
    origin text COLLATE "C" NOT NULL,
    staff text,
    relayed_at bigint,
    content text NOT NULL,
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    source text COLLATE "C" NOT NULL,
    epoch uuid NOT NULL,
    received_at bigint NOT NULL,
    -- What this version took it for: a later one may know better, so it is not of the content.
    role text COLLATE "C" NOT NULL CHECK (role IN ('transaction', 'shift', 'unknown'))
);
CREATE INDEX document_unknown ON document (position) WHERE role = 'unknown';
CREATE TRIGGER document_is_immutable
    BEFORE UPDATE OF position, id, counter, number, kind, created_at, origin, staff, relayed_at,
    content, hash, source, epoch, received_at ON document
    FOR EACH ROW EXECUTE FUNCTION refuse('a received document never changes');
CREATE TRIGGER document_is_kept BEFORE DELETE ON document
    FOR EACH ROW EXECUTE FUNCTION refuse('a received document is never deleted');
CREATE TRIGGER document_is_not_emptied BEFORE TRUNCATE ON document
    FOR EACH STATEMENT EXECUTE FUNCTION refuse('a received document is never deleted');

-- Documents that came with the number or id of another document and other content.
CREATE TABLE document_quarantine (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id uuid NOT NULL,
    counter bigint NOT NULL,
    number text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL,
    origin text COLLATE "C" NOT NULL,
    staff text,
    relayed_at bigint,
    content text NOT NULL,
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    source text COLLATE "C" NOT NULL,
    epoch uuid NOT NULL,
    received_at bigint NOT NULL,
    UNIQUE (number, hash)
);
CREATE TRIGGER document_quarantine_is_immutable BEFORE UPDATE ON document_quarantine
    FOR EACH ROW EXECUTE FUNCTION refuse('a document that was set aside never changes');

CREATE TABLE statement (
    ordinal bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id uuid NOT NULL UNIQUE,
    number text COLLATE "C" NOT NULL UNIQUE,
    store text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    state text COLLATE "C" NOT NULL,
    error text,
    failures bigint NOT NULL,
    transactions bigint NOT NULL,
    shifts bigint NOT NULL,
    -- By currency, as JSON.
    amounts text NOT NULL,
    run uuid NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL
);
CREATE INDEX statement_store ON statement (store);
CREATE INDEX statement_open ON statement (store, ordinal) WHERE state <> 'Posted';
CREATE INDEX statement_failed ON statement (ordinal) WHERE error IS NOT NULL;
CREATE TRIGGER statement_is_final_once_posted BEFORE UPDATE ON statement
    FOR EACH ROW
    WHEN (OLD.state = 'Posted')
    EXECUTE FUNCTION refuse('a posted statement never changes');
CREATE TRIGGER statement_is_kept_once_posted BEFORE DELETE ON statement
    FOR EACH ROW
    WHEN (OLD.state = 'Posted')
    EXECUTE FUNCTION refuse('a posted statement is never deleted');

-- The ledger. A voucher is inserted behind its entries and seals them: it cannot be inserted
-- unless they come to zero, and no entry can be added to it afterwards.
CREATE TABLE voucher (
    number text COLLATE "C" PRIMARY KEY,
    statement uuid NOT NULL REFERENCES statement (id),
    state text COLLATE "C" NOT NULL,
    store text COLLATE "C" NOT NULL,
    currency text COLLATE "C" NOT NULL,
    posted_at bigint NOT NULL,
    text text NOT NULL
);
CREATE INDEX voucher_statement ON voucher (statement, number);
CREATE INDEX voucher_store ON voucher (store, currency);

-- What headquarters makes of a sale or an order. Everything from `customer_guid` to `is_voided`
-- is read from the content, repairs included; amounts are in the currency's smallest unit.
CREATE TABLE transaction_state (
    position bigint PRIMARY KEY REFERENCES document (position),
    number text COLLATE "C" NOT NULL UNIQUE,
    kind text COLLATE "C" NOT NULL CHECK (kind IN ('sale', 'customer_order')),
    -- The source of the document, and when it came: here too, for the indexes.
    store text COLLATE "C" NOT NULL,
    received_at bigint NOT NULL,
    -- The customer by the key it was written with: one of the two, or neither.
    customer_guid uuid,
    customer_account text COLLATE "C" CHECK (customer_account IS NULL OR customer_guid IS NULL),
    ship_to uuid,
    shift text COLLATE "C",
    receipt text COLLATE "C",
    currency text COLLATE "C",
    total bigint CHECK ((total IS NULL) = (currency IS NULL)),
    is_voided boolean NOT NULL,
    repaired text,
    validation text COLLATE "C" NOT NULL
        CHECK (validation IN ('New', 'Waiting', 'Successful', 'Error', 'None')),
    findings text,
    validated_at bigint,
    -- The account behind the key, beside it and never instead of it.
    account text COLLATE "C",
    statement uuid REFERENCES statement (id),
    posted_at bigint CHECK (posted_at IS NULL OR statement IS NOT NULL),
    voucher text COLLATE "C" REFERENCES voucher (number) DEFERRABLE INITIALLY DEFERRED,
    CHECK (statement IS NULL OR validation = 'Successful')
);
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
    WHERE shift IS NOT NULL AND NOT is_voided;
CREATE INDEX transaction_receipt ON transaction_state (receipt, position)
    WHERE receipt IS NOT NULL AND NOT is_voided;
CREATE INDEX transaction_statement ON transaction_state
    (statement, account NULLS FIRST, currency NULLS FIRST, position)
    WHERE statement IS NOT NULL;
CREATE TRIGGER transaction_keeps_its_identity
    BEFORE UPDATE OF position, number, kind, store, received_at ON transaction_state
    FOR EACH ROW EXECUTE FUNCTION refuse('a transaction never becomes another one');
CREATE TRIGGER transaction_is_final_once_posted BEFORE UPDATE ON transaction_state
    FOR EACH ROW
    WHEN (OLD.posted_at IS NOT NULL)
    EXECUTE FUNCTION refuse('a posted transaction never changes');
CREATE TRIGGER transaction_is_kept BEFORE DELETE ON transaction_state
    FOR EACH ROW EXECUTE FUNCTION refuse('a transaction is never deleted');
CREATE TRIGGER transaction_is_not_emptied BEFORE TRUNCATE ON transaction_state
    FOR EACH STATEMENT EXECUTE FUNCTION refuse('a transaction is never deleted');

-- Where the synchronization of an order stands.
CREATE TABLE order_state (
    position bigint PRIMARY KEY REFERENCES transaction_state (position),
    store text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL
        CHECK (status IN ('New', 'Waiting', 'Failed', 'Editing', 'Succeeded')),
    error text,
    tries bigint NOT NULL,
    next_try_at bigint,
    modified_at bigint NOT NULL,
    editor text,
    status_before text COLLATE "C",
    is_repaired boolean NOT NULL,
    sales_order text COLLATE "C" CHECK ((sales_order IS NOT NULL) = (status = 'Succeeded')),
    hold text
);
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
    FOR EACH ROW
    WHEN (OLD.sales_order IS NOT NULL AND NEW.sales_order IS DISTINCT FROM OLD.sales_order)
    EXECUTE FUNCTION refuse('an order has one sales order for ever');

-- Who changed what in a transaction: the audit trail of repairs.
CREATE TABLE transaction_edit (
    ordinal bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    number text COLLATE "C" NOT NULL REFERENCES transaction_state (number),
    at bigint NOT NULL,
    operator text NOT NULL,
    field text NOT NULL,
    old text,
    new text
);
CREATE INDEX transaction_edit_number ON transaction_edit (number, ordinal);
CREATE TRIGGER transaction_edit_is_immutable BEFORE UPDATE ON transaction_edit
    FOR EACH ROW EXECUTE FUNCTION refuse('the record of an edit never changes');
CREATE TRIGGER transaction_edit_is_kept BEFORE DELETE ON transaction_edit
    FOR EACH ROW EXECUTE FUNCTION refuse('the record of an edit is never deleted');
CREATE TRIGGER transaction_edit_is_not_emptied BEFORE TRUNCATE ON transaction_edit
    FOR EACH STATEMENT EXECUTE FUNCTION refuse('the record of an edit is never deleted');

CREATE TABLE shift (
    number text COLLATE "C" PRIMARY KEY,
    store text COLLATE "C" NOT NULL,
    origin text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL CHECK (status IN ('Open', 'BlindClosed', 'Closed')),
    opened_at bigint,
    blind_closed_at bigint,
    closed_at bigint,
    -- Counts as JSON, as the documents have them.
    opening_float text NOT NULL,
    counted text CHECK ((counted IS NOT NULL) = (status = 'Closed')),
    statement uuid REFERENCES statement (id)
        CHECK (statement IS NULL OR status = 'Closed')
);
CREATE INDEX shift_store ON shift (store, number);
CREATE INDEX shift_ready ON shift (store) WHERE status = 'Closed' AND statement IS NULL;
CREATE INDEX shift_statement ON shift (statement, number) WHERE statement IS NOT NULL;

CREATE TABLE aggregate (
    statement uuid NOT NULL REFERENCES statement (id),
    account text COLLATE "C" NOT NULL,
    currency text COLLATE "C" NOT NULL,
    transactions bigint NOT NULL,
    net bigint NOT NULL,
    discount bigint NOT NULL,
    tax bigint NOT NULL,
    -- By tender, as JSON.
    payments text NOT NULL,
    sales_order text COLLATE "C" UNIQUE,
    invoice text COLLATE "C" UNIQUE,
    voucher text COLLATE "C" REFERENCES voucher (number) DEFERRABLE INITIALLY DEFERRED,
    PRIMARY KEY (statement, account, currency)
);

CREATE TABLE aggregate_line (
    statement uuid NOT NULL,
    account text COLLATE "C" NOT NULL,
    currency text COLLATE "C" NOT NULL,
    item text COLLATE "C" NOT NULL,
    quantity text NOT NULL,
    net bigint NOT NULL,
    discount bigint NOT NULL,
    tax bigint NOT NULL,
    PRIMARY KEY (statement, account, currency, item),
    FOREIGN KEY (statement, account, currency)
        REFERENCES aggregate (statement, account, currency)
);

CREATE TABLE ledger_entry (
    voucher text COLLATE "C" NOT NULL REFERENCES voucher (number) DEFERRABLE INITIALLY DEFERRED,
    line bigint NOT NULL,
    account text COLLATE "C" NOT NULL,
    -- The customer's account, for `customers` and for nothing else.
    customer text COLLATE "C" CHECK ((customer IS NOT NULL) = (account = 'customers')),
    -- Debits are positive, credits negative.
    amount bigint NOT NULL CHECK (amount <> 0),
    PRIMARY KEY (voucher, line)
);
CREATE INDEX ledger_entry_customer ON ledger_entry (customer, amount)
    WHERE customer IS NOT NULL;
CREATE FUNCTION voucher_check() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT count(*) < 2 OR sum(amount) <> 0 FROM ledger_entry WHERE voucher = NEW.number) THEN
        RAISE EXCEPTION 'a voucher has at least two entries and comes to zero'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE FUNCTION ledger_entry_check() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM voucher WHERE number = NEW.voucher) THEN
        RAISE EXCEPTION 'a voucher gets no further entries'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER voucher_comes_to_zero BEFORE INSERT ON voucher
    FOR EACH ROW EXECUTE FUNCTION voucher_check();
CREATE TRIGGER voucher_is_sealed BEFORE INSERT ON ledger_entry
    FOR EACH ROW EXECUTE FUNCTION ledger_entry_check();
CREATE TRIGGER voucher_is_immutable BEFORE UPDATE ON voucher
    FOR EACH ROW EXECUTE FUNCTION refuse('a voucher never changes');
CREATE TRIGGER voucher_is_kept BEFORE DELETE ON voucher
    FOR EACH ROW EXECUTE FUNCTION refuse('a voucher is never deleted');
CREATE TRIGGER voucher_is_not_emptied BEFORE TRUNCATE ON voucher
    FOR EACH STATEMENT EXECUTE FUNCTION refuse('a voucher is never deleted');
CREATE TRIGGER ledger_entry_is_immutable BEFORE UPDATE ON ledger_entry
    FOR EACH ROW EXECUTE FUNCTION refuse('an entry of the ledger never changes');
CREATE TRIGGER ledger_entry_is_kept BEFORE DELETE ON ledger_entry
    FOR EACH ROW EXECUTE FUNCTION refuse('an entry of the ledger is never deleted');
CREATE TRIGGER ledger_entry_is_not_emptied BEFORE TRUNCATE ON ledger_entry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse('an entry of the ledger is never deleted');

CREATE TABLE item (
    number text COLLATE "C" PRIMARY KEY,
    name text NOT NULL,
    -- Percent, a decimal.
    tax_rate text NOT NULL,
    is_active boolean NOT NULL,
    version bigint NOT NULL,
    -- Number and name in small letters, one a line.
    search text NOT NULL
);
CREATE INDEX item_version ON item (version, number);

-- A price that is not valid any more stays without an amount, so that tills hear of it.
CREATE TABLE price (
    item text COLLATE "C" NOT NULL REFERENCES item (number),
    currency text COLLATE "C" NOT NULL,
    amount bigint,
    version bigint NOT NULL,
    PRIMARY KEY (item, currency)
);
CREATE INDEX price_version ON price (version, item, currency);

-- What somebody changed, as JSON; everything else has its default.
CREATE TABLE parameter (
    name text PRIMARY KEY,
    value text NOT NULL
);
