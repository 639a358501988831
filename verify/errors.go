package verify

import (
	"errors"
	"fmt"

	"github.com/signetd/signet/internal/jws"
)

// ErrInvalid is the error for a token that must be refused: HTTP status 401
// with invalid_token, or UNAUTHENTICATED. Its text has a reason in fixed words,
// for the log, and never any content of the token.
var ErrInvalid = jws.ErrInvalid

// Errors of valid signatures that are refused all the same. Each of them is
// also an ErrInvalid.
var (
	ErrExpired  = fmt.Errorf("%w: expired", ErrInvalid)
	ErrNotYet   = fmt.Errorf("%w: not valid yet", ErrInvalid)
	ErrIssuer   = fmt.Errorf("%w: issued by another issuer", ErrInvalid)
	ErrAudience = fmt.Errorf("%w: issued for another audience", ErrInvalid)
	ErrRevoked  = fmt.Errorf("%w: revoked", ErrInvalid)
)

// ErrUnavailable means that the Verifier cannot decide now, because it cannot
// reach the issuer: HTTP status 503, or UNAVAILABLE. The token may be valid.
var ErrUnavailable = errors.New("tokens cannot be verified now")

// ErrStale is the ErrUnavailable of FailClosed: the revocations that the
// Verifier has are too old.
var ErrStale = fmt.Errorf("%w: the revocations are too old", ErrUnavailable)

// Errors for a valid token that is not sufficient for a request (RFC 6750
// §3.1, RFC 9470 §3).
var (
	ErrScope    = errors.New("the token lacks a scope")
	ErrOldLogin = errors.New("the login is too old")
)

// invalid returns an ErrInvalid with a reason for the log.
func invalid(reason string) error { return fmt.Errorf("%w: %s", ErrInvalid, reason) }
