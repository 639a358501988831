-- +goose Up
-- idle_lifetime is in seconds. Names are compared and sorted by their bytes.

CREATE TABLE users (
    id            text        NOT NULL PRIMARY KEY,
    username      text        COLLATE "C" NOT NULL UNIQUE,
    password_hash text        NOT NULL,
    claims        json        NOT NULL,
    disabled_at   timestamptz,
    epoch         bigint      NOT NULL,
    created_at    timestamptz NOT NULL
);

-- A refresh writes the new row version to the same page (heap-only tuple). The
-- fillfactor leaves space for it, and a refresh changes no column of an index.
-- There is no foreign key, since each login would lock the row of the user.
CREATE TABLE grants (
    id            uuid        NOT NULL PRIMARY KEY,
    user_id       text        NOT NULL,
    client_id     text        NOT NULL,
    generation    bigint      NOT NULL CHECK (generation BETWEEN 0 AND 4294967295),
    key_hash      bytea,
    mac_key       text        NOT NULL,
    moved_at      timestamptz NOT NULL,
    idle_lifetime bigint      NOT NULL,
    expires_at    timestamptz NOT NULL,
    suspended_at  timestamptz,
    revoked_at    timestamptz,
    revoke_reason text        NOT NULL,
    scope         text        NOT NULL,
    audience      text[],
    auth_time     timestamptz,
    amr           text[],
    device_label  text        NOT NULL,
    ip            text        NOT NULL,
    created_at    timestamptz NOT NULL,
    claims        json
) WITH (fillfactor = 80);

CREATE INDEX grants_of_user ON grants (user_id, id);

-- Counters of login attempts. Both columns of the key are hashes. Times are in
-- microseconds since the Unix epoch, since statements calculate with them. An
-- attempt writes the new row version to the same page.
CREATE TABLE guesses (
    owner      bytea  NOT NULL,
    part       bytea  NOT NULL,
    last_at    bigint NOT NULL,
    before_at  bigint NOT NULL,
    drained_at bigint NOT NULL,
    PRIMARY KEY (owner, part)
) WITH (fillfactor = 80);

CREATE TABLE clients (
    id     text COLLATE "C" NOT NULL PRIMARY KEY,
    record json NOT NULL
);

CREATE TABLE audiences (
    id     text COLLATE "C" NOT NULL PRIMARY KEY,
    record json NOT NULL
);

-- Client assertions (RFC 7523) that were used. They must not be used again. id
-- is a hash of the jti claim.
CREATE TABLE assertions (
    client_id  text        COLLATE "C" NOT NULL,
    id         bytea       NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (client_id, id)
);

CREATE INDEX assertions_by_end ON assertions (expires_at);

CREATE TABLE keys (
    id             text        COLLATE "C" NOT NULL PRIMARY KEY,
    algorithm      text        NOT NULL,
    public         bytea,
    sealed         bytea,
    kek            text        NOT NULL,
    created_at     timestamptz NOT NULL,
    activate_at    timestamptz,
    retired_at     timestamptz,
    destroyed_at   timestamptz,
    compromised_at timestamptz
);

CREATE TABLE keks (
    id          text        COLLATE "C" NOT NULL PRIMARY KEY,
    check_value bytea       NOT NULL,
    created_at  timestamptz NOT NULL
);

CREATE TABLE versions (
    name     text   NOT NULL PRIMARY KEY,
    version  bigint NOT NULL,
    restored bigint NOT NULL
);

INSERT INTO versions (name, version, restored) VALUES ('ring', 0, 0), ('directory', 0, 0);
