package sqlite

import (
	"context"
	"time"

	"github.com/signetd/signet/internal/oauth"
)

// UseAssertion records that the client has used the assertion of that id. It
// returns oauth.AlreadyExists if that is recorded already.
func (s *Store) UseAssertion(ctx context.Context, clientID string, id []byte, expires time.Time) error {
	err := s.write(ctx, func(ctx context.Context, tx transaction) error {
		inserted, err := tx.Exec(ctx, `INSERT INTO assertions (client_id, id, expires_at) VALUES (?, ?, ?)
			ON CONFLICT (client_id, id) DO NOTHING`, clientID, id, at{&expires})
		if err == nil && inserted == 0 {
			err = oauth.AlreadyExists
		}
		return err
	})
	return wrap("use assertion", err)
}

// SweepAssertions deletes at most limit assertions that expired at now or
// before, and returns how many it deleted.
func (s *Store) SweepAssertions(ctx context.Context, now time.Time, limit int) (deleted int, err error) {
	err = s.write(ctx, func(ctx context.Context, tx transaction) error {
		deleted, err = tx.Exec(ctx, `DELETE FROM assertions WHERE (client_id, id) IN
			(SELECT client_id, id FROM assertions WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)`, at{&now}, limit)
		return err
	})
	return deleted, wrap("sweep assertions", err)
}
