package login

import "time"

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
