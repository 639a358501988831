package web

import (
	"maps"
	"strings"
	"testing"

	"github.com/signetd/signet/internal/oauth"
)

func TestStatusCodes(t *testing.T) {
	want := map[oauth.Code]int{
		"invalid_request":         400,
		"invalid_scope":           400,
		"invalid_target":          400,
		"unsupported_token_type":  400,
		"invalid_grant":           400,
		"invalid_client":          401,
		"unauthorized_client":     400,
		"access_denied":           403,
		"unsupported_grant_type":  400,
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
	for code := range want {
		sentence := oauth.Refused(code, nil).Sentence
		if sentence == "" || strings.ContainsFunc(sentence, forbidden) {
			t.Errorf("%s: error_description is %q", code, sentence)
		}
	}
}
