package feed_test

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/internal/feed"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/revocation"
)

// Verifiers that poll several servers, now and then and in any order, get every
// entry. They get all entries only once, also if a server has not read what
// another one has. The checks of verifier.merge find gaps.
func TestFeed_SegmentsHaveNoGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		random := rand.New(rand.NewPCG(seed, 0))
		db, keks := newStore(t), newKEKs(t)
		add(t, db, "before")
		servers := []*server{newServer(t, db, keks), newServer(t, db, keks), newServer(t, db, keks)}
		verifiers := []*verifier{{}, {}, {}, {}}
		written := 0
		for range 300 {
			time.Sleep(time.Duration(random.IntN(150)) * time.Millisecond)
			if random.IntN(3) > 0 {
				var ids []string
				for range 1 + random.IntN(20) {
					ids = append(ids, strconv.Itoa(written))
					written++
				}
				add(t, db, ids...)
			}
			if s := servers[random.IntN(3)]; random.IntN(2) > 0 {
				s.Changed()
			}
			// The last verifier is often many segments behind.
			if i := random.IntN(12); i < 10 {
				verifiers[i%3].poll(t, servers[random.IntN(3)], time.Second)
			} else if i == 10 {
				verifiers[3].poll(t, servers[0], 0)
			}
		}

		time.Sleep(time.Second)
		for i, v := range verifiers {
			v.poll(t, servers[i%3], 0)
			for id := range written {
				if !v.refusesGrant(strconv.Itoa(id)) {
					t.Fatalf("verifier %d does not refuse %d of %d", i, id, written)
				}
			}
			if !v.refusesGrant("before") || int(v.position.Seq) != written+1 || i < 3 && v.full > 1 {
				t.Errorf("verifier %d: position %v of %d entries, %d full answers", i, v.position, written+1, v.full)
			}
		}
	})
}

// A log of several pages is read completely. A server that starts knows the
// newest positions, so verifiers do not read all entries again.
func TestFeed_ReadsLongLogs(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 25,000 entries")
	}
	synctest.Test(t, func(t *testing.T) {
		db, keks := newStore(t), newKEKs(t)
		write := func(from, to int) {
			var ids []string
			for i := from; i < to; i++ {
				ids = append(ids, strconv.Itoa(i))
			}
			add(t, db, ids...)
		}
		write(0, 4_999)
		s, v := newServer(t, db, keks), new(verifier)
		v.poll(t, s, 0)
		write(4_999, 5_000)
		write(5_000, 12_000)
		time.Sleep(time.Second)
		v.poll(t, s, 0)
		for i := range 12_000 {
			if !v.refusesGrant(strconv.Itoa(i)) {
				t.Fatalf("the verifier does not refuse %d", i)
			}
		}
		if v.full != 1 || s.Stats().Entries != 12_000 || s.Stats().Position != 12_000 {
			t.Errorf("%d full answers, %+v", v.full, s.Stats())
		}

		again := newServer(t, db, keks)
		write(12_000, 12_010)
		time.Sleep(time.Second)
		v.poll(t, again, 0)
		if v.full != 1 || !v.refusesGrant("12009") {
			t.Errorf("after a restart: %d full answers", v.full)
		}

		// More than a segment may have, while the server could not
		// read.
		again.cut.Store(true)
		time.Sleep(time.Second)
		write(12_010, 25_000)
		again.cut.Store(false)
		time.Sleep(time.Second)
		v.poll(t, again, 0)
		if v.full != 2 || !v.refusesGrant("12010") || !v.refusesGrant("24999") {
			t.Errorf("after a pause: %d full answers", v.full)
		}
	})
}

// A backup is restored that lacks the last entries. Servers and verifiers go on
// refusing what they know, and positions of before the restore get all entries.
func TestFeed_RestoredBackup(t *testing.T) {
	for _, later := range []int{0, 1, 2, 3} {
		t.Run(fmt.Sprintf("%d entries after the restore", later), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				path, keks := filepath.Join(t.TempDir(), "signet.db"), newKEKs(t)
				db := openStore(t, path)
				add(t, db, "old")
				restored := openStore(t, backup(t, path))
				s, v := newServer(t, db, keks), new(verifier)
				add(t, db, "lost 1")
				add(t, db, "lost 2")
				time.Sleep(time.Second)
				v.poll(t, s, 0)
				lost := v.position

				s.cut.Store(true)
				for i := range later {
					add(t, restored, "new "+strconv.Itoa(i))
				}
				var other store = restored
				s.store.Store(&other)
				s.cut.Store(false)
				time.Sleep(time.Second)
				v.poll(t, s, 0)
				if v.full != 2 || v.position == lost || v.position.Seq != int64(1+later) {
					t.Errorf("%d full answers, position %v after %v", v.full, v.position, lost)
				}
				fresh, first := new(verifier), &verifier{started: true}
				fresh.poll(t, s, 0)
				first.poll(t, s, 0)
				for i := range later {
					if id := "new " + strconv.Itoa(i); !v.refusesGrant(id) || !fresh.refusesGrant(id) {
						t.Errorf("%s is not refused", id)
					}
				}
				for _, id := range []string{"old", "lost 1", "lost 2"} {
					if !v.refusesGrant(id) || !fresh.refusesGrant(id) || !first.refusesGrant(id) {
						t.Errorf("%s is not refused any more", id)
					}
				}

				// A server that starts after the restore cannot
				// know what is lost. Verifiers still do, and a
				// replay of the audit log writes it again.
				again := newServer(t, restored, keks)
				old := &verifier{position: lost, started: true}
				old.poll(t, again, 0)
				if old.full != 1 || old.position != v.position {
					t.Errorf("%d full answers, position %v, want %v", old.full, old.position, v.position)
				}
				add(t, restored, "lost 1", "lost 2")
				time.Sleep(time.Second)
				if old.poll(t, again, 0); !old.refusesGrant("lost 1") || !old.refusesGrant("lost 2") {
					t.Error("after a replay, the lost entries are not refused")
				}
			})
		})
	}
}

// backup returns the path of a copy of an SQLite store.
func backup(t testing.TB, path string) string {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	must(t, err)
	defer db.Close()
	copied := filepath.Join(t.TempDir(), "restored.db")
	_, err = db.ExecContext(t.Context(), `VACUUM INTO ?`, copied)
	must(t, err)
	must(t, os.Chmod(copied, 0o600))
	return copied
}

// Entries leave the table and the full answer at most two minutes after they
// may. An entry that the store keeps longer, because it was written with a
// longer lifetime of tokens, stays longer.
func TestFeed_EntriesExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, keks := newStore(t), newKEKs(t)
		keep := grant.RevocationKeep(maxLifetime)
		add(t, db, "g1")
		long := newServer(t, db, keks)
		short := newServer(t, db, keks, func(o *feed.Options) { o.Keep = time.Minute })
		has := func(s *server, id string) bool {
			v := new(verifier)
			v.poll(t, s, 0)
			_, inTable := s.table.Get(revocation.Grant.Hash(id))
			if inTable != v.refusesGrant(id) {
				t.Errorf("in the table: %v, refused: %v", inTable, v.refusesGrant(id))
			}
			if v.last.Keep < int64(keep/time.Second) && inTable {
				t.Errorf("the head says that entries expire after %d s", v.last.Keep)
			}
			return inTable
		}

		time.Sleep(keep - time.Second)
		add(t, db, "g2")
		if !has(long, "g1") || !has(short, "g1") {
			t.Error("the entry has expired too early")
		}
		time.Sleep(2 * time.Minute)
		for _, s := range []*server{long, short} {
			if has(s, "g1") || !has(s, "g2") || s.Stats().Entries != 1 {
				t.Errorf("g1: %v, g2: %v, %+v", has(s, "g1"), has(s, "g2"), s.Stats())
			}
		}

		time.Sleep(keep)
		v := new(verifier)
		v.poll(t, short, 0)
		if has(short, "g2") || v.last.Keep != 60 {
			t.Errorf("g2: %v; the head says that entries expire after %d s", has(short, "g2"), v.last.Keep)
		}
	})
}

// A jump of the store's clock removes no entry early.
func TestFeed_EntriesSurviveAJumpOfTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := newStore(t)
		var jump atomic.Int64
		db.UseClock(func() time.Time { return time.Now().Add(time.Duration(jump.Load())) })
		add(t, db, "g1")
		s := newServer(t, db, newKEKs(t))
		jump.Store(int64(24 * time.Hour))
		time.Sleep(2 * time.Minute) // the entry is kept for 2.5 minutes
		if _, ok := s.table.Get(revocation.Grant.Hash("g1")); !ok {
			t.Error("the entry has expired")
		}
	})
}

// A server that starts with a log whose first entries were swept gives all
// entries to a verifier at the beginning of the log.
func TestFeed_SweptLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := newStore(t)
		add(t, db, "swept 1", "swept 2")
		time.Sleep(time.Hour)
		for _, id := range []string{"g3", "g4", "g5"} {
			add(t, db, id)
		}
		if n, err := db.SweepRevocations(t.Context(), 10); n != 2 || err != nil {
			t.Fatalf("%d entries were swept, %v", n, err)
		}
		s := newServer(t, db, newKEKs(t))
		first := &verifier{started: true}
		first.poll(t, s, 0)
		if first.full != 1 || !first.refusesGrant("g3") || first.refusesGrant("swept 1") || s.Stats().Entries != 3 {
			t.Errorf("%d full answers, %+v", first.full, s.Stats())
		}
		page, err := db.Revocations(t.Context(), 4, 1)
		must(t, err)
		behind := &verifier{started: true, position: page.Entries[0].Position}
		behind.poll(t, s, 0)
		if behind.full != 0 || !behind.refusesGrant("g5") {
			t.Errorf("%d full answers, g5 is refused: %v", behind.full, behind.refusesGrant("g5"))
		}
	})
}

// Segments are kept for ten minutes. If there are many, and all entries are
// smaller, a verifier gets those instead.
func TestFeed_KeepsSegments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := newStore(t)
		add(t, db, "first") // a caller at the beginning gets all entries
		s, behind := newServer(t, db, newKEKs(t)), new(verifier)
		behind.poll(t, s, 0)
		first := behind.position
		for range 10 {
			add(t, db, "again")
			time.Sleep(300 * time.Millisecond)
		}
		if a := behind.poll(t, s, 0); behind.full != 1 || len(a.Segments) < 10 {
			t.Errorf("%d full answers, %d segments", behind.full, len(a.Segments))
		}
		for range 10 {
			add(t, db, "again")
			time.Sleep(300 * time.Millisecond)
		}
		late := &verifier{position: first, started: true}
		if a := late.poll(t, s, 0); late.full != 1 || len(a.Segments) > 2 || !late.refusesGrant("again") {
			t.Errorf("%d full answers, %d segments", late.full, len(a.Segments))
		}

		last := behind.position
		time.Sleep(9 * time.Minute)
		add(t, db, "new")
		time.Sleep(500 * time.Millisecond)
		for _, want := range []int{0, 1} { // before and after ten minutes
			v := &verifier{position: last, started: true}
			if v.poll(t, s, 0); v.full != want || !v.refusesGrant("new") {
				t.Errorf("%d full answers, want %d", v.full, want)
			}
			time.Sleep(time.Minute)
		}
	})
}
