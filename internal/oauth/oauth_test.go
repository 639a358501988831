package oauth

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

func TestErrorAnswersIsByItsCategory(t *testing.T) {
	err := fmt.Errorf("refresh: %w", Because(InvalidGrant, "No.", io.EOF))
	if !errors.Is(err, InvalidGrant) || errors.Is(err, InvalidClient) || !errors.Is(err, io.EOF) {
		t.Errorf("%v answers errors.Is wrongly", err)
	}
	if e := AsError(err); e.Code != InvalidGrant || e.Sentence != "No." {
		t.Errorf("AsError: %+v", e)
	}
	if e := AsError(fmt.Errorf("read: %w", NotFound)); e.Code != NotFound || e.Sentence != "There is no such thing." {
		t.Errorf("AsError of a bare code: %+v", e)
	}
	if e := AsError(io.EOF); e.Code != ServerError || strings.Contains(e.Sentence, "EOF") {
		t.Errorf("AsError of a stranger: %+v", e)
	}
}

func TestStoreErrorIsNeverAnAnswer(t *testing.T) {
	if err := FromStore(fmt.Errorf("user: %w", NotFound)); !errors.Is(err, NotFound) {
		t.Errorf("knowledge was lost: %v", err)
	}
	if err := FromStore(fmt.Errorf("edit: %w", Fail(InvalidRequest, "No."))); AsError(err).Code != InvalidRequest {
		t.Errorf("our own refusal was lost: %v", err)
	}
	err := FromStore(io.ErrUnexpectedEOF)
	if e := AsError(err); e.Code != TemporarilyUnavailable || e.RetryAfter <= 0 {
		t.Errorf("a lost connection: %+v", e)
	}
	if FromStore(nil) != nil {
		t.Error("nil is no error")
	}
}

func TestEveryCodeHasItsSentence(t *testing.T) {
	for code, sentence := range sentences {
		if sentence == "" || !strings.HasSuffix(sentence, ".") || code.Reason() != strings.ToUpper(string(code)) {
			t.Errorf("%s: %q", code, sentence)
		}
	}
	if len(sentences) != 15 {
		t.Errorf("%d sentences, want one for each of the 15 codes", len(sentences))
	}
}

func TestParseScope(t *testing.T) {
	for text, want := range map[string]string{"": "", "b a b": "a b", "openid": "openid"} {
		if s, err := ParseScope(text); err != nil || s.String() != want {
			t.Errorf("%q: %q, %v", text, s, err)
		}
	}
	for _, text := range []string{" ", "a  b", "a ", "a\tb", `a"b`, `a\b`, "ä", "a\x00", strings.Repeat("a ", 64) + "a"} {
		if _, err := ParseScope(text); !errors.Is(err, InvalidScope) {
			t.Errorf("%q: %v, want invalid_scope", text, err)
		}
	}
}

func TestScopeSets(t *testing.T) {
	ab, bc := NewScope("b", "a"), NewScope("c", "b")
	if ab.Intersect(bc).String() != "b" || ab.Within(bc) || !ab.Intersect(bc).Within(bc) || !Scope(nil).Within(ab) {
		t.Error("sets do not behave as sets")
	}
}

func TestOneSpellingPerAccount(t *testing.T) {
	for _, name := range []string{"Ada@Example.COM", " ada@example.com\t", "\uff41da@example.com", "ADA@EXAMPLE.COM"} {
		if got, err := CanonicalUsername(name); err != nil || got != "ada@example.com" {
			t.Errorf("%q: %q, %v", name, got, err)
		}
	}
	if a, _ := CanonicalUsername("re\u0301my"); a != "r\u00e9my" {
		t.Errorf("NFD and NFC differ: %q", a)
	}
	if a, _ := CanonicalUsername("STRASSE"); a != "strasse" {
		t.Errorf("%q", a)
	}
	for _, name := range []string{"", "   ", "a\x00b", "a\nb", "a\u200bb", "\xff", strings.Repeat("a", 257), strings.Repeat("a", 2000)} {
		if got, err := CanonicalUsername(name); !errors.Is(err, InvalidRequest) {
			t.Errorf("%q: %q, %v, want invalid_request", name, got, err)
		}
	}
}

func TestClientSecrets(t *testing.T) {
	c := Client{Secrets: []Secret{{Hash: HashSecret("old")}, {Hash: HashSecret("new")}}}
	for secret, want := range map[string]bool{"old": true, "new": true, "": false, "other": false} {
		if c.SecretMatches(secret) != want {
			t.Errorf("%q: %v", secret, !want)
		}
	}
	if (Client{}).SecretMatches("") {
		t.Error("a client without secrets matches the empty one")
	}
}

func TestNamesOfClientsAndAudiences(t *testing.T) {
	for id, want := range map[string]bool{
		"gateway": true, "https://api.example/v1": true, "": false, "a b": false, "ä": false, "a\n": false, strings.Repeat("a", 129): false,
	} {
		if ValidClientID(id) != want {
			t.Errorf("client id %q: %v", id, !want)
		}
	}
	if !ValidAudienceID(strings.Repeat("a", 256)) || ValidAudienceID(strings.Repeat("a", 257)) || ValidAudienceID("") {
		t.Error("audience ids have 1 to 256 characters")
	}
}

func TestGrantID(t *testing.T) {
	id := Handle{1, 2, 3}.GrantID()
	if got, err := ParseGrantID(id.String()); err != nil || got != id {
		t.Errorf("round trip: %v, %v", got, err)
	}
	for _, text := range []string{"", id.String()[2:], id.String() + "00", strings.ToUpper(id.String()), "zz" + id.String()[2:]} {
		if _, err := ParseGrantID(text); !errors.Is(err, InvalidRequest) {
			t.Errorf("%q: %v, want invalid_request", text, err)
		}
	}
	if (Handle{1, 2, 4}).GrantID() == id {
		t.Error("two handles share a grant")
	}
}

func TestGrantIsActiveUntilTheFirstEnd(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	good := Grant{MovedAt: now, IdleLifetime: time.Hour, ExpiresAt: now.Add(24 * time.Hour)}
	for name, c := range map[string]struct {
		edit func(*Grant)
		at   time.Duration
		want GrantState
	}{
		"active":                  {func(*Grant) {}, time.Minute, GrantActive},
		"idle":                    {func(*Grant) {}, time.Hour, GrantExpired},
		"expired":                 {func(g *Grant) { g.ExpiresAt = now.Add(time.Minute) }, time.Minute, GrantExpired},
		"suspended":               {func(g *Grant) { g.SuspendedAt = now }, 0, GrantSuspended},
		"suspended and expired":   {func(g *Grant) { g.SuspendedAt = now }, time.Hour, GrantExpired},
		"revoked":                 {func(g *Grant) { g.RevokedAt = now }, 0, GrantRevoked},
		"revoked, then suspended": {func(g *Grant) { g.RevokedAt, g.SuspendedAt = now, now }, time.Hour, GrantRevoked},
		"just before":             {func(*Grant) {}, time.Hour - time.Microsecond, GrantActive},
	} {
		g := good
		if c.edit(&g); g.State(now.Add(c.at)) != c.want {
			t.Errorf("%s: %s, want %s", name, g.State(now.Add(c.at)), c.want)
		}
	}
}

func TestCheckClaims(t *testing.T) {
	if err := CheckClaims(map[string]any{"roles": []any{"a"}, "tenant": "acme", "level": 3.0, "beta": true}); err != nil {
		t.Error(err)
	}
	for name, claims := range map[string]map[string]any{
		"reserved": {"sub": "x"}, "malformed": {"a b": "x"}, "object": {"a": map[string]any{}}, "null": {"a": nil},
		"list of numbers": {"a": []any{"b", 1.0}}, "list of lists": {"a": []any{[]any{}}}, "too much": {"a": strings.Repeat("x", 4<<10)},
	} {
		if err := CheckClaims(claims); !errors.Is(err, InvalidRequest) {
			t.Errorf("%s: %v, want invalid_request", name, err)
		}
	}
}
