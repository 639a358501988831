package sqlite

import (
	"context"
	"database/sql"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/login"
	"github.com/signetd/signet/internal/oauth"
)

const userColumns = `id, username, password_hash, claims, disabled_at, epoch, created_at`

// userFields are the user's values in the order of userColumns, to be read into or written from.
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

func (s *Store) user(ctx context.Context, query, key string) (login.User, error) {
	var u login.User
	err := s.reads.QueryRowContext(ctx, query, key).Scan(userFields(&u)...)
	return u, knowledge(err)
}

// Users returns at most limit users whose names sort after after, by name.
func (s *Store) Users(ctx context.Context, after string, limit int) ([]login.User, error) {
	return collect(ctx, s.reads, userFields,
		`SELECT `+userColumns+` FROM users WHERE username > ? ORDER BY username LIMIT ?`, after, limit)
}

// CreateUser inserts the user, or returns oauth.AlreadyExists if the name or the id is taken.
func (s *Store) CreateUser(ctx context.Context, u login.User) error {
	return s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		n, err := affected(tx.ExecContext(ctx, `INSERT INTO users (`+userColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT DO NOTHING`, userFields(&u)...))
		if err == nil && n == 0 {
			err = oauth.AlreadyExists
		}
		return err
	})
}

// Rehash replaces the user's password hash if it is still old; otherwise it does nothing.
func (s *Store) Rehash(ctx context.Context, userID, old, next string) error {
	return s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE users SET password_hash = ? WHERE id = ? AND password_hash = ?`, next, userID, old)
		return err
	})
}

// ChangePassword replaces the password hash if it is still old, and revokes the user's grants, all but except.
func (s *Store) ChangePassword(ctx context.Context, userID, old, next string, except oauth.GrantID, now time.Time) error {
	return s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		n, err := affected(tx.ExecContext(ctx, `UPDATE users SET password_hash = ?, epoch = epoch + 1
			WHERE id = ? AND password_hash = ? AND disabled_at IS NULL`, next, userID, old))
		if err == nil && n == 0 {
			err = oauth.InvalidGrant
		}
		if err == nil {
			_, err = revokeOfUser(ctx, tx, userID, "", except, audit.RevokedByPassword, now)
		}
		return err
	})
}

// DisableUser disables the user and suspends their grants.
func (s *Store) DisableUser(ctx context.Context, username string, now time.Time) error {
	return s.changeUser(ctx, username, func(ctx context.Context, tx *sql.Tx, u login.User) error {
		if !u.DisabledAt.IsZero() {
			return nil
		}
		_, err := tx.ExecContext(ctx, `UPDATE users SET disabled_at = ?, epoch = epoch + 1 WHERE id = ?`, at{&now}, u.ID)
		if err == nil {
			_, err = tx.ExecContext(ctx, `UPDATE grants SET suspended_at = ?
				WHERE user_id = ? AND suspended_at IS NULL AND revoked_at IS NULL`, at{&now}, u.ID)
		}
		return err
	})
}

// EnableUser enables the user and lifts the suspension of their grants.
func (s *Store) EnableUser(ctx context.Context, username string) error {
	return s.changeUser(ctx, username, func(ctx context.Context, tx *sql.Tx, u login.User) error {
		if u.DisabledAt.IsZero() {
			return nil
		}
		_, err := tx.ExecContext(ctx, `UPDATE users SET disabled_at = NULL, epoch = epoch + 1 WHERE id = ?`, u.ID)
		if err == nil {
			_, err = tx.ExecContext(ctx, `UPDATE grants SET suspended_at = NULL WHERE user_id = ? AND suspended_at IS NOT NULL`, u.ID)
		}
		return err
	})
}

// SetPassword replaces the password hash and revokes the user's grants.
func (s *Store) SetPassword(ctx context.Context, username, hash string, now time.Time) error {
	return s.changeUser(ctx, username, func(ctx context.Context, tx *sql.Tx, u login.User) error {
		_, err := tx.ExecContext(ctx, `UPDATE users SET password_hash = ?, epoch = epoch + 1 WHERE id = ?`, hash, u.ID)
		if err == nil {
			_, err = revokeOfUser(ctx, tx, u.ID, "", oauth.GrantID{}, audit.RevokedByPassword, now)
		}
		return err
	})
}

// SetClaims replaces the user's claims.
func (s *Store) SetClaims(ctx context.Context, username string, claims map[string]any) error {
	return s.changeUser(ctx, username, func(ctx context.Context, tx *sql.Tx, u login.User) error {
		_, err := tx.ExecContext(ctx, `UPDATE users SET claims = ? WHERE id = ?`, inJSON{&claims}, u.ID)
		return err
	})
}

// DeleteUser deletes the user and revokes their grants.
func (s *Store) DeleteUser(ctx context.Context, username string, now time.Time) error {
	return s.changeUser(ctx, username, func(ctx context.Context, tx *sql.Tx, u login.User) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM users WHERE id = ?`, u.ID)
		if err == nil {
			_, err = revokeOfUser(ctx, tx, u.ID, "", oauth.GrantID{}, audit.RevokedByDeletion, now)
		}
		return err
	})
}

// changeUser reads the user and runs change in one transaction.
func (s *Store) changeUser(ctx context.Context, username string, change func(context.Context, *sql.Tx, login.User) error) error {
	return s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var u login.User
		err := tx.QueryRowContext(ctx, `SELECT `+userColumns+` FROM users WHERE username = ?`, username).Scan(userFields(&u)...)
		if err != nil {
			return knowledge(err)
		}
		return change(ctx, tx, u)
	})
}
