package grant

import (
	"context"
	"time"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
)

// ListRequest selects the grants of a subject.
type ListRequest struct {
	Subject string
	// IncludeEnded includes revoked and expired grants.
	IncludeEnded bool
	// After selects the grants that come after this position.
	After Position
	// Limit is the maximum number of grants in the list.
	Limit int
}

// List returns a page of the grants of a subject that belong to the caller, the
// newest first. at is the store's time, for Grant.State.
func (s *Service) List(
	ctx context.Context, caller client.Caller, r ListRequest,
) (p Page, at time.Time, err error) {
	if at, err = s.o.Registry.StoreTime(); err != nil {
		return p, at, err
	}
	f := Filter{Subject: r.Subject, After: r.After, Limit: r.Limit}
	if f.ClientID, err = visibleClient(caller); err != nil {
		return p, at, err
	}
	if !oauth.ValidSubject(r.Subject) {
		return p, at, oauth.ErrSubject
	}
	if !r.IncludeEnded {
		f.NotEndedAt = at
	}

	p, err = s.o.Store.Grants(ctx, f)
	return p, at, oauth.FromStore(err)
}
