package token

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"unsafe"

	"github.com/signetd/signet/internal/jws"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/keys"
)

// Tokens are assembled, not marshalled: beside the signature itself, a general encoder was the largest part of what a token
// cost. Names are written as they stand here; what is between quotes goes through appendText.

// signatureRoom is how many bytes are set aside for a signature: that of RSA with 4096 bits, or of an elliptic curve.
func signatureRoom(algorithm string) int {
	if algorithm == keys.RS256 {
		return 512
	}
	return 64
}

// compact signs a payload and returns it as a compact JWS (RFC 7515 §7.1) with the header typ, alg and kid.
func compact(typ, algorithm, kid string, payload []byte, sign func([]byte) ([]byte, error)) (string, error) {
	var room [256]byte
	header := appendMember(append(room[:0], '{'), "typ", typ)
	header = appendMember(header, "alg", algorithm)
	header = append(appendMember(header, "kid", kid), '}')

	encoding := base64.RawURLEncoding
	token := make([]byte, 0, encoding.EncodedLen(len(header))+encoding.EncodedLen(len(payload))+encoding.EncodedLen(signatureRoom(algorithm))+2)
	token = append(encoding.AppendEncode(token, header), '.')
	token = encoding.AppendEncode(token, payload)
	signature, err := sign(token)
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	if signature, err = jws.CanonicalSignature(algorithm, signature); err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	token = encoding.AppendEncode(append(token, '.'), signature)
	if len(token) > jws.MaxSize {
		return "", ErrTooLong
	}
	return unsafe.String(unsafe.SliceData(token), len(token)), nil // nobody else has the bytes, and nobody changes them
}

// appendPayload appends the claims as JSON: the standard ones in their order, then the extra ones by name.
func (a Access) appendPayload(to []byte) ([]byte, error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	b := appendMember(append(to, '{'), "iss", a.Issuer)
	b = appendMember(b, "sub", a.Subject)
	if len(a.Audience) == 1 { // RFC 7519 §4.1.3
		b = appendMember(b, "aud", a.Audience[0])
	} else {
		b = appendList(b, "aud", a.Audience)
	}
	b = appendMember(b, "client_id", a.ClientID)
	if len(a.Scope) > 0 {
		b = appendScope(b, a.Scope)
	}
	b = appendNumber(b, "iat", a.IssuedAt.Unix())
	b = appendNumber(b, "exp", a.ExpiresAt.Unix())
	b = appendMember(b, "jti", a.ID)
	if !a.AuthTime.IsZero() {
		b = appendNumber(b, "auth_time", a.AuthTime.Unix())
	}
	if a.ACR != "" {
		b = appendMember(b, "acr", a.ACR)
	}
	if len(a.AMR) > 0 {
		b = appendList(b, "amr", a.AMR)
	}
	if a.GrantID != "" {
		b = appendMember(b, "sid", a.GrantID)
	}
	b = append(b, '}')
	if len(a.Claims) == 0 {
		return b, nil
	}
	return a.appendClaims(b)
}

// appendClaims puts the extra claims into the object that ends b.
func (a Access) appendClaims(b []byte) ([]byte, error) {
	for name := range a.Claims {
		if !oauth.ValidClaimName(name) {
			return nil, fmt.Errorf("the claim name %.140q is reserved or malformed", name)
		}
	}
	extra, err := json.Marshal(a.Claims)
	if err != nil {
		return nil, err
	}
	b = append(append(b[:len(b)-1], ','), extra[1:]...)
	// What an extra claim holds is not ours: no token leaves that our own reader would refuse. It reads a copy, so that b
	// need not leave the stack.
	_, err = jws.Object(bytes.Clone(b))
	return b, err
}

// appendName appends the name of a member, and the comma before it unless it is the object's first.
func appendName(b []byte, name string) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	b = append(append(b, '"'), name...)
	return append(b, '"', ':')
}

func appendMember(b []byte, name, text string) []byte { return appendText(appendName(b, name), text) }

func appendNumber(b []byte, name string, n int64) []byte {
	return strconv.AppendInt(appendName(b, name), n, 10)
}

func appendList(b []byte, name string, texts []string) []byte {
	b = append(appendName(b, name), '[')
	for i, text := range texts {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(b, text)
	}
	return append(b, ']')
}

// appendScope appends the scope. Its values have no character that JSON escapes (RFC 6749 §3.3).
func appendScope(b []byte, scope oauth.Scope) []byte {
	b = append(appendName(b, "scope"), '"')
	for i, value := range scope {
		if i > 0 {
			b = append(b, ' ')
		}
		b = append(b, value...)
	}
	return append(b, '"')
}

// appendText appends text as JSON. Only what is plain is copied; for everything else the standard encoder knows the rules.
func appendText(b []byte, text string) []byte {
	for i := range len(text) {
		if escaped(text[i]) {
			quoted, err := json.Marshal(text)
			if err != nil {
				panic(err) // a string always has a JSON form
			}
			return append(b, quoted...)
		}
	}
	b = append(append(b, '"'), text...)
	return append(b, '"')
}

// escaped says whether a byte is none that JSON has as it is: the printable ASCII ones but quote and backslash.
func escaped(c byte) bool { return c < 0x20 || c > 0x7e || c == '"' || c == '\\' }
