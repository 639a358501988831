-- +goose Up
-- Times are in microseconds since the Unix epoch, in UTC.

-- An act that ends or suspends many grants is one row here. A background worker
-- writes it into the grants. Until then every statement that reads a grant
-- looks it up here, too. docs/protocol.md describes it under Revocation.
--
-- An empty subject or client_id means all. except_id is a grant that the act
-- does not concern. The act concerns the grants that were
-- created until created_until. An empty reason means that the grants are
-- suspended: there is such a row for each disabled user, and no worker uses it.
-- The greatest integer stands for infinity.
--
-- The other columns are those of the worker. next_at is when it continues.
-- scan_at is when its scan of the grants began, found is how many grants the
-- scan has ended, and cursor_at and cursor_id are the last grant of the scan.
CREATE TABLE endings (
    id            INTEGER NOT NULL PRIMARY KEY,
    subject       TEXT    NOT NULL,
    client_id     TEXT    NOT NULL,
    except_id     BLOB,
    reason        TEXT    NOT NULL,
    actor         TEXT    NOT NULL,
    at            INTEGER NOT NULL,
    created_until INTEGER NOT NULL,
    next_at       INTEGER NOT NULL,
    scan_at       INTEGER,
    found         INTEGER NOT NULL DEFAULT 0,
    cursor_at     INTEGER NOT NULL DEFAULT -1,
    cursor_id     BLOB    NOT NULL DEFAULT x'00000000000000000000000000000000',
    CHECK (subject <> '' OR client_id <> '')
) STRICT;

CREATE INDEX endings_of_grant ON endings (subject, client_id);

CREATE INDEX endings_due ON endings (next_at);

-- There is one suspension for each disabled user.
CREATE UNIQUE INDEX suspensions ON endings (subject) WHERE reason = '';

INSERT INTO endings (subject, client_id, except_id, reason, actor, at, created_until, next_at)
SELECT id, '', NULL, '', 'migration', disabled_at,
    9223372036854775807, 9223372036854775807
FROM users WHERE disabled_at IS NOT NULL;

-- When a retry of the last rotation first came after the leeway.
ALTER TABLE grants ADD COLUMN repeated_at INTEGER;

-- When an operator last accepted a restored store.
ALTER TABLE versions ADD COLUMN restored_at INTEGER;

DROP INDEX grants_of_user;

-- A refresh changes no column of an index.
CREATE INDEX grants_by_creation ON grants (user_id, created_at, id);
