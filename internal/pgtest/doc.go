// Package pgtest gives each test a Postgres database of its own, on the server that SIGNET_TEST_POSTGRES names or on a
// private one that ends with the tests, and a PgBouncer in front of it. It is for tests only and promises no compatibility to importers.
package pgtest
