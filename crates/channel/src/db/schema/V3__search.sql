-- What customers are found by. Words are folded before they come here, so the tokenizer takes them
-- as they are; the terms can be walked in order, which is how a beginning of a word is looked up
-- without reading everybody whose word begins like it. Filled when the database is opened.
DROP TABLE customer_text;

CREATE VIRTUAL TABLE customer_text USING fts5 (
    words, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii'
);

CREATE VIRTUAL TABLE customer_term USING fts5vocab (customer_text, instance);

-- The same of addresses, keyed by address.row.
CREATE VIRTUAL TABLE address_text USING fts5 (
    words, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii'
);

CREATE VIRTUAL TABLE address_term USING fts5vocab (address_text, instance);

-- An index of texts knows rows by number: addresses get one.
DROP INDEX address_customer;

ALTER TABLE address RENAME TO address_before;

CREATE TABLE address (
    row        INTEGER PRIMARY KEY,
    guid       BLOB    NOT NULL UNIQUE,
    customer   BLOB    NOT NULL,
    created_at INTEGER NOT NULL,
    version    INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    content    TEXT    NOT NULL
) STRICT;

INSERT INTO address (guid, customer, created_at, version, generation, content)
    SELECT guid, customer, created_at, version, generation, content FROM address_before
    ORDER BY guid;

DROP TABLE address_before;

CREATE INDEX address_customer ON address (customer);
