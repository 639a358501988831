package keys

import (
	"context"
	"fmt"
	"slices"

	"github.com/signetd/signet/internal/audit"
)

// Import adds a private signing key that was generated elsewhere as the spare
// of its algorithm. text is PEM (PKCS #8, PKCS #1 or SEC 1) or a JWK. The key
// is published from now on and waits before it signs, like every spare. Import
// deletes the present spare, which has signed nothing. The kid is the RFC 7638
// thumbprint of the key, even if the key had another kid elsewhere.
func (o *Operator) Import(ctx context.Context, by audit.Actor, text []byte) (kid string, err error) {
	signer, err := parsePrivate(text)
	if err != nil {
		return "", err
	}
	k, private, err := describe(signer)
	if err != nil {
		return "", err
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
// spare of its algorithm. It deletes the present spare, which has signed
// nothing.
func (u *update) addImported(k Key) error {
	if u.ring.index(k.ID) >= 0 {
		return fmt.Errorf("the key %s is in the ring already", k.ID)
	}
	if _, ok := u.active(k.Algorithm); !ok {
		return fmt.Errorf("no audience uses %s yet: set it for an audience first, "+
			"and wait until its first key is active", k.Algorithm)
	}
	for _, i := range u.ring.preActive(k.Algorithm, u.now) {
		if old := u.ring.Keys[i]; old.ActivateAt.IsZero() {
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
