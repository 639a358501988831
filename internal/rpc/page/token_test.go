package page

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/issuertest"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/keys"
)

// setup has an audience, because the key ring has keys only for the algorithms
// of audiences.
var setup = &issuertest.Setup{Audiences: []client.Audience{{ID: "api", Algorithm: keys.ES256}}}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Rule 70: A page token that Make has not made for this list never reaches the
// store. The store is closed in this test, so a read would be UNAVAILABLE. Only
// for the id of an unknown MAC key does the server read the key ring again.
func TestRule70_ForgedTokensDoNotReachTheStore(t *testing.T) {
	f := issuertest.New(t, setup)
	tokens := Tokens{Keys: f.Keys}
	valid, err := tokens.Make("users", "ada")
	must(t, err)
	other, err := tokens.Make("clients", "ada")
	must(t, err)
	raw, err := base64.RawURLEncoding.DecodeString(valid)
	must(t, err)
	for _, token := range []string{strings.Repeat("A", len(valid)), strings.ToLower(valid)} {
		if cursor, err := tokens.Cursor(t.Context(), "users", token); oauth.AsError(err).Code != oauth.InvalidRequest {
			t.Errorf("unknown key: %q, %v", cursor, err)
		}
	}
	must(t, f.Store.Close())
	forged := map[string]string{
		"of another list": other, "truncated": valid[:len(valid)-1], "extended": valid + "A", "padded": valid + "=",
		"repeated": valid + valid, "line break": valid[:8] + "\n" + valid[8:],
		"SQL": "' OR 1=1--", "NUL": "\x00", "not UTF-8": "\xff",
		"no MAC":        base64.RawURLEncoding.EncodeToString(raw[:keySize]),
		"no cursor":     base64.RawURLEncoding.EncodeToString(raw[:minSize]),
		"cursor alone":  base64.RawURLEncoding.EncodeToString(raw[minSize:]),
		"longer cursor": base64.RawURLEncoding.EncodeToString(append(raw[:len(raw):len(raw)], 'x')),
	}
	for n := keySize; n < len(raw); n++ {
		altered := []byte(string(raw))
		altered[n] ^= 1
		forged[fmt.Sprintf("byte %d altered", n)] = base64.RawURLEncoding.EncodeToString(altered)
	}
	for name, token := range forged {
		if cursor, err := tokens.Cursor(t.Context(), "users", token); oauth.AsError(err).Code != oauth.InvalidRequest {
			t.Errorf("%s: %q, %v", name, cursor, err)
		}
	}
	if cursor, err := tokens.Cursor(t.Context(), "users", valid); err != nil || cursor != "ada" {
		t.Errorf("valid token: %q, %v", cursor, err)
	}
	if got, err := tokens.Cursor(t.Context(), "user", valid); err == nil { // the MAC covers the length of the list name
		t.Errorf("for a list whose name is a prefix: %q", got)
	}
}

// Rule 70: A token returns its cursor for its own list only. Other text has no
// cursor.
func TestRule70_CursorIsValidForItsListOnly(t *testing.T) {
	f := issuertest.New(t, setup)
	tokens := Tokens{Keys: f.Keys}
	valid, err := tokens.Make("users", "ada")
	must(t, err)
	raw, err := base64.RawURLEncoding.DecodeString(valid)
	must(t, err)
	must(t, f.Store.Close())
	ctx := t.Context()
	rapid.Check(t, func(t *rapid.T) {
		list, other, cursor := rapid.String().Draw(t, "list"), rapid.String().Draw(t, "other"), string(
			rapid.SliceOf(rapid.Byte()).Draw(t, "cursor"),
		)
		token, err := tokens.Make(list, cursor)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := tokens.Cursor(ctx, list, token); err != nil || got != cursor {
			t.Errorf("%q of %q: %q, %v", cursor, list, got, err)
		}
		forged := []string{cursor, rapid.String().Draw(t, "token")}
		if other != list {
			_, err := tokens.Cursor(ctx, other, token)
			if oauth.AsError(err).Code != oauth.InvalidRequest {
				t.Errorf("cursor %q of %q is accepted for %q: %v", cursor, list, other, err)
			}
		}
		// The id of a key that exists, with any bytes after it.
		body := append(raw[:keySize:keySize], rapid.SliceOf(rapid.Byte()).Draw(t, "body")...)
		forged = append(forged, base64.RawURLEncoding.EncodeToString(body))
		for _, text := range forged {
			if got, err := tokens.Cursor(ctx, list, text); err == nil && text != "" {
				t.Errorf("%q is accepted as a token of %q: %q", text, list, got)
			}
		}
	})
}

// A token under a key that another server has made a moment before is valid. If
// the key ring cannot be read, the token is not refused.
func TestTokensOfAnotherServer(t *testing.T) {
	f := issuertest.New(t, setup)
	other := f.Replica(t)
	other.RotateUnseen(t, keys.MAC)
	token, err := Tokens{Keys: other.Keys}.Make("users", "ada")
	must(t, err)
	tokens := Tokens{Keys: f.Keys}
	unknown := base64.RawURLEncoding.EncodeToString(make([]byte, minSize))
	if _, err := tokens.Cursor(t.Context(), "users", unknown); oauth.AsError(err).Code != oauth.InvalidRequest {
		t.Errorf("unknown key: %v", err)
	}
	if cursor, err := tokens.Cursor(t.Context(), "users", token); err != nil || cursor != "ada" {
		t.Errorf("a new key: %q, %v", cursor, err)
	}
	must(t, f.Store.Close())
	_, err = tokens.Cursor(t.Context(), "users", unknown)
	if oauth.AsError(err).Code != oauth.TemporarilyUnavailable {
		t.Errorf("unknown key without a store: %v", err)
	}
}

// A token stays valid after a rotation of its MAC key, until the key is
// compromised.
func TestTokensAcrossKeyRotations(t *testing.T) {
	f := issuertest.New(t, setup)
	tokens := Tokens{Keys: f.Keys}
	token, err := tokens.Make("users", "ada")
	must(t, err)
	first, _, err := f.Keys.CurrentMAC()
	must(t, err)
	_, err = f.Keys.Operator().Rotate(t.Context(), audit.Actor{}, []string{keys.MAC}, keys.RotateOptions{Now: true})
	must(t, err)
	if now, _, err := f.Keys.CurrentMAC(); err != nil || now == first {
		t.Fatalf("the MAC key did not rotate: %v", err)
	}
	if cursor, err := tokens.Cursor(t.Context(), "users", token); err != nil || cursor != "ada" {
		t.Errorf("after a rotation: %q, %v", cursor, err)
	}
	must(t, f.Keys.Operator().Compromise(t.Context(), audit.Actor{}, first))
	if _, err := tokens.Cursor(t.Context(), "users", token); oauth.AsError(err).Code != oauth.InvalidRequest {
		t.Errorf("compromised key: %v", err)
	}
}
