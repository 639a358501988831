package token

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/keys"
)

// accessType is the typ of an access token (RFC 9068 §2.1).
const accessType = "at+jwt"

// Access is what an access token says (RFC 9068 §2.2). Times are whole seconds in the token.
type Access struct {
	Issuer   string
	Subject  string
	Audience []string
	ClientID string
	// Scope is left out of the token if it is empty.
	Scope     oauth.Scope
	IssuedAt  time.Time
	ExpiresAt time.Time
	// AuthTime is when the user proved who they are; zero if nobody did.
	AuthTime time.Time
	// ID is the jti; see NewID.
	ID string
	// ACR and AMR say how the user proved it (RFC 9068 §2.2.1); empty if nobody did.
	ACR string
	AMR []string
	// GrantID is the sid, as oauth.GrantID.String has it; empty for a token without a grant.
	GrantID string
	// Claims are the extra ones, by names that oauth.ValidClaimName allows. ReadAccess gives numbers as json.Number.
	Claims map[string]any
}

// NewID returns a jti: 128 random bits in base64url, 22 characters.
func NewID() string {
	var id [16]byte
	rand.Read(id[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(id[:])
}

// ErrTooLong says that what a token shall say does not fit into the 8 KiB that readers take.
var ErrTooLong = errors.New("the token would have more than 8 KiB")

// SignAccess returns the access token as a compact JWS that is typed at+jwt (RFC 9068 §2.1). It refuses, with a plain error
// since nobody but us can be at fault, whatever ReadAccess would not read back: a claim that is missing or malformed, an
// extra claim whose name is not allowed, and a token longer than 8 KiB.
func SignAccess(s keys.Signer, a Access) (string, error) {
	var room [1 << 10]byte // on the stack, enough for all but the longest
	payload, err := a.appendPayload(room[:0])
	if err != nil {
		return "", fmt.Errorf("make the claims of an access token: %w", err)
	}
	return compact(accessType, s.Algorithm, s.KeyID, payload, s.Sign)
}

// check says what of the standard claims no token may say, whether it is to be signed or was read.
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

// validTime says whether t is a NumericDate (RFC 7519 §2) that can be meant: after 1970 and before the year 10000.
func validTime(t time.Time) bool { return t.Unix() > 0 && t.Unix() <= maxTime }

func all(list []string, valid func(string) bool) bool {
	return !slices.ContainsFunc(list, func(s string) bool { return !valid(s) })
}
