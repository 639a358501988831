package sqlite

import (
	"context"
	"database/sql"
	"time"

	"github.com/signetd/signet/internal/oauth"
)

// UseAssertion notes that the client has presented the assertion of that id, or returns oauth.AlreadyExists.
func (s *Store) UseAssertion(ctx context.Context, clientID string, id []byte, expires time.Time) error {
	return s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		n, err := affected(tx.ExecContext(ctx, `INSERT INTO assertions (client_id, id, expires_at) VALUES (?, ?, ?)
			ON CONFLICT (client_id, id) DO NOTHING`, clientID, id, at{&expires}))
		if err == nil && n == 0 {
			err = oauth.AlreadyExists
		}
		return err
	})
}

// SweepAssertions forgets at most limit assertions that expired at now or before, and returns how many it forgot.
func (s *Store) SweepAssertions(ctx context.Context, now time.Time, limit int) (swept int, err error) {
	err = s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		n, err := affected(tx.ExecContext(ctx, `DELETE FROM assertions WHERE (client_id, id) IN
			(SELECT client_id, id FROM assertions WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)`, at{&now}, limit))
		swept = int(n)
		return err
	})
	return swept, err
}
