package keys_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/internal/seal"
	"github.com/signetd/signet/keys"
)

// Rule 15: the active key is always in the JWK Set, with its kid and algorithm:
// from the first start, through a rotation, a rotation at once and a
// compromise.
func TestRule15_SigningKeyIsPublished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.setInUse(keys.RS256, keys.ES256, keys.EdDSA)
		m, stop := f.run()
		defer stop()
		signed := make(map[string]bool)
		check := func() {
			t.Helper()
			var set struct {
				Keys []struct{ Kid, Alg string }
			}
			must(t, json.Unmarshal(m.Set().Bytes, &set))
			published := make(map[string]string)
			for _, k := range set.Keys {
				published[k.Kid] = k.Alg
			}
			for _, algorithm := range []string{keys.RS256, keys.ES256, keys.EdDSA} {
				s, err := m.Signer(algorithm)
				must(t, err)
				if published[s.KeyID] != algorithm || s.Algorithm != algorithm {
					t.Errorf("%v signs, but the JWK Set has %v", s, published)
				}
				signed[s.KeyID] = true
			}
		}

		check()
		_, err := m.Operator().Rotate(t.Context(), by, nil, keys.RotateOptions{})
		must(t, err)
		for range 300 {
			time.Sleep(15 * time.Second)
			check()
		}

		_, err = m.Operator().Rotate(t.Context(), by, nil, keys.RotateOptions{Now: true})
		must(t, err)
		check()
		must(t, m.Operator().Compromise(t.Context(), by, f.activeKID(m, keys.ES256)))
		check()
		if len(signed) != 10 {
			t.Errorf("%d keys signed, want 3 first, 3 rotated, 3 at once and 1 after the compromise", len(signed))
		}
	})
}

// Rule 19: the files of the store contain no private key and no MAC key in any
// usual form.
func TestRule19_KeysAreSealedAtRest(t *testing.T) {
	f := newFixture(t)
	f.setInUse(keys.RS256, keys.ES256, keys.EdDSA)
	m := f.open()
	_, mac, err := m.CurrentMAC()
	must(t, err)

	secrets := map[string][]byte{"the MAC key in use": mac}

	keks, err := seal.LoadOwn(f.kekFile)
	must(t, err)
	for _, k := range f.ring().Keys {
		private, err := keks.Open(k.KEK, seal.Label{Table: "keys", ID: k.ID, Algorithm: k.Algorithm}, k.Sealed)
		must(t, err)
		// A MAC key, the seed of an Ed25519 key (RFC 8410), or the end of the
		// last integer of an RSA key.
		end := private[len(private)-32:]
		if k.Algorithm == keys.ES256 {
			parsed, err := x509.ParsePKCS8PrivateKey(private)
			must(t, err)
			end, err = parsed.(*ecdsa.PrivateKey).Bytes()
			must(t, err)
		}
		secrets[k.Algorithm+" key "+k.ID] = end
		if k.Algorithm == keys.RS256 {
			secrets["the middle of "+k.ID] = private[len(private)/2 : len(private)/2+32]
		}
	}

	var onDisk []byte
	files, err := filepath.Glob(f.path + "*")
	must(t, err)
	for _, file := range files {
		data, err := os.ReadFile(file)
		must(t, err)
		onDisk = append(onDisk, data...)
	}
	if !bytes.Contains(onDisk, []byte(f.activeKID(m, keys.ES256))) {
		t.Fatal("the searched files do not contain the ring")
	}

	for name, secret := range secrets {
		for form, text := range map[string]string{
			"raw":         string(secret),
			"hexadecimal": hex.EncodeToString(secret),
			"base64":      base64.StdEncoding.EncodeToString(secret)[:40],
			"base64url":   base64.RawURLEncoding.EncodeToString(secret)[:40],
		} {
			if bytes.Contains(onDisk, []byte(text)) {
				t.Errorf("%s is on the disk (%s)", name, form)
			}
		}
	}

	kekText, err := os.ReadFile(f.kekFile)
	must(t, err)
	for line := range bytes.Lines(kekText) {
		kek, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(line)))
		if err == nil && len(kek) == 32 && bytes.Contains(onDisk, kek) {
			t.Error("the KEK is in the files of the store")
		}
	}
}

// Rule 21: while the machine's clock jumps by up to a year in both directions,
// for minutes or until the jump is confirmed, no key except the first signs
// before it has been published for max_age and the clock skew. No key leaves
// the JWK Set before its last token has expired on every clock.
func TestRule21_JumpingClock(t *testing.T) {
	days := 10
	if testing.Short() {
		days = 2
	}
	// A run in which the clock is far ahead when a key is created has no
	// further rotation and shows little.
	for range 5 {
		signed, violation := jumpingClock(t, days, testPolicy().PublishAhead)
		if violation != "" {
			t.Fatal(violation)
		}
		if signed >= 4 {
			return
		}
	}
	t.Error("in each run fewer than 4 keys signed")
}

// Rule 21: a server that starts with a clock one day ahead has keys whose
// retention has ended by their dates. It keeps them until it has itself seen
// them inactive for the retention.
func TestRule21_RestartWithAWrongClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		before := f.open()
		last := f.activeKID(before, keys.ES256)
		_, err := before.Operator().Rotate(t.Context(), by, nil, keys.RotateOptions{Now: true})
		must(t, err)

		m, stop := f.run(skewed(day))
		defer stop()
		time.Sleep(f.policy.Retention() - time.Minute)
		if _, _, ok := publicKey(m, last); !ok {
			t.Error("the key left the JWK Set before its tokens expired")
		}
		time.Sleep(2 * time.Minute)
		if _, _, ok := publicKey(m, last); ok {
			t.Error("the key is still in the JWK Set after the retention")
		}
	})
}

// Rule 21: jumpingClock detects keys that sign without the publication time. A
// run in which the clock is far ahead when a key is created has no further
// rotation and detects nothing, so the test tries several runs. A run ends at
// its first violation, so -short needs no shorter run.
func TestRule21_DetectsMissingPublicationTime(t *testing.T) {
	for range 5 {
		if _, violation := jumpingClock(t, 10, 0); violation != "" {
			return
		}
	}
	t.Error("keys signed without the publication time, but no run detected it")
}

// jumpingClock simulates a server whose clock jumps. It returns how many keys
// signed, and the first violation, or "".
func jumpingClock(t *testing.T, days int, publishAhead time.Duration) (signedKeys int, violation string) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	synctest.Test(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(seed, 21))
		f := newFixture(t)
		f.policy.PollInterval = 2 * time.Minute
		f.policy.MaxAge = 10 * time.Minute
		f.policy.PublishAhead = publishAhead
		f.policy.RotateEvery = 3 * time.Hour

		var offset time.Duration
		wall := func(o *keys.Options) { o.Now = func() time.Time { return time.Now().Add(offset) } }
		m := f.open(wall)
		first := f.activeKID(m, keys.ES256)
		published, signed := make(map[string]time.Time), make(map[string]time.Time)
		var etag string
		var set map[string]bool

		publishTime := f.policy.MaxAge + f.policy.ClockSkew
		retention := f.policy.MaxLifetime + f.policy.MaxAge + f.policy.ClockSkew
		for turn := range days * 24 * 30 {
			time.Sleep(2 * time.Minute)
			switch random.IntN(120) {
			case 0:
				offset = time.Duration(random.Int64N(int64(2*365*24*time.Hour))) - 365*24*time.Hour
			case 1:
				offset = time.Duration(random.Int64N(int64(12*time.Hour))) - 6*time.Hour
			case 2, 3, 4:
				offset = 0
			case 5: // A command on the same machine has only the wall clock.
				_, err := f.operator(wall).Rotate(context.Background(), by, nil, keys.RotateOptions{})
				must(t, err)
			case 6, 7, 8, 9:
				_, err := m.Operator().Rotate(t.Context(), by, nil, keys.RotateOptions{})
				must(t, err)
			}

			if turn%30 == 0 {
				removeFutureDates(t, m.Operator(), f.ring())
			}

			must(t, m.Poll(t.Context()))
			now := time.Now()
			if m.Set().ETag != etag {
				etag, set = m.Set().ETag, publishedKIDs(m)
			}
			for kid := range set {
				if published[kid].IsZero() {
					published[kid] = now
				}
			}

			s, err := m.Signer(keys.ES256)
			must(t, err)
			if signed[s.KeyID].IsZero() {
				signedKeys++
			}
			signed[s.KeyID] = now

			if since := now.Sub(published[s.KeyID]); s.KeyID != first && since < publishTime {
				violation = fmt.Sprintf("turn %d, the clock is wrong by %s: %s signs %s after it was published",
					turn, offset, s.KeyID, since)
				return
			}

			for kid, last := range signed {
				if now.Sub(last) >= retention {
					delete(signed, kid)
				} else if !set[kid] {
					violation = fmt.Sprintf("turn %d, the clock is wrong by %s: %s left the JWK Set %s after it signed",
						turn, offset, kid, now.Sub(last))
					return
				}
			}
		}
	})
	return signedKeys, violation
}

// removeFutureDates does what an operator does after a command ran with a wrong
// clock. It cancels activation dates far in the future. It removes spares with
// a creation date far in the future, because they could not activate before it.
func removeFutureDates(t *testing.T, operator *keys.Operator, ring keys.Ring) {
	soon := time.Now().Add(24 * time.Hour)
	for _, k := range ring.Keys {
		if k.ActivateAt.After(soon) {
			_ = operator.Cancel(t.Context(), by, k.ID) // It refuses keys that are not pre-active.
		}
		if k.CreatedAt.After(soon) && k.ActivateAt.IsZero() && k.CompromisedAt.IsZero() && k.DestroyedAt.IsZero() {
			must(t, operator.Compromise(t.Context(), by, k.ID))
		}
	}
}
