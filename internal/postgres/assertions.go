package postgres

import (
	"context"
	"time"

	"github.com/signetd/signet/internal/oauth"
)

// UseAssertion records that the client has used the assertion of that id. It
// returns oauth.AlreadyExists if that is recorded already.
func (s *Store) UseAssertion(ctx context.Context, clientID string, id []byte, expires time.Time) error {
	var inserted int
	err := s.share(ctx, &writeRequest{
		lockOrder: lockAssertions + clientID + string(id), durable: true,
		queue: func(q *queries) {
			q.Queue(`INSERT INTO assertions (client_id, id, expires_at) VALUES ($1, $2, $3)
				ON CONFLICT (client_id, id) DO NOTHING`, clientID, id, at(&expires)).Exec(setChanged(&inserted))
		},
	})
	if err == nil && inserted == 0 {
		err = oauth.AlreadyExists
	}
	return wrap("use assertion", err)
}

// SweepAssertions deletes at most limit assertions that expired at now or
// before, and returns how many it deleted. It skips rows that another server
// deletes at the same time.
func (s *Store) SweepAssertions(ctx context.Context, now time.Time, limit int) (deleted int, err error) {
	err = s.transact(ctx, s.conns.sweeps, beginDurable, func(ctx context.Context, tx transaction) error {
		deleted, err = tx.Exec(ctx, `DELETE FROM assertions a USING (
				SELECT client_id, id FROM assertions WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED
			) old WHERE a.client_id = old.client_id AND a.id = old.id`, at(&now), limit)
		return err
	})
	return deleted, wrap("sweep assertions", err)
}
