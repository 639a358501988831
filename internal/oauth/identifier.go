package oauth

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ValidAudienceID reports whether id may be an aud value: 1 to 256 printable
// ASCII characters without space, quote and backslash. It may be a URL or a
// name.
func ValidAudienceID(id string) bool { return len(id) <= MaxAudienceID && ValidToken(id) }

// ErrSubject is the error for a subject that ValidSubject rejects.
var ErrSubject = Fail(InvalidRequest, "A subject has 1 to 255 bytes of text without control characters.")

// UserIDPrefix is the prefix of the ids that Signet gives to users. No client
// id has it. The id of an imported user may have another form.
const UserIDPrefix = "usr_"

// ValidClientID reports whether id may be the id of a client: 1 to 128
// printable ASCII characters without space, quote and backslash (a subset of
// RFC 6749 appendix A.1).
func ValidClientID(id string) bool { return len(id) <= MaxClientID && ValidToken(id) }

// A GrantID is the id of a grant: the key of its row, the grant_id of responses
// and the sid claim. It is the hash of a handle, so nobody can compute a
// refresh token from it.
type GrantID [16]byte

// A Handle is the secret part of all refresh tokens of a grant.
type Handle [16]byte

// GrantID returns the id of the handle's grant: the first 128 bits of the
// SHA-256 of the handle.
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

// ParseGrantID reads the form that GrantID.String writes, and no other.
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

// ValidSubject reports whether id may be the sub of a token: 1 to 255 bytes
// (OpenID Connect Core §2) of UTF-8 without control and format characters.
func ValidSubject(id string) bool {
	return id != "" && len(id) <= MaxSubject && utf8.ValidString(id) &&
		!strings.ContainsFunc(id, func(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf) })
}
