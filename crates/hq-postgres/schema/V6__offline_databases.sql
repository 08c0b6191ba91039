-- What is kept from offline databases, and how registers work while they are cut off.

-- Every change of a lever, for ever: the last one of each says how it stands. A lever that is not
-- named was never touched, and keeps nothing back.
CREATE TABLE exclusion (
    ordinal bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- 'job:1010', 'subjob:party', 'filter:AX7'.
    lever text COLLATE "C" NOT NULL,
    is_on boolean NOT NULL,
    version bigint NOT NULL,
    changed_at bigint NOT NULL,
    changed_by text COLLATE "C" NOT NULL
);
CREATE INDEX exclusion_lever ON exclusion (lever, ordinal);

-- The first row comes with the first that is set, given or kept back, and is the one called default.
CREATE TABLE offline_profile (
    name text COLLATE "C" PRIMARY KEY,
    pause_offline_sync boolean NOT NULL,
    health_check_interval_s bigint NOT NULL,
    request_timeout_ms bigint NOT NULL,
    allow_manual_switch_before_sign_in boolean NOT NULL,
    version bigint NOT NULL
);

-- Registers that were given an offline profile; the others have the one called default.
CREATE TABLE register_offline_profile (
    register text COLLATE "C" PRIMARY KEY REFERENCES edge_database (id),
    profile text COLLATE "C" NOT NULL REFERENCES offline_profile (name),
    version bigint NOT NULL
);

-- Packages have an audience: the tables that it does not get, as 'address+customer'. '' is
-- everyone: nothing is kept back.
ALTER TABLE package ADD COLUMN audience text COLLATE "C" NOT NULL DEFAULT '';
DROP INDEX package_list;
CREATE INDEX package_list ON package (channel_group, job, audience, sequence);
DROP INDEX package_delta;
CREATE UNIQUE INDEX package_delta ON package (channel_group, job, audience, sequence)
    WHERE scope = 'delta' AND status = 1;

ALTER TABLE database_position ADD COLUMN audience text COLLATE "C" NOT NULL DEFAULT '';

ALTER TABLE row_version ADD COLUMN audience text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE row_version DROP CONSTRAINT row_version_pkey;
ALTER TABLE row_version ADD PRIMARY KEY (channel_group, job, audience);
