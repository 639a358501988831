package token

import (
	"context"
	"crypto"
	"fmt"
	"math"
	"time"

	"github.com/signetd/signet/internal/jws"
	"github.com/signetd/signet/keys"
)

// maxGeneration is the last generation. A token of it cannot be rotated.
const maxGeneration = math.MaxUint32

// A Verifier verifies the tokens of one issuer. Each method has one of these
// verdicts:
//
//   - no error: the token is valid
//   - ErrInvalid: the issuer did not make it
//   - ErrRefused, with its content: the issuer made it, but it is expired, not
//     valid yet, under a compromised or destroyed key, or of the last
//     generation; its holder may end its grant and do nothing else
//   - any other error: not decidable now, because the key cannot be read
//
// A Verifier calls a key unknown only after a read of the store that began
// after the call.
type Verifier struct {
	// Issuer is the issuer identifier.
	Issuer string
	Keys   *keys.Manager
	// Now is the store's clock.
	Now  func() time.Time
	seen *jws.ValidSignatures
}

// RememberSignatures returns a Verifier that does not verify the signature of
// an access token again. It does everything else each time.
func (v Verifier) RememberSignatures() Verifier {
	v.seen = new(jws.ValidSignatures)
	return v
}

// Access verifies an access token and returns its claims; see VerifyAccess.
func (v Verifier) Access(ctx context.Context, compact string) (Access, error) {
	find := func(kid string) (string, crypto.PublicKey, error) { return v.Keys.PublicKey(ctx, kid) }
	return VerifyAccess(compact, v.Issuer, find, v.Now(), v.Keys.ClockSkew(), v.seen)
}

// Refresh verifies the MAC of a refresh token and returns its content. It does
// not read the grant.
func (v Verifier) Refresh(ctx context.Context, text string) (Refresh, error) {
	unverified, err := ParseRefresh(text)
	if err != nil {
		return Refresh{}, err
	}
	secret, refused, err := v.secret(ctx, unverified.KeyID)
	if err != nil {
		return Refresh{}, err
	}
	r, err := unverified.Verify(secret)
	switch {
	case err != nil:
		return Refresh{}, err
	case refused != nil:
		return r, refuse(refused)
	case r.Generation == maxGeneration:
		return r, refuse(errLastGeneration)
	}
	return r, nil
}

// Session verifies the MAC of a session token and returns its content. It does
// not read the grant.
func (v Verifier) Session(ctx context.Context, text string) (Session, error) {
	unverified, err := ParseSession(text)
	if err != nil {
		return Session{}, err
	}
	secret, refused, err := v.secret(ctx, unverified.KeyID)
	if err != nil {
		return Session{}, err
	}
	s, err := unverified.Verify(secret)
	if err == nil && refused != nil {
		err = refuse(refused)
	}
	return s, err
}

// Device verifies that a device token was made for the user's account.
func (v Verifier) Device(ctx context.Context, text, userID string) error {
	device, err := ParseDevice(text)
	if err != nil {
		return err
	}
	secret, refused, err := v.secret(ctx, device.KeyID)
	switch {
	case err != nil:
		return err
	case !device.ValidFor(userID, secret):
		return invalid("invalid MAC")
	case refused != nil:
		return refuse(refused)
	}
	return nil
}

// secret returns the secret of a MAC key. refused is the reason why the tokens
// of the key are refused, or nil.
func (v Verifier) secret(ctx context.Context, id string) (secret []byte, refused, err error) {
	secret, err = v.Keys.MAC(ctx, id)
	switch {
	case keys.IsRefused(err):
		return secret, err, nil
	case keys.IsUnusable(err):
		return nil, nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	case err != nil:
		return nil, nil, fmt.Errorf("find the MAC key of a token: %w", err)
	}
	return secret, nil, nil
}
