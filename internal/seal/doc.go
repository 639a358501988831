// Package seal encrypts secrets for the store with key-encryption keys (KEKs),
// and reads and writes the files that hold secrets. It promises no
// compatibility to importers.
package seal
