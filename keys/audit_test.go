package keys_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/keys"
)

// Rule 69: every change of the ring has one audit record with the actor, the
// request and the key. Automatic maintenance has no actor.
func TestRule69_KeyChangesAreRecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		m := f.open()
		operator := m.Operator()
		for _, e := range f.events {
			if e.Actor != (audit.Actor{}) || e.Reason == "" || e.Time.IsZero() {
				t.Errorf("an event of the maintenance: %+v", e)
			}
		}
		first, spare := f.activeKID(m, keys.ES256), kids(m, keys.ES256, keys.PreActive)[0]

		f.events = nil
		plan, err := operator.Rotate(t.Context(), by, nil, keys.RotateOptions{Plan: true})
		must(t, err)
		if len(plan.Steps) != 4 || len(f.events) != 0 {
			t.Errorf("a plan is recorded: %+v", f.events)
		}

		const asked = "requested by the operator"
		rotate := func() error {
			_, err := operator.Rotate(t.Context(), by, nil, keys.RotateOptions{})
			return err
		}
		cancel := func() error { return operator.Cancel(t.Context(), by, spare) }
		compromise := func() error { return operator.Compromise(t.Context(), by, spare) }
		acceptRestore := func() error { return operator.AcceptRestore(t.Context(), by) }
		for _, c := range []struct {
			call func() error
			want audit.Event
		}{
			{rotate, audit.Event{Name: "key.rotated", Key: spare, Reason: asked}},
			{cancel, audit.Event{Name: "key.cancelled", Key: spare, Reason: asked}},
			{compromise, audit.Event{Name: "key.compromised", Key: spare, Reason: asked}},
			{compromise, audit.Event{Name: "key.compromised", Key: spare, Reason: "it was compromised before"}},
			{acceptRestore, audit.Event{Name: "ring.restore_accepted", Reason: asked}},
		} {
			f.events = nil
			must(t, c.call())
			if len(f.events) != 1 || f.events[0].Actor != by || f.events[0].Time.IsZero() {
				t.Fatalf("%s: recorded %+v", c.want.Name, f.events)
			}
			got := f.events[0]
			if got.Actor, got.Time = c.want.Actor, c.want.Time; got != c.want {
				t.Errorf("recorded %+v, want %+v", got, c.want)
			}
		}

		f.events = nil
		if err := operator.Cancel(t.Context(), by, first); !errors.As(err, new(keys.Refusal)) || len(f.events) != 0 {
			t.Errorf("a refused change: %v, recorded %+v", err, f.events)
		}
	})
}

// A server that loses a race does not record the other server's change again.
func TestAudit_LostRacesAreNotRecorded(t *testing.T) {
	f := newFixture(t)
	var servers sync.WaitGroup
	for range 4 {
		servers.Go(func() { f.open() })
	}
	servers.Wait()

	var created, recorded []string
	for _, k := range f.ring().Keys {
		created = append(created, k.ID)
	}
	for _, e := range f.events {
		if e.Name == "key.created" {
			recorded = append(recorded, e.Key)
		}
	}
	slices.Sort(created)
	slices.Sort(recorded)
	if !slices.Equal(created, recorded) || f.audited("kek.added") != 1 {
		t.Errorf("created %q, recorded %q and %d KEKs", created, recorded, f.audited("kek.added"))
	}
}

// A failed audit is the error of the operation, but it does not keep a stolen
// key in use. A second request, after the audit works again, has a record.
func TestAudit_ErrorIsReturnedAndTheChangeStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		m, operator, full := f.open(), f.operator(), errors.New("the audit log is full")
		stolen, spare := f.activeKID(m, keys.ES256), kids(m, keys.ES256, keys.PreActive)[0]
		f.failAudit(full)
		f.events = nil

		if err := operator.Compromise(t.Context(), by, stolen); !errors.Is(err, full) {
			t.Errorf("Compromise = %v", err)
		}
		if len(f.events) != 2 {
			t.Errorf("the audit has %+v; want the compromised key and its successor", f.events)
		}
		if err := m.Poll(t.Context()); !errors.Is(err, full) { // It generated a spare.
			t.Errorf("Poll = %v", err)
		}

		if _, _, ok := publicKey(m, stolen); ok || f.activeKID(m, keys.ES256) != spare {
			t.Error("the stolen key is in use")
		}
		_, err := operator.Rotate(t.Context(), by, []string{keys.MAC}, keys.RotateOptions{})
		if !errors.Is(err, full) {
			t.Errorf("Rotate = %v", err)
		}
		if err := operator.AcceptRestore(t.Context(), by); !errors.Is(err, full) {
			t.Errorf("AcceptRestore = %v", err)
		}

		f.failAudit(nil)
		f.events = nil
		must(t, operator.Compromise(t.Context(), by, stolen))
		if f.audited("key.compromised") != 1 {
			t.Errorf("recorded %+v", f.events)
		}
	})
}
