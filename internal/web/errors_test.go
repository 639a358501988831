package web

import (
	"maps"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/signetd/signet/internal/oauth"
)

func TestStatusCodes(t *testing.T) {
	want := map[oauth.Code]int{
		"invalid_request":         400,
		"invalid_scope":           400,
		"invalid_target":          400,
		"invalid_grant":           400,
		"invalid_client":          401,
		"invalid_token":           401,
		"unauthorized_client":     400,
		"access_denied":           403,
		"unsupported_grant_type":  400,
		"login_required":          401,
		"slow_down":               429,
		"temporarily_unavailable": 503,
		"already_exists":          409,
		"not_found":               404,
		"failed_precondition":     409,
		"server_error":            500,
	}
	if !maps.Equal(statusCodes, want) {
		t.Errorf("got %v, want %v", statusCodes, want)
	}
	// RFC 6749 §5.2 allows %x20-21 / %x23-5B / %x5D-7E in error_description.
	forbidden := func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }
	for _, code := range oauth.Codes() {
		sentence := oauth.Refused(code, nil).Sentence
		if sentence == "" || strings.ContainsFunc(sentence, forbidden) {
			t.Errorf("%s: error_description is %q", code, sentence)
		}
	}
}

// Retry-After has whole seconds. After slow_down, the wait must have passed
// when the caller tries again. After temporarily_unavailable, the retry must
// also arrive within a leeway of a second or less.
func TestRetryAfter_IsInWholeSeconds(t *testing.T) {
	for _, c := range []struct {
		code oauth.Code
		wait time.Duration
		want string
	}{
		{oauth.TemporarilyUnavailable, time.Second, "1"},
		{oauth.TemporarilyUnavailable, 500 * time.Millisecond, "0"},
		{oauth.SlowDown, 480 * time.Millisecond, "1"},
		{oauth.SlowDown, 48 * time.Second, "48"},
		{oauth.InvalidGrant, 0, ""},
	} {
		w := httptest.NewRecorder()
		writeError(t.Context(), w, &oauth.Error{Code: c.code, RetryAfter: c.wait})
		if got := w.Header().Get("Retry-After"); got != c.want {
			t.Errorf("%s in %s: %q, want %q", c.code, c.wait, got, c.want)
		}
	}
}
