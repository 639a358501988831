package grant

import (
	"cmp"
	"context"
	"time"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
)

// New returns a grant of the client for the subject, with the lifetimes of the
// client. The grant begins at start, by the store's clock. It is not stored.
// The caller sets the other fields.
func (s *Service) New(c client.Client, subject string, id oauth.GrantID, start time.Time) Grant {
	idle := min(cmp.Or(c.RefreshIdle, s.o.Lifetimes.Idle), s.o.Lifetimes.Max)
	absolute := min(cmp.Or(c.RefreshAbsolute, s.o.Lifetimes.Absolute), s.o.Lifetimes.Max)
	return Grant{
		ID: id, UserID: subject, ClientID: c.ID, RotatedAt: start, IdleLifetime: idle.Truncate(time.Second),
		ExpiresAt: start.Add(absolute), CreatedAt: start,
	}
}

// Create stores a grant of a user. It returns invalid_grant if the user does
// not have that epoch any more.
func (s *Service) Create(ctx context.Context, g Grant, epoch int64) error {
	ctx, done := s.o.Span(ctx, "store.create_grant")
	defer done()
	return oauth.FromStore(s.o.Store.CreateGrant(ctx, g, epoch))
}

// CreateMinted stores a grant whose subject is not a user.
func (s *Service) CreateMinted(ctx context.Context, g Grant) error {
	return oauth.FromStore(s.o.Store.MintGrant(ctx, g))
}
