-- Feature switches, as job 1110 brought them. Those whose names this version does not know are kept
-- for a later one.
CREATE TABLE feature (
    code       TEXT    PRIMARY KEY,
    is_enabled INTEGER NOT NULL,
    version    INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    applied_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Since when a register is offline because somebody switched it; nothing where it goes by its line.
ALTER TABLE edge ADD COLUMN disconnected_at INTEGER;
