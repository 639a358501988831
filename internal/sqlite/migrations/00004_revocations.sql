-- +goose Up
-- Times are in microseconds since the Unix epoch, in UTC. Durations are in
-- microseconds.

-- The log of revocations: what verifiers of access tokens must refuse. An entry
-- is written in the transaction that revokes. Its number seq is one more than
-- that of the entry before it. mark is random and the same for all entries of a
-- transaction. key is the hash of what the entry concerns: 8 bytes. before is
-- the moment of the entry. After expires_at no token is valid any more that the
-- entry concerns. Entries are deleted in the order of their numbers, so there
-- is no index for that.
CREATE TABLE revocations (
    seq        INTEGER NOT NULL PRIMARY KEY,
    mark       INTEGER NOT NULL,
    kind       INTEGER NOT NULL,
    key        BLOB    NOT NULL,
    before     INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

-- The entries about subjects, and those that exempt a grant from them, are
-- looked up by their keys.
CREATE INDEX revocations_of_subjects ON revocations (key) WHERE kind IN (4, 5, 8);

-- The number and the moment of the newest entry.
--
-- keep is how long an entry about all tokens is kept after its moment. If the
-- configured lifetime of tokens becomes shorter, keep stays until keep_until,
-- when no token of the longer lifetime is valid any more.
CREATE TABLE revocation_head (
    one        INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    seq        INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    keep       INTEGER NOT NULL,
    keep_until INTEGER NOT NULL
) STRICT;

INSERT INTO revocation_head (one, seq, at, keep, keep_until) VALUES (1, 0, 0, 0, 0);

-- The verifiers with a name that polled the log lately, for operators. server
-- is the server that they polled. keys is the ETag of the JWK Set that the
-- verifier has. lag is how long the oldest entry that it did not have had been
-- available.
CREATE TABLE verifiers (
    name    TEXT    NOT NULL,
    server  TEXT    NOT NULL,
    keys    TEXT    NOT NULL,
    seen_at INTEGER NOT NULL,
    lag     INTEGER NOT NULL,
    PRIMARY KEY (name, server)
) STRICT, WITHOUT ROWID;
