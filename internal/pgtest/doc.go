// Package pgtest gives each test a Postgres database of its own. The database
// is on the server that SIGNET_TEST_POSTGRES names, or on a private server that
// stops when the tests end. A test can also reach it through PgBouncer. The
// package is for tests only and promises no compatibility to importers.
package pgtest
