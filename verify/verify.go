package verify

import (
	"context"
	"crypto"
	"slices"

	"github.com/signetd/signet/internal/jws"
)

// Verify verifies an access token and returns its claims. It checks that the
// issuer signed it for the audience, that it is an access token (RFC 9068 §4)
// and has no claim that it would have to understand, that it has not expired,
// and that it is not revoked.
//
// Verify sends no request, with two exceptions: for a token with an unknown key
// it waits up to two seconds for the issuer's new keys, and with Introspect it
// asks the issuer if the revocations are too old.
//
// The error is ErrInvalid for a token that must be refused. It is
// ErrUnavailable if that cannot be decided now, or the error of ctx.
func (v *Verifier) Verify(ctx context.Context, token string) (*Claims, error) {
	t, err := v.verifySignature(ctx, token)
	if err != nil {
		return nil, err
	}
	if t.Type != jws.AccessType {
		return nil, invalid("not an access token")
	}
	raw, err := jws.ReadAccessClaims(t.Payload)
	if err != nil {
		return nil, err
	}
	c := newClaims(raw, t.KeyID)
	if err := v.checkClaims(c, raw); err != nil {
		return nil, err
	}
	if err := v.checkRevocation(ctx, c, token); err != nil {
		return nil, err
	}
	return c, nil
}

// verifySignature verifies the signature with a key of the current JWK Set.
func (v *Verifier) verifySignature(ctx context.Context, token string) (jws.Token, error) {
	t, kid, err := v.tryKeys(token)
	if kid == "" {
		return t, err
	}
	if v.feed != nil && v.feed.names(kid) {
		return jws.Token{}, ErrRevoked // the key has left the set for good
	}
	if err := v.keys.find(ctx, kid); err != nil {
		return jws.Token{}, err
	}
	t, _, err = v.tryKeys(token)
	return t, err
}

// tryKeys verifies the signature. unknown is the kid if it is not in the set.
func (v *Verifier) tryKeys(token string) (t jws.Token, unknown string, err error) {
	set, err := v.keys.usable()
	if err != nil {
		return jws.Token{}, "", err
	}
	t, err = jws.Verify(token, func(kid string) (string, crypto.PublicKey, bool) {
		k, ok := set.keys[kid]
		if !ok {
			unknown = kid
		}
		return k.algorithm, k.key, ok
	})
	return t, unknown, err
}

// checkClaims checks the claims that depend on the Verifier and on the time.
func (v *Verifier) checkClaims(c *Claims, raw jws.AccessClaims) error {
	now, leeway := v.now(), v.options.Leeway
	latest := now.Add(leeway).Unix()
	switch {
	case raw.Issuer != v.identifier:
		return ErrIssuer
	case !slices.Contains(raw.Audience, v.options.Audience):
		return ErrAudience
	case raw.IssuedAt > latest, raw.NotBefore > latest:
		return ErrNotYet
	case !now.Before(c.ExpiresAt.Add(leeway)):
		return ErrExpired
	}
	return nil
}

// checkRevocation returns ErrRevoked for a revoked token. If the revocations
// are too old, it does what the policy says.
func (v *Verifier) checkRevocation(ctx context.Context, c *Claims, token string) error {
	if v.feed == nil {
		return nil
	}
	// The age comes first: entries that arrive now make the answer newer.
	age, _ := v.feed.age()
	if v.feed.table.Refuses(c.marks) != 0 {
		return ErrRevoked
	}
	if age <= v.options.Revocation.bound {
		return nil
	}

	switch v.options.Revocation.mode {
	case failOpen:
		c.Unchecked = true
		return nil
	case introspect:
		active, err := v.introspector.active(ctx, token)
		if err == nil && !active {
			err = ErrRevoked
		}
		return err
	}
	return ErrStale
}
