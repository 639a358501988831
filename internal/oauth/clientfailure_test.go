package oauth

import (
	"errors"
	"strings"
	"testing"
)

// Rule 68: the log has what the caller claims in printable ASCII and bounded.
// Rule 66: it has no secret, also if a caller has confused it with the id.
func TestRefusedClient_LogsWhatWasClaimed(t *testing.T) {
	for claimed, want := range map[string]string{
		"gateway":                      "gateway",
		"https://api.example/a:b":      "https://api.example/a:b",
		"a\r\nb\x1b[2J\u202e\xff\"":    `a\r\nb\x1b[2J\u202e\xff\"`,
		strings.Repeat("a", 128):       strings.Repeat("a", 128),
		strings.Repeat("a", 65536):     strings.Repeat("a", 128) + "...",
		strings.Repeat("\x00", 65536):  strings.Repeat(`\x00`, 128) + "...",
		"sgs_AAAAAAAAAAAAAAAAAAAAAAAA": "(hidden: it contains sgs_)",
		"x sgr_AAAAAAAAAAAAAAAAAAAAAA": "(hidden: it contains sgr_)",
		"sgb_AAAAAAAAAAAAAAAAAAAAAA":   "(hidden: it contains sgb_)",
	} {
		e := RefusedClient("client_secret", claimed, errors.New("why"))
		attrs := e.Attrs()
		if len(attrs) != 4 || attrs[0].String() != "error=invalid_client" || attrs[1].String() != "cause=why" ||
			attrs[2].String() != "auth_method=client_secret" || attrs[3].String() != "claimed="+want {
			t.Errorf("%.40q: got %v, want %s", claimed, attrs, want)
		}
		if e.Sentence != Refused(InvalidClient, nil).Sentence {
			t.Errorf("%.40q: got the sentence %q", claimed, e.Sentence)
		}
	}
	if attrs := RefusedClient("", "", nil).Attrs(); len(attrs) != 1 {
		t.Errorf("nothing claimed: got %v", attrs)
	}
}
