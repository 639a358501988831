package sqlite

import (
	"context"
	"crypto/subtle"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
)

// RefreshGrant decides one presented refresh token by its grant's row.
func (s *Store) RefreshGrant(ctx context.Context, p grant.RefreshAttempt) (grant.RefreshResult, error) {
	var v grant.RefreshResult
	w := newWriting(func(_ context.Context, tx *sql.Tx) (err error) {
		v, err = s.refresh(tx, p, s.clock())
		return err
	})
	w.bare = true
	if err := s.make(ctx, w); err != nil {
		return grant.RefreshResult{}, fmt.Errorf("refresh a grant: %w", err)
	}
	return v, nil
}

// RefreshGrants decides each presented refresh token by its own grant's row, all in one transaction, and answers in the
// order given. BEGIN IMMEDIATE has the only write lock of the file, so what is read here stays true until the commit.
func (s *Store) RefreshGrants(ctx context.Context, batch []grant.RefreshAttempt) ([]grant.RefreshResult, error) {
	var verdicts []grant.RefreshResult
	err := s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		now := s.clock()
		seen := make(map[oauth.GrantID]bool, len(batch))
		for _, p := range batch {
			if seen[p.Grant] {
				return fmt.Errorf("a batch holds grant %s twice", p.Grant)
			}
			seen[p.Grant] = true
			v, err := s.refresh(tx, p, now)
			if err != nil {
				return err
			}
			verdicts = append(verdicts, v)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("refresh grants: %w", err)
	}
	return verdicts, nil
}

// Most refreshes are these two statements.
const (
	findGrant = `SELECT ` + grantColumns + ` FROM grants WHERE id = ?`
	moveGrant = `UPDATE grants SET generation = ?, key_hash = ?, mac_key = ?, moved_at = ? WHERE id = ?`
)

func (s *Store) refresh(tx *sql.Tx, p grant.RefreshAttempt, now time.Time) (grant.RefreshResult, error) {
	var g grant.Grant
	err := s.statement(tx, findGrant).QueryRow(inBytes{&p.Grant}).Scan(grantFields(&g)...)
	if errors.Is(err, sql.ErrNoRows) {
		return grant.RefreshResult{Outcome: grant.Missing}, nil
	}
	if err != nil {
		return grant.RefreshResult{}, err
	}
	p.ReceivedAt, p.Leeway = p.ReceivedAt.UTC().Truncate(time.Microsecond), p.Leeway.Truncate(time.Microsecond)
	outcome := judge(g, p, now)
	switch outcome {
	case grant.Rotated, grant.Ahead:
		g.Generation, g.KeyHash, g.MACKey = p.Generation+1, p.KeyHash, p.MACKey
		if p.ReceivedAt.After(g.RotatedAt) {
			g.RotatedAt = p.ReceivedAt
		}
		_, err = s.statement(tx, moveGrant).Exec(&g.Generation, &g.KeyHash, &g.MACKey, at{&g.RotatedAt}, inBytes{&g.ID})
	case grant.Reused:
		g.RevokedAt, g.RevokeReason = p.ReceivedAt, audit.RevokedByReuse
		_, err = tx.ExecContext(context.Background(), `UPDATE grants SET revoked_at = ?, revoke_reason = ? WHERE id = ?`,
			at{&g.RevokedAt}, &g.RevokeReason, inBytes{&g.ID})
	}
	return grant.RefreshResult{Outcome: outcome, Grant: g}, err
}

// judge is the table of refresh tokens, line by line.
func judge(g grant.Grant, p grant.RefreshAttempt, now time.Time) grant.Outcome {
	oneBehind := int64(p.Generation) == int64(g.Generation)-1
	switch {
	case p.ClientID != g.ClientID:
		return grant.OtherClient
	case !g.RevokedAt.IsZero():
		return grant.Revoked
	case !g.SuspendedAt.IsZero():
		return grant.Suspended
	case !p.ReceivedAt.Before(g.ExpiresAt), !p.ReceivedAt.Before(g.RotatedAt.Add(g.IdleLifetime)):
		return grant.Expired
	case !now.Before(p.Deadline):
		return grant.Late
	case p.Generation == g.Generation:
		return grant.Rotated
	case p.Generation > g.Generation:
		return grant.Ahead
	case oneBehind && len(g.KeyHash) > 0 && subtle.ConstantTimeCompare(p.KeyHash, g.KeyHash) == 1:
		return grant.Retried
	case oneBehind && p.Leeway > 0 && p.ReceivedAt.Sub(g.RotatedAt) <= p.Leeway:
		return grant.WithinGrace
	}
	return grant.Reused
}
