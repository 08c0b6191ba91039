-- Where the database stands in the packages of a job; nothing where its upstream has not said so.
ALTER TABLE applied ADD COLUMN sequence INTEGER;
