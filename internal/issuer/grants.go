package issuer

import (
	"context"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
)

// ListGrantsRequest asks for a subject's grants.
type ListGrantsRequest struct {
	Subject string
	// IncludeEnded asks for those that are revoked or expired too.
	IncludeEnded bool
	// After is the grant behind which the list begins, and Limit how many it has at most.
	After oauth.GrantID
	Limit int
}

// ListGrants returns, by id, those grants of a subject that are the caller's, and the store's time by which their states are
// to be told.
func (i *Issuer) ListGrants(ctx context.Context, caller Caller, r ListGrantsRequest) (grants []grant.Grant, at time.Time, err error) {
	s, err := i.directory.fresh()
	if err != nil {
		return nil, at, err
	}
	at = i.storeTime(s)
	f := grant.Filter{Subject: r.Subject, After: r.After, Limit: r.Limit}
	if f.ClientID, err = whoseGrants(caller); err != nil {
		return nil, at, err
	}
	if err := checkSubject(r.Subject); err != nil {
		return nil, at, err
	}
	if !r.IncludeEnded {
		f.NotEndedAt = at
	}
	grants, err = i.store.Grants(ctx, f)
	return grants, at, oauth.FromStore(err)
}

// RevokeGrant ends one grant of the caller; another client's, like one that does not exist, is not_found. The end is durable on
// return.
func (i *Issuer) RevokeGrant(ctx context.Context, caller Caller, grant string) error {
	s, err := i.directory.fresh()
	if err != nil {
		return err
	}
	clientID, err := whoseGrants(caller)
	if err != nil {
		return err
	}
	id, err := oauth.ParseGrantID(grant)
	if err != nil {
		return err
	}
	g, changed, err := i.store.RevokeGrant(ctx, id, clientID, revoker(caller), i.storeTime(s))
	if err != nil {
		return oauth.FromStore(err)
	}
	return i.recordEnd(caller, g, revoker(caller), changed)
}

// RevokeAllGrants ends all grants of a subject that are the caller's, but for one if except names it, and returns how many
// there were to end. A login of the subject that is still under way does not end in a grant.
func (i *Issuer) RevokeAllGrants(ctx context.Context, caller Caller, subject, except string) (int, error) {
	s, err := i.directory.fresh()
	if err != nil {
		return 0, err
	}
	clientID, err := whoseGrants(caller)
	if err != nil {
		return 0, err
	}
	if err := checkSubject(subject); err != nil {
		return 0, err
	}
	var kept oauth.GrantID
	if except != "" {
		if kept, err = oauth.ParseGrantID(except); err != nil {
			return 0, err
		}
	}
	n, err := i.store.RevokeGrants(ctx, subject, clientID, kept, revoker(caller), i.storeTime(s))
	if err != nil {
		return 0, oauth.FromStore(err)
	}
	return n, i.record(caller, audit.Event{
		Name: audit.GrantRevoked, Subject: subject, Reason: revoker(caller), Count: n, Kept: except,
	})
}

// whoseGrants returns the client whose grants the caller sees and ends, none if it may act on all. A public client cannot prove
// who it is, so that anybody could ask in its name.
func whoseGrants(caller Caller) (clientID string, err error) {
	switch {
	case caller.Admin:
		return "", nil
	case caller.Client.Public:
		return "", oauth.Fail(oauth.UnauthorizedClient, "A public client can end a grant by its tokens only: it cannot prove who it is.")
	}
	return caller.Client.ID, nil
}

func revoker(caller Caller) string {
	if caller.Admin {
		return audit.RevokedByAdmin
	}
	return audit.RevokedByClient
}

func checkSubject(subject string) error {
	if !oauth.ValidSubject(subject) {
		return errSubject
	}
	return nil
}
