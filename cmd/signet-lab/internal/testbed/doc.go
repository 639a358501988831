// Package testbed starts the servers that the lab measures: a durable Postgres,
// issuers built from the source tree, and the reference server.
package testbed
