package client

import (
	"slices"
	"time"

	"github.com/signetd/signet/internal/oauth"
)

// An Audience is an API that verifies access tokens of this issuer (a resource
// in RFC 8707).
type Audience struct {
	// ID is the value of the aud claim.
	ID string `json:"id"`
	// Algorithm signs its access tokens: RS256, ES256 or EdDSA.
	Algorithm string `json:"algorithm"`
	// PreviousAlgorithm signs until the first key of Algorithm has been
	// published for long enough. It is empty if the algorithm never changed.
	PreviousAlgorithm string `json:"previous_algorithm,omitempty"`
	// Lifetime is the lifetime of its access tokens. Zero means the issuer's
	// default.
	Lifetime time.Duration `json:"lifetime,omitempty"`
	// Scope is the largest scope of its access tokens. Empty means every scope
	// that the client may request.
	Scope oauth.Scope `json:"scope,omitempty"`
	// Claims are the names of the user's claims that its access tokens contain.
	Claims []string `json:"claims,omitempty"`
	// ReuseTokens allows the token cache: for the first tenth of a token's
	// lifetime the server returns the same token, with the same jti, to a
	// client that requests tokens in its own name.
	ReuseTokens bool `json:"repeat_tokens,omitempty"`
	// DisabledAt is when the audience was disabled. It is zero for an enabled
	// audience.
	DisabledAt time.Time `json:"disabled_at,omitzero"`
	CreatedAt  time.Time `json:"created_at"`
}

// MaxClaims is the maximum number of claims of an audience.
const MaxClaims = 32

// A Directory holds all clients and audiences at one version.
type Directory struct {
	Version   int64
	Clients   []Client
	Audiences []Audience
}

// Client returns the client of that id.
func (d Directory) Client(id string) (c Client, ok bool) {
	if n := slices.IndexFunc(d.Clients, func(c Client) bool { return c.ID == id }); n >= 0 {
		return d.Clients[n], true
	}
	return c, false
}

// Audience returns the audience of that id.
func (d Directory) Audience(id string) (a Audience, ok bool) {
	if n := slices.IndexFunc(d.Audiences, func(a Audience) bool { return a.ID == id }); n >= 0 {
		return d.Audiences[n], true
	}
	return a, false
}
