package keys_test

import (
	"bytes"
	"context"
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
	"github.com/signetd/signet/internal/sqlite"
	"github.com/signetd/signet/keys"
)

// Whatever key signs is in the JWK Set of the same moment, under its kid and algorithm: from the first start on, through a
// rotation, a rotation at once and a compromise.
func TestRule15_SigningKeyIsPublished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.use(keys.RS256, keys.ES256, keys.EdDSA)
		m, stop := h.run()
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
					t.Errorf("%v signs, published are %v", s, published)
				}
				signed[s.KeyID] = true
			}
		}
		check()
		_, err := m.Rotate(t.Context(), nil, keys.RotateOptions{})
		must(t, err)
		for range 300 {
			time.Sleep(15 * time.Second)
			check()
		}
		_, err = m.Rotate(t.Context(), nil, keys.RotateOptions{Now: true})
		must(t, err)
		check()
		must(t, m.Compromise(t.Context(), h.signs(m, keys.ES256)))
		check()
		if len(signed) != 10 {
			t.Errorf("%d keys signed, want 3 first, 3 rotated, 3 at once and 1 after the compromise", len(signed))
		}
	})
}

// What lies on the disk contains no private half of a key and no MAC key in any usual form.
func TestRule19_KeysRestSealed(t *testing.T) {
	h := newHouse(t)
	h.use(keys.RS256, keys.ES256, keys.EdDSA)
	m := h.open()
	_, mac, err := m.CurrentMAC()
	must(t, err)
	secrets := map[string][]byte{"the MAC key in use": mac}
	keks, err := seal.LoadOwn(h.kekFile)
	must(t, err)
	for _, k := range h.ring().Keys {
		private, err := keks.Open(k.KEK, seal.Label{Table: "keys", ID: k.ID, Algorithm: k.Algorithm}, k.Sealed)
		must(t, err)
		// The end of a PKCS #8 document is the private key itself, or the last of its numbers.
		secrets[k.Algorithm+" key "+k.ID] = private[len(private)-32:]
		if k.Algorithm == keys.RS256 {
			secrets["the middle of "+k.ID] = private[len(private)/2 : len(private)/2+32]
		}
		if k.Algorithm == keys.ES256 {
			secrets["the scalar of "+k.ID] = private[36:68]
		}
	}
	var onDisk []byte
	files, err := filepath.Glob(h.path + "*")
	must(t, err)
	for _, file := range files {
		data, err := os.ReadFile(file)
		must(t, err)
		onDisk = append(onDisk, data...)
	}
	if !bytes.Contains(onDisk, []byte(h.signs(m, keys.ES256))) {
		t.Fatal("the ring is not in the files that are searched")
	}
	for name, secret := range secrets {
		for form, text := range map[string]string{
			"raw": string(secret), "hexadecimal": hex.EncodeToString(secret), "base64": base64.StdEncoding.EncodeToString(secret)[:40],
			"base64url": base64.RawURLEncoding.EncodeToString(secret)[:40],
		} {
			if bytes.Contains(onDisk, []byte(text)) {
				t.Errorf("%s is on the disk, %s", name, form)
			}
		}
	}
	kekText, err := os.ReadFile(h.kekFile)
	must(t, err)
	for line := range bytes.Lines(kekText) {
		kek, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(line)))
		if err == nil && len(kek) == 32 && bytes.Contains(onDisk, kek) {
			t.Error("the KEK is on the disk beside what it seals")
		}
	}
}

// While the machine's clock jumps by up to a year, forth and back, for minutes or for longer than a jump is held off, no
// key but the first signs before it has been published for max-age and skew, and none leaves the JWK Set before the last
// token that it signed has expired everywhere.
func TestRule21_WhateverTheClockDoes(t *testing.T) {
	if v := jumpingClock(t, testPolicy().PublishAhead); v != "" {
		t.Error(v)
	}
}

// The test of the rule must be able to fail.
func TestRule21_FailsWithoutTheWait(t *testing.T) {
	if v := jumpingClock(t, 0); v == "" {
		t.Error("keys sign as soon as they exist, and nothing was found")
	}
}

// jumpingClock lives through 60 days and returns the first violation.
func jumpingClock(t *testing.T, publishAhead time.Duration) (violation string) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	synctest.Test(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(seed, 21))
		h := newHouse(t)
		h.policy.PollInterval = time.Minute
		h.policy.PublishAhead = publishAhead
		h.policy.RotateEvery = 6 * time.Hour
		var off time.Duration
		wall := func(o *keys.Options) { o.Now = func() time.Time { return time.Now().Add(off) } }
		m := h.open(wall)
		first := h.signs(m, keys.ES256)
		published, signed := make(map[string]time.Time), make(map[string]time.Time)
		young := h.policy.MaxAge + h.policy.ClockSkew
		kept := h.policy.MaxLifetime + h.policy.MaxAge + h.policy.ClockSkew
		for minute := range 60 * 24 * 60 {
			time.Sleep(time.Minute)
			if random.IntN(400) == 0 {
				off = time.Duration(random.Int64N(int64(2*365*24*time.Hour))) - 365*24*time.Hour
			}
			if random.IntN(200) == 0 {
				off = 0
			}
			must(t, m.Poll(t.Context()))
			if random.IntN(600) == 0 { // A command on the same machine, which has but the wall.
				_, err := h.open(operator, wall).Rotate(context.Background(), nil, keys.RotateOptions{})
				must(t, err)
			}
			now := time.Now()
			set := string(m.Set().Bytes)
			for _, row := range m.Rows() {
				if _, _, ok := m.PublicKey(row.Key); ok && published[row.Key].IsZero() {
					published[row.Key] = now
				}
			}
			s, err := m.Signer(keys.ES256)
			must(t, err)
			if s.KeyID != first && now.Sub(published[s.KeyID]) < young {
				violation = fmt.Sprintf("minute %d, clock off by %s: %s signs %s after it was published", minute, off, s.KeyID, now.Sub(published[s.KeyID]))
				return
			}
			signed[s.KeyID] = now
			for kid, last := range signed {
				if now.Sub(last) < kept && !bytes.Contains([]byte(set), []byte(kid)) {
					violation = fmt.Sprintf("minute %d, clock off by %s: %s left the JWK Set %s after it signed", minute, off, kid, now.Sub(last))
					return
				}
			}
		}
		if len(signed) < 20 {
			t.Errorf("only %d keys signed: the test proves little", len(signed))
		}
	})
	return violation
}

var _ keys.Store = (*sqlite.Store)(nil)
