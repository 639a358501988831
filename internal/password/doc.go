// Package password hashes and verifies passwords with argon2id, within a memory
// budget, and checks new passwords.
//
// A verification has the same cost whether or not the user exists. The package
// also verifies password hashes that other programs made, and it can compute
// the hashes in child processes.
//
// It promises no compatibility to importers.
package password
