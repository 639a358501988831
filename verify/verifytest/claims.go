package verifytest

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/signetd/signet/internal/jws"
	"github.com/signetd/signet/internal/revocation"
)

// Audience is the audience of tokens and verifiers that name none.
const Audience = "https://api.test"

// Claims are the claims of a token. The zero value is a token that a client
// requested in its own name. With a Subject, it is the token of a login.
type Claims struct {
	// Subject is the user. If it is empty, the sub claim is the ClientID.
	Subject string
	// ClientID is "client" if it is empty.
	ClientID string
	// Audience is the constant Audience if it is empty.
	Audience []string
	// Scope has values with a space between them, such as "read write". The
	// token has them sorted, as the issuer's do.
	Scope string
	// SessionID is the sid claim: 32 hexadecimal digits. If it is empty,
	// the token of a Subject has one that no other token has.
	SessionID string
	// IssuedAt is the current time if it is zero. It is not rounded for
	// revocations: those that were made before it do not concern the token.
	IssuedAt time.Time
	// ExpiresAt is ten minutes after IssuedAt if it is zero.
	ExpiresAt time.Time
	// AuthTime is when the user logged in. It is IssuedAt if it is zero.
	AuthTime time.Time
	// ACR and AMR say how. They are "1" and "pwd" if they are empty, for a
	// login with a password.
	ACR string
	AMR []string
	// Extra are further claims, by name.
	Extra map[string]any
	// Algorithm is the first one of the issuer if it is empty.
	Algorithm string
}

// payload returns the claims as JSON, or an error if no issuer could write
// them. moment is when the token was minted, in
// microseconds since 1970.
func (c Claims) payload(moment int64) ([]byte, error) {
	claims := maps.Clone(c.Extra)
	if claims == nil {
		claims = map[string]any{}
	}
	set := func(name string, value any, present bool) {
		if present {
			claims[name] = value
		}
	}

	client, audience := cmp.Or(c.ClientID, "client"), c.Audience
	if len(audience) == 0 {
		audience = []string{Audience}
	}
	set("iss", URL, true)
	set("sub", cmp.Or(c.Subject, client), true)
	set("client_id", client, true)
	set("aud", audience[0], len(audience) == 1) // RFC 7519 §4.1.3
	set("aud", audience, len(audience) > 1)
	scope := strings.Fields(c.Scope)
	slices.Sort(scope)
	set("scope", strings.Join(slices.Compact(scope), " "), len(scope) > 0)
	set("iat", c.IssuedAt.Unix(), true)
	set("exp", c.ExpiresAt.Unix(), true)
	set("jti", revocation.NewTokenID(time.UnixMicro(moment)), true)

	login := c.Subject != ""
	set("sid", c.SessionID, c.SessionID != "")
	set("auth_time", c.AuthTime.Unix(), login)
	set("acr", c.ACR, login)
	set("amr", c.AMR, login)
	payload, err := json.Marshal(claims)
	if err == nil {
		_, err = jws.ReadAccessClaims(payload)
	}
	return payload, err
}

// withDefaults returns the claims with those that are not set.
func (c Claims) withDefaults(now time.Time) Claims {
	if c.IssuedAt.IsZero() {
		c.IssuedAt = now
	}
	if c.ExpiresAt.IsZero() {
		c.ExpiresAt = c.IssuedAt.Add(10 * time.Minute)
	}
	if c.AuthTime.IsZero() {
		c.AuthTime = c.IssuedAt
	}
	if len(c.AMR) == 0 {
		c.AMR = []string{"pwd"}
	}
	c.ACR = cmp.Or(c.ACR, "1")
	if c.SessionID == "" && c.Subject != "" {
		c.SessionID = newSessionID()
	}
	return c
}

// newSessionID returns a sid of the form that the issuer's have.
func newSessionID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // crypto/rand never fails
	return hex.EncodeToString(id[:])
}
