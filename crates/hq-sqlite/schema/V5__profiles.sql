-- Functionality profiles: how the tills of a store create customers and orders. The first row comes
-- when profiles come into force, and is the one called default.
CREATE TABLE profile (
    name TEXT PRIMARY KEY,
    create_customers_async INTEGER NOT NULL CHECK (create_customers_async IN (0, 1)),
    allow_offline_customer_create INTEGER NOT NULL CHECK (allow_offline_customer_create IN (0, 1)),
    create_orders_async INTEGER NOT NULL CHECK (create_orders_async IN (0, 1)),
    version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Channels that were given a profile; the others have the one called default.
CREATE TABLE channel_profile (
    channel TEXT PRIMARY KEY REFERENCES edge_database (id),
    profile TEXT NOT NULL REFERENCES profile (name),
    version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
