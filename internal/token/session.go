package token

import (
	"strings"

	"github.com/signetd/signet/internal/oauth"
)

// A session token is a prefix and a frame like that of a refresh token of
// generation 0, but with the label sessionLabel. It identifies a grant whose
// token does not rotate: the session of a browser at a gateway.
const (
	sessionPrefix = "sgb_"
	sessionLabel  = "signet session token\x00"
)

// Session is the content of a session token. Equal contents have equal tokens.
type Session struct {
	// KeyID is the id of the MAC key, 16 lower-case hexadecimal digits.
	KeyID string
	// Handle is the secret that the grant's id is computed from.
	Handle oauth.Handle
}

// UnverifiedSession is a well-formed session token whose MAC has not been
// verified.
type UnverifiedSession struct {
	// KeyID is the id of the MAC key that the token names, 16 lower-case
	// hexadecimal digits.
	KeyID string
	frame frame
}

// HasSessionPrefix reports whether text has the prefix of session tokens. No
// other token has it.
func HasSessionPrefix(text string) bool { return strings.HasPrefix(text, sessionPrefix) }

// Encode returns the session token. secret is the secret of the MAC key
// s.KeyID, with at least 32 bytes.
func (s Session) Encode(secret []byte) (string, error) {
	f, err := newGrantFrame(sessionLabel, Refresh{KeyID: s.KeyID, Handle: s.Handle}, secret)
	if err != nil {
		return "", err
	}
	return f.text(sessionPrefix), nil
}

// ParseSession decodes a session token and returns the id of its MAC key. It
// does not verify the MAC. Every error is ErrInvalid.
func ParseSession(text string) (UnverifiedSession, error) {
	f, err := parseFrame(sessionPrefix, text)
	if err != nil {
		return UnverifiedSession{}, err
	}
	return UnverifiedSession{KeyID: f.key(), frame: f}, nil
}

// Verify verifies the MAC in constant time and returns the content of the
// token. secret is the secret of the MAC key s.KeyID. If the token was not made
// with this secret, the error is ErrInvalid.
func (s UnverifiedSession) Verify(secret []byte) (Session, error) {
	content, err := s.frame.verifyGrant(sessionLabel, secret)
	return Session{KeyID: content.KeyID, Handle: content.Handle}, err
}
