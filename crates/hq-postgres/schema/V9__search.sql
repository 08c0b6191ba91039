-- The words that customers of all stores are found by, folded; made of the customers, later than
-- they are written, and in their order.
CREATE TABLE customer_word (
    word text COLLATE "C" NOT NULL,
    customer uuid NOT NULL,
    PRIMARY KEY (word, customer)
);
CREATE INDEX customer_word_customer ON customer_word (customer, word);

-- How far the customers have words, by version and GUID, and in which way the words were made. No
-- row until somebody searches.
CREATE TABLE search_index (
    id bigint PRIMARY KEY CHECK (id = 1),
    made bigint NOT NULL,
    version bigint NOT NULL,
    customer uuid NOT NULL
);
