// Package issuertest provides the fixture that tests share: an issuer with real
// components on a SQLite file of its own. It is for tests only and promises no
// compatibility to importers.
package issuertest
