package keys

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// A publish_ahead below an hour warns of the common verifiers that may not have
// a key when it begins to sign, and of no other.
func TestPolicy_WarnsOfShortPublishAhead(t *testing.T) {
	for ahead, want := range map[time.Duration][]string{
		time.Hour:              nil,
		time.Hour - 1:          {"Amazon API Gateway keeps it for 2h", "keyfunc (Go) keeps it for 1h and fetches it"},
		10 * time.Minute:       {"Amazon API Gateway", "keyfunc"},
		10*time.Minute - 1:     {"Amazon API Gateway", "keyfunc", "Envoy keeps it for 10m"},
		4*time.Minute + 2*1000: {"Amazon API Gateway", "keyfunc", "Envoy", "Apigee keeps it for 5m"},
	} {
		p := testPolicy()
		p.PublishAhead = ahead
		warnings := p.Warnings()
		if len(want) == 0 {
			if len(warnings) > 0 {
				t.Errorf("%s: %q", ahead, warnings)
			}
			continue
		}
		if len(warnings) != 1 || strings.Count(warnings[0], " keeps it for ") != len(want) {
			t.Fatalf("%s: %q, want %d verifiers", ahead, warnings, len(want))
		}
		for _, name := range want {
			if !strings.Contains(warnings[0], name) {
				t.Errorf("%s: %q does not contain %q", ahead, warnings[0], name)
			}
		}
	}
}

// docs/verify.md has the table of verifierCaches.
func TestVerifierCaches_AreDocumented(t *testing.T) {
	page, err := os.ReadFile("../docs/verify.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range verifierCaches {
		fetches := "yes"
		switch {
		case v.refetches == never:
			fetches = "no"
		case v.refetches > 0:
			fetches = "at most every " + FormatDuration(v.refetches)
		}
		row := fmt.Sprintf("\n| %s | %s | %s |\n", v.name, FormatDuration(v.keeps), fetches)
		if !strings.Contains(string(page), row) {
			t.Errorf("docs/verify.md has no row %s", row)
		}
	}
}
