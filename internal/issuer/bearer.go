package issuer

import (
	"context"
	"errors"
	"slices"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/token"
)

var (
	errNotBearer = errors.New("the access token is not for the issuer alone, or its client, grant or user is not valid")
	errNotOwn    = errors.New("the access token is not one that the client has in its own name")
)

// Bearer returns the caller of a request with an access token whose audience is
// the issuer (RFC 6750, RFC 9068 §4): a confidential client in its own name, or
// a user who logged in through one. The token must be active; see Introspect.
// The issuer must be its only audience: another audience would have the token,
// too, and could send it to the issuer. The caller has only those values of the
// scope that the client may still request. In every other case the error is
// invalid_client, or temporarily_unavailable if Bearer cannot decide.
func (i *Inspector) Bearer(ctx context.Context, text string) (client.Caller, error) {
	access, err := i.bearer(ctx, text)
	if err != nil {
		return client.Caller{}, err
	}
	return i.bearerCaller(ctx, access)
}

// ClientBearer returns the client whose access token authenticates a request,
// as Bearer does. The client must have the token in its own name. A token for a
// user or another subject is refused: the client may have given it to somebody
// who must not act as the client.
func (i *Inspector) ClientBearer(ctx context.Context, text string) (client.Client, error) {
	access, err := i.bearer(ctx, text)
	if err != nil {
		return client.Client{}, err
	}
	if access.Subject != access.ClientID || access.GrantID != "" {
		return client.Client{}, oauth.Refused(oauth.InvalidClient, errNotOwn)
	}
	caller, err := i.bearerCaller(ctx, access)
	return caller.Client, err
}

// bearer verifies an access token that has the issuer as its only audience.
func (i *Inspector) bearer(ctx context.Context, text string) (token.Access, error) {
	access, err := i.verifier.Access(ctx, text)
	if err != nil {
		return token.Access{}, token.Refusal(oauth.InvalidClient, err)
	}
	if !slices.Equal(access.Audience, []string{i.identifier}) {
		return token.Access{}, oauth.Refused(oauth.InvalidClient, errNotBearer)
	}
	return access, nil
}

// bearerCaller returns the caller of a request with a verified access token, or
// invalid_client if the token is not active.
func (i *Inspector) bearerCaller(ctx context.Context, access token.Access) (client.Caller, error) {
	s, err := i.registry.Snapshot()
	if err != nil {
		return client.Caller{}, err
	}
	caller, ok := i.callerOf(s, access)
	if !ok { // read the clients again before the refusal
		if s, err = i.registry.Recheck(ctx); err != nil {
			return client.Caller{}, err
		}
		if caller, ok = i.callerOf(s, access); !ok {
			return client.Caller{}, oauth.Refused(oauth.InvalidClient, errNotBearer)
		}
	}

	err = i.checkBearer(ctx, s, access)
	if errors.Is(err, oauth.InvalidGrant) {
		err = oauth.Refused(oauth.InvalidClient, err)
	}
	if err != nil {
		return client.Caller{}, err
	}
	return caller, nil
}

// callerOf returns the caller of an access token, with the client as it is in
// the snapshot.
func (i *Inspector) callerOf(s *client.Snapshot, access token.Access) (client.Caller, bool) {
	c, ok := s.Client(access.ClientID)
	if !ok || c.Public || !c.DisabledAt.IsZero() {
		return client.Caller{}, false
	}
	t, err := i.registry.Target(s, *c, access.Audience)
	if err != nil {
		return client.Caller{}, false
	}
	admin := slices.Contains(access.Scope.Intersect(t.Scope), client.AdminScope)
	return client.Caller{Client: *c, Subject: access.Subject, Admin: admin}, true
}

// checkBearer returns nil if the token was made for its client itself, or for a
// user by a grant that is active. Otherwise, and for a token that the
// revocation log refuses, it returns invalid_grant. The grant of a disabled or
// deleted user is not active.
func (i *Inspector) checkBearer(ctx context.Context, s *client.Snapshot, access token.Access) error {
	if err := i.revoked.check(access); err != nil {
		return err
	}
	if access.GrantID == "" && access.Subject == access.ClientID {
		return nil
	}
	id, err := oauth.ParseGrantID(access.GrantID)
	if err != nil {
		return oauth.Refused(oauth.InvalidGrant, err)
	}
	g, err := i.grants.GetActive(ctx, s, id)
	if err != nil {
		return err
	}
	user, err := i.subjects.get(ctx, g.UserID)
	if err == nil && (g.UserID != access.Subject || user.ID == "") {
		err = oauth.Refused(oauth.InvalidGrant, errNotBearer)
	}
	return err
}
