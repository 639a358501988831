package sqlite

import (
	"context"
	"crypto/subtle"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/signetd/signet/internal/oauth"
)

// RefreshGrant decides one presented refresh token by its grant's row.
func (s *Store) RefreshGrant(ctx context.Context, p oauth.Presented) (oauth.Verdict, error) {
	var v oauth.Verdict
	w := newWriting(func(_ context.Context, tx *sql.Tx) (err error) {
		v, err = s.refresh(tx, p, s.clock())
		return err
	})
	w.bare = true
	if err := s.make(ctx, w); err != nil {
		return oauth.Verdict{}, fmt.Errorf("refresh a grant: %w", err)
	}
	return v, nil
}

// RefreshGrants decides each presented refresh token by its own grant's row, all in one transaction, and answers in the
// order given. BEGIN IMMEDIATE has the only write lock of the file, so what is read here stays true until the commit.
func (s *Store) RefreshGrants(ctx context.Context, batch []oauth.Presented) ([]oauth.Verdict, error) {
	var verdicts []oauth.Verdict
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

func (s *Store) refresh(tx *sql.Tx, p oauth.Presented, now time.Time) (oauth.Verdict, error) {
	var g oauth.Grant
	err := s.statement(tx, findGrant).QueryRow(inBytes{&p.Grant}).Scan(grantFields(&g)...)
	if errors.Is(err, sql.ErrNoRows) {
		return oauth.Verdict{Outcome: oauth.Missing}, nil
	}
	if err != nil {
		return oauth.Verdict{}, err
	}
	p.Arrived, p.Leeway = p.Arrived.UTC().Truncate(time.Microsecond), p.Leeway.Truncate(time.Microsecond)
	outcome := judge(g, p, now)
	switch outcome {
	case oauth.Moved, oauth.Ahead:
		g.Generation, g.KeyHash, g.MACKey = p.Generation+1, p.KeyHash, p.MACKey
		if p.Arrived.After(g.MovedAt) {
			g.MovedAt = p.Arrived
		}
		_, err = s.statement(tx, moveGrant).Exec(&g.Generation, &g.KeyHash, &g.MACKey, at{&g.MovedAt}, inBytes{&g.ID})
	case oauth.Reused:
		g.RevokedAt, g.RevokeReason = p.Arrived, oauth.RevokedByReuse
		_, err = tx.ExecContext(context.Background(), `UPDATE grants SET revoked_at = ?, revoke_reason = ? WHERE id = ?`,
			at{&g.RevokedAt}, &g.RevokeReason, inBytes{&g.ID})
	}
	return oauth.Verdict{Outcome: outcome, Grant: g}, err
}

// judge is the table of refresh tokens, line by line.
func judge(g oauth.Grant, p oauth.Presented, now time.Time) oauth.Outcome {
	oneBehind := int64(p.Generation) == int64(g.Generation)-1
	switch {
	case p.ClientID != g.ClientID:
		return oauth.OtherClient
	case !g.RevokedAt.IsZero():
		return oauth.Revoked
	case !g.SuspendedAt.IsZero():
		return oauth.Suspended
	case !p.Arrived.Before(g.ExpiresAt), !p.Arrived.Before(g.MovedAt.Add(g.IdleLifetime)):
		return oauth.Expired
	case !now.Before(p.Deadline):
		return oauth.Late
	case p.Generation == g.Generation:
		return oauth.Moved
	case p.Generation > g.Generation:
		return oauth.Ahead
	case oneBehind && len(g.KeyHash) > 0 && subtle.ConstantTimeCompare(p.KeyHash, g.KeyHash) == 1:
		return oauth.Repeated
	case oneBehind && p.Leeway > 0 && p.Arrived.Sub(g.MovedAt) <= p.Leeway:
		return oauth.SecondTab
	}
	return oauth.Reused
}
