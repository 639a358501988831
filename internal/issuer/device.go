package issuer

import (
	"context"

	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/token"
	"github.com/signetd/signet/keys"
)

// KnownDevice reports whether the device token was made for the user. It
// returns false for a token whose key is unknown, destroyed or compromised.
func (i *Issuer) KnownDevice(ctx context.Context, deviceToken, userID string) (bool, error) {
	device, err := token.ParseDevice(deviceToken)
	if err != nil {
		return false, nil // none, or not made by the issuer
	}
	secret, err := i.keys.MAC(ctx, device.KeyID)
	if keys.IsUnusable(err) {
		return false, nil
	} else if err != nil {
		return false, oauth.Unavailable(err)
	}
	return device.ValidFor(userID, secret), nil
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
