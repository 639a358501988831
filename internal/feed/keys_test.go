package feed_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/feed"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/revocation"
	"github.com/signetd/signet/keys"
)

var operator = audit.Actor{Name: "operator:test"}

// A change of the JWK Set ends all waits, and the next head has its ETag.
func TestPoll_ReportsANewKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, v := newServer(t, newStore(t), newKEKs(t)), new(verifier)
		v.poll(t, s, 0)
		before := v.last.Keys
		go func() {
			time.Sleep(time.Second)
			now := keys.RotateOptions{Now: true}
			_, err := s.keys.Operator().Rotate(t.Context(), operator, []string{keys.EdDSA}, now)
			must(t, err)
			must(t, s.keys.Poll(t.Context()))
		}()
		a := v.poll(t, s, feed.MaxWait)
		if a.Held > 1500*time.Millisecond || v.last.Keys == before || v.last.Keys != s.keys.Set().ETag {
			t.Errorf("held %s; the head has the ETag %s, want %s", a.Held, v.last.Keys, s.keys.Set().ETag)
		}
	})
}

// When another key begins to sign, only the order of the JWK Set changes. No
// wait ends, so verifiers do not fetch the set. The next head has the new ETag.
func TestPoll_NewOrderEndsNoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, v := openServer(t, newStore(t), newKEKs(t)), new(verifier)
		run(t, s.Run)
		plan, err := s.keys.Operator().Rotate(t.Context(), operator, []string{keys.EdDSA}, keys.RotateOptions{})
		must(t, err)
		activation := plan.Steps[1].At
		time.Sleep(time.Until(activation) - time.Second)
		must(t, s.keys.Poll(t.Context())) // The last one: the ring does not change.
		time.Sleep(250 * time.Millisecond)
		v.poll(t, s, 0)
		before := v.last.Keys
		a := v.poll(t, s, 1500*time.Millisecond)
		if now := s.keys.Set().ETag; now == before || !revocation.SameKeys(now, before) {
			t.Fatalf("the ETag was %s and is %s", before, now)
		}
		if a.Held < 1500*time.Millisecond {
			t.Errorf("the poll was held for %s", a.Held)
		}
		time.Sleep(time.Second)
		if v.poll(t, s, 0); v.last.Keys != s.keys.Set().ETag {
			t.Errorf("the head has the ETag %s, want %s", v.last.Keys, s.keys.Set().ETag)
		}
	})
}

// Rule 22: when an entry says that a key is compromised, another server signs
// nothing with it any more, although it reads its key ring less often than the
// log. It drops the segments that are signed with it.
func TestRule22_FeedSignsNothingWithACompromisedKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, keks := newStore(t), newKEKs(t)
		a, b, v := newServer(t, db, keks), newServer(t, db, keks), new(verifier)
		v.poll(t, b, 0)
		add(t, db, "g1")
		time.Sleep(time.Second)
		stolen, err := b.keys.Signer(keys.EdDSA)
		must(t, err)
		must(t, a.keys.Operator().Compromise(t.Context(), operator, stolen.KeyID))

		// The verifier lacks the segment with g1, whose key is
		// compromised.
		time.Sleep(300 * time.Millisecond)
		v.poll(t, b, 0)
		if !v.refusesGrant("g1") || !v.refuses(revocation.Key, stolen.KeyID) || v.full != 2 {
			t.Errorf("refuses %v, the key is refused: %v, %d full answers",
				v.refusesGrant("g1"), v.refuses(revocation.Key, stolen.KeyID), v.full)
		}
	})
}

// Rule 22: a server that cannot read its key ring signs nothing with a
// compromised key either.
func TestRule22_FeedOfAServerWithoutItsKeyRing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := newStore(t)
		s, v := newServer(t, db, newKEKs(t)), new(verifier)
		v.poll(t, s, 0)
		stolen, err := s.keys.Signer(keys.EdDSA)
		must(t, err)
		s.cutRing.Store(true)
		_, err = db.AddRevocations(t.Context(), []grant.Revocation{{
			Kind: revocation.Key, Hash: revocation.Key.Hash(stolen.KeyID),
		}})
		must(t, err)
		signed := s.signed.Load()
		time.Sleep(4 * time.Second)
		if n := s.signed.Load() - signed; n > 0 {
			t.Errorf("%d segments were signed", n)
		}
		if a := v.poll(t, s, 0); a.Age < 4*time.Second-300*time.Millisecond {
			t.Errorf("age %s", a.Age)
		}
	})
}

// A server reads its key ring once because of an entry about a key, also while
// that is the newest entry.
func TestRefresh_ReadsTheKeyRingOnceForACompromisedKey(t *testing.T) {
	db := newStore(t)
	s := openServer(t, db, newKEKs(t))
	_, err := db.AddRevocations(t.Context(), []grant.Revocation{grant.RevokedKey("another")})
	must(t, err)
	before := s.ringReads.Load()
	for range 3 {
		must(t, s.Refresh(t.Context()))
	}
	if n := s.ringReads.Load() - before; n != 1 {
		t.Errorf("the key ring was read %d times", n)
	}
}
