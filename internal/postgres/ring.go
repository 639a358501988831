package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/signetd/signet/keys"
)

const (
	keyColumns = `id, algorithm, public, sealed, kek, created_at, activate_at, retired_at, destroyed_at, compromised_at`
	kekColumns = `id, check_value, created_at`
)

func keyFields(k *keys.Key) []any {
	return []any{
		&k.ID, &k.Algorithm, &k.Public, &k.Sealed, &k.KEK, at(&k.CreatedAt), at(&k.ActivateAt), at(&k.RetiredAt),
		at(&k.DestroyedAt), at(&k.CompromisedAt),
	}
}

func kekFields(k *keys.KEK) []any { return []any{&k.ID, &k.Check, at(&k.CreatedAt)} }

// RingVersion reads the ring's version and the database's clock.
func (s *Store) RingVersion(ctx context.Context) (keys.Version, error) {
	var v keys.Version
	err := s.row(ctx, []any{&v.Version, &v.Restored, &v.Now},
		`SELECT version, restored, clock_timestamp() FROM versions WHERE name = 'ring'`)
	return v, err
}

// Ring reads the whole ring as of one moment. Keys and KEKs are ordered by CreatedAt.
func (s *Store) Ring(ctx context.Context) (keys.Ring, error) {
	var r keys.Ring
	err := s.read(ctx, func(ctx context.Context, tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `SELECT version, restored FROM versions WHERE name = 'ring'`).Scan(&r.Version, &r.Restored)
		if err != nil {
			return err
		}
		r.Keys, err = collect(ctx, tx, keyFields, `SELECT `+keyColumns+` FROM keys ORDER BY created_at, id`)
		if err != nil {
			return err
		}
		r.KEKs, err = collect(ctx, tx, kekFields, `SELECT `+kekColumns+` FROM keks ORDER BY created_at, id`)
		return err
	})
	return r, err
}

// SwapRing replaces the whole content of the ring if its version is still from; else it returns keys.ErrRaced.
func (s *Store) SwapRing(ctx context.Context, from int64, next keys.Ring) error {
	return s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `UPDATE versions SET version = version + 1, restored = $1
			WHERE name = 'ring' AND version = $2`, next.Restored, from)
		switch {
		case err != nil:
			return err
		case tag.RowsAffected() == 0:
			return keys.ErrRaced
		}
		content := &pgx.Batch{}
		content.Queue(`DELETE FROM keys`)
		content.Queue(`DELETE FROM keks`)
		for _, k := range next.Keys {
			content.Queue(`INSERT INTO keys (`+keyColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`, keyFields(&k)...)
		}
		for _, k := range next.KEKs {
			content.Queue(`INSERT INTO keks (`+kekColumns+`) VALUES ($1, $2, $3)`, kekFields(&k)...)
		}
		return tx.SendBatch(ctx, content).Close()
	})
}
