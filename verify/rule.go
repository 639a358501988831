package verify

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Rule is what a request needs beside a valid token. It returns nil if the
// claims suffice. An error that is no ErrInvalid, ErrUnavailable or ErrOldLogin
// is answered like an ErrScope: HTTP status 403, or PERMISSION_DENIED.
type Rule func(*Claims) error

// Scope returns the rule that the token has all these scope values. Its error
// is an ErrScope.
func Scope(values ...string) Rule {
	values = slices.Clone(values)
	lacking := &insufficient{error: ErrScope, scope: strings.Join(values, " ")}
	return func(c *Claims) error {
		if !c.Has(values...) {
			return lacking
		}
		return nil
	}
}

// LoginWithin returns the rule that the user logged in at most d ago, as RFC
// 9470 describes. Its error is an ErrOldLogin, also for a token without a
// login. Use it for what a person should confirm, such as a change of an
// address. It is precise to the second.
func LoginWithin(d time.Duration) Rule {
	old := &insufficient{error: ErrOldLogin, maxAge: d}
	return func(c *Claims) error {
		if c.AuthTime.IsZero() || time.Since(c.AuthTime) > d {
			return old
		}
		return nil
	}
}

// An insufficient is an error with what a challenge says about it.
type insufficient struct {
	error
	scope  string        // the values that the request needs
	maxAge time.Duration // how old the login may be
}

// Error returns what the request needs.
func (e *insufficient) Error() string {
	if e.scope != "" {
		return e.error.Error() + ": the request needs " + strconv.Quote(e.scope)
	}
	return e.error.Error() + ": the request needs one within " + e.maxAge.String()
}

// Unwrap returns ErrScope or ErrOldLogin.
func (e *insufficient) Unwrap() error { return e.error }
