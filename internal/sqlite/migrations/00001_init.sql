-- +goose Up
-- Times are in microseconds since the Unix epoch, in UTC. idle_lifetime is in
-- seconds.

CREATE TABLE users (
    id            TEXT    NOT NULL PRIMARY KEY,
    username      TEXT    NOT NULL UNIQUE,
    password_hash TEXT    NOT NULL,
    claims        TEXT    NOT NULL,
    disabled_at   INTEGER,
    epoch         INTEGER NOT NULL,
    created_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE grants (
    id            BLOB    NOT NULL PRIMARY KEY,
    user_id       TEXT    NOT NULL,
    client_id     TEXT    NOT NULL,
    generation    INTEGER NOT NULL CHECK (generation BETWEEN 0 AND 4294967295),
    key_hash      BLOB,
    mac_key       TEXT    NOT NULL,
    moved_at      INTEGER NOT NULL,
    idle_lifetime INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    suspended_at  INTEGER,
    revoked_at    INTEGER,
    revoke_reason TEXT    NOT NULL,
    scope         TEXT    NOT NULL,
    audience      TEXT    NOT NULL,
    auth_time     INTEGER,
    amr           TEXT    NOT NULL,
    device_label  TEXT    NOT NULL,
    ip            TEXT    NOT NULL,
    created_at    INTEGER NOT NULL,
    claims        TEXT
) STRICT, WITHOUT ROWID;

-- A refresh changes no column of an index.
CREATE INDEX grants_of_user ON grants (user_id, id);

-- Counters of login attempts. Both columns of the key are hashes.
CREATE TABLE guesses (
    owner      BLOB    NOT NULL,
    part       BLOB    NOT NULL,
    last_at    INTEGER,
    before_at  INTEGER,
    drained_at INTEGER NOT NULL,
    PRIMARY KEY (owner, part)
) STRICT, WITHOUT ROWID;

CREATE TABLE clients (
    id     TEXT NOT NULL PRIMARY KEY,
    record TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE audiences (
    id     TEXT NOT NULL PRIMARY KEY,
    record TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Client assertions (RFC 7523) that were used. They must not be used again. id
-- is a hash of the jti claim.
CREATE TABLE assertions (
    client_id  TEXT    NOT NULL,
    id         BLOB    NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (client_id, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX assertions_by_end ON assertions (expires_at);

CREATE TABLE keys (
    id             TEXT    NOT NULL PRIMARY KEY,
    algorithm      TEXT    NOT NULL,
    public         BLOB,
    sealed         BLOB,
    kek            TEXT    NOT NULL,
    created_at     INTEGER NOT NULL,
    activate_at    INTEGER,
    retired_at     INTEGER,
    destroyed_at   INTEGER,
    compromised_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE keks (
    id          TEXT    NOT NULL PRIMARY KEY,
    check_value BLOB    NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE versions (
    name     TEXT    NOT NULL PRIMARY KEY,
    version  INTEGER NOT NULL,
    restored INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO versions (name, version, restored) VALUES ('ring', 0, 0), ('directory', 0, 0);
