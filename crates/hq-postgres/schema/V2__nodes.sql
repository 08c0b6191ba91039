-- The nodes that serve this headquarters. Nodes of the version before know nothing of it.
CREATE TABLE node (
    id text COLLATE "C" PRIMARY KEY,
    name text COLLATE "C" NOT NULL,
    version text COLLATE "C" NOT NULL,
    started_at bigint NOT NULL,
    seen_at bigint NOT NULL
);
