package admin

import (
	"context"
	"fmt"
	"time"

	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
)

// seenLately is within which time a verifier that runs has polled, and its poll
// is in the store.
const seenLately = time.Minute

// VerifierStore lists the verifiers that poll the feed of revocations.
type VerifierStore interface {
	// Verifiers returns verifiers, as grant.VerifierStore says.
	Verifiers(ctx context.Context, afterName, afterServer string, limit int) ([]grant.Verifier, error)
}

// Verifiers lists the verifiers that poll the feed of revocations under a name.
type Verifiers struct {
	store VerifierStore
	now   func() time.Time
}

// Verifiers returns at most limit verifiers, by name and then by server, that
// sort after the two names.
func (a *Verifiers) Verifiers(
	ctx context.Context, afterName, afterServer string, limit int,
) ([]grant.Verifier, error) {
	found, err := a.store.Verifiers(ctx, afterName, afterServer, limit)
	return found, oauth.FromStore(err)
}

// LackingKeys returns the verifiers that polled within the last minute and
// reported a JWK Set with other keys than the one with that ETag. names are
// those of all verifiers that polled within this time.
func (a *Verifiers) LackingKeys(
	ctx context.Context, etag string,
) (lacking []grant.Verifier, names map[string]bool, err error) {
	const limit = 1000
	names = map[string]bool{}
	for last := (grant.Verifier{}); ; {
		page, err := a.Verifiers(ctx, last.Name, last.Server, limit)
		if err != nil {
			return nil, nil, err
		}
		for _, v := range page {
			last = v
			if v.Keys == "" || a.now().Sub(v.SeenAt) > seenLately {
				continue
			}
			names[v.Name] = true
			if !v.HasKeys(etag) {
				lacking = append(lacking, v)
			}
		}
		if len(page) < limit {
			return lacking, names, nil
		}
	}
}

// maxKeyWarnings is how many verifiers KeyWarnings names.
const maxKeyWarnings = 20

// KeyWarnings returns a warning for each verifier of LackingKeys: it may reject
// the tokens of a key that is in the JWK Set with that ETag.
func (a *Verifiers) KeyWarnings(ctx context.Context, etag string) ([]string, error) {
	lacking, _, err := a.LackingKeys(ctx, etag)
	var warnings []string
	for i, v := range lacking {
		if i == maxKeyWarnings {
			return append(warnings, fmt.Sprintf("%d more verifiers did not have it", len(lacking)-i)), nil
		}
		warnings = append(warnings, fmt.Sprintf("the verifier %s, which polls %s, did not have the current JWK Set "+
			"at %s: it may reject tokens of the next key", v.Name, v.Server, v.SeenAt.UTC().Format(time.RFC3339)))
	}
	return warnings, err
}
