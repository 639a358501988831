package sqlite

import (
	"context"
	"database/sql"

	"github.com/signetd/signet/keys"
)

const (
	keyColumns = `id, algorithm, public, sealed, kek, created_at, activate_at, retired_at, destroyed_at, compromised_at`
	kekColumns = `id, check_value, created_at`
)

func keyFields(k *keys.Key) []any {
	return []any{
		&k.ID, &k.Algorithm, &k.Public, &k.Sealed, &k.KEK,
		at{&k.CreatedAt},
		at{&k.ActivateAt},
		at{&k.RetiredAt},
		at{&k.DestroyedAt},
		at{&k.CompromisedAt},
	}
}

func kekFields(k *keys.KEK) []any { return []any{&k.ID, &k.Check, at{&k.CreatedAt}} }

// RingVersion reads the ring's version and the store's clock.
func (s *Store) RingVersion(ctx context.Context) (keys.Version, error) {
	var v keys.Version
	err := s.reads.QueryRowContext(ctx, `SELECT version, restored FROM versions WHERE name = 'ring'`).Scan(&v.Version, &v.Restored)
	v.Now = s.clock()
	return v, err
}

// Ring reads the whole ring as of one moment. Keys and KEKs are ordered by CreatedAt.
func (s *Store) Ring(ctx context.Context) (keys.Ring, error) {
	var r keys.Ring
	err := s.read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, `SELECT version, restored FROM versions WHERE name = 'ring'`).Scan(&r.Version, &r.Restored)
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
	return s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		n, err := affected(tx.ExecContext(ctx, `UPDATE versions SET version = version + 1, restored = ?
			WHERE name = 'ring' AND version = ?`, next.Restored, from))
		switch {
		case err != nil:
			return err
		case n == 0:
			return keys.ErrRaced
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM keys; DELETE FROM keks`); err != nil {
			return err
		}
		for _, k := range next.Keys {
			_, err := tx.ExecContext(ctx, `INSERT INTO keys (`+keyColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, keyFields(&k)...)
			if err != nil {
				return err
			}
		}
		for _, k := range next.KEKs {
			if _, err := tx.ExecContext(ctx, `INSERT INTO keks (`+kekColumns+`) VALUES (?, ?, ?)`, kekFields(&k)...); err != nil {
				return err
			}
		}
		return nil
	})
}
