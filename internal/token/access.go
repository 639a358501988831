package token

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/signetd/signet/internal/oauth"
)

// accessType is the typ header of an access token (RFC 9068 §2.1).
const accessType = "at+jwt"

// Access is the claims of an access token (RFC 9068 §2.2). The token has times
// in whole seconds.
type Access struct {
	Issuer   string
	Subject  string
	Audience []string
	ClientID string
	// Scope is omitted from the token if it is empty.
	Scope     oauth.Scope
	IssuedAt  time.Time
	ExpiresAt time.Time
	// AuthTime is when the user authenticated. It is zero for a token without a
	// user.
	AuthTime time.Time
	// ID is the jti claim; see NewID.
	ID string
	// ACR and AMR describe how the user authenticated (RFC 9068 §2.2.1). They
	// are empty for a token without a user.
	ACR string
	AMR []string
	// GrantID is the sid claim, in the format of oauth.GrantID.String. It is
	// empty for a token without a grant.
	GrantID string
	// Claims are the extra claims. oauth.ValidClaimName decides which names are
	// allowed. VerifyAccess returns numbers as json.Number.
	Claims map[string]any
}

// NewID returns a jti: 128 random bits in base64url, which are 22 characters.
func NewID() string {
	var id [16]byte
	rand.Read(id[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(id[:])
}

// check returns an error if a standard claim is missing or malformed. It
// applies to tokens before they are signed and after they are read.
func (a Access) check() error {
	switch {
	case a.Issuer == "":
		return errors.New("iss is missing")
	case a.Subject == "" || len(a.Subject) > oauth.MaxSubject || !utf8.ValidString(a.Subject):
		return errors.New("sub is missing or malformed")
	case len(a.Audience) == 0 || len(a.Audience) > oauth.MaxAudiences || !all(a.Audience, oauth.ValidAudienceID):
		return errors.New("aud is missing or malformed")
	case !oauth.ValidClientID(a.ClientID):
		return errors.New("client_id is missing or malformed")
	case a.ID == "":
		return errors.New("jti is missing")
	case !validTime(a.IssuedAt) || !validTime(a.ExpiresAt) || a.ExpiresAt.Unix() <= a.IssuedAt.Unix():
		return errors.New("exp is not after iat")
	case !a.AuthTime.IsZero() && !validTime(a.AuthTime):
		return errors.New("auth_time is malformed")
	case len(a.AMR) > oauth.MaxMethods || slices.Contains(a.AMR, ""):
		return errors.New("amr is malformed")
	}
	if !a.Scope.Valid() {
		return errors.New("scope is malformed")
	}
	if _, err := oauth.ParseGrantID(a.GrantID); a.GrantID != "" && err != nil {
		return errors.New("sid is malformed")
	}
	return nil
}

// maxTime is the last second of the year 9999, in seconds since the Unix epoch.
const maxTime = 253402300799

// validTime reports whether t is a plausible NumericDate (RFC 7519 §2): after
// the Unix epoch and before the year 10000.
func validTime(t time.Time) bool { return t.Unix() > 0 && t.Unix() <= maxTime }

// all reports whether every string of the list is valid.
func all(list []string, valid func(string) bool) bool {
	return !slices.ContainsFunc(list, func(s string) bool { return !valid(s) })
}
