// Package seal keeps the key-encryption keys (KEKs) and seals with them what must not stand in the store in the clear. It
// promises no compatibility to importers.
package seal
