package app

import (
	"net/http/httptest"
	"regexp"
	"slices"
	"testing"

	"github.com/signetd/signet/internal/grant"
)

func TestMetrics_SeriesForEachRefreshOutcome(t *testing.T) {
	response := httptest.NewRecorder()
	newMetrics().Handler().ServeHTTP(response, httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil))

	series := regexp.MustCompile(`signet_refreshes_total\{outcome="(\w+)"\} 0\n`)
	var got []grant.Outcome
	for _, match := range series.FindAllStringSubmatch(response.Body.String(), -1) {
		got = append(got, grant.Outcome(match[1]))
	}
	slices.Sort(got)
	if want := slices.Sorted(slices.Values(grant.Outcomes)); !slices.Equal(got, want) {
		t.Errorf("the outcomes of the series are %v, want %v", got, want)
	}
}
