-- The account that a statement summed unnamed sales under; absent when it has none, and for those
-- that were posted before it was kept. Statements on their way get it from their sums: it is the
-- one whose sums hold more transactions than name it.
ALTER TABLE statement ADD COLUMN default_account text COLLATE "C";
UPDATE statement SET default_account = (
    SELECT summed.account FROM (
        SELECT statement, account, sum(transactions) AS transactions
        FROM aggregate GROUP BY statement, account
    ) AS summed
    WHERE summed.statement = statement.id AND summed.transactions > (
        SELECT count(*) FROM transaction_state AS named
        WHERE named.statement = statement.id AND named.account = summed.account)
    ORDER BY summed.account LIMIT 1)
WHERE state <> 'Posted';

-- Sales that are posted are counted as what is posted less these.
CREATE INDEX transaction_posted_order ON transaction_state (position)
    WHERE kind = 'customer_order' AND posted_at IS NOT NULL;

-- Whether anything is sold in a currency is asked for every batch of transactions.
CREATE INDEX price_currency ON price (currency) WHERE amount IS NOT NULL;
