-- Staff as job 1060 brought them. A PIN is an argon2id hash; who is not active has none.
CREATE TABLE staff (
    id         TEXT    PRIMARY KEY,
    first_name TEXT,
    last_name  TEXT,
    role       TEXT    NOT NULL,
    pin        TEXT,
    is_active  INTEGER NOT NULL,
    version    INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    applied_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Tries to sign in whose PIN was wrong, or is still being compared: a crash uses the try up.
CREATE TABLE wrong_pin (
    row   INTEGER PRIMARY KEY,
    staff TEXT    NOT NULL,
    at    INTEGER NOT NULL
) STRICT;

CREATE INDEX wrong_pin_staff ON wrong_pin (staff, at);

CREATE INDEX wrong_pin_at ON wrong_pin (at);

-- Who is signed in, by the hash of their token, and the token of the program that they use.
-- seen_at is the latest time at which the token was used, to notice a clock that was set back.
CREATE TABLE sign_in (
    hash       BLOB PRIMARY KEY,
    client     BLOB    NOT NULL,
    staff      TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sign_in_staff ON sign_in (staff);

-- The registers of this channel that headquarters has revoked, known here or not.
CREATE TABLE revoked_register (database_id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
