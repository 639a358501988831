package jws

import (
	"errors"
	"fmt"
)

// ErrInvalid is the error for every token that is rejected. The errors that
// wrap it describe the reason in fixed words, for the log. They never contain
// any content of the token.
var ErrInvalid = errors.New("invalid token")

// reject returns an ErrInvalid with a reason.
func reject(reason string) error { return fmt.Errorf("%w: %s", ErrInvalid, reason) }
