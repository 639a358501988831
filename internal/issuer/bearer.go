package issuer

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/token"
)

// AdminScope is the scope of those who administer the issuer itself.
const AdminScope = "signet.admin"

var errNotForUs = errors.New("the access token is not for the issuer alone, or its client, grant or user is not in order")

// Bearer returns who presents an access token to the issuer as its audience (RFC 6750, RFC 9068 §4): a confidential client
// in its own name, or a user who logged in through one. The token must be good at this moment, as Introspect would find it,
// and for the issuer alone: others whom it is for hold it too, and could present it here. Its scope counts as far as the
// client may still have it. Whatever is wrong is the same invalid_client.
func (i *Issuer) Bearer(ctx context.Context, text string) (Caller, error) {
	access, err := token.ReadAccess(text, i.identifier, i.keys.PublicKey, i.now())
	if err != nil {
		return Caller{}, oauth.Refused(oauth.InvalidClient, err)
	}
	if !slices.Equal(access.Audience, []string{i.identifier}) {
		return Caller{}, oauth.Refused(oauth.InvalidClient, errNotForUs)
	}
	s, err := i.directory.fresh()
	if err != nil {
		return Caller{}, err
	}
	caller, ok := i.bearer(s, access)
	if !ok { // It is refused only on positive knowledge.
		if s, err = i.directory.recent(ctx); err != nil {
			return Caller{}, err
		}
		if caller, ok = i.bearer(s, access); !ok {
			return Caller{}, oauth.Refused(oauth.InvalidClient, errNotForUs)
		}
	}
	err = i.standsBehind(ctx, s, access)
	if errors.Is(err, oauth.InvalidGrant) {
		err = oauth.Refused(oauth.InvalidClient, err)
	}
	return caller, err
}

// bearer returns who presents the token, by what the directory says of its client.
func (i *Issuer) bearer(s *snapshot, access token.Access) (Caller, bool) {
	client, ok := s.clients[access.ClientID]
	if !ok || client.Public || !client.DisabledAt.IsZero() {
		return Caller{}, false
	}
	t, err := i.target(s, *client, access.Audience)
	if err != nil {
		return Caller{}, false
	}
	return Caller{
		Client: *client, Subject: access.Subject, Admin: slices.Contains(access.Scope.Intersect(t.scope), AdminScope),
	}, true
}

// standsBehind returns nil if the token was made for its client itself, or for a user of ours by a grant that is good now, as
// no grant of a user is who was disabled or deleted; else invalid_grant.
func (i *Issuer) standsBehind(ctx context.Context, s *snapshot, access token.Access) error {
	if access.GrantID == "" && access.Subject == access.ClientID {
		return nil
	}
	id, err := oauth.ParseGrantID(access.GrantID)
	if err != nil {
		return oauth.Refused(oauth.InvalidGrant, err)
	}
	g, err := i.liveGrant(ctx, s, id)
	if err == nil && (g.UserID != access.Subject || !strings.HasPrefix(g.UserID, oauth.UserIDPrefix)) {
		err = oauth.Refused(oauth.InvalidGrant, errNotForUs)
	}
	return err
}
