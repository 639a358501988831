// Package postgres stores everything in a PostgreSQL database: users, clients,
// audiences, grants, login attempts, used assertions and the key ring.
//
// Any number of servers may share the database. Each table has a file of its
// own, and package sqlite has the same files. The package promises no
// compatibility to importers.
package postgres
