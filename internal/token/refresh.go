package token

import (
	"crypto/rand"
	"encoding/binary"
	"strings"

	"github.com/signetd/signet/internal/oauth"
)

// A refresh token is a prefix and a frame with these bytes:
//
//	0   version, 1
//	1   id of the MAC key, 8 bytes
//	9   handle of the grant, 16 bytes
//	25  generation, big-endian, 4 bytes
//	29  the first 16 bytes of HMAC-SHA-256(secret, data), where data is
//	    refreshLabel + bytes 0 to 28
const (
	refreshPrefix = "sgr_"
	refreshLabel  = "signet refresh token\x00"
	refreshMAC    = 29 // offset of the MAC
)

// Refresh is the content of a refresh token. Equal contents have equal tokens.
type Refresh struct {
	// KeyID is the id of the MAC key, 16 lower-case hexadecimal digits.
	KeyID string
	// Handle is the secret that the grant's id is computed from.
	Handle oauth.Handle
	// Generation is the number of earlier refresh tokens of the grant.
	Generation uint32
}

// UnverifiedRefresh is a well-formed refresh token whose MAC has not been
// verified.
type UnverifiedRefresh struct {
	// KeyID is the id of the MAC key that the token names, 16 lower-case
	// hexadecimal digits.
	KeyID string
	frame frame
}

// NewHandle returns the handle of a new grant: 128 random bits.
func NewHandle() oauth.Handle {
	var h oauth.Handle
	rand.Read(h[:]) // never fails
	return h
}

// HasRefreshPrefix reports whether text has the prefix of refresh tokens. No
// access token has it.
func HasRefreshPrefix(text string) bool { return strings.HasPrefix(text, refreshPrefix) }

// Encode returns the refresh token. secret is the secret of the MAC key
// r.KeyID, with at least 32 bytes.
func (r Refresh) Encode(secret []byte) (string, error) {
	f, err := newGrantFrame(refreshLabel, r, secret)
	if err != nil {
		return "", err
	}
	return f.text(refreshPrefix), nil
}

// newGrantFrame returns the frame of a token that belongs to a grant.
func newGrantFrame(label string, r Refresh, secret []byte) (frame, error) {
	f, err := newFrame(r.KeyID, secret)
	if err != nil {
		return frame{}, err
	}
	copy(f[9:], r.Handle[:])
	binary.BigEndian.PutUint32(f[25:], r.Generation)
	copy(f[refreshMAC:], mac(secret, refreshMAC, label, f[:refreshMAC]).Bytes())
	return f, nil
}

// ParseRefresh decodes a refresh token and returns the id of its MAC key. It
// does not verify the MAC. Every error is ErrInvalid.
func ParseRefresh(text string) (UnverifiedRefresh, error) {
	f, err := parseFrame(refreshPrefix, text)
	if err != nil {
		return UnverifiedRefresh{}, err
	}
	return UnverifiedRefresh{KeyID: f.key(), frame: f}, nil
}

// Verify verifies the MAC in constant time and returns the content of the
// token. secret is the secret of the MAC key s.KeyID. If the token was not made
// with this secret, the error is ErrInvalid.
func (s UnverifiedRefresh) Verify(secret []byte) (Refresh, error) {
	return s.frame.verifyGrant(refreshLabel, secret)
}

// verifyGrant verifies the MAC of a frame that newGrantFrame made with the
// label, and returns its content.
func (f frame) verifyGrant(label string, secret []byte) (Refresh, error) {
	if len(secret) < minSecret || !f.mac(refreshMAC).Equal(mac(secret, refreshMAC, label, f[:refreshMAC])) {
		return Refresh{}, invalid("invalid MAC")
	}
	return Refresh{
		KeyID:      f.key(),
		Handle:     oauth.Handle(f[9:25]),
		Generation: binary.BigEndian.Uint32(f[25:refreshMAC]),
	}, nil
}
