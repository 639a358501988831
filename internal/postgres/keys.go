package postgres

import (
	"context"

	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/keys"
)

const (
	keyColumns = `id, algorithm, public, sealed, kek, created_at, activate_at, retired_at, destroyed_at,
		compromised_at, lifetime`
	kekColumns = `id, check_value, created_at`
)

// keyFields returns the fields of a key in the order of keyColumns.
func keyFields(k *keys.Key) []any {
	return []any{
		&k.ID, &k.Algorithm, &k.Public, &k.Sealed, &k.KEK,
		at(&k.CreatedAt),
		at(&k.ActivateAt),
		at(&k.RetiredAt),
		at(&k.DestroyedAt),
		at(&k.CompromisedAt),
		(*inSeconds)(&k.Lifetime),
	}
}

// kekFields returns the fields of a KEK in the order of kekColumns.
func kekFields(k *keys.KEK) []any { return []any{&k.ID, &k.Check, at(&k.CreatedAt)} }

// Ring returns the whole key ring as of one moment. Keys and KEKs are ordered
// by CreatedAt.
func (s *Store) Ring(ctx context.Context) (keys.Ring, error) {
	var r keys.Ring
	err := s.read(ctx, func(ctx context.Context, tx transaction) error {
		err := tx.QueryRow(ctx, selectRingVersion).Scan(&r.Version, &r.Restored)
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
	return r, wrap("read ring", err)
}

// SwapRing replaces the whole content of the key ring if its version is still
// from. Otherwise it returns keys.ErrRaced. It writes the keys that are newly
// compromised into the revocation log.
func (s *Store) SwapRing(ctx context.Context, from int64, next keys.Ring, compromised []string) error {
	err := s.transact(ctx, s.conns.polls, beginDurable, func(ctx context.Context, tx transaction) error {
		raised, err := tx.Exec(ctx, swapRingVersion, next.Restored, from)
		switch {
		case err != nil:
			return err
		case raised == 0:
			return keys.ErrRaced
		}

		content := &queries{}
		content.Queue(`DELETE FROM keys`)
		content.Queue(`DELETE FROM keks`)
		for _, k := range next.Keys {
			content.Queue(`INSERT INTO keys (`+keyColumns+`)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`, keyFields(&k)...)
		}
		for _, k := range next.KEKs {
			content.Queue(`INSERT INTO keks (`+kekColumns+`) VALUES ($1, $2, $3)`, kekFields(&k)...)
		}
		if err := tx.Send(ctx, content); err != nil {
			return err
		}
		_, err = s.appendRevocations(ctx, tx, revokedKeys(compromised)...)
		return err
	})
	return wrap("swap ring", err)
}

// revokedKeys returns the entries about signing keys.
func revokedKeys(ids []string) []grant.Revocation {
	entries := make([]grant.Revocation, len(ids))
	for i, id := range ids {
		entries[i] = grant.RevokedKey(id)
	}
	return entries
}
