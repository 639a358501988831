package sqlite

import (
	"context"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/login"
	"github.com/signetd/signet/internal/oauth"
)

const userColumns = `id, username, password_hash, claims, disabled_at, epoch, created_at`

// userFields returns the fields of a user in the order of userColumns.
func userFields(u *login.User) []any {
	return []any{&u.ID, &u.Username, &u.PasswordHash, inJSON{&u.Claims}, at{&u.DisabledAt}, &u.Epoch, at{&u.CreatedAt}}
}

// User returns the user of that canonical name, or oauth.NotFound.
func (s *Store) User(ctx context.Context, username string) (login.User, error) {
	return s.user(ctx, `SELECT `+userColumns+` FROM users WHERE username = ?`, username)
}

// UserByID returns the user of that id, or oauth.NotFound.
func (s *Store) UserByID(ctx context.Context, id string) (login.User, error) {
	return s.user(ctx, `SELECT `+userColumns+` FROM users WHERE id = ?`, id)
}

// user returns the one user that a statement selects.
func (s *Store) user(ctx context.Context, q query, key string) (login.User, error) {
	var u login.User
	err := s.readRow(ctx, userFields(&u), q, key)
	return u, wrap("read user", noRows(err))
}

// Users returns at most limit users whose names sort after after, by name.
func (s *Store) Users(ctx context.Context, after string, limit int) ([]login.User, error) {
	users, err := readList(ctx, s, userFields,
		`SELECT `+userColumns+` FROM users WHERE username > ? ORDER BY username LIMIT ?`, after, limit)
	return users, wrap("list users", err)
}

// PasswordHashes returns the password hashes of a sample of the users, by id;
// see login.Store.
func (s *Store) PasswordHashes(ctx context.Context, limit int) ([]login.StoredHash, error) {
	fields := func(h *login.StoredHash) []any { return []any{&h.UserID, &h.PasswordHash} }
	hashes, err := readList(ctx, s, fields, `
		SELECT * FROM (SELECT id, password_hash FROM users ORDER BY id LIMIT ?1) UNION
		SELECT * FROM (SELECT id, password_hash FROM users WHERE id >= ?2 ORDER BY id LIMIT ?1) UNION
		SELECT * FROM (SELECT id, password_hash FROM users ORDER BY id DESC LIMIT ?1) ORDER BY id`,
		limit, oauth.UserIDPrefix)
	return hashes, wrap("read password hashes", err)
}

// CreateUser inserts the user. It returns oauth.AlreadyExists if the name or
// the id is taken, and client.ErrIDTaken if a client has the id.
func (s *Store) CreateUser(ctx context.Context, u login.User) error {
	err := s.write(ctx, func(ctx context.Context, tx transaction) error {
		var taken bool
		err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM clients WHERE id = ?)`, u.ID).Scan(&taken)
		switch {
		case err != nil:
			return err
		case taken:
			return client.ErrIDTaken
		}
		inserted, err := tx.Exec(ctx, `INSERT INTO users (`+userColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT DO NOTHING`, userFields(&u)...)
		if err == nil && inserted == 0 {
			err = oauth.AlreadyExists
		}
		return err
	})
	return wrap("create user", err)
}

// Rehash replaces the user's password hash if it is still old. Otherwise it
// does nothing.
func (s *Store) Rehash(ctx context.Context, userID, old, next string) error {
	err := s.write(ctx, func(ctx context.Context, tx transaction) error {
		_, err := tx.Exec(ctx, `UPDATE users SET password_hash = ? WHERE id = ? AND password_hash = ?`, next, userID, old)
		return err
	})
	return wrap("rehash password", err)
}

// ChangePassword replaces the password hash if the user is enabled and the hash
// is still old. It revokes the user's grants, except the grant of the id
// except.
func (s *Store) ChangePassword(
	ctx context.Context, userID, old, next string, except oauth.GrantID, actor string,
) (live int, at time.Time, err error) {
	var ended grant.Ended
	err = s.write(ctx, func(ctx context.Context, tx transaction) error {
		changed, err := tx.Exec(ctx, `UPDATE users SET password_hash = ?, epoch = epoch + 1
			WHERE id = ? AND password_hash = ? AND disabled_at IS NULL`, next, userID, old)
		if err == nil && changed == 0 {
			err = oauth.InvalidGrant
		}
		if err == nil {
			ended, err = s.addEnding(ctx, tx, grant.Ending{
				Subject: userID, Except: except, Reason: audit.RevokedByPassword, Actor: actor,
			}, 0)
		}
		return err
	})
	return ended.Live, ended.At, wrap("change password", err)
}

// DisableUser disables the user and suspends the user's grants, also if only
// the suspension is missing.
func (s *Store) DisableUser(ctx context.Context, username, actor string) (ended grant.Ended, err error) {
	err = s.changeUser(ctx, username, func(ctx context.Context, tx transaction, u login.User) error {
		suspended, err := isSuspended(ctx, tx, u.ID)
		if err == nil && !(suspended && !u.DisabledAt.IsZero()) {
			ended, err = s.addEnding(ctx, tx, grant.Ending{Subject: u.ID, Actor: actor}, grant.MintLag)
		}
		if err != nil {
			return err
		}
		if !u.DisabledAt.IsZero() {
			ended = grant.Ended{At: u.DisabledAt}
			return nil
		}
		_, err = tx.Exec(ctx, `UPDATE users SET disabled_at = ?, epoch = epoch + 1 WHERE id = ?`, at{&ended.At}, u.ID)
		return err
	})
	return ended, wrap("disable user", err)
}

// EnableUser enables the user and lifts the suspension of the user's grants,
// also if only the suspension is left.
func (s *Store) EnableUser(ctx context.Context, username string) error {
	err := s.changeUser(ctx, username, func(ctx context.Context, tx transaction, u login.User) error {
		if err := liftSuspension(ctx, tx, u.ID); err != nil || u.DisabledAt.IsZero() {
			return err
		}
		_, err := tx.Exec(ctx, `UPDATE users SET disabled_at = NULL, epoch = epoch + 1 WHERE id = ?`, u.ID)
		return err
	})
	return wrap("enable user", err)
}

// SetPassword replaces the password hash and revokes the user's grants.
func (s *Store) SetPassword(ctx context.Context, username, hash, actor string) (ended grant.Ended, err error) {
	err = s.changeUser(ctx, username, func(ctx context.Context, tx transaction, u login.User) error {
		_, err := tx.Exec(ctx, `UPDATE users SET password_hash = ?, epoch = epoch + 1 WHERE id = ?`, hash, u.ID)
		if err == nil {
			e := grant.Ending{Subject: u.ID, Reason: audit.RevokedByPassword, Actor: actor}
			ended, err = s.addEnding(ctx, tx, e, 0)
		}
		return err
	})
	return ended, wrap("set password", err)
}

// SetClaims replaces the user's claims. Grants stay.
func (s *Store) SetClaims(ctx context.Context, username string, claims map[string]any) error {
	err := s.changeUser(ctx, username, func(ctx context.Context, tx transaction, u login.User) error {
		_, err := tx.Exec(ctx, `UPDATE users SET claims = ? WHERE id = ?`, inJSON{&claims}, u.ID)
		return err
	})
	return wrap("set claims", err)
}

// DeleteUser deletes the user and revokes the user's grants.
func (s *Store) DeleteUser(ctx context.Context, username, actor string) (ended grant.Ended, err error) {
	err = s.changeUser(ctx, username, func(ctx context.Context, tx transaction, u login.User) error {
		_, err := tx.Exec(ctx, `DELETE FROM users WHERE id = ?`, u.ID)
		if err == nil {
			err = liftSuspension(ctx, tx, u.ID)
		}
		if err == nil {
			e := grant.Ending{Subject: u.ID, Reason: audit.RevokedByDeletion, Actor: actor}
			ended, err = s.addEnding(ctx, tx, e, grant.MintLag)
		}
		return err
	})
	return ended, wrap("delete user", err)
}

// changeUser reads the user and runs change, in one transaction.
func (s *Store) changeUser(
	ctx context.Context, username string, change func(context.Context, transaction, login.User) error,
) error {
	return s.write(ctx, func(ctx context.Context, tx transaction) error {
		var u login.User
		err := tx.QueryRow(ctx, `SELECT `+userColumns+` FROM users WHERE username = ?`, username).Scan(userFields(&u)...)
		if err != nil {
			return noRows(err)
		}
		return change(ctx, tx, u)
	})
}
