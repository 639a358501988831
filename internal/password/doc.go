// Package password turns passwords into argon2id hashes and back into yes or no, a bounded number at once, and at the same
// price whether the user exists or not. It promises no compatibility to importers.
package password
