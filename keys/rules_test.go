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
		_, err := m.Rotate(t.Context(), by, nil, keys.RotateOptions{})
		must(t, err)
		for range 300 {
			time.Sleep(15 * time.Second)
			check()
		}
		_, err = m.Rotate(t.Context(), by, nil, keys.RotateOptions{Now: true})
		must(t, err)
		check()
		must(t, m.Compromise(t.Context(), by, h.signs(m, keys.ES256)))
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
		end := private[len(private)-32:] // A MAC key, the seed of an Ed25519 key (RFC 8410), or the end of an RSA key's last number.
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
	days := 10
	if testing.Short() {
		days = 2
	}
	if v := jumpingClock(t, days, testPolicy().PublishAhead); v != "" {
		t.Error(v)
	}
}

// A server that starts with a clock a day ahead finds keys past their end by the dates, and keeps them until it has itself
// seen them rest.
func TestRule21_RestartWithAWrongClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		before := h.open()
		last := h.signs(before, keys.ES256)
		_, err := before.Rotate(t.Context(), by, nil, keys.RotateOptions{Now: true})
		must(t, err)
		m, stop := h.run(skewed(day))
		defer stop()
		time.Sleep(h.policy.Retention() - time.Minute)
		if _, _, ok := m.PublicKey(last); !ok {
			t.Error("the key left the JWK Set while its tokens live")
		}
		time.Sleep(2 * time.Minute)
		if _, _, ok := m.PublicKey(last); ok {
			t.Error("the key never leaves")
		}
	})
}

// The test of the rule must be able to fail. It ends when it has, so the short form is not the shorter. Where the clock is far
// ahead when a key is made, no key follows and nothing can be found: then another life is looked at.
func TestRule21_FailsWithoutTheWait(t *testing.T) {
	for range 5 {
		if jumpingClock(t, 10, 0) != "" {
			return
		}
	}
	t.Error("keys sign as soon as they exist, and nothing was found")
}

// jumpingClock lives through so many days and returns the first violation.
func jumpingClock(t *testing.T, days int, publishAhead time.Duration) (violation string) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	synctest.Test(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(seed, 21))
		h := newHouse(t)
		h.policy.PollInterval = 2 * time.Minute
		h.policy.MaxAge = 10 * time.Minute
		h.policy.PublishAhead = publishAhead
		h.policy.RotateEvery = 3 * time.Hour
		var off time.Duration
		wall := func(o *keys.Options) { o.Now = func() time.Time { return time.Now().Add(off) } }
		m := h.open(wall)
		first := h.signs(m, keys.ES256)
		published, signed, count := make(map[string]time.Time), make(map[string]time.Time), 0
		var etag string
		var set map[string]bool
		young := h.policy.MaxAge + h.policy.ClockSkew
		kept := h.policy.MaxLifetime + h.policy.MaxAge + h.policy.ClockSkew
		for turn := range days * 24 * 30 {
			time.Sleep(2 * time.Minute)
			switch random.IntN(120) {
			case 0:
				off = time.Duration(random.Int64N(int64(2*365*24*time.Hour))) - 365*24*time.Hour
			case 1:
				off = time.Duration(random.Int64N(int64(12*time.Hour))) - 6*time.Hour
			case 2, 3, 4:
				off = 0
			case 5: // A command on the same machine, which knows the wall alone.
				_, err := h.open(operator, wall).Rotate(context.Background(), by, nil, keys.RotateOptions{})
				must(t, err)
			case 6, 7, 8, 9:
				_, err := m.Rotate(t.Context(), by, nil, keys.RotateOptions{})
				must(t, err)
			}
			if turn%30 == 0 {
				overseeDates(t, m, h.ring())
			}
			must(t, m.Poll(t.Context()))
			now := time.Now()
			if m.Set().ETag != etag {
				etag, set = m.Set().ETag, publishedBy(m)
			}
			for kid := range set {
				if published[kid].IsZero() {
					published[kid] = now
				}
			}
			s, err := m.Signer(keys.ES256)
			must(t, err)
			if signed[s.KeyID].IsZero() {
				count++
			}
			signed[s.KeyID] = now
			if since := now.Sub(published[s.KeyID]); s.KeyID != first && since < young {
				violation = fmt.Sprintf("turn %d, clock off by %s: %s signs %s after it was published", turn, off, s.KeyID, since)
				return
			}
			for kid, last := range signed {
				if now.Sub(last) >= kept {
					delete(signed, kid)
				} else if !set[kid] {
					violation = fmt.Sprintf("turn %d, clock off by %s: %s left the JWK Set %s after it signed", turn, off, kid, now.Sub(last))
					return
				}
			}
		}
		if count < 4 {
			t.Errorf("only %d keys signed: that proves little", count)
		}
	})
	return violation
}

// overseeDates does what an operator does about the dates of a command that ran under a wrong clock: one that is far ahead is
// taken back, and a spare that seems to be made far ahead, which could not take its turn before then, is thrown away.
func overseeDates(t *testing.T, m *keys.Manager, ring keys.Ring) {
	soon := time.Now().Add(24 * time.Hour)
	for _, k := range ring.Keys {
		if k.ActivateAt.After(soon) {
			_ = m.Cancel(t.Context(), by, k.ID) // What is not pending is refused.
		}
		if k.CreatedAt.After(soon) && k.ActivateAt.IsZero() && k.CompromisedAt.IsZero() && k.DestroyedAt.IsZero() {
			must(t, m.Compromise(t.Context(), by, k.ID))
		}
	}
}

// publishedBy returns the kids of a server's JWK Set.
func publishedBy(m *keys.Manager) map[string]bool {
	var set struct{ Keys []struct{ Kid string } }
	if err := json.Unmarshal(m.Set().Bytes, &set); err != nil {
		panic(err)
	}
	kids := make(map[string]bool)
	for _, k := range set.Keys {
		kids[k.Kid] = true
	}
	return kids
}
