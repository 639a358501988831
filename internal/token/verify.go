package token

import (
	"crypto"
	"fmt"
	"time"

	"github.com/signetd/signet/internal/jws"
	"github.com/signetd/signet/keys"
)

// VerifyAccess verifies an access token of this issuer and returns its claims.
// It follows RFC 9068 §4, but is stricter:
//
//   - The signature is by a key that find returns; see jws.Verify.
//   - The typ is exactly at+jwt.
//   - The iss is the issuer, byte for byte.
//   - The claims are such as SignAccess could write; see jws.ReadAccessClaims.
//
// The caller must check the audience.
//
// Another server's clock may be ahead of this one's by skew. This applies to
// iat and nbf, but not to exp.
//
// The error is one of the verdicts of Verifier. find fails as
// keys.Manager.PublicKey does. seen has signatures that need not be verified
// again, or is nil.
func VerifyAccess(
	compact, issuer string, find func(kid string) (algorithm string, key crypto.PublicKey, err error),
	now time.Time, skew time.Duration, seen *jws.ValidSignatures,
) (Access, error) {
	t, refused, err := verifySignature(compact, find, seen)
	if err != nil {
		return Access{}, err
	}
	if t.Type != accessType {
		return Access{}, invalid("not an access token")
	}
	claims, err := jws.ReadAccessClaims(t.Payload)
	if err != nil {
		return Access{}, err
	}
	a, err := newAccess(claims)
	if err != nil {
		return Access{}, err
	}
	a.KeyID = t.KeyID
	if a.Issuer != issuer {
		return Access{}, invalid("issued by another issuer")
	}

	switch latest := now.Add(skew); {
	case refused != nil:
		return a, refuse(refused)
	case a.IssuedAt.After(latest), numericDate(claims.NotBefore).After(latest):
		return a, refuse(ErrNotYetValid)
	case !now.Before(a.ExpiresAt):
		return a, refuse(errExpired)
	}
	return a, nil
}

// verifySignature verifies the signature of a token of this issuer. refused is
// the reason why the tokens of its key are refused, or nil.
func verifySignature(
	compact string, find func(kid string) (algorithm string, key crypto.PublicKey, err error),
	seen *jws.ValidSignatures,
) (t jws.Token, refused, err error) {
	var keyErr error
	t, err = seen.Verify(compact, func(kid string) (algorithm string, key crypto.PublicKey, ok bool) {
		algorithm, key, keyErr = find(kid)
		return algorithm, key, keyErr == nil || keys.IsRefused(keyErr)
	})
	switch {
	case keyErr != nil && !keys.IsUnusable(keyErr):
		return jws.Token{}, nil, fmt.Errorf("find the key of an access token: %w", keyErr)
	case err != nil:
		return jws.Token{}, nil, err
	}
	return t, keyErr, nil
}
