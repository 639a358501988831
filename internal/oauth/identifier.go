package oauth

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ValidAudienceID says whether id may be an aud value: 1 to 256 printable ASCII characters without space, quote and
// backslash. URLs and plain names both fit.
func ValidAudienceID(id string) bool { return len(id) <= MaxAudienceID && ValidToken(id) }

// UserIDPrefix begins the id of every user of ours, and no other subject that a token is made for.
const UserIDPrefix = "usr_"

// ValidClientID says whether id may name a client: 1 to 128 printable ASCII characters without space, quote and
// backslash (a subset of RFC 6749 appendix A.1).
func ValidClientID(id string) bool { return len(id) <= MaxClientID && ValidToken(id) }

// A GrantID names a grant: the row's key, the grant_id of answers and the sid claim. It is computed from the secret
// handle that only refresh tokens carry, so that it yields no refresh token itself.
type GrantID [16]byte

// A Handle is the secret part of a grant's refresh tokens.
type Handle [16]byte

// GrantID returns the id of the grant that the handle belongs to: its SHA-256, cut to 128 bits.
func (h Handle) GrantID() GrantID {
	sum := sha256.Sum256(h[:])
	return GrantID(sum[:16])
}

// String returns 32 lower-case hexadecimal digits.
func (id GrantID) String() string {
	var text [2 * len(id)]byte
	hex.Encode(text[:], id[:])
	return string(text[:])
}

var errGrantID = Fail(InvalidRequest, "A grant id has 32 lower-case hexadecimal digits.")

// ParseGrantID reads what GrantID.String wrote, and nothing else.
func ParseGrantID(text string) (GrantID, error) {
	var id GrantID
	if len(text) != hex.EncodedLen(len(id)) || strings.Trim(text, "0123456789abcdef") != "" {
		return id, errGrantID
	}
	if _, err := hex.Decode(id[:], []byte(text)); err != nil {
		return GrantID{}, errGrantID
	}
	return id, nil
}

// ValidSubject says whether id may be the sub of a token: 1 to 255 bytes (OpenID Connect Core §2) of UTF-8 without control
// and format characters.
func ValidSubject(id string) bool {
	return id != "" && len(id) <= MaxSubject && utf8.ValidString(id) &&
		!strings.ContainsFunc(id, func(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf) })
}
