package token

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"slices"
	"strings"

	"github.com/signetd/signet/internal/oauth"
)

// A refresh token is a prefix and 45 bytes in base64url, which makes 60 characters without a spare bit:
//
//	0   version, 1
//	1   id of the MAC key, 8 bytes
//	9   handle of the grant, 16 bytes
//	25  generation, big-endian, 4 bytes
//	29  the first 16 bytes of HMAC-SHA-256(secret, refreshLabel + bytes 0 to 28)
//
// A device token has the same frame; see device.go.
const (
	refreshPrefix = "sgr_"
	refreshLabel  = "signet refresh token\x00"
	refreshMAC    = 29 // where it begins

	version   = 1
	frameSize = 45
	frameText = 60 // characters
	keyIDSize = 8
	// minSecret is the length below which a MAC key is no key.
	minSecret = 32
)

// A frame is the bytes of a refresh token or a device token.
type frame [frameSize]byte

// Refresh is what a refresh token says. The same Refresh always makes the same token.
type Refresh struct {
	// Key is the id of the MAC key, 16 lower-case hexadecimal digits.
	Key string
	// Handle is the secret that the grant's id is computed from.
	Handle oauth.Handle
	// Generation is how many refresh tokens of the grant came before.
	Generation uint32
}

// Sealed is a refresh token that has the right shape. Whether it is ours is not known before Open.
type Sealed struct {
	// Key is the id of the MAC key that it claims to be made under, 16 lower-case hexadecimal digits.
	Key   string
	frame frame
}

// NewHandle returns the handle of a new grant: 128 random bits.
func NewHandle() oauth.Handle {
	var h oauth.Handle
	rand.Read(h[:]) // never fails
	return h
}

// LooksLikeRefresh says whether text begins as refresh tokens of ours do. No access token begins so.
func LooksLikeRefresh(text string) bool { return strings.HasPrefix(text, refreshPrefix) }

// Encode returns the refresh token, made under the secret of the MAC key r.Key. The secret has 32 bytes at least.
func (r Refresh) Encode(secret []byte) (string, error) {
	f, err := newFrame(r.Key, secret)
	if err != nil {
		return "", err
	}
	copy(f[9:], r.Handle[:])
	binary.BigEndian.PutUint32(f[25:], r.Generation)
	copy(f[refreshMAC:], mac(secret, refreshLabel, f[:refreshMAC]))
	return f.text(refreshPrefix), nil
}

// ParseRefresh reads the shape of a refresh token and the id of its MAC key, without any secret. Every error is ErrInvalid.
func ParseRefresh(text string) (Sealed, error) {
	f, err := parseFrame(refreshPrefix, text)
	if err != nil {
		return Sealed{}, err
	}
	return Sealed{Key: f.key(), frame: f}, nil
}

// Open checks the token by the secret of the MAC key s.Key, in constant time, and returns what it says. A token that was not
// made under this secret is ErrInvalid.
func (s Sealed) Open(secret []byte) (Refresh, error) {
	if len(secret) < minSecret || !hmac.Equal(s.frame[refreshMAC:], mac(secret, refreshLabel, s.frame[:refreshMAC])[:frameSize-refreshMAC]) {
		return Refresh{}, refuse("its MAC is wrong")
	}
	return Refresh{
		Key:        s.Key,
		Handle:     oauth.Handle(s.frame[9:25]),
		Generation: binary.BigEndian.Uint32(s.frame[25:refreshMAC]),
	}, nil
}

// newFrame returns a frame that has its version and the id of its MAC key.
func newFrame(key string, secret []byte) (frame, error) {
	f := frame{version}
	if len(key) == 2*keyIDSize {
		_, _ = hex.Decode(f[1:], []byte(key)) // what is no digit is not what f.key makes of it
	}
	if f.key() != key {
		return frame{}, errors.New("the id of a MAC key has 16 lower-case hexadecimal digits")
	}
	if len(secret) < minSecret {
		return frame{}, errors.New("the secret of a MAC key has 32 bytes at least")
	}
	return f, nil
}

// parseFrame reads the one string form of a frame.
func parseFrame(prefix, text string) (frame, error) {
	body, ok := strings.CutPrefix(text, prefix)
	if !ok || len(body) != frameText {
		return frame{}, refuse("it is malformed")
	}
	// There are no spare bits, and after a line break, which the decoder skips, the length is not right any more.
	b, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil || len(b) != frameSize || b[0] != version {
		return frame{}, refuse("it is malformed")
	}
	return frame(b), nil
}

func (f frame) text(prefix string) string { return prefix + base64.RawURLEncoding.EncodeToString(f[:]) }

func (f frame) key() string {
	var text [2 * keyIDSize]byte
	hex.Encode(text[:], f[1:1+keyIDSize])
	return string(text[:])
}

// mac returns HMAC-SHA-256 over the label and the parts. The label ends with a zero byte and at most the last part varies in
// length, so that no two inputs look alike.
func mac(secret []byte, label string, parts ...[]byte) []byte {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte(label))
	h.Write(slices.Concat(parts...))
	return h.Sum(nil)
}
