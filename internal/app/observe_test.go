package app

import (
	"context"
	"net/http/httptest"
	"regexp"
	"slices"
	"testing"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/browser"
	"github.com/signetd/signet/internal/feed"
	"github.com/signetd/signet/internal/grant"
)

func TestMetrics_SeriesForEachValue(t *testing.T) {
	response := httptest.NewRecorder()
	newMetrics().Handler().ServeHTTP(response, httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil))

	var outcomes []string
	for _, o := range grant.Outcomes {
		outcomes = append(outcomes, string(o))
	}
	for label, want := range map[string][]string{
		"signet_refreshes_total{outcome":                   outcomes,
		"signet_revocations_segments_signed_total{segment": feed.SegmentKinds,
		"signet_session_checks_total{outcome":              browser.CheckOutcomes,
		"signet_revocations_polls_total{answer":            feed.AnswerKinds,
	} {
		series := regexp.MustCompile(regexp.QuoteMeta(label) + `="(\w+)"\} 0\n`)
		var got []string
		for _, match := range series.FindAllStringSubmatch(response.Body.String(), -1) {
			got = append(got, match[1])
		}
		slices.Sort(got)
		if want := slices.Sorted(slices.Values(want)); !slices.Equal(got, want) {
			t.Errorf("the series %s are %v, want %v", label, got, want)
		}
	}
}

// The feed reads the log at once after every event that may belong to a
// revocation, and not after each login.
func TestEvents_OfRevocationsReachTheFeed(t *testing.T) {
	reads := 0
	a := &App{metrics: newMetrics(), revoked: func(audit.Event) { reads++ }}
	record := a.observeEvents(func(context.Context, audit.Event) error { return nil })
	for name, want := range map[string]int{
		audit.LoginSucceeded: 0, audit.LoginFailed: 0, audit.TokenMinted: 0,
		audit.RefreshReused: 1, audit.GrantRevoked: 1, audit.PasswordSet: 1, audit.UserDisabled: 1,
		audit.UserDeleted:   1,
		audit.ClientUpdated: 1, audit.ClientDeleted: 1, audit.AudienceUpdated: 1, audit.AudienceDeleted: 1,
		audit.KeyCompromised: 1,
	} {
		reads = 0
		if err := record(t.Context(), audit.Event{Name: name}); err != nil || reads != want {
			t.Errorf("%s: %d reads, want %d; %v", name, reads, want, err)
		}
	}
}
