// Package password turns passwords into argon2id hashes and back into yes or no, within a budget of memory and at the same
// price whether the user exists or not, verifies the hashes that other programs made, and says what a new password must be. It
// promises no compatibility to importers.
package password
