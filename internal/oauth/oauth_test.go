package oauth

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

func TestError_IsItsCategory(t *testing.T) {
	err := fmt.Errorf("refresh: %w", Wrap(InvalidGrant, "No.", io.EOF))
	if !errors.Is(err, InvalidGrant) || errors.Is(err, InvalidClient) || !errors.Is(err, io.EOF) {
		t.Errorf("%v is of another category, or has another cause", err)
	}
	if e := AsError(err); e.Code != InvalidGrant || e.Sentence != "No." {
		t.Errorf("AsError: %+v", e)
	}
	if e := AsError(fmt.Errorf("read: %w", NotFound)); e.Code != NotFound || e.Sentence != "Not found." {
		t.Errorf("AsError of a code: %+v", e)
	}
	if e := AsError(io.EOF); e.Code != ServerError || strings.Contains(e.Sentence, "EOF") {
		t.Errorf("AsError of another error: %+v", e)
	}
}

func TestFromStore_ErrorIsNotAnAnswer(t *testing.T) {
	if err := FromStore(fmt.Errorf("user: %w", NotFound)); !errors.Is(err, NotFound) {
		t.Errorf("the answer of the store was lost: %v", err)
	}
	if text := FromStore(fmt.Errorf("create user: %w", AlreadyExists)).Error(); text != "already_exists" {
		t.Errorf("an answer of the store is %q, want it without the operation", text)
	}
	if err := FromStore(fmt.Errorf("edit: %w", Fail(InvalidRequest, "No."))); AsError(err).Code != InvalidRequest {
		t.Errorf("the error of an edit function was lost: %v", err)
	}
	err := FromStore(io.ErrUnexpectedEOF)
	if e := AsError(err); e.Code != TemporarilyUnavailable || e.RetryAfter <= 0 {
		t.Errorf("a lost connection: %+v", e)
	}
	if FromStore(nil) != nil {
		t.Error("nil became an error")
	}
}

func TestEveryCodeHasASentence(t *testing.T) {
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
	for text, want := range map[string]string{
		"": "", "b a b": "a b", "openid": "openid", "b  a": "a b", " a   b ": "a b", "  a": "a",
		strings.Repeat("a  ", 64): "a",
	} {
		if s, err := ParseScope(text); err != nil || s.String() != want {
			t.Errorf("%q: %q, %v", text, s, err)
		}
	}
	for _, text := range []string{
		" ", "   ", "a\tb", "a\nb", "a \n b", "\ta", "a\n", "a\u00a0b", "a\u2003b", `a"b`, `a\b`, "ä", "a\x00",
		strings.Repeat("a ", 64) + "a",
	} {
		if _, err := ParseScope(text); !errors.Is(err, InvalidScope) {
			t.Errorf("%q: %v, want invalid_scope", text, err)
		}
	}
}

// An accepted scope has one form, and this form is accepted as the same scope.
func FuzzParseScope(f *testing.F) {
	for _, seed := range []string{"", " ", "b  a b", " a ", "a\tb", "a\u00a0b", "a\x00", strings.Repeat("a ", 65)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseScope(text)
		if err != nil {
			return
		}
		again, err := ParseScope(s.String())
		if err != nil || !slices.Equal(again, s) || !s.Valid() || (len(s) == 0) != (text == "") {
			t.Fatalf("%q is the scope %q, which is parsed as %q, %v", text, s, again, err)
		}
		if strings.Trim(text, " ") != "" && strings.Join(NewScope(strings.Fields(text)...), " ") != s.String() {
			t.Fatalf("%q is the scope %q", text, s)
		}
	})
}

func TestScope_SetOperations(t *testing.T) {
	ab, bc := NewScope("b", "a"), NewScope("c", "b")
	if ab.Intersect(bc).String() != "b" || ab.Within(bc) || !ab.Intersect(bc).Within(bc) || !Scope(nil).Within(ab) {
		t.Error("Intersect or Within is not that of sets")
	}
}

func TestValidIDs(t *testing.T) {
	for id, want := range map[string]bool{
		"gateway": true, "https://api.example/v1": true, "": false, "a b": false, "ä": false, "a\n": false,
		strings.Repeat("a", 129): false,
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
	for _, text := range []string{
		"", id.String()[2:], id.String() + "00", strings.ToUpper(id.String()), "zz" + id.String()[2:],
	} {
		if _, err := ParseGrantID(text); !errors.Is(err, InvalidRequest) {
			t.Errorf("%q: %v, want invalid_request", text, err)
		}
	}
	if (Handle{1, 2, 4}).GrantID() == id {
		t.Error("two handles have one grant id")
	}
}

func TestCheckClaims(t *testing.T) {
	valid := map[string]any{"roles": []any{"a"}, "tenant": "acme", "level": 3.0, "beta": true}
	if err := CheckClaims(valid); err != nil {
		t.Error(err)
	}
	for name, claims := range map[string]map[string]any{
		"reserved": {"sub": "x"}, "malformed": {"a b": "x"}, "object": {"a": map[string]any{}}, "null": {"a": nil},
		"list of numbers": {"a": []any{"b", 1.0}}, "list of lists": {"a": []any{[]any{}}},
		"too long": {"a": strings.Repeat("x", 4<<10)},
	} {
		if err := CheckClaims(claims); !errors.Is(err, InvalidRequest) {
			t.Errorf("%s: %v, want invalid_request", name, err)
		}
	}
}
