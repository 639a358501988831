package keys_test

import (
	"fmt"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/lestrrat-go/jwx/v2/jws"

	"github.com/signetd/signet/keys"
)

// observe holds the world against the promises, and returns the first that is broken.
func (w *world) observe() string {
	if logged := w.failures.text(); logged != "" {
		return "a server logged " + logged
	}
	now := time.Now()
	for _, r := range w.replicas {
		w.fetch(r, now)
	}
	for algorithm := range w.inUseSince {
		if fault := w.observeAlgorithm(algorithm); fault != "" {
			return fault
		}
	}
	for kid, last := range w.signed {
		if now.Sub(last.at) > time.Hour+w.policy.MaxAge { // Tokens live for an hour at most.
			delete(w.signed, kid)
			continue
		}
		for i, r := range w.replicas {
			if r.back.IsZero() && !w.excuses(last.algorithm) && !r.sets[len(r.sets)-1].kids[kid] {
				return fmt.Sprintf("the JWK Set of server %d has not %s, which signed %s ago", i, kid, now.Sub(last.at))
			}
		}
	}
	if now.Sub(w.began) < 2*time.Hour || w.intN(100) == 0 {
		return w.observeRows()
	}
	return ""
}

// fetch notes the JWK Set that a verifier gets now, and forgets those that nobody may hold any more.
func (w *world) fetch(r *replica, now time.Time) {
	for len(r.sets) > 0 && now.Sub(r.sets[0].last) > w.policy.MaxAge {
		r.sets = r.sets[1:]
	}
	if !r.back.IsZero() {
		return
	}
	set := r.Set()
	if n := len(r.sets); n == 0 || r.sets[n-1].etag != set.ETag {
		r.sets = append(r.sets, served{etag: set.ETag, kids: publishedBy(r.Manager), first: now})
	}
	r.sets[len(r.sets)-1].last = now
}

// firstDay says whether the algorithm is new: its first key signs at once, servers learn of it one after the other, and
// verifiers later.
func (w *world) firstDay(algorithm string) bool { return time.Since(w.inUseSince[algorithm]) < day }

// excuses says whether verifiers may refuse tokens now.
func (w *world) excuses(algorithm string) bool {
	since, ok := w.inUseSince[algorithm]
	return ok && time.Since(since) < day || time.Now().Before(w.excused)
}

// observeAlgorithm looks at what every server signs with.
func (w *world) observeAlgorithm(algorithm string) string {
	now, different, firstDay := time.Now(), make(map[string]bool), w.firstDay(algorithm)
	for i, r := range w.replicas {
		if !r.back.IsZero() {
			continue
		}
		s, err := r.Signer(algorithm)
		if err != nil {
			if firstDay {
				continue
			}
			return fmt.Sprintf("server %d cannot sign %s: %v", i, algorithm, err)
		}
		different[s.KeyID] = true
		if told := w.promised[algorithm]; s.KeyID == told.from && now.After(told.until) {
			return fmt.Sprintf("server %d signs with %s, although the operator was told that it would not after %s", i, s.KeyID, told.until)
		}
		if w.leaked[s.KeyID] {
			if !now.Before(w.excused) {
				return fmt.Sprintf("server %d still signs with %s, which is compromised", i, s.KeyID)
			}
			continue
		}
		if _, ok := w.signed[s.KeyID]; !ok {
			w.count["key"]++
		}
		if w.signed[s.KeyID] = (signature{algorithm, now}); w.excuses(algorithm) {
			continue
		}
		for j, other := range w.replicas {
			for _, set := range other.sets {
				if !set.kids[s.KeyID] {
					return fmt.Sprintf("server %d signs with %s, which the JWK Set that server %d served %s ago has not", i, s.KeyID, j, now.Sub(set.last))
				}
			}
		}
		if w.intN(500) == 0 {
			w.count["verified"]++
			if err := verify(w.replicas[w.intN(len(w.replicas))].Set(), s); err != nil {
				return fmt.Sprintf("server %d, %s: %v", i, algorithm, err)
			}
		}
	}
	if len(different) <= 1 || firstDay {
		delete(w.differs, algorithm)
		return ""
	}
	if w.differs[algorithm].IsZero() {
		w.differs[algorithm] = now
	}
	if lasts := now.Sub(w.differs[algorithm]); lasts > 2*w.policy.ClockSkew+w.policy.PollInterval {
		return fmt.Sprintf("servers sign %s with different keys since %s", algorithm, lasts)
	}
	return ""
}

// verify signs something and verifies it as a stranger does, with the JWK Set alone.
func verify(set *keys.Set, s keys.Signer) error {
	input := []byte("header.payload")
	signature, err := s.Sign(input)
	if err != nil {
		return err
	}
	parsed, err := jwk.Parse(set.Bytes)
	if err != nil {
		return err
	}
	key, ok := parsed.LookupKeyID(s.KeyID)
	if !ok {
		return fmt.Errorf("the JWK Set has not %s", s.KeyID)
	}
	verifier, err := jws.NewVerifier(jwa.SignatureAlgorithm(key.Algorithm().String()))
	if err != nil {
		return err
	}
	var public any
	if err := key.Raw(&public); err != nil {
		return err
	}
	return verifier.Verify(input, signature, public)
}

// observeRows looks at the ring: in each server's view one active key of each algorithm, and in the store every key that
// has signed lately, with its private half.
func (w *world) observeRows() string {
	for i, r := range w.replicas {
		if !r.back.IsZero() {
			continue
		}
		active := make(map[string]int)
		for _, row := range r.Rows() {
			if row.State == keys.Active {
				active[row.Algorithm]++
			}
		}
		for algorithm := range w.inUseSince {
			if n := active[algorithm]; n != 1 && !w.firstDay(algorithm) {
				return fmt.Sprintf("server %d sees %d active %s keys", i, n, algorithm)
			}
		}
		if active[keys.MAC] != 1 {
			return fmt.Sprintf("server %d sees %d active MAC keys", i, active[keys.MAC])
		}
	}
	present := make(map[string]bool)
	for _, k := range w.ring().Keys {
		present[k.ID] = k.Sealed != nil
	}
	for kid, last := range w.signed {
		if !present[kid] {
			return fmt.Sprintf("the ring has lost %s, which signed %s ago", kid, time.Since(last.at))
		}
	}
	return ""
}
