package storetest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/revocation"
)

var revocationCases = []singleCase{
	{"NewRevocationLogIsEmpty", newLogIsEmpty},
	{"RevocationsAreNumbered", revocationsAreNumbered},
	{"RevocationsOfOneWriteShareAMark", revocationsShareAMark},
	{"RevocationMoments", revocationMoments},
	{"RevocationsAreReadInPages", revocationPages},
	{"SweepOfRevocationsStopsAtALiveOne", sweepStopsAtLive},
	{"SweepOfRevocationsLeavesTheNewest", sweepLeavesNewest},
}

// readLog returns the whole log.
func readLog(t *testing.T, s Store) []grant.LoggedRevocation {
	t.Helper()
	page, err := s.Revocations(t.Context(), 0, 10_000)
	must(t, err)
	return page.Entries
}

// add writes entries.
func add(t *testing.T, s Store, entries ...grant.Revocation) time.Time {
	t.Helper()
	moment, err := s.AddRevocations(t.Context(), entries)
	must(t, err)
	return moment
}

// aRevocation returns an entry about a text.
func aRevocation(kind revocation.Kind, text string) grant.Revocation {
	return grant.Revocation{Kind: kind, Hash: kind.Hash(text)}
}

// numbersOf returns the numbers of entries.
func numbersOf(entries []grant.LoggedRevocation) []int64 {
	numbers := make([]int64, len(entries))
	for i, e := range entries {
		numbers[i] = e.Seq
	}
	return numbers
}

func newLogIsEmpty(t *testing.T, s Store) {
	before := time.Now()
	page, err := s.Revocations(t.Context(), 0, 10)
	must(t, err)
	if age := page.ReadAt.Sub(before).Abs(); len(page.Entries) != 0 || age > time.Minute {
		t.Errorf("a new log is %+v", page)
	}
	moment := add(t, s)
	if deleted, err := s.SweepRevocations(t.Context(), 10); err != nil || deleted != 0 || !moment.IsZero() {
		t.Errorf("deleted %d entries of a new log, %v; wrote no entry at %v", deleted, err, moment)
	}
	equal(t, numbersOf(readLog(t, s)), []int64{})
}

// revocationsAreNumbered: each kind and hash is read as it was written.
func revocationsAreNumbered(t *testing.T, s Store) {
	written := []grant.Revocation{
		aRevocation(revocation.Grant, "g"),
		aRevocation(revocation.All, "https://issuer.example"),
		{Kind: revocation.SubjectAtClient, Hash: 1},
		{Kind: revocation.Audience, Hash: 1<<64 - 1},
	}
	last := time.Time{}
	for _, e := range written {
		moment := add(t, s, e)
		if moment.Before(last) {
			t.Errorf("an entry has the moment %v, and the entry before it %v", moment, last)
		}
		last = moment
	}
	log := readLog(t, s)
	equal(t, numbersOf(log), []int64{1, 2, 3, 4})
	for i, e := range log {
		if e.Kind != written[i].Kind || e.Entry.Hash != written[i].Hash || e.Mark < 1 {
			t.Errorf("entry %d is %+v, written as %+v", i, e, written[i])
		}
	}
	equal(t, log[3].Entry.Before, last.UnixMicro())
}

func revocationsShareAMark(t *testing.T, s Store) {
	exempt := aRevocation(revocation.Exempt, "g")
	add(t, s, exempt, aRevocation(revocation.Subject, "ann"), aRevocation(revocation.Client, "app"))
	add(t, s, exempt)
	log := readLog(t, s)
	equal(t, numbersOf(log), []int64{1, 2, 3, 4})
	if log[0].Mark != log[1].Mark || log[1].Mark != log[2].Mark || log[2].Mark == log[3].Mark {
		t.Errorf("the marks are %d, %d, %d, %d", log[0].Mark, log[1].Mark, log[2].Mark, log[3].Mark)
	}
	if log[0].Entry.Hash != log[3].Entry.Hash || log[1].Kind != revocation.Subject {
		t.Errorf("the entries are not in the order of the write: %+v", log)
	}
}

// revocationMoments: the moment of an entry is the time of the write, plus its
// lag, unless the entry has its own.
func revocationMoments(t *testing.T, s Store) {
	now, lagging := aRevocation(revocation.Grant, "g"), aRevocation(revocation.Client, "c")
	chosen := aRevocation(revocation.All, "i")
	lagging.Lag, chosen.Before = grant.MintLag, start
	page, err := s.Revocations(t.Context(), 0, 1)
	must(t, err)
	moment := add(t, s, now, lagging, chosen)
	if moment.Before(page.ReadAt) {
		t.Errorf("written at %v, after a read at %v", moment, page.ReadAt)
	}
	log := readLog(t, s)
	keep := log[0].ExpiresAt.Sub(moment)
	if keep < 24*time.Hour {
		t.Errorf("an entry is kept for %v", keep)
	}
	for i, want := range []time.Time{moment, moment.Add(grant.MintLag), start} {
		equal(t, log[i].Entry.Before, want.UnixMicro())
		equal(t, log[i].ExpiresAt, want.Add(keep))
	}
}

func revocationPages(t *testing.T, s Store) {
	for range 5 {
		add(t, s, aRevocation(revocation.Grant, "g"))
	}
	for _, c := range []struct {
		from  int64
		limit int
		want  []int64
	}{
		{0, 2, []int64{1, 2}},
		{2, 2, []int64{2, 3}},
		{4, 9, []int64{4, 5}},
		{5, 1, []int64{5}},
		{6, 9, []int64{}},
	} {
		page, err := s.Revocations(t.Context(), c.from, c.limit)
		must(t, err)
		equal(t, numbersOf(page.Entries), c.want)
		if page.ReadAt.IsZero() {
			t.Errorf("a page from %d has no time", c.from)
		}
	}
}

// expired returns an entry that has expired when it is written.
func expired() grant.Revocation {
	e := aRevocation(revocation.Subject, "ann")
	e.Before = start.Add(-48 * time.Hour)
	return e
}

// sweepStopsAtLive: the numbers that a sweep leaves have no gap.
func sweepStopsAtLive(t *testing.T, s Store) {
	live := aRevocation(revocation.Subject, "bob")
	add(t, s, expired(), expired(), expired(), live, expired(), live)
	for _, c := range []struct {
		limit, deleted int
		left           []int64
	}{
		{2, 2, []int64{3, 4, 5, 6}},
		{2, 1, []int64{4, 5, 6}},
		{9, 0, []int64{4, 5, 6}},
	} {
		deleted, err := s.SweepRevocations(t.Context(), c.limit)
		must(t, err)
		equal(t, deleted, c.deleted)
		equal(t, numbersOf(readLog(t, s)), c.left)
	}
}

// sweepLeavesNewest: the numbers go on after all entries have expired.
func sweepLeavesNewest(t *testing.T, s Store) {
	add(t, s, expired(), expired())
	deleted, err := s.SweepRevocations(t.Context(), 9)
	must(t, err)
	equal(t, deleted, 1)
	equal(t, numbersOf(readLog(t, s)), []int64{2})

	add(t, s, expired())
	equal(t, numbersOf(readLog(t, s)), []int64{2, 3})
}

// followLog reads the log as it grows, until done is closed and all is read.
func followLog(ctx context.Context, s Store, done <-chan struct{}) (seen []grant.LoggedRevocation, err error) {
	for {
		last := false
		select {
		case <-done:
			last = true
		default:
		}
		page, err := s.Revocations(ctx, int64(len(seen)+1), 7)
		if err != nil {
			return seen, err
		}
		seen = append(seen, page.Entries...)
		if last && len(page.Entries) == 0 {
			return seen, nil
		}
	}
}

// revocationsOfManyServers: a reader sees the numbers without a gap while
// several servers write.
func revocationsOfManyServers(t *testing.T, servers [2]Store) {
	const writers, each = 16, 10
	var reader sync.WaitGroup
	var seen []grant.LoggedRevocation
	var readErr error
	done := make(chan struct{})
	reader.Go(func() { seen, readErr = followLog(t.Context(), servers[0], done) })

	errs := make([]error, writers)
	atOnce(servers, writers, func(i int, s Store) {
		for n := range each {
			entries := slices.Repeat([]grant.Revocation{aRevocation(revocation.Grant, "g")}, 1+n%3)
			_, err := s.AddRevocations(t.Context(), entries)
			errs[i] = errors.Join(errs[i], err)
		}
	})
	close(done)
	reader.Wait()
	must(t, errors.Join(append(errs, readErr)...))

	equal(t, len(seen), writers*(4*1+3*2+3*3))
	for i, e := range seen {
		if e.Seq != int64(i+1) || i > 0 && e.Entry.Before < seen[i-1].Entry.Before {
			t.Fatalf("entry %d is %+v", i, e)
		}
	}
}
