-- Staff who may sign in at tills. A PIN is an argon2id hash, as a PHC string.
CREATE TABLE staff (
    id TEXT PRIMARY KEY,
    first_name TEXT,
    last_name TEXT,
    role TEXT NOT NULL CHECK (role IN ('cashier', 'manager')),
    pin TEXT,
    is_active INTEGER NOT NULL CHECK (is_active IN (0, 1)),
    changed_at INTEGER NOT NULL,
    changed_by TEXT,
    version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Which address books a member of staff is in, and was in: databases that got them must hear that
-- they are out.
CREATE TABLE staff_address_book (
    staff TEXT NOT NULL REFERENCES staff (id),
    book TEXT NOT NULL,
    is_member INTEGER NOT NULL CHECK (is_member IN (0, 1)),
    PRIMARY KEY (staff, book)
) STRICT, WITHOUT ROWID;

-- Asked for at every poll of a channel.
CREATE INDEX edge_database_revoked ON edge_database (parent, id) WHERE revoked_at IS NOT NULL;
