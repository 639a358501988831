package revocation

import (
	"crypto/sha256"
	"encoding/base64"
)

// HeadType is the typ in the header of a signed head.
const HeadType = "revocations+jwt"

// A Head describes one segment of the feed: the entries with the numbers From
// to To. The issuer signs it as a compact JWS with the typ HeadType.
type Head struct {
	Issuer string `json:"iss"`
	// IssuedAt is when it was signed, in seconds since 1970.
	IssuedAt int64 `json:"iat"`
	// From and To are the numbers of the first and last entry. A segment
	// without entries has From = To + 1. In a full segment, From is 1.
	From int64 `json:"from"`
	To   int64 `json:"to"`
	// Prev is the mark of the entry From - 1, and Mark that of the entry
	// To. In a full segment, Prev is 0.
	Prev int64 `json:"prev"`
	Mark int64 `json:"mark"`
	// At is when the store was asked, by its clock, in milliseconds since
	// 1970. All entries up to To that were committed by then are known.
	At int64 `json:"at"`
	// Keep is how many seconds after its moment an entry may still refuse a
	// token. A verifier that has a leeway for exp adds it.
	Keep int64 `json:"keep"`
	// Keys is the ETag of the JWK Set, with its quotes. If it has other keys
	// than the set that a verifier has (SameKeys), the verifier fetches the
	// set again.
	Keys string `json:"keys"`
	// Sum is Sum of the encoded entries.
	Sum string `json:"sum"`
	// Full is true if the segment has all entries that have not expired.
	Full bool `json:"full"`
}

// Before returns the position before the segment.
func (h Head) Before() Position { return Position{Seq: h.From - 1, Mark: h.Prev} }

// After returns the position at the end of the segment.
func (h Head) After() Position { return Position{Seq: h.To, Mark: h.Mark} }

// Sum returns base64url(SHA-256(entries)) of encoded entries.
func Sum(entries []byte) string {
	digest := sha256.Sum256(entries)
	return base64.RawURLEncoding.EncodeToString(digest[:])
}

// An Answer is what a poll of the feed returns over HTTP, as JSON.
type Answer struct {
	// Segments are in the order of the log, without a gap. The first one
	// begins at the position of the poll or before it, or is full.
	Segments []Segment `json:"segments"`
	// HeldMS is how long the issuer held the request, in milliseconds.
	HeldMS int64 `json:"held_ms"`
	// AgeMS is how long before the answer the store was asked, in
	// milliseconds, rounded up: the verifier's knowledge is that old.
	AgeMS int64 `json:"age_ms"`
	// DelayMS is how long the caller must wait before its next poll, in
	// milliseconds. It is zero if the issuer held the request as asked.
	DelayMS int64 `json:"delay_ms,omitempty"`
}

// A Segment is a signed head and its entries.
type Segment struct {
	// Head is a compact JWS whose payload is a Head.
	Head string `json:"head"`
	// Entries are the encoded entries, in base64url.
	Entries string `json:"entries"`
}
