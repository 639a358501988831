package revocation

import "strings"

// SameKeys reports whether two ETags are of JWK Sets with the same keys, in
// whatever order. The part of an ETag before the dot depends on the keys only.
// The order changes when a key begins to sign, on each server by its own clock,
// and is no reason to fetch the set again.
//
// The comparison is weak (RFC 9110 §8.8.3.2): a proxy that compresses a
// response makes its ETag weak.
func SameKeys(a, b string) bool { return keysOf(a) == keysOf(b) }

func keysOf(etag string) string {
	keys, _, _ := strings.Cut(strings.TrimPrefix(etag, "W/"), ".")
	return keys
}
