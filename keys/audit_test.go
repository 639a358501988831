package keys_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/signetd/signet/keys"
)

// Rule 69: every change of the ring has one record, with who asked for it, the request and the key; what a server does by
// itself has no actor.
func TestRule69_KeyChangesAreRecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		m := h.open()
		for _, e := range h.events {
			if e.By != (keys.Actor{}) || e.Reason == "" || e.Time.IsZero() {
				t.Errorf("by itself: %+v", e)
			}
		}
		first, spare := h.signs(m, keys.ES256), kids(m, keys.ES256, keys.PreActive)[0]
		h.events = nil
		plan, err := m.Rotate(t.Context(), by, nil, keys.RotateOptions{Plan: true})
		must(t, err)
		if len(plan.Steps) != 4 || len(h.events) != 0 {
			t.Errorf("a plan is recorded: %+v", h.events)
		}
		for _, c := range []struct {
			do   func() error
			want keys.Event
		}{
			{func() error {
				_, err := m.Rotate(t.Context(), by, nil, keys.RotateOptions{})
				return err
			}, keys.Event{Name: "key.rotated", Key: spare, Reason: "asked by the operator"}},
			{func() error { return m.Cancel(t.Context(), by, spare) }, keys.Event{Name: "key.cancelled", Key: spare, Reason: "asked by the operator"}},
			{func() error { return m.Compromise(t.Context(), by, spare) }, keys.Event{Name: "key.compromised", Key: spare, Reason: "asked by the operator"}},
			{func() error { return m.Compromise(t.Context(), by, spare) }, keys.Event{Name: "key.compromised", Key: spare, Reason: "it was compromised before"}},
			{func() error { return m.AcceptRestore(t.Context(), by) }, keys.Event{Name: "ring.restore_accepted", Reason: "asked by the operator"}},
		} {
			h.events = nil
			must(t, c.do())
			if len(h.events) != 1 || h.events[0].By != by || h.events[0].Time.IsZero() {
				t.Fatalf("%s: recorded %+v", c.want.Name, h.events)
			}
			got := h.events[0]
			if got.By, got.Time = c.want.By, c.want.Time; got != c.want {
				t.Errorf("recorded %+v, want %+v", got, c.want)
			}
		}
		h.events = nil
		if err := m.Cancel(t.Context(), by, first); !errors.As(err, new(keys.Refusal)) || len(h.events) != 0 {
			t.Errorf("what changed nothing: %v, recorded %+v", err, h.events)
		}
	})
}

// What another server did first is not recorded a second time.
func TestLostRacesAreNotRecorded(t *testing.T) {
	h := newHouse(t)
	var servers sync.WaitGroup
	for range 4 {
		servers.Go(func() { h.open() })
	}
	servers.Wait()
	var made, recorded []string
	for _, k := range h.ring().Keys {
		made = append(made, k.ID)
	}
	for _, e := range h.events {
		if e.Name == "key.created" {
			recorded = append(recorded, e.Key)
		}
	}
	slices.Sort(made)
	slices.Sort(recorded)
	if !slices.Equal(made, recorded) || h.audited("kek.added") != 1 {
		t.Errorf("made %q, recorded %q and %d KEKs", made, recorded, h.audited("kek.added"))
	}
}

// An audit that cannot be written is the verb's error. It does not keep a stolen key in service, and asking again, once it
// can be written, leaves the record.
func TestAuditErrorIsTheVerbsErrorAndTheChangeStands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		m, cli, full := h.open(), h.open(operator), errors.New("the audit log is full")
		stolen, spare := h.signs(m, keys.ES256), kids(m, keys.ES256, keys.PreActive)[0]
		h.failAudit(full)
		h.events = nil
		if err := cli.Compromise(t.Context(), by, stolen); !errors.Is(err, full) {
			t.Errorf("Compromise = %v", err)
		}
		if len(h.events) != 2 {
			t.Errorf("the audit was told %+v, not also of the heir", h.events)
		}
		if err := m.Poll(t.Context()); !errors.Is(err, full) { // It made a spare.
			t.Errorf("Poll = %v", err)
		}
		if _, _, ok := m.PublicKey(stolen); ok || h.signs(m, keys.ES256) != spare {
			t.Error("the stolen key is in service")
		}
		if _, err := cli.Rotate(t.Context(), by, []string{keys.MAC}, keys.RotateOptions{}); !errors.Is(err, full) {
			t.Errorf("Rotate = %v", err)
		}
		if err := cli.AcceptRestore(t.Context(), by); !errors.Is(err, full) {
			t.Errorf("AcceptRestore = %v", err)
		}
		h.failAudit(nil)
		h.events = nil
		must(t, cli.Compromise(t.Context(), by, stolen))
		if h.audited("key.compromised") != 1 {
			t.Errorf("recorded %+v", h.events)
		}
	})
}
