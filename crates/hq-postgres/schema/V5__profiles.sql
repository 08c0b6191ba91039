-- Functionality profiles: how the tills of a store create customers and orders. The first row comes
-- when profiles come into force, and is the one called default.
CREATE TABLE profile (
    name text COLLATE "C" PRIMARY KEY,
    create_customers_async boolean NOT NULL,
    allow_offline_customer_create boolean NOT NULL,
    create_orders_async boolean NOT NULL,
    version bigint NOT NULL
);

-- Channels that were given a profile; the others have the one called default.
CREATE TABLE channel_profile (
    channel text COLLATE "C" PRIMARY KEY REFERENCES edge_database (id),
    profile text COLLATE "C" NOT NULL REFERENCES profile (name),
    version bigint NOT NULL
);
