// Package sqlite stores everything in one SQLite file: users, clients,
// audiences, grants, login attempts, used assertions and the key ring.
//
// It is the store of a deployment with one server. Each table has a file of
// its own, and package postgres has the same files. The package promises no
// compatibility to importers.
package sqlite
