package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/signetd/signet/internal/grant"
)

var verifierCases = []singleCase{
	{"VerifiersAreListedByNameAndServer", verifiersAreListed},
	{"LatestReportOfAVerifierCounts", latestReportCounts},
	{"VerifiersWithoutPollsAreDeleted", verifiersAreDeleted},
}

// aVerifier returns a verifier that polled at start.
func aVerifier(name, server string) grant.Verifier {
	return grant.Verifier{Name: name, Server: server, Keys: `"keys"`, SeenAt: start, Lag: 1234567 * time.Microsecond}
}

// verifiersAre fails the test if the stored verifiers are not want.
func verifiersAre(t *testing.T, s Store, want ...grant.Verifier) {
	t.Helper()
	got, err := s.Verifiers(t.Context(), "", "", 1000)
	must(t, err)
	equal(t, got, want)
}

func verifiersAreListed(t *testing.T, s Store) {
	must(t, s.ReportVerifiers(t.Context(), nil))
	verifiersAre(t, s)

	b, a2, a1, upper := aVerifier("b", "1"), aVerifier("a", "2"), aVerifier("a", "1"), aVerifier("B", "1")
	a2.Keys, a2.Lag = "", 0
	must(t, s.ReportVerifiers(t.Context(), []grant.Verifier{b, a1, upper}))
	must(t, s.ReportVerifiers(t.Context(), []grant.Verifier{a2}))
	verifiersAre(t, s, upper, a1, a2, b)
	for _, c := range []struct {
		name, server string
		limit        int
		want         []grant.Verifier
	}{
		{"", "", 2, []grant.Verifier{upper, a1}},
		{"a", "1", 2, []grant.Verifier{a2, b}},
		{"b", "1", 2, nil},
	} {
		got, err := s.Verifiers(t.Context(), c.name, c.server, c.limit)
		must(t, err)
		equal(t, got, c.want)
	}

	var texts []grant.Verifier
	for _, text := range hostile {
		v := aVerifier(text, text)
		v.Keys = text
		texts = append(texts, v)
	}
	must(t, s.ReportVerifiers(t.Context(), texts))
	for _, v := range texts {
		got, err := s.Verifiers(t.Context(), v.Name, "", 1)
		must(t, err)
		equal(t, got, []grant.Verifier{v})
	}
}

func latestReportCounts(t *testing.T, s Store) {
	earlier, later := aVerifier("v", "s"), aVerifier("v", "s")
	later.SeenAt, later.Keys, later.Lag = start.Add(time.Second), `"new"`, time.Minute
	must(t, s.ReportVerifiers(t.Context(), []grant.Verifier{earlier, later, earlier}))
	verifiersAre(t, s, later)
	must(t, s.ReportVerifiers(t.Context(), []grant.Verifier{earlier}))
	verifiersAre(t, s, later)
	later.SeenAt, later.Lag = later.SeenAt.Add(time.Second), 0
	must(t, s.ReportVerifiers(t.Context(), []grant.Verifier{later}))
	verifiersAre(t, s, later)
}

func verifiersAreDeleted(t *testing.T, s Store) {
	old, recent := aVerifier("old", "s"), aVerifier("recent", "s")
	recent.SeenAt = time.Now().UTC().Truncate(time.Microsecond)
	must(t, s.ReportVerifiers(t.Context(), []grant.Verifier{old, recent}))
	for _, c := range []struct {
		age     time.Duration
		deleted int
		left    []grant.Verifier
	}{
		{time.Hour, 0, []grant.Verifier{old, recent}},
		{3 * time.Minute, 1, []grant.Verifier{recent}},
		{3 * time.Minute, 0, []grant.Verifier{recent}},
	} {
		deleted, err := s.SweepVerifiers(t.Context(), c.age)
		must(t, err)
		equal(t, deleted, c.deleted)
		verifiersAre(t, s, c.left...)
	}
}

// concurrentReports: servers report the same verifiers in different orders, and
// sweep meanwhile.
func concurrentReports(t *testing.T, servers [2]Store) {
	const calls, verifiers = 20, 50
	latest := time.Now().UTC().Truncate(time.Microsecond)
	errs := make([]error, calls)
	atOnce(servers, calls, func(i int, s Store) {
		var seen []grant.Verifier
		for n := range verifiers {
			v := aVerifier(fmt.Sprint((n*7+i*3)%verifiers), "s")
			v.SeenAt = latest.Add(-time.Duration(i) * time.Hour)
			seen = append(seen, v)
		}
		_, err := s.SweepVerifiers(t.Context(), calls/2*time.Hour)
		errs[i] = errors.Join(err, s.ReportVerifiers(t.Context(), seen))
	})
	must(t, errors.Join(errs...))
	got, err := servers[0].Verifiers(t.Context(), "", "", 1000)
	must(t, err)
	if len(got) != verifiers || !got[0].SeenAt.Equal(latest) {
		t.Errorf("%d verifiers after concurrent reports, the first is %+v", len(got), got[0])
	}
}
