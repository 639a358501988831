package feed_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/internal/feed"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/revocation"
	"github.com/signetd/signet/keys"
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
		if a.Held < time.Second || a.Held > 1100*time.Millisecond || !v.refusesGrant("g1") || !v.refusesGrant("g2") {
			t.Errorf("held %s, refuses %v and %v", a.Held, v.refusesGrant("g1"), v.refusesGrant("g2"))
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
		if a.Held > 1300*time.Millisecond || !v.refusesGrant("g3") {
			t.Errorf("held %s, refuses %v", a.Held, v.refusesGrant("g3"))
		}
	})
}

// A server that is cut off from the store goes on answering, and its answers
// become old. None of them claims to be newer than the cut.
func TestPoll_AgeGrowsWithoutTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, v := newServer(t, newStore(t), newKEKs(t)), new(verifier)
		v.poll(t, s, 0)
		cut := time.Now()
		s.cut.Store(true)
		for time.Since(cut) < 30*time.Second {
			a := v.poll(t, s, 700*time.Millisecond)
			if a.Age < time.Since(cut) || v.last.At > cut.UnixMilli() {
				t.Fatalf("%s after the cut the age is %s, the head is of %d", time.Since(cut), a.Age, v.last.At)
			}
		}
		fresh := new(verifier)
		if a := fresh.poll(t, s, 0); a.Age < time.Since(cut) {
			t.Errorf("%s after the cut the age of all entries is %s", time.Since(cut), a.Age)
		}
		if age := s.Stats().Age; age < 30*time.Second {
			t.Errorf("the metric is %s", age)
		}

		s.cut.Store(false)
		time.Sleep(3 * time.Second) // the key ring is read every two seconds
		if a := v.poll(t, s, 0); a.Age > 300*time.Millisecond || v.last.At <= cut.UnixMilli() {
			t.Errorf("age %s, and the head is of %d", a.Age, v.last.At)
		}
	})
}

// The age of an answer is the time since the server began to ask the store.
func TestPoll_AgeIncludesTheRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, v := newServer(t, newStore(t), newKEKs(t)), new(verifier)
		s.slow.Store(int64(time.Second))
		time.Sleep(10 * time.Second)
		for range 100 {
			if a := v.poll(t, s, 30*time.Millisecond); a.Age < time.Second || a.Age > 2300*time.Millisecond {
				t.Fatalf("age %s", a.Age)
			}
		}
	})
}

// The last head of every answer is current, also if the entries are not.
func TestPoll_HeadIsCurrent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := newStore(t)
		s, v := newServer(t, db, newKEKs(t)), new(verifier)
		v.poll(t, s, 0)
		for _, idle := range []time.Duration{0, time.Second, time.Minute} {
			add(t, db, idle.String())
			time.Sleep(time.Second + idle)
			fresh := new(verifier)
			fresh.poll(t, s, 0)
			v.poll(t, s, 0)
			for _, one := range []*verifier{v, fresh} {
				if age := time.Since(time.UnixMilli(one.last.At)); age > 1300*time.Millisecond {
					t.Errorf("after %s the head is %s old", idle, age)
				}
			}
			if !v.refusesGrant(idle.String()) || !fresh.refusesGrant(idle.String()) {
				t.Errorf("after %s the entry is missing", idle)
			}
		}
	})
}

// A server signs no head if the store has not confirmed the key ring for five
// seconds. Then its answers become old, although it can read the log.
func TestPoll_AgeGrowsWithoutTheKeyRing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := newStore(t)
		s, v := newServer(t, db, newKEKs(t)), new(verifier)
		v.poll(t, s, 0)
		s.cutRing.Store(true)
		time.Sleep(8 * time.Second)
		signed := s.signed.Load()
		time.Sleep(10 * time.Second)
		add(t, db, "g1")
		time.Sleep(time.Second)
		a := v.poll(t, s, time.Second)
		if a.Age < 10*time.Second || s.signed.Load() != signed {
			t.Errorf("age %s, and %d segments were signed", a.Age, s.signed.Load()-signed)
		}

		s.cutRing.Store(false)
		time.Sleep(3 * time.Second)
		if a := v.poll(t, s, 0); a.Age > 300*time.Millisecond || !v.refusesGrant("g1") {
			t.Errorf("age %s, refuses %v", a.Age, v.refusesGrant("g1"))
		}
	})
}

// Without a key of the configured algorithm there is no answer.
func TestPoll_NoKeyOfTheAlgorithm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		only := func(o *feed.Options) { o.SigningAlgorithm = keys.ES256 }
		s := openServer(t, newStore(t), newKEKs(t), only)
		if err := s.Refresh(t.Context()); !errors.Is(err, keys.ErrNoKey) {
			t.Errorf("%v, want %v", err, keys.ErrNoKey)
		}
		_, err := s.Poll(t.Context(), feed.Request{Full: true})
		if oauth.AsError(err).Code != oauth.TemporarilyUnavailable {
			t.Errorf("%v, want %s", err, oauth.TemporarilyUnavailable)
		}
	})
}

// Whatever callers send, a server makes at most six signatures a second.
func TestPoll_BoundsSignatures(t *testing.T) {
	if testing.Short() {
		t.Skip("sends 10,000 polls")
	}
	synctest.Test(t, func(t *testing.T) {
		const seconds = 20
		random := rand.New(rand.NewPCG(rand.Uint64(), 0))
		db := newStore(t)
		s := newServer(t, db, newKEKs(t), func(o *feed.Options) { o.PollInterval = 50 * time.Millisecond })
		time.Sleep(time.Second)
		before, began := s.signed.Load(), time.Now()
		go func() {
			for i := range seconds * 100 {
				add(t, db, strconv.Itoa(i))
				s.Changed()
				time.Sleep(10 * time.Millisecond)
			}
		}()
		for range 10_000 {
			time.Sleep(seconds * time.Second / 10_000)
			after := revocation.Position{Seq: random.Int64N(2000), Mark: random.Int64N(1 << 53)}
			if random.IntN(2) == 0 {
				after = revocation.Position{Seq: s.Stats().Position - random.Int64N(2)}
			}
			wait := time.Duration(random.IntN(2)) * time.Millisecond
			_, err := s.Poll(t.Context(), feed.Request{After: after, Wait: wait})
			must(t, err)
		}
		if n, limit := s.signed.Load()-before, int64(6*time.Since(began)/time.Second+6); n > limit || n < 5*seconds {
			t.Errorf("%d signatures in %s, want at most %d", n, time.Since(began), limit)
		}
	})
}

// An idle server makes one signature a second.
func TestPoll_IdleSignatures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, v := newServer(t, newStore(t), newKEKs(t)), new(verifier)
		before, began := s.signed.Load(), time.Now()
		for time.Since(began) < time.Minute {
			v.poll(t, s, 2*time.Second)
		}
		if n := s.signed.Load() - before; n > 61 {
			t.Errorf("%d signatures in a minute", n)
		}
	})
}

// A drain answers all polls that wait, and later ones at once, with a pause.
func TestDrain_AnswersAllPolls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, newStore(t), newKEKs(t))
		request := feed.Request{Wait: feed.MaxWait}
		var polls sync.WaitGroup
		for range 1000 {
			polls.Go(func() {
				a, err := s.Poll(t.Context(), request)
				if err != nil || a.Held != time.Second || a.Delay != 0 {
					t.Errorf("held %s, delay %s, %v", a.Held, a.Delay, err)
				}
				a, err = s.Poll(t.Context(), request)
				if err != nil || a.Held != 0 || a.Delay != time.Second {
					t.Errorf("after the drain: held %s, delay %s, %v", a.Held, a.Delay, err)
				}
			})
		}
		time.Sleep(time.Second)
		if n := s.Stats().Waiting; n != 1000 {
			t.Errorf("%d polls wait", n)
		}
		s.Drain()
		s.Drain()
		polls.Wait()
		if n := s.Stats().Waiting; n != 0 {
			t.Errorf("%d polls wait after the drain", n)
		}
	})
}

// A poll above the bound is answered at once, and the caller must pause as long
// as it wanted to wait. A caller that is gone waits no more.
func TestPoll_BoundsWaitingPolls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, newStore(t), newKEKs(t), func(o *feed.Options) { o.MaxWaiting = 2 })
		first := new(verifier)
		first.poll(t, s, 0)
		ctx, cancel := context.WithCancel(t.Context())
		var gone sync.WaitGroup
		for range 2 {
			gone.Go(func() {
				request := feed.Request{After: first.position, Wait: time.Hour}
				if _, err := s.Poll(ctx, request); !errors.Is(err, context.Canceled) {
					t.Errorf("%v, want %v", err, context.Canceled)
				}
			})
		}
		synctest.Wait()
		if a := first.poll(t, s, 2*time.Second); a.Held != 0 || a.Delay != 2*time.Second {
			t.Errorf("held %s, delay %s", a.Held, a.Delay)
		}
		cancel()
		gone.Wait()
		if a := first.poll(t, s, time.Hour); a.Held != feed.MaxWait || a.Delay != 0 {
			t.Errorf("held %s, delay %s", a.Held, a.Delay)
		}
	})
}
