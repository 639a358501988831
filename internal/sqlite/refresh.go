package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/grant"
)

// RefreshGrant decides a refresh attempt by the row of its grant. Concurrent
// attempts share a transaction.
func (s *Store) RefreshGrant(ctx context.Context, a grant.RefreshAttempt) (grant.RefreshResult, error) {
	var result grant.RefreshResult
	if err := s.submit(ctx, s.refreshRequest(a, &result)); err != nil {
		return grant.RefreshResult{}, wrap("refresh grant", err)
	}
	return result, nil
}

// refreshRequest returns the write that decides an attempt and sets its result.
// The transaction is BEGIN IMMEDIATE and has the only write lock of the file,
// so the row that it reads does not change before it commits.
func (s *Store) refreshRequest(a grant.RefreshAttempt, result *grant.RefreshResult) *writeRequest {
	r := newWriteRequest(func(_ context.Context, tx transaction) (err error) {
		*result, err = s.refresh(tx, a, s.clock())
		return err
	})
	r.noSavepoint = true
	return r
}

// Most refreshes run only selectGrant and rotateGrant.
const rotateGrant = `UPDATE grants SET generation = ?, key_hash = ?, mac_key = ?, moved_at = ?, repeated_at = NULL
	WHERE id = ?`

// refresh decides an attempt at the time now.
func (s *Store) refresh(tx transaction, a grant.RefreshAttempt, now time.Time) (grant.RefreshResult, error) {
	var g grant.Grant
	err := s.statement(tx, selectGrant).QueryRow(inBytes{&a.Grant}).Scan(grantFields(&g)...)
	if errors.Is(err, sql.ErrNoRows) {
		return grant.RefreshResult{Outcome: grant.Missing}, nil
	}
	if err != nil {
		return grant.RefreshResult{}, err
	}

	a.ReceivedAt, a.Leeway = a.ReceivedAt.UTC().Truncate(time.Microsecond), a.Leeway.Truncate(time.Microsecond)
	restoredAt, err := s.restoredAt(tx, g, a)
	if err != nil {
		return grant.RefreshResult{}, err
	}
	result := grant.RefreshResult{Outcome: decide(g, a, now, restoredAt)}
	switch result.Outcome {
	case grant.Rotated, grant.Ahead:
		g.Generation, g.KeyHash, g.MACKey = a.Generation+1, a.KeyHash, a.MACKey
		if a.ReceivedAt.After(g.RotatedAt) {
			g.RotatedAt = a.ReceivedAt
		}
		_, err = s.statement(tx, rotateGrant).
			Exec(&g.Generation, inDigest{&g.KeyHash}, &g.MACKey, at{&g.RotatedAt}, inBytes{&g.ID})
	case grant.Retried:
		if a.ReceivedAt.Sub(g.RotatedAt) > max(a.Leeway, grant.PromptRetry) {
			var changed int
			changed, err = tx.Exec(context.Background(), `UPDATE grants SET repeated_at = ? WHERE id = ? AND repeated_at IS NULL`,
				at{&a.ReceivedAt}, inBytes{&g.ID})
			result.LateRetry = changed > 0
		}
	case grant.Reused:
		g.RevokedAt, g.RevokeReason = a.ReceivedAt, audit.RevokedByReuse
		err = s.endGrants(context.Background(), tx, g)
	}
	result.Grant = g
	return result, err
}

// restoredAt returns when an operator last accepted a restored store, if the
// token is ahead of the row: that shows that the row's time is old. Otherwise
// it returns the zero time.
func (s *Store) restoredAt(tx transaction, g grant.Grant, a grant.RefreshAttempt) (restored time.Time, err error) {
	if a.Generation > g.Generation {
		err = tx.QueryRow(context.Background(), `SELECT restored_at FROM versions WHERE name = 'ring'`).Scan(at{&restored})
	}
	return restored, err
}

// decide returns the outcome of an attempt. The first case that applies
// decides. docs/protocol.md has the table of outcomes.
func decide(g grant.Grant, a grant.RefreshAttempt, now, restoredAt time.Time) grant.Outcome {
	oneBehind, since := int64(a.Generation) == int64(g.Generation)-1, a.ReceivedAt.Sub(g.RotatedAt)
	idleAt := a.ReceivedAt.Add(-a.Waited) // when the request came to the server
	restored := idleAt.Before(restoredAt.Add(g.IdleLifetime))
	switch {
	case a.ClientID != g.ClientID:
		return grant.OtherClient
	case !g.RevokedAt.IsZero():
		return grant.Revoked
	case !g.SuspendedAt.IsZero():
		return grant.Suspended
	case !a.ReceivedAt.Before(g.ExpiresAt), !idleAt.Before(g.RotatedAt.Add(g.IdleLifetime)) && !restored:
		return grant.Expired
	case !now.Before(a.Deadline):
		return grant.Late
	case a.Generation >= g.Generation && slices.ContainsFunc(g.Audience, func(name string) bool {
		return !slices.Contains(a.Audience, name)
	}):
		return grant.Unchecked
	case a.Generation == g.Generation:
		return grant.Rotated
	case a.Generation > g.Generation:
		return grant.Ahead
	case oneBehind && !g.KeyHash.IsZero() && a.KeyHash.Equal(g.KeyHash) && since <= a.RetryWindow:
		return grant.Retried
	case oneBehind && a.Leeway > 0 && since <= a.Leeway:
		return grant.WithinLeeway
	}
	return grant.Reused
}
