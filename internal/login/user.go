package login

import (
	"time"

	"github.com/signetd/signet/internal/oauth"
)

// ErrIDTaken is the error for the id of a new client that is the id of a user.
// Otherwise a token would not show whose it is (RFC 9068 §5).
var ErrIDTaken = oauth.Fail(oauth.AlreadyExists, "A user has this id; no client can have it too.")

// A User is an account with a name and a password.
type User struct {
	ID string
	// Username is canonical, or the form that an earlier version stored; see
	// StoredUsernames.
	Username string
	// PasswordHash is a PHC string. It is empty if no password is set.
	PasswordHash string
	// Claims are additional claims that an audience may request: text, numbers,
	// booleans or lists of text.
	Claims     map[string]any
	DisabledAt time.Time
	// Epoch increases when the user's grants are revoked or suspended. A login
	// that has read an earlier epoch cannot create a grant.
	Epoch     int64
	CreatedAt time.Time
}

// A StoredHash is the password hash of a user.
type StoredHash struct {
	UserID string
	// PasswordHash is that of User.
	PasswordHash string
}
