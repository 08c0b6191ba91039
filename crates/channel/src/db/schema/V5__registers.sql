-- How each register of the group works while it is cut off, and what is kept from its database, as
-- job 1090 brought it. What is kept from it stands as JSON lists of names.
CREATE TABLE register_setup (
    register                           TEXT    PRIMARY KEY,
    channel                            TEXT    NOT NULL,
    offline_profile                    TEXT    NOT NULL,
    pause_offline_sync                 INTEGER NOT NULL,
    health_check_interval_s            INTEGER NOT NULL,
    request_timeout_ms                 INTEGER NOT NULL,
    allow_manual_switch_before_sign_in INTEGER NOT NULL,
    customer_data_is_filtered          INTEGER NOT NULL,
    excluded_jobs                      TEXT    NOT NULL,
    excluded_subjobs                   TEXT    NOT NULL,
    version                            INTEGER NOT NULL,
    generation                         INTEGER NOT NULL,
    applied_at                         INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
