-- Orders that headquarters is asked for, word for word as they are asked for: whatever becomes of
-- the answer, a repeat asks for the same order. A row goes when the order is settled.
CREATE TABLE order_intention (
    number   TEXT PRIMARY KEY,
    document TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Receipts that were drawn for orders that headquarters refused: they are given to what is recorded
-- next, so that none is missing.
CREATE TABLE receipt_returned (
    drawn INTEGER PRIMARY KEY
) STRICT;

-- The sales orders that headquarters has named in its answers, by the number of the order.
CREATE TABLE sales_order (
    number      TEXT PRIMARY KEY,
    sales_order TEXT NOT NULL
) STRICT, WITHOUT ROWID;
