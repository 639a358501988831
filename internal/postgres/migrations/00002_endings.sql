-- +goose NO TRANSACTION
-- +goose Up
-- Servers of the version before go on reading and writing meanwhile, so no
-- statement holds a lock for long. An interrupted migration starts again with
-- the first statement, so each may run more than once.

-- An act that ends or suspends many grants is one row here. A background worker
-- writes it into the grants. Until then every statement that reads a grant
-- looks it up here, too. docs/protocol.md describes it under Revocation.
--
-- An empty subject or client_id means all. except_id is a grant that the act
-- does not concern. The act concerns the grants that were
-- created until created_until. An empty reason means that the grants are
-- suspended: there is such a row for each disabled user, and no worker uses it.
--
-- The other columns are those of the worker. next_at is when it continues.
-- scan_at is when its scan of the grants began, found is how many grants the
-- scan has ended, and cursor_at and cursor_id are the last grant of the scan.
CREATE TABLE IF NOT EXISTS endings (
    id            bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject       text        NOT NULL,
    client_id     text        NOT NULL,
    except_id     uuid,
    reason        text        NOT NULL,
    actor         text        NOT NULL,
    at            timestamptz NOT NULL,
    created_until timestamptz NOT NULL,
    next_at       timestamptz NOT NULL,
    scan_at       timestamptz,
    found         bigint      NOT NULL DEFAULT 0,
    cursor_at     timestamptz NOT NULL DEFAULT '-infinity',
    cursor_id     uuid        NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    CHECK (subject <> '' OR client_id <> '')
);

CREATE INDEX IF NOT EXISTS endings_of_grant ON endings (subject, client_id);

CREATE INDEX IF NOT EXISTS endings_due ON endings (next_at);

-- There is one suspension for each disabled user.
CREATE UNIQUE INDEX IF NOT EXISTS suspensions ON endings (subject) WHERE reason = '';

INSERT INTO endings (subject, client_id, except_id, reason, actor, at, created_until, next_at)
SELECT id, '', NULL, '', 'migration', disabled_at, 'infinity', 'infinity'
FROM users WHERE disabled_at IS NOT NULL
ON CONFLICT DO NOTHING;

-- When a retry of the last rotation first came after the leeway.
ALTER TABLE grants ADD COLUMN IF NOT EXISTS repeated_at timestamptz;

-- When an operator last accepted a restored store.
ALTER TABLE versions ADD COLUMN IF NOT EXISTS restored_at timestamptz;

-- An interrupted CREATE INDEX CONCURRENTLY leaves an invalid index.
DROP INDEX CONCURRENTLY IF EXISTS grants_by_creation;

-- A refresh changes no column of an index.
CREATE INDEX CONCURRENTLY grants_by_creation ON grants (user_id, created_at, id);

DROP INDEX CONCURRENTLY IF EXISTS grants_of_user;
