package keys_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/keys"
)

func TestRotate_Timeline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.policy.RotateEvery = 3 * time.Hour
		m, stop := f.run()
		defer stop()
		time.Sleep(10 * time.Minute)

		operator := f.operator()
		first, spare := f.activeKID(m, keys.ES256), kids(m, keys.ES256, keys.PreActive)[0]

		plan, err := operator.Rotate(t.Context(), by, nil, keys.RotateOptions{Plan: true})
		must(t, err)
		if got := f.ring(); got.Version != 1 {
			t.Fatal("a plan changed the ring")
		}

		done, err := operator.Rotate(t.Context(), by, nil, keys.RotateOptions{})
		must(t, err)
		for i, step := range plan.Steps {
			if step != done.Steps[i] {
				t.Errorf("planned %+v, rotated %+v", step, done.Steps[i])
			}
		}

		date := done.Steps[1].At
		if wait := time.Until(date); wait != 50*time.Minute {
			t.Errorf("the spare is 10 minutes old and waits another %s, want 50m0s", wait)
		}

		time.Sleep(time.Until(date) - time.Microsecond)
		if f.activeKID(m, keys.ES256) != first {
			t.Error("the next key signs before its date")
		}
		time.Sleep(time.Microsecond)
		if f.activeKID(m, keys.ES256) != spare {
			t.Error("the next key does not sign at its date")
		}

		time.Sleep(pollTime)
		if spares := kids(m, keys.ES256, keys.PreActive); len(spares) != 1 {
			t.Errorf("spares after the rotation: %v", spares)
		}

		time.Sleep(time.Until(date.Add(f.policy.Retention())) - time.Second)
		if _, _, ok := publicKey(m, first); !ok || !strings.Contains(string(m.Set().Bytes), first) {
			t.Error("the first key left the JWK Set before the retention ended")
		}

		time.Sleep(5 * time.Second)
		if _, _, ok := publicKey(m, first); ok || strings.Contains(string(m.Set().Bytes), first) {
			t.Error("the first key is still published")
		}
		if row := f.row(m, first); row.State != keys.Destroyed || f.audited("key.destroyed") != 1 {
			t.Errorf("the first key: %+v", row)
		}
		for _, k := range f.ring().Keys {
			if k.ID == first && k.Sealed != nil {
				t.Error("the store has the private key of a destroyed key")
			}
		}

		time.Sleep(time.Until(date.Add(f.policy.RotateEvery)) - time.Second)
		if f.activeKID(m, keys.ES256) != spare {
			t.Error("automatic rotation before keys.rotate_every")
		}
		time.Sleep(time.Minute)
		if now := f.activeKID(m, keys.ES256); now == spare || now == first {
			t.Error("no automatic rotation after keys.rotate_every")
		}
		must(t, m.Health())
	})
}

func TestRotate_RefusalAndCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		_, err := f.operator().Rotate(t.Context(), by, nil, keys.RotateOptions{})
		if err == nil || !strings.Contains(err.Error(), "no signing key") {
			t.Errorf("Rotate with an empty ring: %v", err)
		}

		m := f.open()
		operator := f.operator()
		_, err = operator.Rotate(t.Context(), by, []string{keys.EdDSA}, keys.RotateOptions{})
		if err == nil || !strings.Contains(err.Error(), "no audience uses EdDSA") {
			t.Errorf("Rotate for an algorithm that is not in use: %v", err)
		}

		version := f.ring().Version
		plan, err := operator.Rotate(t.Context(), by, []string{keys.ES256, keys.MAC}, keys.RotateOptions{})
		must(t, err)
		if len(plan.Steps) != 8 || f.audited("key.rotated") != 2 {
			t.Errorf("plan %+v, audited %v", plan, f.events)
		}

		must(t, m.Poll(t.Context()))
		spare := kids(m, keys.ES256, keys.PreActive)[0]
		must(t, operator.Cancel(t.Context(), by, spare))
		if err := operator.Cancel(t.Context(), by, spare); err == nil {
			t.Error("a key without a date was cancelled")
		}

		time.Sleep(2 * time.Hour)
		must(t, m.Poll(t.Context()))
		if f.activeKID(m, keys.ES256) == spare {
			t.Error("a cancelled key signs")
		}
		mac, _, _ := m.CurrentMAC()
		if mac != kids(m, keys.MAC, keys.Active)[0] || len(kids(m, keys.MAC, keys.Deactivated)) != 1 {
			t.Errorf("the MAC key did not rotate: %v", m.Rows())
		}
		if now := f.ring().Version; now != version+3 { // The rotation, the new spare MAC key, the cancellation.
			t.Errorf("the ring changed from version %d to %d", version, now)
		}
	})
}

// A rotation at once activates a key before it has been published for Window.
// The plan warns that verifiers may reject its tokens.
func TestRotate_Now(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		slow, stopSlow := f.run(skewed(-2 * time.Minute))
		defer stopSlow()
		fast, stopFast := f.run(skewed(2 * time.Minute))
		defer stopFast()
		time.Sleep(time.Minute)

		operator := f.operator(skewed(2 * time.Minute))
		plan, err := operator.Rotate(t.Context(), by, nil, keys.RotateOptions{Now: true})
		must(t, err)
		if len(plan.Warnings) != 1 || !strings.Contains(plan.Warnings[0], "verifiers that hold a cached JWK Set") {
			t.Errorf("warnings %q", plan.Warnings)
		}
		time.Sleep(pollTime)

		next := plan.Steps[1].Key
		if reason := plan.Steps[1].Reason; !strings.Contains(reason, "dated back for slow clocks") {
			t.Errorf("the reason of the date is %q", reason)
		}
		if f.activeKID(slow, keys.ES256) != next || f.activeKID(fast, keys.ES256) != next {
			t.Error("a server does not sign with the new key after a poll")
		}
	})
}

func TestCompromise_ReachesSkewedServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		slow, stopSlow := f.run(skewed(-2 * time.Minute))
		defer stopSlow()
		fast, stopFast := f.run(skewed(2 * time.Minute))
		defer stopFast()
		time.Sleep(2 * time.Hour)
		operator := f.operator()
		stolen, spare := f.activeKID(slow, keys.ES256), kids(slow, keys.ES256, keys.PreActive)[0]
		mac, _, err := slow.CurrentMAC()
		must(t, err)

		must(t, operator.Compromise(t.Context(), by, stolen))
		must(t, operator.Compromise(t.Context(), by, mac))
		time.Sleep(pollTime)
		for _, m := range []*keys.Manager{slow, fast} {
			if f.activeKID(m, keys.ES256) != spare {
				t.Error("the spare does not sign after a poll")
			}
			if _, _, ok := publicKey(m, stolen); ok || strings.Contains(string(m.Set().Bytes), stolen) {
				t.Error("the compromised key is still published")
			}
			if id, _, err := m.CurrentMAC(); err != nil || id == mac {
				t.Errorf("the compromised MAC key is in use: %v", err)
			}
			if secret, err := m.MAC(t.Context(), mac); !errors.Is(err, keys.ErrCompromised) || len(secret) != 32 {
				t.Errorf("MAC for the compromised key: %d bytes, %v; want the secret and an error", len(secret), err)
			}
		}

		must(t, operator.Compromise(t.Context(), by, stolen)) // The second request is no error.
		if err := operator.Compromise(t.Context(), by, "nothing"); !errors.Is(err, keys.ErrUnknownKey) {
			t.Errorf("Compromise for an unknown kid: %v", err)
		}
	})
}

// A spare that was created by a clock far ahead of the true time activates only
// after its creation date. The operator removes such a spare, which has signed
// nothing, with Compromise. The operator also rotates once, because the age of
// the active key counts from its creation date too.
func TestRotate_KeysWithFutureDates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.policy.RotateEvery = 3 * time.Hour
		f.open(skewed(180 * day))
		m, stop := f.run()
		defer stop()
		operator := f.operator()
		activatesIn := func(algorithm string) time.Duration {
			t.Helper()
			plan, err := operator.Rotate(t.Context(), by, []string{algorithm}, keys.RotateOptions{Plan: true})
			must(t, err)
			return time.Until(plan.Steps[1].At)
		}
		for _, algorithm := range []string{keys.ES256, keys.MAC} {
			if w := activatesIn(algorithm); w < 180*day {
				t.Errorf("the %s spare with a future date would activate in %s", algorithm, w)
			}
			must(t, operator.Compromise(t.Context(), by, kids(m, algorithm, keys.PreActive)[0]))
		}

		first := f.activeKID(m, keys.ES256)
		time.Sleep(pollTime)
		if w := activatesIn(keys.ES256); w > f.policy.PublishAhead {
			t.Errorf("the new spare would activate in %s", w)
		}
		if w := activatesIn(keys.MAC); w > 5*time.Second {
			t.Errorf("the new MAC spare would activate in %s", w)
		}

		_, err := operator.Rotate(t.Context(), by, nil, keys.RotateOptions{})
		must(t, err)
		time.Sleep(f.policy.PublishAhead + pollTime)
		second := f.activeKID(m, keys.ES256)
		time.Sleep(f.policy.RotateEvery)
		if third := f.activeKID(m, keys.ES256); first == second || second == third {
			t.Errorf("%s, %s and %s signed, want three different keys", first, second, third)
		}
	})
}
