package client

import (
	"slices"
	"time"

	"github.com/signetd/signet/internal/oauth"
)

// An Audience is an API that verifies our access tokens; it decides their algorithm and lifetime (the resource of
// RFC 8707).
type Audience struct {
	// ID is the value of the aud claim.
	ID string `json:"id"`
	// Algorithm is RS256, ES256 or EdDSA.
	Algorithm string `json:"algorithm"`
	// PreviousAlgorithm goes on signing until the first key of Algorithm has been published for long enough; empty means
	// that the algorithm never changed.
	PreviousAlgorithm string `json:"previous_algorithm,omitempty"`
	// Lifetime of its access tokens; zero means the issuer's default.
	Lifetime time.Duration `json:"lifetime,omitempty"`
	// Scope is what tokens for this audience may carry; empty means whatever the client may ask for.
	Scope oauth.Scope `json:"scope,omitempty"`
	// Claims names the user's claims that its tokens carry.
	Claims []string `json:"claims,omitempty"`
	// ReuseTokens lets clients that ask in their own name be given the same token again, jti and all, for the first tenth of
	// its life.
	ReuseTokens bool `json:"repeat_tokens,omitempty"`
	// DisabledAt is when tokens for it stopped being made; zero if they are.
	DisabledAt time.Time `json:"disabled_at,omitzero"`
	CreatedAt  time.Time `json:"created_at"`
}

// A Directory is all clients and audiences at one version. It is read whole and kept as a snapshot.
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
