-- Staff who may sign in at tills. A PIN is an argon2id hash, as a PHC string.
CREATE TABLE staff (
    id text COLLATE "C" PRIMARY KEY,
    first_name text,
    last_name text,
    role text COLLATE "C" NOT NULL CHECK (role IN ('cashier', 'manager')),
    pin text,
    is_active boolean NOT NULL,
    changed_at bigint NOT NULL,
    changed_by text,
    version bigint NOT NULL
);

-- Which address books a member of staff is in, and was in: databases that got them must hear that
-- they are out.
CREATE TABLE staff_address_book (
    staff text COLLATE "C" NOT NULL REFERENCES staff (id),
    book text COLLATE "C" NOT NULL,
    is_member boolean NOT NULL,
    PRIMARY KEY (staff, book)
);

-- Asked for at every poll of a channel.
CREATE INDEX edge_database_revoked ON edge_database (parent, id) WHERE revoked_at IS NOT NULL;
