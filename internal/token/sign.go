package token

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/signetd/signet/internal/jws"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/keys"
)

// ErrTooLong is the error of SignAccess and CheckAccess for a token that would
// be longer than the 8 KiB that verifiers accept.
var ErrTooLong = errors.New("the token would have more than 8 KiB")

// SignAccess returns the access token as a compact JWS with the typ at+jwt (RFC
// 9068 §2.1). It returns an error for every token that VerifyAccess would
// reject: a claim that is missing or malformed, an extra claim with a name that
// is not allowed, or a token longer than 8 KiB. Such an error is a fault of the
// issuer, not of a client, so it has no error code.
func SignAccess(s keys.Signer, a Access) (string, error) {
	var buffer [1 << 10]byte // on the stack, and long enough for most tokens
	payload, err := a.appendPayload(buffer[:0])
	if err != nil {
		return "", fmt.Errorf("encode the claims of an access token: %w", err)
	}
	return compact(accessType, s.Algorithm, s.KeyID, payload, s.Sign)
}

// CheckAccess returns the error that SignAccess would return for these claims,
// without a signature. SignAccess can then only fail if the signature does.
func CheckAccess(s keys.Signer, a Access) error {
	payload, err := a.appendPayload(nil)
	if err != nil {
		return fmt.Errorf("encode the claims of an access token: %w", err)
	}
	if size(s, len(payload)) > jws.MaxSize {
		return ErrTooLong
	}
	return nil
}

// SignPayload returns a compact JWS of that type (RFC 7515 §4.1.9) with any
// payload.
func SignPayload(s keys.Signer, typ string, payload []byte) (string, error) {
	return compact(typ, s.Algorithm, s.KeyID, payload, s.Sign)
}

// maxFixed bounds the bytes of a payload without the values of iss, aud and
// scope, and without extra claims.
const maxFixed = 6*oauth.MaxSubject + oauth.MaxClientID + // JSON escapes a byte by six at most
	oauth.MaxMethods*(oauth.MaxMethod+len(`"",`)) +
	256 // names, punctuation, iat, exp, auth_time, jti, sid, acr

// AlwaysFits reports whether every valid access token is short enough that has
// these values or a part of them, any subject, client and amr, and no extra
// claims.
func AlwaysFits(s keys.Signer, issuer string, audience []string, scope oauth.Scope) bool {
	payload := maxFixed + 6*len(issuer)
	for _, id := range audience {
		payload += len(id) + len(`"",`)
	}
	for _, value := range scope {
		payload += len(value) + len(" ")
	}
	return size(s, payload) <= jws.MaxSize
}

// size returns the length of an access token whose payload has that length.
func size(s keys.Signer, payload int) int {
	var buffer [256]byte
	encoded := base64.RawURLEncoding.EncodedLen
	return encoded(len(appendHeader(buffer[:0], accessType, s.Algorithm, s.KeyID))) +
		len(".") + encoded(payload) + len(".") + encoded(s.Size)
}

// tokenBuffers is a pool of buffers in which tokens are encoded. It saves one
// allocation for each token.
var tokenBuffers = sync.Pool{New: func() any {
	b := make([]byte, 0, 2<<10)
	return &b
}}

// compact signs a payload and returns a compact JWS (RFC 7515 §7.1) with the
// header parameters typ, alg and kid.
func compact(typ, algorithm, kid string, payload []byte, sign func([]byte) ([]byte, error)) (string, error) {
	var buffer [256]byte
	header := appendHeader(buffer[:0], typ, algorithm, kid)

	encoding, pooled := base64.RawURLEncoding, tokenBuffers.Get().(*[]byte)
	defer tokenBuffers.Put(pooled)
	token := append(encoding.AppendEncode((*pooled)[:0], header), '.')
	token = encoding.AppendEncode(token, payload)

	signature, err := sign(token)
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	if signature, err = jws.CanonicalSignature(algorithm, signature); err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	token = encoding.AppendEncode(append(token, '.'), signature)
	*pooled = token // a larger buffer, if token did not fit
	if len(token) > jws.MaxSize {
		return "", ErrTooLong
	}
	return string(token), nil
}

// appendHeader appends a JOSE header with three parameters.
func appendHeader(to []byte, typ, algorithm, kid string) []byte {
	b := appendMember(append(to, '{'), "typ", typ)
	b = appendMember(b, "alg", algorithm)
	return append(appendMember(b, "kid", kid), '}')
}

// appendPayload appends the claims as JSON: the standard claims in a fixed
// order, then the extra claims by name.
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

// appendClaims inserts the extra claims at the end of the object in b.
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

	// The value of an extra claim may be any JSON. The check makes sure that
	// VerifyAccess will not reject it.
	_, err = jws.ParseObject(string(b))
	return b, err
}
