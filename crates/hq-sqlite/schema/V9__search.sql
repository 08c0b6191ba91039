-- The words that customers of all stores are found by, folded; made of the customers, later than
-- they are written, and in their order.
CREATE TABLE customer_word (
    word TEXT NOT NULL,
    customer BLOB NOT NULL CHECK (length(customer) = 16),
    PRIMARY KEY (word, customer)
) STRICT, WITHOUT ROWID;
CREATE INDEX customer_word_customer ON customer_word (customer, word);

-- How far the customers have words, by version and GUID, and in which way the words were made. No
-- row until somebody searches.
CREATE TABLE search_index (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    made INTEGER NOT NULL,
    version INTEGER NOT NULL,
    customer BLOB NOT NULL CHECK (length(customer) = 16)
) STRICT;
