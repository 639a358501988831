package sqlite

import (
	"context"
	"database/sql"
	"errors"
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

// Most refreshes run these two statements.
const (
	selectGrant = `SELECT ` + grantColumns + ` FROM grants WHERE id = ?`
	rotateGrant = `UPDATE grants SET generation = ?, key_hash = ?, mac_key = ?, moved_at = ? WHERE id = ?`
)

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
	outcome := decide(g, a, now)
	switch outcome {
	case grant.Rotated, grant.Ahead:
		g.Generation, g.KeyHash, g.MACKey = a.Generation+1, a.KeyHash, a.MACKey
		if a.ReceivedAt.After(g.RotatedAt) {
			g.RotatedAt = a.ReceivedAt
		}
		_, err = s.statement(tx, rotateGrant).
			Exec(&g.Generation, inDigest{&g.KeyHash}, &g.MACKey, at{&g.RotatedAt}, inBytes{&g.ID})
	case grant.Reused:
		g.RevokedAt, g.RevokeReason = a.ReceivedAt, audit.RevokedByReuse
		_, err = endGrants(context.Background(), tx, oneGrant(g.ID, g.ClientID), g.RevokeReason, g.RevokedAt)
	}
	return grant.RefreshResult{Outcome: outcome, Grant: g}, err
}

// decide returns the outcome of an attempt. The first case that applies
// decides. docs/protocol.md has the table of outcomes.
func decide(g grant.Grant, a grant.RefreshAttempt, now time.Time) grant.Outcome {
	oneBehind := int64(a.Generation) == int64(g.Generation)-1
	switch {
	case a.ClientID != g.ClientID:
		return grant.OtherClient
	case !g.RevokedAt.IsZero():
		return grant.Revoked
	case !g.SuspendedAt.IsZero():
		return grant.Suspended
	case !a.ReceivedAt.Before(g.ExpiresAt), !a.ReceivedAt.Before(g.RotatedAt.Add(g.IdleLifetime)):
		return grant.Expired
	case !now.Before(a.Deadline):
		return grant.Late
	case a.Generation == g.Generation:
		return grant.Rotated
	case a.Generation > g.Generation:
		return grant.Ahead
	case oneBehind && !g.KeyHash.IsZero() && a.KeyHash.Equal(g.KeyHash):
		return grant.Retried
	case oneBehind && a.Leeway > 0 && a.ReceivedAt.Sub(g.RotatedAt) <= a.Leeway:
		return grant.WithinLeeway
	}
	return grant.Reused
}
