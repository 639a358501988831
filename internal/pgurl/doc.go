// Package pgurl reads and checks the URL of a PostgreSQL database. It connects
// to nothing. The package promises no compatibility to importers.
package pgurl
