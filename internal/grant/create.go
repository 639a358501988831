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
func (o Options) grantsPerUser(c client.Client) int {
	if c.GrantsPerUser != nil {
		return *c.GrantsPerUser
	}
	return o.GrantsPerUser
}

// Create stores a grant of a user. It returns invalid_grant if the user does
// not have that epoch any more, or if the client was deleted. If the user has
// too many live grants to the client then, it revokes the least recently used
// ones.
func (s *Service) Create(ctx context.Context, caller client.Caller, g Grant, epoch int64) error {
	limit := s.o.grantsPerUser(caller.Client)
	storing, done := s.o.Span(ctx, "store.create_grant")
	created, err := s.o.Store.CreateGrant(storing, g, epoch, limit)
	done()
	if err != nil {
		return oauth.FromStore(err)
	}
	if limit == 0 || created.Live <= limit {
		return nil
	}
	if err := s.o.revokeOldest(ctx, caller, g, limit); err != nil {
		s.Discard(ctx, g)
		return err
	}
	return nil
}

// CreateMinted stores a grant whose subject is not a user.
func (s *Service) CreateMinted(ctx context.Context, g Grant) error {
	_, err := s.o.Store.MintGrant(ctx, g)
	return oauth.FromStore(err)
}

// discardTimeout is the time limit of Discard.
const discardTimeout = 2 * time.Second

// Discard revokes a grant that was just created, because its request fails: no
// client gets its tokens. It writes no audit event, because it is for the case
// that none can be written. If it fails, the grant stays until its idle
// lifetime ends.
func (s *Service) Discard(ctx context.Context, g Grant) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), discardTimeout)
	defer cancel()
	_, _, err := s.o.Store.RevokeGrant(ctx, g.ID, g.ClientID, audit.RevokedNotAudited, s.o.Registry.Now())
	if err != nil {
		s.o.Log.Warn("cannot revoke the grant of a failed request", "grant", g.ID.String(), "error", err)
	}
}

// revokeOldest revokes the least recently used grants of the user of the grant
// created to its client, and audits each of them.
func (o Options) revokeOldest(ctx context.Context, caller client.Caller, created Grant, limit int) error {
	revoked, err := o.Store.RevokeOldest(
		ctx, created.UserID, created.ClientID, created.ID, limit, audit.RevokedByLimit)
	if err != nil {
		return oauth.FromStore(err)
	}
	for _, g := range revoked {
		if err := o.recordRevocation(ctx, caller, g, audit.RevokedByLimit, true); err != nil {
			return err
		}
	}
	return nil
}
