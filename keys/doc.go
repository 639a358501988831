// Package keys holds the signing and MAC keys: which exist, which signs now, which are published; their rotation; and the
// JWK Set. It promises no compatibility to importers.
package keys
