package keys_test

import (
	"fmt"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/lestrrat-go/jwx/v2/jws"

	"github.com/signetd/signet/keys"
)

// check checks all invariants and returns the first violation, or "".
func (w *world) check() (violation string) {
	if logged := w.errorLog.text(); logged != "" {
		return "a server logged " + logged
	}
	now := time.Now()
	for _, s := range w.servers {
		w.fetch(s, now)
	}
	for algorithm := range w.inUseSince {
		if violation := w.checkSigners(algorithm); violation != "" {
			return violation
		}
	}

	for kid, last := range w.signed {
		if now.Sub(last.at) > time.Hour+w.policy.MaxAge { // No token lives longer than an hour.
			delete(w.signed, kid)
			continue
		}
		for i, s := range w.servers {
			if s.runs() && !w.mayReject(last.algorithm) && !s.sets[len(s.sets)-1].kids[kid] {
				return fmt.Sprintf("the JWK Set of server %d does not have %s, which signed %s ago",
					i, kid, now.Sub(last.at))
			}
		}
	}
	if now.Sub(w.start) < 2*time.Hour || w.intN(100) == 0 {
		return w.checkRows()
	}
	return ""
}

// fetch records the JWK Set that a verifier gets now, and removes the sets that
// no verifier may cache any more.
func (w *world) fetch(s *server, now time.Time) {
	for len(s.sets) > 0 && now.Sub(s.sets[0].last) > w.policy.MaxAge {
		s.sets = s.sets[1:]
	}
	if !s.runs() {
		return
	}
	set := s.Set()
	if n := len(s.sets); n == 0 || s.sets[n-1].etag != set.ETag {
		s.sets = append(s.sets, servedSet{etag: set.ETag, kids: publishedKIDs(s.Manager)})
	}
	s.sets[len(s.sets)-1].last = now
}

// isNew reports whether an algorithm has been in use for less than a day. Its
// first key signs at once, before all servers and verifiers have it.
func (w *world) isNew(algorithm string) bool { return time.Since(w.inUseSince[algorithm]) < day }

// mayReject reports whether verifiers may reject tokens now.
func (w *world) mayReject(algorithm string) bool {
	since, ok := w.inUseSince[algorithm]
	return ok && time.Since(since) < day || time.Now().Before(w.mayRejectUntil)
}

// checkSigners checks the active key of every server.
func (w *world) checkSigners(algorithm string) (violation string) {
	now, active, isNew := time.Now(), make(map[string]bool), w.isNew(algorithm)
	for i, s := range w.servers {
		if !s.runs() {
			continue
		}
		signer, err := s.Signer(algorithm)
		if err != nil {
			if isNew {
				continue
			}
			return fmt.Sprintf("server %d cannot sign with %s: %v", i, algorithm, err)
		}
		active[signer.KeyID] = true
		if violation := w.checkSigner(i, signer, now); violation != "" {
			return violation
		}
	}

	if len(active) <= 1 || isNew {
		delete(w.differSince, algorithm)
		return ""
	}
	if w.differSince[algorithm].IsZero() {
		w.differSince[algorithm] = now
	}
	if lasts := now.Sub(w.differSince[algorithm]); lasts > 2*w.policy.ClockSkew+w.policy.PollInterval {
		return fmt.Sprintf("servers have signed %s with different keys for %s", algorithm, lasts)
	}
	return ""
}

// checkSigner checks the active key of server i.
func (w *world) checkSigner(i int, s keys.Signer, now time.Time) (violation string) {
	if end := w.deadlines[s.Algorithm]; s.KeyID == end.kid && now.After(end.at) {
		return fmt.Sprintf("server %d signs with %s, which the plan deactivated before %s", i, s.KeyID, end.at)
	}
	if w.compromised[s.KeyID] {
		if !now.Before(w.mayRejectUntil) {
			return fmt.Sprintf("server %d still signs with %s, which is compromised", i, s.KeyID)
		}
		return ""
	}

	if _, ok := w.signed[s.KeyID]; !ok {
		w.count["key"]++
	}
	w.signed[s.KeyID] = signature{s.Algorithm, now}
	if w.mayReject(s.Algorithm) {
		return ""
	}

	for j, other := range w.servers {
		for _, set := range other.sets {
			if !set.kids[s.KeyID] {
				return fmt.Sprintf("server %d signs with %s, which is not in the JWK Set that server %d served %s ago",
					i, s.KeyID, j, now.Sub(set.last))
			}
		}
	}
	if w.intN(500) == 0 {
		w.count["verified"]++
		if err := verify(w.servers[w.intN(len(w.servers))].Set(), s); err != nil {
			return fmt.Sprintf("server %d, %s: %v", i, s.Algorithm, err)
		}
	}
	return ""
}

// verify signs an input and verifies the signature with only the JWK Set.
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
		return fmt.Errorf("the JWK Set does not have %s", s.KeyID)
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

// checkRows checks that each server has one active key of each algorithm, and
// that the store has every key that signed recently, with its private key.
func (w *world) checkRows() (violation string) {
	for i, s := range w.servers {
		if !s.runs() {
			continue
		}
		active := make(map[string]int)
		for _, row := range s.Rows() {
			if row.State == keys.Active {
				active[row.Algorithm]++
			}
		}
		for algorithm := range w.inUseSince {
			if n := active[algorithm]; n != 1 && !w.isNew(algorithm) {
				return fmt.Sprintf("server %d has %d active %s keys", i, n, algorithm)
			}
		}
		if active[keys.MAC] != 1 {
			return fmt.Sprintf("server %d has %d active MAC keys", i, active[keys.MAC])
		}
	}

	present := make(map[string]bool)
	for _, k := range w.ring().Keys {
		present[k.ID] = k.Sealed != nil
	}
	for kid, last := range w.signed {
		if !present[kid] {
			return fmt.Sprintf("the ring does not have %s, which signed %s ago", kid, time.Since(last.at))
		}
	}
	return ""
}
