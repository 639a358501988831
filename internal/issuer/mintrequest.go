package issuer

import (
	"time"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
)

// A MintRequest is a request for access tokens without a login: in the client's
// own name, or for a subject that the client has authenticated itself.
type MintRequest struct {
	// Audience are the audiences, one token each. Empty means the client's
	// default.
	Audience []string
	Scope    string
	// Subject is the sub of the tokens. Empty means the client itself, and then
	// the fields below are empty too.
	Subject string
	// Claims are extra claims, which the audiences must have in
	// Audience.Claims. The claims of a user override them.
	Claims map[string]any
	// AuthTime and AMR are when and how the subject authenticated. They are
	// empty if the client does not report it.
	AuthTime time.Time
	AMR      []string
	// Refresh requests a grant with a refresh token, too. EndUser is recorded
	// in the grant.
	Refresh bool
	EndUser client.EndUser
}

// A MintResponse is the result of Mint. Without a grant, RefreshToken,
// RefreshExpiresIn and GrantID are zero.
type MintResponse struct {
	Tokens           []MintedToken
	RefreshToken     string
	RefreshExpiresIn time.Duration
	GrantID          oauth.GrantID
	// Scope is the scope of all tokens together, and of the grant.
	Scope   oauth.Scope
	Subject string
}

// A MintedToken is an access token for one audience.
type MintedToken struct {
	Audience    string
	AccessToken string
	ExpiresIn   time.Duration
	Scope       oauth.Scope
}
