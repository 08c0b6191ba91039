-- Feature switches, one set for all channels. The first rows come when switches come into force;
-- changed_by is empty where nobody has set one since.
CREATE TABLE feature (
    code text COLLATE "C" PRIMARY KEY,
    is_enabled boolean NOT NULL,
    changed_at bigint NOT NULL,
    changed_by text COLLATE "C",
    version bigint NOT NULL
);
