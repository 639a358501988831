package issuer

import (
	"context"
	"errors"

	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/token"
)

// KnownDevice reports whether the device token was made for the user. It
// returns false for a token whose key is unknown, destroyed or compromised, and
// for the empty text. If it cannot decide, it returns temporarily_unavailable.
func (i *Issuer) KnownDevice(ctx context.Context, deviceToken, userID string) (bool, error) {
	err := i.verifier.Device(ctx, deviceToken, userID)
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, token.ErrInvalid), errors.Is(err, token.ErrRefused):
		return false, nil
	}
	return false, oauth.Unavailable(err)
}

// UnknownNameKey returns the secret key under which attempts at unknown user
// names are counted.
func (i *Issuer) UnknownNameKey() ([]byte, error) {
	_, secret, err := i.keys.CurrentMAC()
	if err != nil {
		return nil, oauth.Unavailable(err)
	}
	return secret, nil
}
