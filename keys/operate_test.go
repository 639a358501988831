package keys_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/keys"
)

func TestRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.policy.RotateEvery = 3 * time.Hour
		m, stop := h.run()
		defer stop()
		time.Sleep(10 * time.Minute)
		cli := h.open(operator)
		first, spare := h.signs(m, keys.ES256), kids(m, keys.ES256, keys.PreActive)[0]
		plan, err := cli.Rotate(t.Context(), by, nil, keys.RotateOptions{Plan: true})
		must(t, err)
		if got := h.ring(); got.Version != 1 {
			t.Fatal("--plan wrote")
		}
		done, err := cli.Rotate(t.Context(), by, nil, keys.RotateOptions{})
		must(t, err)
		for i, step := range plan.Steps {
			if step != done.Steps[i] {
				t.Errorf("planned %+v, done %+v", step, done.Steps[i])
			}
		}
		date := done.Steps[1].At
		if wait := time.Until(date); wait != 50*time.Minute {
			t.Errorf("the spare is 10 minutes old and waits for %s more", wait)
		}
		time.Sleep(time.Until(date) - time.Microsecond)
		if h.signs(m, keys.ES256) != first {
			t.Error("the next key signs before its date")
		}
		time.Sleep(time.Microsecond)
		if h.signs(m, keys.ES256) != spare {
			t.Error("the next key does not sign at its date")
		}
		time.Sleep(poll)
		if spares := kids(m, keys.ES256, keys.PreActive); len(spares) != 1 {
			t.Errorf("spares after the rotation: %v", spares)
		}
		time.Sleep(time.Until(date.Add(h.policy.Retention())) - time.Second)
		if _, _, ok := m.PublicKey(first); !ok || !strings.Contains(string(m.Set().Bytes), first) {
			t.Error("the first key left the JWK Set too early")
		}
		time.Sleep(5 * time.Second)
		if _, _, ok := m.PublicKey(first); ok || strings.Contains(string(m.Set().Bytes), first) {
			t.Error("the first key is still published")
		}
		if row := h.row(m, first); row.State != keys.Destroyed || h.audited("key.destroyed") != 1 {
			t.Errorf("the first key: %+v", row)
		}
		for _, k := range h.ring().Keys {
			if k.ID == first && k.Sealed != nil {
				t.Error("the private half of a destroyed key is there")
			}
		}
		time.Sleep(time.Until(date.Add(h.policy.RotateEvery)) - time.Second)
		if h.signs(m, keys.ES256) != spare {
			t.Error("automatic rotation came too early")
		}
		time.Sleep(time.Minute)
		if now := h.signs(m, keys.ES256); now == spare || now == first {
			t.Error("no automatic rotation")
		}
		must(t, m.Health())
	})
}

func TestRotateRefusesAndCancels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		if _, err := h.open(operator).Rotate(t.Context(), by, nil, keys.RotateOptions{}); err == nil || !strings.Contains(err.Error(), "no signing key") {
			t.Errorf("rotated an empty ring: %v", err)
		}
		m := h.open()
		cli := h.open(operator)
		if _, err := cli.Rotate(t.Context(), by, []string{keys.EdDSA}, keys.RotateOptions{}); err == nil || !strings.Contains(err.Error(), "nothing uses EdDSA") {
			t.Errorf("rotated an algorithm that nothing uses: %v", err)
		}
		version := h.ring().Version
		plan, err := cli.Rotate(t.Context(), by, []string{keys.ES256, keys.MAC}, keys.RotateOptions{})
		must(t, err)
		if len(plan.Steps) != 8 || h.audited("key.rotated") != 2 {
			t.Errorf("plan %+v, audited %v", plan, h.events)
		}
		must(t, m.Poll(t.Context()))
		spare := kids(m, keys.ES256, keys.PreActive)[0]
		must(t, cli.Cancel(t.Context(), by, spare))
		if err := cli.Cancel(t.Context(), by, spare); err == nil {
			t.Error("cancelled twice")
		}
		time.Sleep(2 * time.Hour)
		must(t, m.Poll(t.Context()))
		if h.signs(m, keys.ES256) == spare {
			t.Error("a cancelled key signs")
		}
		if mac, _, _ := m.CurrentMAC(); mac != kids(m, keys.MAC, keys.Active)[0] || len(kids(m, keys.MAC, keys.Deactivated)) != 1 {
			t.Errorf("the MAC key did not rotate: %v", m.Rows())
		}
		if now := h.ring().Version; now != version+3 { // The rotation, the cancellation, the spare MAC key.
			t.Errorf("the ring went from version %d to %d", version, now)
		}
	})
}

// A key (but an algorithm's first) does not sign before it has been published for the window; after a rotation at once the
// plan says what may break.
func TestRotateNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		slow, stopSlow := h.run(skewed(-2 * time.Minute))
		defer stopSlow()
		fast, stopFast := h.run(skewed(2 * time.Minute))
		defer stopFast()
		time.Sleep(time.Minute)
		plan, err := h.open(operator, skewed(2*time.Minute)).Rotate(t.Context(), by, nil, keys.RotateOptions{Now: true})
		must(t, err)
		if len(plan.Warnings) != 1 || !strings.Contains(plan.Warnings[0], "verifiers that hold a cached JWK Set") {
			t.Errorf("warnings %q", plan.Warnings)
		}
		time.Sleep(poll)
		next := plan.Steps[1].Key
		if h.signs(slow, keys.ES256) != next || h.signs(fast, keys.ES256) != next {
			t.Error("not every server signs with the new key after a poll")
		}
	})
}

func TestCompromiseDrill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		slow, stopSlow := h.run(skewed(-2 * time.Minute))
		defer stopSlow()
		fast, stopFast := h.run(skewed(2 * time.Minute))
		defer stopFast()
		time.Sleep(2 * time.Hour)
		cli := h.open(operator)
		leaked, spare := h.signs(slow, keys.ES256), kids(slow, keys.ES256, keys.PreActive)[0]
		mac, _, err := slow.CurrentMAC()
		must(t, err)
		must(t, cli.Compromise(t.Context(), by, leaked))
		must(t, cli.Compromise(t.Context(), by, mac))
		time.Sleep(poll)
		for _, m := range []*keys.Manager{slow, fast} {
			if h.signs(m, keys.ES256) != spare {
				t.Error("the spare does not sign after a poll")
			}
			if _, _, ok := m.PublicKey(leaked); ok || strings.Contains(string(m.Set().Bytes), leaked) {
				t.Error("the compromised key is still published")
			}
			if id, _, err := m.CurrentMAC(); err != nil || id == mac {
				t.Errorf("the compromised MAC key is in use: %v", err)
			}
			if _, err := m.MAC(t.Context(), mac); !errors.Is(err, keys.ErrCompromised) {
				t.Errorf("the compromised MAC key is given out: %v", err)
			}
		}
		must(t, cli.Compromise(t.Context(), by, leaked)) // The panic button may be pressed twice.
		if err := cli.Compromise(t.Context(), by, "nothing"); !errors.Is(err, keys.ErrUnknownKey) {
			t.Errorf("compromised nothing: %v", err)
		}
	})
}

// What was made under a clock that was far ahead does not take its turn before then. The operator throws the spare away, which
// has signed nothing, and rotates once, since the age of the key that signs counts from then too.
func TestKeysFromTheFuture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.policy.RotateEvery = 3 * time.Hour
		h.open(skewed(180 * day))
		m, stop := h.run()
		defer stop()
		cli := h.open(operator)
		wait := func(algorithm string) time.Duration {
			t.Helper()
			plan, err := cli.Rotate(t.Context(), by, []string{algorithm}, keys.RotateOptions{Plan: true})
			must(t, err)
			return time.Until(plan.Steps[1].At)
		}
		for _, algorithm := range []string{keys.ES256, keys.MAC} {
			if w := wait(algorithm); w < 180*day {
				t.Errorf("%s from the future would take over in %s", algorithm, w)
			}
			must(t, cli.Compromise(t.Context(), by, kids(m, algorithm, keys.PreActive)[0]))
		}
		first := h.signs(m, keys.ES256)
		time.Sleep(poll)
		if w := wait(keys.ES256); w > h.policy.PublishAhead {
			t.Errorf("the new spare would take over in %s", w)
		}
		if w := wait(keys.MAC); w > 5*time.Second {
			t.Errorf("the new MAC spare would take over in %s", w)
		}
		_, err := cli.Rotate(t.Context(), by, nil, keys.RotateOptions{})
		must(t, err)
		time.Sleep(h.policy.PublishAhead + poll)
		second := h.signs(m, keys.ES256)
		time.Sleep(h.policy.RotateEvery)
		if third := h.signs(m, keys.ES256); first == second || second == third {
			t.Errorf("%s, %s and %s signed, want three keys", first, second, third)
		}
	})
}
