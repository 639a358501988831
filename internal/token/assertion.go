package token

import (
	"crypto"
	"math/big"
	"slices"
	"strconv"
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
	// maxNumericDate is the maximum length of a time in an assertion, in bytes.
	maxNumericDate = 64
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
//   - The exp and jti are present. The times may have a fraction.
//   - The aud contains only values of audience. Any other recipient could
//     replay the assertion to this server.
//
// Every error is ErrInvalid, or an error of find. With an error, the assertion
// has only the id that the sub claims, if there is one. It is not verified: it
// is for the log.
func VerifyAssertion(
	compact string, audience []string,
	find func(clientID, kid string) (algorithm string, key crypto.PublicKey, err error), now time.Time,
) (Assertion, error) {
	var c assertionClaims
	t, err := jws.VerifyForeign(compact, c.read, func(kid string) (string, crypto.PublicKey, error) {
		return find(c.subject, kid)
	})
	if err == nil {
		err = checkAssertionType(t.Type)
	}
	if err == nil {
		err = c.check(audience, now)
	}
	if err != nil {
		return Assertion{ClientID: c.subject}, err
	}
	return Assertion{ClientID: c.subject, ID: c.id, ExpiresAt: c.expires}, nil
}

// checkAssertionType returns an ErrInvalid for the typ of another kind of
// token. The prefix application/ may be omitted (RFC 7515 §4.1.9).
func checkAssertionType(typ string) error {
	switch strings.TrimPrefix(strings.ToLower(typ), "application/") {
	case "", "jwt", "client-authentication+jwt":
		return nil
	}
	return invalid("typ is not that of a client assertion")
}

// assertionClaims are the claims of an assertion that VerifyAssertion checks.
// It ignores all other claims.
type assertionClaims struct {
	issuer, subject, id        string
	audience                   []string
	expires, issued, notBefore time.Time
}

// read reads the claims. It returns an ErrInvalid if one is missing or
// malformed. Only iat and nbf are optional.
func (c *assertionClaims) read(payload []byte) error {
	members, err := jws.ParseObject(string(payload))
	if err != nil {
		return err
	}

	for _, claim := range []struct {
		name     string
		optional bool
		read     func(jws.Value) bool
	}{
		// The sub is the first, so that the log has it whatever else is wrong.
		{"sub", false, func(v jws.Value) bool {
			return jws.ReadText(v, &c.subject) && oauth.ValidClientID(c.subject)
		}},
		{"iss", false, func(v jws.Value) bool { return jws.ReadText(v, &c.issuer) }},
		{"aud", false, func(v jws.Value) bool { return jws.ReadAudience(v, &c.audience) }},
		{"jti", false, func(v jws.Value) bool { return jws.ReadText(v, &c.id) && len(c.id) <= maxAssertionID }},
		{"exp", false, func(v jws.Value) bool { return readNumericDate(v, &c.expires) }},
		{"iat", true, func(v jws.Value) bool { return readNumericDate(v, &c.issued) }},
		{"nbf", true, func(v jws.Value) bool { return readNumericDate(v, &c.notBefore) }},
	} {
		switch v, ok := members.Get(claim.name); {
		case !ok && !claim.optional:
			return invalid(claim.name + " is missing")
		case ok && !claim.read(v):
			return invalid(claim.name + " is malformed")
		}
	}
	return nil
}

// readNumericDate reads a NumericDate (RFC 7519 §2): a number of seconds, which
// may have a fraction and an exponent. It rounds down to nanoseconds, so no exp
// becomes later.
func readNumericDate(v jws.Value, into *time.Time) bool {
	// The limits come first. They bound the cost of the exact number: 1e-999999
	// is short, and its denominator has a million digits.
	if len(v) > maxNumericDate {
		return false
	}
	about, err := strconv.ParseFloat(string(v), 64)
	if err != nil || about < 1 || about > jws.MaxTime {
		return false
	}
	seconds, ok := new(big.Rat).SetString(string(v))
	if !ok {
		return false
	}
	nanos := seconds.Mul(seconds, big.NewRat(int64(time.Second), 1))
	whole, rest := new(big.Int).Quo(nanos.Num(), nanos.Denom()), new(big.Int)
	whole.QuoRem(whole, big.NewInt(int64(time.Second)), rest)
	*into = time.Unix(whole.Int64(), rest.Int64()).UTC()
	return into.Unix() > 0 && into.Unix() <= jws.MaxTime
}

// check returns an ErrInvalid if the client is not the issuer of the assertion,
// if the assertion has another recipient than this server, or if it is not
// valid at this time.
func (c *assertionClaims) check(audience []string, now time.Time) error {
	switch latest := now.Add(maxClientSkew); {
	case c.issuer != c.subject:
		return invalid("iss is not sub")
	case slices.ContainsFunc(c.audience, func(name string) bool { return !slices.Contains(audience, name) }):
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
