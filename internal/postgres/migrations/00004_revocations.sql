-- +goose Up
-- Servers of the version before go on meanwhile. They use none of these tables.

-- The log of revocations: what verifiers of access tokens must refuse. An entry
-- is written in the transaction that revokes. Its number seq is one more than
-- that of the entry before it. mark is random and the same for all entries of a
-- transaction. key is the hash of what the entry concerns: 8 bytes. before is
-- the moment of the entry. After expires_at no token is valid any more that the
-- entry concerns. Entries are deleted in the order of their numbers, so there
-- is no index for that.
CREATE TABLE revocations (
    seq        bigint      NOT NULL PRIMARY KEY,
    mark       bigint      NOT NULL,
    kind       smallint    NOT NULL,
    key        bytea       NOT NULL,
    before     timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);

-- The entries about subjects, and those that exempt a grant from them, are
-- looked up by their keys. They are few, so the index does not slow down the
-- revocation of single grants.
CREATE INDEX revocations_of_subjects ON revocations (key) WHERE kind IN (4, 5, 8);

-- The number and the moment of the newest entry. A transaction locks this row
-- after all its other rows, so entries become visible in the order of their
-- numbers.
--
-- keep is how long an entry about all tokens is kept after its moment. If the
-- configured lifetime of tokens becomes shorter, keep stays until keep_until,
-- when no token of the longer lifetime is valid any more.
--
-- Each write of an entry makes a new version of the row. The fillfactor leaves
-- space for it on the same page.
CREATE TABLE revocation_head (
    one        boolean     NOT NULL PRIMARY KEY CHECK (one),
    seq        bigint      NOT NULL,
    at         timestamptz NOT NULL,
    keep       interval    NOT NULL,
    keep_until timestamptz NOT NULL
) WITH (fillfactor = 10);

INSERT INTO revocation_head (one, seq, at, keep, keep_until) VALUES (true, 0, '-infinity', '0', '-infinity');

-- The verifiers with a name that polled the log lately, for operators. server
-- is the server that they polled. keys is the ETag of the JWK Set that the
-- verifier has. lag is how long the oldest entry that it did not have had been
-- available.
CREATE TABLE verifiers (
    name    text        COLLATE "C" NOT NULL,
    server  text        COLLATE "C" NOT NULL,
    keys    text        NOT NULL,
    seen_at timestamptz NOT NULL,
    lag     interval    NOT NULL,
    PRIMARY KEY (name, server)
);
