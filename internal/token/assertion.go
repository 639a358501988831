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
	// maxAssertionLife is how far ahead the exp of an assertion may be: for so long its jti is remembered.
	maxAssertionLife = 10 * time.Minute
	// maxClientSkew is how far a client's clock may be ahead of ours.
	maxClientSkew = 10 * time.Second
	// maxAssertionID bounds a jti, in bytes.
	maxAssertionID = 256
)

// An Assertion is what a client says of itself in a JWT that it has signed (RFC 7523 §3).
type Assertion struct {
	ClientID  string
	ID        string // the jti
	ExpiresAt time.Time
}

// ReadAssertion reads the assertion by which a client authenticates (RFC 7523 §3, OpenID Connect Core §9): the signature by a
// key of that client that find has, iss and sub both the client's id, exp and jti, and an aud that is one of ours and names
// nobody else, since whoever else it names could hand it on. A kid may be missing. Every error is ErrInvalid.
func ReadAssertion(
	compact string, audience []string, find func(clientID, kid string) (algorithm string, key crypto.PublicKey, ok bool), now time.Time,
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
		return Assertion{}, refuse("it is of another type")
	}
	if err := c.check(audience, now); err != nil {
		return Assertion{}, err
	}
	return Assertion{ClientID: c.subject, ID: c.id, ExpiresAt: c.expires}, nil
}

// assertionClaims are the claims of an assertion that matter. What else it says is not looked at.
type assertionClaims struct {
	issuer, subject, id        string
	audience                   []string
	expires, issued, notBefore time.Time
}

func (c *assertionClaims) read(payload []byte) bool {
	members, err := jws.Object(payload)
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

func (c *assertionClaims) check(ours []string, now time.Time) error {
	switch latest := now.Add(maxClientSkew); {
	case c.issuer != c.subject:
		return refuse("its iss is not its sub")
	case !all(c.audience, func(name string) bool { return slices.Contains(ours, name) }):
		return refuse("it is for somebody else, too")
	case c.issued.After(latest), c.notBefore.After(latest):
		return refuse("it is not valid yet")
	case !now.Before(c.expires):
		return refuse("it has expired")
	case c.expires.After(latest.Add(maxAssertionLife)):
		return refuse("it lives for too long")
	}
	return nil
}
