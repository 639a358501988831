package token

import (
	"crypto"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/signetd/signet/internal/jws"
	"github.com/signetd/signet/internal/oauth"
)

const (
	// maxAssertionLife is the maximum time until the exp of an assertion. The
	// server must remember the jti of an assertion for that time.
	maxAssertionLife = 10 * time.Minute
	// maxClientSkew is how far the clock of a client may be ahead of the
	// server's.
	maxClientSkew = 10 * time.Second
	// maxAssertionID is the maximum length of a jti, in bytes.
	maxAssertionID = 256
)

// Assertion is the claims of a JWT that a client has signed to authenticate
// itself (RFC 7523 §3).
type Assertion struct {
	ClientID  string
	ID        string // the jti claim
	ExpiresAt time.Time
}

// VerifyAssertion verifies the assertion by which a client authenticates (RFC
// 7523 §3, OpenID Connect Core §9):
//
//   - The signature is by a key of the client that find returns. The kid header
//     may be missing.
//   - The iss and sub are the client's id.
//   - The exp and jti are present.
//   - The aud contains only values of audience. Any other recipient could
//     replay the assertion to this server.
//
// Every error is ErrInvalid.
func VerifyAssertion(
	compact string, audience []string,
	find func(clientID, kid string) (algorithm string, key crypto.PublicKey, ok bool), now time.Time,
) (Assertion, error) {
	var c assertionClaims
	t, err := jws.VerifyForeign(compact, func(kid string, payload []byte) (string, crypto.PublicKey, bool) {
		if !c.read(payload) {
			return "", nil, false
		}
		return find(c.subject, kid)
	})
	if err != nil {
		return Assertion{}, err
	}

	if t.Type != "" && !strings.EqualFold(t.Type, "JWT") && !strings.EqualFold(t.Type, "client-authentication+jwt") {
		return Assertion{}, invalid("not a client assertion")
	}
	if err := c.check(audience, now); err != nil {
		return Assertion{}, err
	}
	return Assertion{ClientID: c.subject, ID: c.id, ExpiresAt: c.expires}, nil
}

// assertionClaims are the claims of an assertion that VerifyAssertion checks.
// It ignores all other claims.
type assertionClaims struct {
	issuer, subject, id        string
	audience                   []string
	expires, issued, notBefore time.Time
}

// read reads the claims, and reports whether they are present and well-formed.
// Only iat and nbf are optional.
func (c *assertionClaims) read(payload []byte) bool {
	members, err := jws.ParseObject(payload)
	if err != nil {
		return false
	}

	for name, read := range map[string]func(json.RawMessage) bool{
		"iss": func(raw json.RawMessage) bool { return readText(raw, &c.issuer) },
		"sub": func(raw json.RawMessage) bool { return readText(raw, &c.subject) && oauth.ValidClientID(c.subject) },
		"aud": func(raw json.RawMessage) bool { return readAudience(raw, &c.audience) },
		"jti": func(raw json.RawMessage) bool { return readText(raw, &c.id) && len(c.id) <= maxAssertionID },
		"exp": func(raw json.RawMessage) bool { return readTime(raw, &c.expires) },
		"iat": func(raw json.RawMessage) bool { return readTime(raw, &c.issued) },
		"nbf": func(raw json.RawMessage) bool { return readTime(raw, &c.notBefore) },
	} {
		raw, ok := members[name]
		if optional := name == "iat" || name == "nbf"; !ok && !optional || ok && !read(raw) {
			return false
		}
	}
	return true
}

// check returns an ErrInvalid if the client is not the issuer of the assertion,
// if the assertion has another recipient than this server, or if it is not
// valid at this time.
func (c *assertionClaims) check(audience []string, now time.Time) error {
	switch latest := now.Add(maxClientSkew); {
	case c.issuer != c.subject:
		return invalid("iss is not sub")
	case !all(c.audience, func(name string) bool { return slices.Contains(audience, name) }):
		return invalid("aud has another recipient")
	case c.issued.After(latest), c.notBefore.After(latest):
		return invalid("not valid yet")
	case !now.Before(c.expires):
		return invalid("expired")
	case c.expires.After(latest.Add(maxAssertionLife)):
		return invalid("exp is too far in the future")
	}
	return nil
}
