package issuer

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
)

// A Subject is the part of a user that tokens need.
type Subject struct {
	ID string
	// Claims are the user's claims that audiences may request.
	Claims map[string]any
	// DisabledAt is zero if the user is enabled.
	DisabledAt time.Time
	// Epoch increases when the user's grants are revoked or suspended.
	Epoch int64
}

// subjects reads the users that tokens are for.
type subjects struct {
	find func(ctx context.Context, id string) (Subject, error)
}

// get returns the user of that id, or the zero Subject if there is none: then
// the client that requests the token is responsible for the subject. Only
// Signet makes ids with oauth.UserIDPrefix, so such a user was deleted, and get
// returns invalid_grant.
func (s subjects) get(ctx context.Context, id string) (Subject, error) {
	found, err := s.find(ctx, id)
	switch {
	case !errors.Is(err, oauth.NotFound):
		return found, oauth.FromStore(err)
	case strings.HasPrefix(id, oauth.UserIDPrefix):
		return Subject{}, oauth.Refused(oauth.InvalidGrant, err)
	}
	return Subject{}, nil
}

// enabled is get for a token without a grant. It returns invalid_grant for a
// disabled user too, because there is no suspended grant that prevents the
// token.
func (s subjects) enabled(ctx context.Context, id string) (Subject, error) {
	found, err := s.get(ctx, id)
	if err == nil && !found.DisabledAt.IsZero() {
		err = oauth.Refused(oauth.InvalidGrant, errors.New(audit.DisabledUser))
	}
	return found, err
}

// claims returns the claims of those names that the grant or its user has. It
// reads the user only if there are names.
func (s subjects) claims(ctx context.Context, g grant.Grant, names []string) (map[string]any, error) {
	if len(names) == 0 {
		return nil, nil
	}
	found, err := s.get(ctx, g.UserID)
	if err != nil {
		return nil, err
	}
	return selectClaims(names, g.Claims, found.Claims), nil
}

// selectClaims returns the claims of those names. A later source overrides an
// earlier one.
func selectClaims(names []string, sources ...map[string]any) map[string]any {
	selected := make(map[string]any, len(names))
	for _, claims := range sources {
		for _, name := range names {
			if v, ok := claims[name]; ok {
				selected[name] = v
			}
		}
	}
	return selected
}
