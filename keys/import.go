package keys

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/signetd/signet/internal/audit"
)

// Import adds a private signing key that was generated elsewhere as the spare
// of its algorithm. text is PEM (PKCS #8, PKCS #1 or SEC 1) or a JWK. The key
// is published from now on and waits before it signs, like every spare. Import
// deletes a spare that was generated here, because it has signed nothing.
//
// The kid is as, or if that is empty the kid of the JWK. So tokens that the key
// has signed elsewhere under this kid can be verified. Without both, it is the
// RFC 7638 thumbprint of the key.
func (o *Operator) Import(ctx context.Context, by audit.Actor, text []byte, as string) (kid string, err error) {
	signer, kid, err := parsePrivate(text)
	if err != nil {
		return "", err
	}
	k, private, err := describe(signer)
	if err != nil {
		return "", err
	}
	if kid = cmp.Or(as, kid); kid != "" {
		k.ID = kid
	}
	if !isKID(k.ID) {
		return "", fmt.Errorf("the kid must have 1 to %d printable ASCII characters, "+
			"and no space, quote or backslash; --kid names another one", maxKID)
	}

	return k.ID, o.writer.apply(ctx, by, func(u *update) error {
		if err := u.addImported(k); err != nil {
			return err
		}
		added := &u.ring.Keys[len(u.ring.Keys)-1]
		added.KEK, added.Sealed, err = o.writer.seal(u.ring, k, private)
		return err
	})
}

// addImported adds an imported key, whose private key is not sealed yet, as the
// spare of its algorithm. It deletes a spare that was generated here. A spare
// with a kid of elsewhere stays, because it may have signed tokens there.
func (u *update) addImported(k Key) error {
	if err := u.checkNew(k); err != nil {
		return err
	}
	if _, ok := u.active(k.Algorithm); !ok {
		return fmt.Errorf("the ring has no active %s key yet: an audience must use %s, and a server must run until "+
			"its first key is active", k.Algorithm, k.Algorithm)
	}
	for _, i := range u.ring.preActive(k.Algorithm, u.now) {
		if old := u.ring.Keys[i]; old.ActivateAt.IsZero() && hasThumbprint(old) {
			u.ring.Keys = slices.Delete(u.ring.Keys, i, i+1)
			u.record(audit.KeyRetired, old.ID, "replaced by an imported key; never signed")
			break
		}
	}

	k.CreatedAt, k.Lifetime = u.now, u.policy.lifetime(k.Algorithm)
	u.ring.Keys = append(u.ring.Keys, k)
	u.record(audit.KeyImported, k.ID, operatorRequest)
	return nil
}

// checkNew checks that the ring has neither the key nor its kid, also as that
// of a MAC key or of a destroyed key, and that the kid is the thumbprint of no
// other key.
func (u *update) checkNew(k Key) error {
	for _, other := range u.ring.Keys {
		switch {
		case other.Public != nil && bytes.Equal(other.Public, k.Public):
			return fmt.Errorf("the key %s is in the ring already", other.ID)
		case other.ID == k.ID, other.Public != nil && thumbprintOf(other.Public) == k.ID:
			return fmt.Errorf("another key of the ring has the kid %s", k.ID)
		}
	}
	return nil
}
