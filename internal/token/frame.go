package token

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"slices"
	"strings"

	"github.com/signetd/signet/internal/oauth"
)

const (
	version   = 1
	frameSize = 45 // bytes
	frameText = 60 // characters
	keyIDSize = 8  // bytes
	minSecret = 32 // minimum size of the secret of a MAC key, in bytes
)

// frame is the binary part of a refresh token, a session token or a device
// token. It starts with the version (1 byte) and the id of the MAC key (8
// bytes), and ends with a truncated MAC. A token is a prefix and the frame in
// base64url. The 45 bytes make 60 characters without spare bits, so that each
// frame has only one text form.
type frame [frameSize]byte

// newFrame returns a frame with the version and the id of the MAC key.
func newFrame(key string, secret []byte) (frame, error) {
	f := frame{version}
	if len(key) == 2*keyIDSize {
		// The comparison below detects invalid digits.
		_, _ = hex.Decode(f[1:], []byte(key))
	}
	if f.key() != key {
		return frame{}, errors.New("the id of a MAC key must have 16 lower-case hexadecimal digits")
	}
	if len(secret) < minSecret {
		return frame{}, errors.New("the secret of a MAC key must have at least 32 bytes")
	}
	return f, nil
}

// parseFrame decodes the text form of a frame. Every error is ErrInvalid.
func parseFrame(prefix, text string) (frame, error) {
	body, ok := strings.CutPrefix(text, prefix)
	if !ok || len(body) != frameText {
		return frame{}, invalid("malformed token")
	}
	// The decoder skips line breaks. The length of the result shows whether
	// there were any.
	b, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil || len(b) != frameSize || b[0] != version {
		return frame{}, invalid("malformed token")
	}
	return frame(b), nil
}

// text returns the token: the prefix and the frame in base64url.
func (f frame) text(prefix string) string { return prefix + base64.RawURLEncoding.EncodeToString(f[:]) }

// key returns the id of the MAC key, in hexadecimal digits.
func (f frame) key() string {
	var text [2 * keyIDSize]byte
	hex.Encode(text[:], f[1:1+keyIDSize])
	return string(text[:])
}

// mac returns the MAC of the frame, which begins at the byte with index at.
func (f frame) mac(at int) oauth.Digest { return oauth.NewDigest(f[at:]) }

// mac returns HMAC-SHA-256 over the label and the parts. It is truncated to the
// length of a MAC that begins at the byte with index at. The label ends with a
// zero byte, and only the last part may vary in length. So two different inputs
// never have the same encoding.
func mac(secret []byte, at int, label string, parts ...[]byte) oauth.Digest {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte(label))
	h.Write(slices.Concat(parts...))
	return oauth.NewDigest(h.Sum(nil)[:frameSize-at])
}
