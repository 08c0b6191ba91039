-- How customers and orders are created at each channel of the group, as job 1070 brought it.
CREATE TABLE profile (
    channel                       TEXT    PRIMARY KEY,
    name                          TEXT    NOT NULL,
    create_customers_async        INTEGER NOT NULL,
    allow_offline_customer_create INTEGER NOT NULL,
    create_orders_async           INTEGER NOT NULL,
    version                       INTEGER NOT NULL,
    generation                    INTEGER NOT NULL,
    applied_at                    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Customers that headquarters is asked for under a request key, word for word as they are asked
-- for: a repeat after a crash asks for the same customer. A row goes when the request is settled.
CREATE TABLE intention (
    key        TEXT    PRIMARY KEY,
    hash       BLOB    NOT NULL,
    customer   BLOB    NOT NULL,
    created_at INTEGER NOT NULL,
    operations TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

-- The highest version that headquarters has named in an answer to a call: it has come that far.
ALTER TABLE edge ADD COLUMN answered INTEGER NOT NULL DEFAULT 0;
