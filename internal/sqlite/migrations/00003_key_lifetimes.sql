-- +goose Up
-- lifetime is in seconds. It is 0 in the rows of earlier versions.

ALTER TABLE keys ADD COLUMN lifetime INTEGER NOT NULL DEFAULT 0;
