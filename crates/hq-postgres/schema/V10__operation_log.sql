-- The content that counts, where somebody repaired it; what was received stays as it was.
ALTER TABLE operation ADD COLUMN repaired text;
CREATE TRIGGER operation_repair_ends BEFORE UPDATE OF repaired ON operation
    FOR EACH ROW WHEN (OLD.status = 1)
    EXECUTE FUNCTION refuse('a completed operation is never repaired');

-- What was done about operations besides receiving and completing them, and by whom.
CREATE TABLE operation_event (
    ordinal bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    operation uuid NOT NULL REFERENCES operation (id),
    at bigint NOT NULL,
    -- Null when headquarters did it by itself.
    operator text,
    -- 0 failed, 1 repaired, 2 asked to be applied.
    act bigint NOT NULL CHECK (act IN (0, 1, 2)),
    error text CHECK ((error IS NOT NULL) = (act = 0)),
    field text CHECK ((field IS NOT NULL) = (act = 1)),
    old text,
    new text
);
CREATE INDEX operation_event_operation ON operation_event (operation, ordinal);
CREATE TRIGGER operation_event_is_immutable BEFORE UPDATE ON operation_event
    FOR EACH ROW EXECUTE FUNCTION refuse('the log of an operation never changes');
CREATE TRIGGER operation_event_is_kept BEFORE DELETE ON operation_event
    FOR EACH ROW EXECUTE FUNCTION refuse('the log of an operation is never deleted');
CREATE TRIGGER operation_event_is_not_emptied BEFORE TRUNCATE ON operation_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse('the log of an operation is never deleted');
