package keys_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/lestrrat-go/jwx/v2/jws"

	"github.com/signetd/signet/keys"
)

// order returns the kids of the JWK Set for each algorithm, and the algorithms,
// in their order.
func order(t *testing.T, m *keys.Manager) (kids map[string][]string, algorithms []string) {
	t.Helper()
	var set struct{ Keys []struct{ Kid, Alg string } }
	must(t, json.Unmarshal(m.Set().Bytes, &set))
	kids = make(map[string][]string)
	for _, k := range set.Keys {
		kids[k.Alg] = append(kids[k.Alg], k.Kid)
		if !slices.Contains(algorithms, k.Alg) {
			algorithms = append(algorithms, k.Alg)
		} else if algorithms[len(algorithms)-1] != k.Alg {
			t.Errorf("the keys of %s are not together: %s", k.Alg, m.Set().Bytes)
		}
	}
	return kids, algorithms
}

// verifyWithFirstKey verifies a signature as a library does that ignores the
// kid: with the first key of the set that fits the algorithm.
func verifyWithFirstKey(t *testing.T, m *keys.Manager, algorithm string) {
	t.Helper()
	s, err := m.Signer(algorithm)
	must(t, err)
	const input = "eyJhbGciOiJub25lIn0.e30"
	signature, err := s.Sign([]byte(input))
	must(t, err)

	set, err := jwk.Parse(m.Set().Bytes)
	must(t, err)
	for n := range set.Len() {
		key, _ := set.Key(n)
		if key.Algorithm().String() != algorithm {
			continue
		}
		verifier, err := jws.NewVerifier(jwa.SignatureAlgorithm(algorithm))
		must(t, err)
		var public any
		must(t, key.Raw(&public))
		if err := verifier.Verify([]byte(input), signature, public); err != nil {
			t.Fatalf("at %s the key %s signs, and the first %s key of the set is %s",
				m.Now(), s.KeyID, algorithm, key.KeyID())
		}
		return
	}
	t.Errorf("the set has no %s key", algorithm)
}

// activation returns the first activation date of a plan.
func activation(plan keys.Plan) time.Time {
	return plan.Steps[slices.IndexFunc(plan.Steps, func(s keys.Step) bool { return s.State == keys.Active })].At
}

// A library that takes the first key that fits verifies each new token with the
// set of that moment: before, at and after the moment at which the next key
// begins to sign, after a rotation at once, and after a compromise. The servers
// change the order at that moment, not at their next poll.
func TestSet_FirstKeyOfAnAlgorithmSigns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		used := []string{keys.EdDSA, keys.RS256, keys.ES256}
		f.setInUse(used...)
		m := f.open()
		check := func() {
			t.Helper()
			for _, algorithm := range used {
				verifyWithFirstKey(t, m, algorithm)
			}
			if _, got := order(t, m); !slices.Equal(got, []string{keys.RS256, keys.ES256, keys.EdDSA}) {
				t.Fatalf("the algorithms are in the order %v", got)
			}
		}
		check()
		for range 2 {
			plan, err := m.Operator().Rotate(t.Context(), by, nil, keys.RotateOptions{})
			must(t, err)
			check()
			checkOrderAt(t, m, activation(plan), check)
		}

		_, err := m.Operator().Rotate(t.Context(), by, nil, keys.RotateOptions{Now: true})
		must(t, err)
		check()
		must(t, m.Operator().Compromise(t.Context(), by, f.activeKID(m, keys.ES256)))
		check()
		must(t, m.Poll(t.Context()))
		check()
	})
}

// checkOrderAt checks the set around the moment at which other keys begin to
// sign, without a poll. The ETag changes then, but says that the keys are the
// same, unlike that of the next change of the ring.
func checkOrderAt(t *testing.T, m *keys.Manager, activation time.Time, check func()) {
	t.Helper()
	time.Sleep(time.Until(activation) - pollTime)
	must(t, m.Poll(t.Context()))
	check()
	before := m.Set()
	time.Sleep(time.Until(activation) - time.Microsecond)
	check()
	if m.Set() != before {
		t.Error("the set changes before the activation")
	}
	for range 2 {
		time.Sleep(time.Microsecond)
		check()
		if now := m.Set(); now.ETag == before.ETag || !sameKeys(now.ETag, before.ETag) {
			t.Errorf("the ETag of the other order is %s, that of the first order %s", now.ETag, before.ETag)
		}
	}
	time.Sleep(pollTime)
	must(t, m.Poll(t.Context())) // It generates the next spare.
	check()
	if sameKeys(m.Set().ETag, before.ETag) {
		t.Error("the ETag of other keys says that they are the same")
	}
}

// sameKeys compares the part of two ETags that names the keys.
func sameKeys(a, b string) bool {
	a, _, _ = strings.Cut(a, ".")
	b, _, _ = strings.Cut(b, ".")
	return a == b
}

// After the key that signs come the next key and then the earlier ones, the
// latest first.
func TestSet_NextKeyIsSecondAndTheOldestLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		m := f.open()
		var signed []string
		for range 3 {
			signed = append([]string{f.activeKID(m, keys.ES256)}, signed...)
			rotateNow(t, m, keys.ES256)
			time.Sleep(time.Minute)
			must(t, m.Poll(t.Context()))
		}
		want := slices.Concat(kids(m, keys.ES256, keys.Active), kids(m, keys.ES256, keys.PreActive), signed)
		if got, _ := order(t, m); !slices.Equal(got[keys.ES256], want) || len(want) != 5 {
			t.Errorf("the order is\n%q, want\n%q", got[keys.ES256], want)
		}
	})
}

// Servers with different clocks serve the same bytes before the first of them
// changes the order, and after the last one has changed it.
func TestSet_ServersAgreeOnTheOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		late, early := f.open(skewed(-f.policy.ClockSkew)), f.open(skewed(f.policy.ClockSkew))
		servers := []*keys.Manager{late, early, f.open()}
		plan, err := late.Operator().Rotate(t.Context(), by, nil, keys.RotateOptions{})
		must(t, err)
		at := activation(plan)
		for time.Now().Before(at.Add(10 * time.Minute)) {
			for _, m := range slices.Concat(servers, servers) { // The first may generate a key that the others read.
				must(t, m.Poll(t.Context()))
				verifyWithFirstKey(t, m, keys.ES256)
			}
			differ := late.Set().ETag != early.Set().ETag
			if apart := time.Until(at); differ != (-f.policy.ClockSkew < apart && apart <= f.policy.ClockSkew) {
				t.Fatalf("%s from the activation, the sets differ: %t", apart, differ)
			}
			if !sameKeys(late.Set().ETag, early.Set().ETag) {
				t.Fatal("the ETags say that the servers have different keys")
			}
			time.Sleep(15 * time.Second)
		}
	})
}
