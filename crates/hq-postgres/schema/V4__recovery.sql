-- A headquarters that was restored from a backup learns from its databases what it has forgotten.

-- One row each time, numbered from 1; the latest counts. While it is open, nothing is promoted.
CREATE TABLE recovery (
    number bigint PRIMARY KEY,
    id uuid NOT NULL UNIQUE,
    began_at bigint NOT NULL,
    reason text NOT NULL,
    -- The version that items and prices got because databases had seen higher ones; 0: none yet.
    items_renewed bigint NOT NULL,
    ended_at bigint,
    -- Absent: it ended because everybody was heard.
    ended_by text
);
CREATE UNIQUE INDEX recovery_open ON recovery ((true)) WHERE ended_at IS NULL;

-- Who is asked, and who was heard.
CREATE TABLE recovery_hearing (
    recovery uuid NOT NULL REFERENCES recovery (id),
    edge_database text COLLATE "C" NOT NULL,
    -- The versions up to which it has nothing that headquarters could have forgotten.
    customers_after bigint NOT NULL,
    items_after bigint NOT NULL,
    -- Where its next page begins, in its own terms, and what it has told so far.
    page_after bigint NOT NULL,
    told bigint NOT NULL,
    -- What it believes to have been received of its log.
    epoch uuid,
    counter bigint,
    heard_at bigint,
    PRIMARY KEY (recovery, edge_database)
);

-- Numbers that were given before the restore: their customers get them again, and nobody else.
CREATE TABLE number_promise (
    guid uuid PRIMARY KEY,
    account text COLLATE "C" NOT NULL UNIQUE,
    party text COLLATE "C" UNIQUE,
    source text NOT NULL,
    promised_at bigint NOT NULL
);

-- Numbers of which a database says something else than headquarters knows.
CREATE TABLE number_conflict (
    guid uuid NOT NULL,
    account text COLLATE "C" NOT NULL,
    -- The number that headquarters has for the customer, and the customer that has the number.
    known_account text,
    holder uuid,
    source text NOT NULL,
    found_at bigint NOT NULL,
    settled_at bigint,
    settled_by text,
    PRIMARY KEY (guid, account)
);
CREATE INDEX number_conflict_account ON number_conflict (account);
