package grant

import (
	"context"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
)

// New returns a grant of the client for the subject, with the lifetimes of the
// client. The grant begins at start, by the store's clock. It is not stored.
// The caller sets the other fields.
func (s *Service) New(c client.Client, subject string, id oauth.GrantID, start time.Time) Grant {
	idle := s.o.Lifetimes.idle(c)
	absolute := s.o.Lifetimes.absolute(c)
	return Grant{
		ID: id, UserID: subject, ClientID: c.ID, ClientCreatedAt: c.CreatedAt,
		RotatedAt: start, IdleLifetime: idle.Truncate(time.Second),
		ExpiresAt: start.Add(absolute), CreatedAt: start,
	}
}

// grantsPerUser returns the maximum number of live grants of one user at the
// client. Zero means no limit.
func (s *Service) grantsPerUser(c client.Client) int {
	if c.GrantsPerUser != nil {
		return *c.GrantsPerUser
	}
	return s.o.GrantsPerUser
}

// Create stores a grant of a user. It returns invalid_grant if the user does
// not have that epoch any more, or if the client was deleted. If the user has
// too many live grants to the client then, it revokes the least recently used
// ones.
func (s *Service) Create(ctx context.Context, caller client.Caller, g Grant, epoch int64) error {
	limit := s.grantsPerUser(caller.Client)
	storing, done := s.o.Span(ctx, "store.create_grant")
	created, err := s.o.Store.CreateGrant(storing, g, epoch, limit)
	done()
	if err != nil {
		return oauth.FromStore(err)
	}
	if limit == 0 || created.Live <= limit {
		return nil
	}
	return s.revokeOldest(ctx, caller, g, limit)
}

// CreateMinted stores a grant whose subject is not a user.
func (s *Service) CreateMinted(ctx context.Context, g Grant) error {
	_, err := s.o.Store.MintGrant(ctx, g)
	return oauth.FromStore(err)
}

// revokeOldest revokes the least recently used grants of the user of the grant
// created to its client, and audits each of them.
func (s *Service) revokeOldest(ctx context.Context, caller client.Caller, created Grant, limit int) error {
	revoked, err := s.o.Store.RevokeOldest(
		ctx, created.UserID, created.ClientID, created.ID, limit, audit.RevokedByLimit)
	if err != nil {
		return oauth.FromStore(err)
	}
	for _, g := range revoked {
		if err := s.recordRevocation(ctx, caller, g, audit.RevokedByLimit, true); err != nil {
			return err
		}
	}
	return nil
}
