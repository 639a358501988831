package feed_test

import (
	"testing"
	"testing/synctest"
	"time"
)

// A poll that waits is answered as soon as something is revoked. Without a
// revocation it is answered when its time has passed.
func TestPoll_WaitsForARevocation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := newStore(t)
		s, v := newServer(t, db, newKEKs(t)), new(verifier)
		v.poll(t, s, 0)

		a := v.poll(t, s, 2*time.Second)
		if a.Held != 2*time.Second || a.Age > 300*time.Millisecond || a.Delay != 0 {
			t.Errorf("held %s, age %s, delay %s", a.Held, a.Age, a.Delay)
		}

		go func() {
			time.Sleep(time.Second)
			add(t, db, "g1", "g2")
			s.Changed()
		}()
		a = v.poll(t, s, 2*time.Second)
		if a.Held < time.Second || a.Held > 1100*time.Millisecond || !v.refuses("g1") || !v.refuses("g2") {
			t.Errorf("held %s, refuses %v and %v", a.Held, v.refuses("g1"), v.refuses("g2"))
		}
		if v.position.Seq != 2 || v.full != 1 {
			t.Errorf("position %v after %d full answers", v.position, v.full)
		}

		// Another server's change is read within the poll interval.
		go func() {
			time.Sleep(time.Second)
			add(t, db, "g3")
		}()
		a = v.poll(t, s, 2*time.Second)
		if a.Held > 1300*time.Millisecond || !v.refuses("g3") {
			t.Errorf("held %s, refuses %v", a.Held, v.refuses("g3"))
		}
	})
}
