package revocation

import (
	"crypto/rand"
	"encoding/base64"
	"time"
)

// idSize is the length of a token id, in characters.
const idSize = 22

// maxDrift is how far the moment in a token id may be from the iat claim. An id
// with a larger difference has another format.
const maxDrift = 60 * time.Second

// NewTokenID returns a jti claim: a UUID of version 7 (RFC 9562 §5.7) in
// base64url, which are 22 characters. The id holds the moment in microseconds,
// with the fraction of a millisecond in the 12 bits of rand_a (RFC 9562 §6.2,
// method 3). The other 62 bits are random.
//
// The moment is the time that decides which entries concern the token. It must
// be read before the store decides that the token may be issued: then an entry
// that is written after this decision has a later moment.
func NewTokenID(minted time.Time) string {
	micros := uint64(minted.UnixMicro())
	millis, fraction := micros/1000, micros%1000*4096/1000

	var id [16]byte
	_, _ = rand.Read(id[8:]) // crypto/rand never fails
	for i := range 6 {
		id[i] = byte(millis >> (40 - 8*i))
	}
	id[6], id[7] = 0x70|byte(fraction>>8), byte(fraction)
	id[8] = 0x80 | id[8]&0x3f
	return base64.RawURLEncoding.EncodeToString(id[:])
}

// MintedAt returns the moment in a jti claim, in microseconds since 1970. For
// an id of another format, or with a moment that is not near issuedAt, it
// returns issuedAt. That is the beginning of a second, so the token counts as
// older than it is.
func MintedAt(tokenID string, issuedAt time.Time) int64 {
	fallback := issuedAt.UnixMicro()
	var id [16]byte
	if len(tokenID) != idSize {
		return fallback
	}
	n, err := base64.RawURLEncoding.Strict().Decode(id[:], []byte(tokenID))
	if err != nil || n != len(id) || id[6]>>4 != 7 || id[8]>>6 != 2 {
		return fallback
	}

	var millis int64
	for _, b := range id[:6] {
		millis = millis<<8 | int64(b)
	}
	fraction := int64(id[6]&0x0f)<<8 | int64(id[7])
	// The fraction was rounded down, so this division rounds up.
	minted := millis*1000 + (fraction*1000+4095)/4096
	if drift := minted - fallback; drift > maxDrift.Microseconds() || drift < -maxDrift.Microseconds() {
		return fallback
	}
	return minted
}
