-- The content that counts, where somebody repaired it; what was received stays as it was.
ALTER TABLE operation ADD COLUMN repaired TEXT;
CREATE TRIGGER operation_repair_ends BEFORE UPDATE OF repaired ON operation
WHEN OLD.status = 1
BEGIN
    SELECT RAISE(ABORT, 'a completed operation is never repaired');
END;

-- What was done about operations besides receiving and completing them, and by whom.
CREATE TABLE operation_event (
    ordinal INTEGER PRIMARY KEY AUTOINCREMENT,
    operation BLOB NOT NULL REFERENCES operation (id) CHECK (length(operation) = 16),
    at INTEGER NOT NULL,
    -- Null when headquarters did it by itself.
    operator TEXT,
    -- 0 failed, 1 repaired, 2 asked to be applied.
    act INTEGER NOT NULL CHECK (act IN (0, 1, 2)),
    error TEXT CHECK ((error IS NOT NULL) = (act = 0)),
    field TEXT CHECK ((field IS NOT NULL) = (act = 1)),
    old TEXT,
    new TEXT
) STRICT;
CREATE INDEX operation_event_operation ON operation_event (operation, ordinal);
CREATE TRIGGER operation_event_is_immutable BEFORE UPDATE ON operation_event
BEGIN
    SELECT RAISE(ABORT, 'the log of an operation never changes');
END;
CREATE TRIGGER operation_event_is_kept BEFORE DELETE ON operation_event
BEGIN
    SELECT RAISE(ABORT, 'the log of an operation is never deleted');
END;
