package issuer

import (
	"fmt"
	"sync"
	"time"

	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/token"
)

// An audience may allow that a crowd of instances of one client, which all want the same, costs one signature. This is for what
// a client gets in its own name: one of its tokens is as good as another, belongs to no grant, and is in no audit log. A token
// for a subject is made for each call: the log has each, its jti tells what was done with it from what was done with the
// others, and it is made only if the subject is enabled at that moment.

const (
	// repeatPart is which part of its life a token is given again for: the first tenth.
	repeatPart = 10
	// maxRepeats is how many tokens are kept to be given again. With what it is found by, one takes 2 KiB as a rule and 20 at most.
	maxRepeats = 1024
	// repeatsLookedAt is how many of them a new one is held up to look for those that are over.
	repeatsLookedAt = 8
)

// repeats are the tokens that this process may give again.
type repeats struct {
	mu sync.Mutex
	of map[repeatKey]*repeat
}

// A repeatKey is all in which tokens may differ but jti, iat and exp.
type repeatKey struct {
	// directory is the version of the clients and audiences. Whoever disables a client and enables it, or gives it another
	// secret, has nothing of before given out afterwards.
	directory int64
	kid       string
	// says is what the token says, by all of its fields.
	says string
}

// A repeat is a token that may be given again.
type repeat struct {
	issued, expires time.Time
	// made is when issued was by the monotonic clock.
	made time.Time
	// sign returns the token. Whoever comes first signs it, and the others wait for that, which no context ends.
	sign func() (string, error)
}

// signOwn makes an access token in the client's own name or, if all of its audiences allow that, gives one again that says the
// same. The key is taken first: where nothing may be signed nothing is given again, and what another key than that of now has
// signed is not. The lifetime is what remains of it.
func (i *Issuer) signOwn(call string, s *snapshot, client string, t target) (string, time.Duration, error) {
	own := grant.Grant{UserID: client, ClientID: client}
	if !t.repeats {
		return i.sign(call, s, own, t, nil)
	}
	signer, err := i.keys.Signer(t.algorithm)
	if err != nil {
		return "", 0, oauth.Unavailable(err)
	}
	access := i.access(s, own, t, nil)
	key := repeatKey{directory: s.version, kid: signer.KeyID, says: saying(access)}
	found, before := i.repeats.find(key, i.now, &repeat{
		issued: access.IssuedAt, expires: access.ExpiresAt, made: time.Now(),
		sign: sync.OnceValues(func() (string, error) { return i.signAccess(call, signer, access) }),
	})
	signed, err := found.sign()
	switch {
	case err != nil:
		i.repeats.forget(key, found)
		return "", 0, err
	case !before:
		return signed, access.ExpiresAt.Sub(access.IssuedAt), nil
	}
	i.watch.Repeated(call, t.algorithm)
	return signed, max(found.expires.Sub(i.now()), 0), nil
}

// saying returns what a token says but for its jti and when it lives; for how long it does counts.
func saying(a token.Access) string {
	a.ID, a.ExpiresAt, a.IssuedAt = "", time.Time{}.Add(a.ExpiresAt.Sub(a.IssuedAt)), time.Time{}
	return fmt.Sprintf("%#v", a) // every field, text in quotes
}

// find returns the token of that key that may be given again, with before true, or keeps another and returns that. It asks for
// the time itself, so that no token that is kept seems to be of a later one.
func (r *repeats) find(key repeatKey, now func() time.Time, another *repeat) (found *repeat, before bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := now()
	if found := r.of[key]; found != nil && found.young(at) {
		return found, true
	}
	r.makeRoom(at)
	if r.of == nil {
		r.of = map[repeatKey]*repeat{}
	}
	r.of[key] = another
	return another, false
}

// makeRoom drops those that are over among a few of them, and any one if there are too many.
func (r *repeats) makeRoom(at time.Time) {
	looked := 0
	for key, kept := range r.of {
		if looked++; looked > repeatsLookedAt {
			return
		}
		if len(r.of) >= maxRepeats || !kept.young(at) {
			delete(r.of, key)
		}
	}
}

// forget drops a token that could not be signed.
func (r *repeats) forget(key repeatKey, failed *repeat) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of[key] == failed {
		delete(r.of, key)
	}
}

// young says whether the token is in that part of its life in which it is given again. Its life goes by the wall clock; where
// that is set back, the time that has passed counts.
func (r *repeat) young(at time.Time) bool {
	age, part := at.Sub(r.issued), r.expires.Sub(r.issued)/repeatPart
	return age >= 0 && age < part && time.Since(r.made) < part
}
