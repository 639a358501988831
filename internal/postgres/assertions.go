package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signetd/signet/internal/oauth"
)

// UseAssertion notes that the client has presented the assertion of that id, or returns oauth.AlreadyExists.
func (s *Store) UseAssertion(ctx context.Context, clientID string, id []byte, expires time.Time) error {
	var noted int
	err := s.share(ctx, &writing{order: amongAssertions + clientID + string(id), durable: true, queue: func(b *pgx.Batch) {
		b.Queue(`INSERT INTO assertions (client_id, id, expires_at) VALUES ($1, $2, $3)
			ON CONFLICT (client_id, id) DO NOTHING`, clientID, id, at(&expires)).Exec(changed(&noted))
	}})
	if err == nil && noted == 0 {
		err = oauth.AlreadyExists
	}
	return err
}

// SweepAssertions forgets at most limit assertions that expired at now or before, and returns how many it forgot. It passes
// over those that another server is sweeping.
func (s *Store) SweepAssertions(ctx context.Context, now time.Time, limit int) (swept int, err error) {
	err = s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `DELETE FROM assertions a USING (
				SELECT client_id, id FROM assertions WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED
			) old WHERE a.client_id = old.client_id AND a.id = old.id`, at(&now), limit)
		swept = int(tag.RowsAffected())
		return err
	})
	return swept, err
}
