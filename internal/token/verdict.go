package token

import (
	"errors"
	"fmt"

	"github.com/signetd/signet/internal/jws"
	"github.com/signetd/signet/internal/oauth"
)

// ErrInvalid is the category of the errors for all tokens that this issuer did
// not make. An error that wraps it has a fixed reason, for the log. The reason
// never contains a value of the token.
var ErrInvalid = jws.ErrInvalid

// ErrRefused is the category of the errors for tokens that this issuer made,
// and that are not valid now. An error that wraps it has a reason like that of
// ErrInvalid. It does not wrap ErrInvalid.
var ErrRefused = errors.New("refused token")

// ErrNotYetValid is the reason to refuse a token that will be valid later.
var ErrNotYetValid = errors.New("issued further in the future than keys.clock_skew")

var (
	errExpired        = errors.New("expired")
	errLastGeneration = errors.New("the grant has no further generation")
)

// invalid returns an ErrInvalid with a reason for the log.
func invalid(reason string) error { return fmt.Errorf("%w: %s", ErrInvalid, reason) }

// refuse returns an ErrRefused with a reason for the log.
func refuse(reason error) error { return fmt.Errorf("%w: %w", ErrRefused, reason) }

// Refusal converts an error of a Verifier into an error for the caller. A token
// that is invalid or refused becomes an error of that category. Every other
// error becomes temporarily_unavailable.
func Refusal(code oauth.Code, err error) error {
	if errors.Is(err, ErrInvalid) || errors.Is(err, ErrRefused) {
		return oauth.Refused(code, err)
	}
	return oauth.Unavailable(err)
}
