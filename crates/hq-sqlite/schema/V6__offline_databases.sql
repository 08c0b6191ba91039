-- What is kept from offline databases, and how registers work while they are cut off.

-- Every change of a lever, for ever: the last one of each says how it stands. A lever that is not
-- named was never touched, and keeps nothing back.
CREATE TABLE exclusion (
    ordinal INTEGER PRIMARY KEY AUTOINCREMENT,
    -- 'job:1010', 'subjob:party', 'filter:AX7'.
    lever TEXT NOT NULL,
    is_on INTEGER NOT NULL CHECK (is_on IN (0, 1)),
    version INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    changed_by TEXT NOT NULL
) STRICT;
CREATE INDEX exclusion_lever ON exclusion (lever, ordinal);

-- The first row comes with the first that is set, given or kept back, and is the one called default.
CREATE TABLE offline_profile (
    name TEXT PRIMARY KEY,
    pause_offline_sync INTEGER NOT NULL CHECK (pause_offline_sync IN (0, 1)),
    health_check_interval_s INTEGER NOT NULL,
    request_timeout_ms INTEGER NOT NULL,
    allow_manual_switch_before_sign_in INTEGER NOT NULL
        CHECK (allow_manual_switch_before_sign_in IN (0, 1)),
    version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Registers that were given an offline profile; the others have the one called default.
CREATE TABLE register_offline_profile (
    register TEXT PRIMARY KEY REFERENCES edge_database (id),
    profile TEXT NOT NULL REFERENCES offline_profile (name),
    version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Packages have an audience: the tables that it does not get, as 'address+customer'. '' is
-- everyone: nothing is kept back.
ALTER TABLE package ADD COLUMN audience TEXT NOT NULL DEFAULT '';
DROP INDEX package_list;
CREATE INDEX package_list ON package (channel_group, job, audience, sequence);
DROP INDEX package_delta;
CREATE UNIQUE INDEX package_delta ON package (channel_group, job, audience, sequence)
    WHERE scope = 'delta' AND status = 1;

ALTER TABLE database_position ADD COLUMN audience TEXT NOT NULL DEFAULT '';

CREATE TABLE row_version_of_audience (
    channel_group TEXT NOT NULL,
    job TEXT NOT NULL,
    audience TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (channel_group, job, audience)
) STRICT, WITHOUT ROWID;
INSERT INTO row_version_of_audience (channel_group, job, audience, sequence, version)
    SELECT channel_group, job, '', sequence, version FROM row_version;
DROP TABLE row_version;
ALTER TABLE row_version_of_audience RENAME TO row_version;
