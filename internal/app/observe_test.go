package app

import (
	"net/http/httptest"
	"regexp"
	"slices"
	"testing"

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
