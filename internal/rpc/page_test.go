package rpc

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/keys"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// Rule 70: a page token that is not exactly one of ours, for this list, reaches no store: the store is closed here, and would
// turn the refusal into UNAVAILABLE. Only for a token that names a MAC key which nobody knows is the ring read again, by its id.
func TestRule70_NoForgedCursorReachesTheStore(t *testing.T) {
	h := openHouse(t)
	p := pages{h.ring}
	good, err := p.token("users", "ada")
	must(t, err)
	other, err := p.token("clients", "ada")
	must(t, err)
	raw, err := base64.RawURLEncoding.DecodeString(good)
	must(t, err)
	for _, token := range []string{strings.Repeat("A", len(good)), strings.ToLower(good)} {
		if cursor, err := p.cursor(t.Context(), "users", token); oauth.AsError(err).Code != oauth.InvalidRequest {
			t.Errorf("under a key that nobody knows: %q, %v", cursor, err)
		}
	}
	must(t, h.store.Close())
	forged := map[string]string{
		"another list's": other, "cut": good[:len(good)-1], "extended": good + "A", "padded": good + "=", "twice": good + good,
		"line break": good[:8] + "\n" + good[8:], "SQL": "' OR 1=1--", "NUL": "\x00", "not UTF-8": "\xff",
		"no MAC":        base64.RawURLEncoding.EncodeToString(raw[:pageKey]),
		"no cursor":     base64.RawURLEncoding.EncodeToString(raw[:pageMinimum]),
		"cursor alone":  base64.RawURLEncoding.EncodeToString(raw[pageMinimum:]),
		"longer cursor": base64.RawURLEncoding.EncodeToString(append(raw[:len(raw):len(raw)], 'x')),
	}
	for n := pageKey; n < len(raw); n++ {
		altered := []byte(string(raw))
		altered[n] ^= 1
		forged[fmt.Sprintf("byte %d altered", n)] = base64.RawURLEncoding.EncodeToString(altered)
	}
	for name, token := range forged {
		if cursor, err := p.cursor(t.Context(), "users", token); oauth.AsError(err).Code != oauth.InvalidRequest {
			t.Errorf("%s: %q, %v", name, cursor, err)
		}
	}
	if cursor, err := p.cursor(t.Context(), "users", good); err != nil || cursor != "ada" {
		t.Errorf("the good one: %q, %v", cursor, err)
	}
	if got, err := p.cursor(t.Context(), "user", good); err == nil { // the list ends where it says
		t.Errorf("for a list that begins the same: %q", got)
	}
}

// Rule 70: whatever a cursor is, it comes back, for its own list alone; and what was not made here has no cursor.
func TestRule70_AnyCursorAndAnyPageToken(t *testing.T) {
	h := openHouse(t)
	p := pages{h.ring}
	good, err := p.token("users", "ada")
	must(t, err)
	raw, err := base64.RawURLEncoding.DecodeString(good)
	must(t, err)
	must(t, h.store.Close())
	ctx := t.Context()
	rapid.Check(t, func(t *rapid.T) {
		list, other, cursor := rapid.String().Draw(t, "list"), rapid.String().Draw(t, "other"), string(rapid.SliceOf(rapid.Byte()).Draw(t, "cursor"))
		token, err := p.token(list, cursor)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := p.cursor(ctx, list, token); err != nil || got != cursor {
			t.Errorf("%q of %q: %q, %v", cursor, list, got, err)
		}
		forged := []string{cursor, rapid.String().Draw(t, "token")}
		if other != list {
			_, err := p.cursor(ctx, other, token)
			if oauth.AsError(err).Code != oauth.InvalidRequest {
				t.Errorf("%q of %q is taken for one of %q: %v", cursor, list, other, err)
			}
		}
		// Under a key that we have, with whatever behind it.
		body := append(raw[:pageKey:pageKey], rapid.SliceOf(rapid.Byte()).Draw(t, "body")...)
		forged = append(forged, base64.RawURLEncoding.EncodeToString(body))
		for _, text := range forged {
			if got, err := p.cursor(ctx, list, text); err == nil && text != "" {
				t.Errorf("%q is taken for a token of %q: %q", text, list, got)
			}
		}
	})
}

// A token outlives the turn of its MAC key, and dies with one that was compromised.
func TestPageTokensAcrossRotations(t *testing.T) {
	h := openHouse(t)
	p := pages{h.ring}
	token, err := p.token("users", "ada")
	must(t, err)
	of, _, err := h.ring.CurrentMAC()
	must(t, err)
	_, err = h.ring.Operator().Rotate(t.Context(), keys.Actor{}, []string{keys.MAC}, keys.RotateOptions{Now: true})
	must(t, err)
	if now, _, err := h.ring.CurrentMAC(); err != nil || now == of {
		t.Fatalf("the MAC key did not rotate: %v", err)
	}
	if cursor, err := p.cursor(t.Context(), "users", token); err != nil || cursor != "ada" {
		t.Errorf("after a rotation: %q, %v", cursor, err)
	}
	must(t, h.ring.Operator().Compromise(t.Context(), keys.Actor{}, of))
	if _, err := p.cursor(t.Context(), "users", token); oauth.AsError(err).Code != oauth.InvalidRequest {
		t.Errorf("under a compromised key: %v", err)
	}
}

// An answer stays small enough for every client, however much there is.
func TestPagesAreBoundedInBytes(t *testing.T) {
	many := make([]string, maxPage)
	page, more := cut(many, maxPage, func(string) *signetv1.User { return &signetv1.User{Id: strings.Repeat("x", 5<<10)} })
	if size := proto.Size(&signetv1.ListUsersResponse{Users: page}); !more || size > maxPageBytes+16<<10 || size < maxPageBytes/2 {
		t.Errorf("%d of them, %d bytes, more %v", len(page), size, more)
	}
	page, more = cut(many[:2], 2, func(string) *signetv1.User { return &signetv1.User{Id: strings.Repeat("x", 2*maxPageBytes)} })
	if len(page) != 1 || !more {
		t.Errorf("one that is too large: %d, %v", len(page), more)
	}
}

func TestListsGoOnPageByPage(t *testing.T) {
	h := openHouse(t)
	ctx := h.administrate(t)
	for n := range 7 {
		id := fmt.Sprintf("z%d", n)
		_, err := h.admin.CreateAudience(t.Context(), operator, client.Audience{ID: id})
		must(t, err)
		_, _, err = h.admin.CreateClient(t.Context(), operator, client.Client{ID: id})
		must(t, err)
		_, err = h.admin.CreateUser(t.Context(), operator, id, "a very good password", nil)
		must(t, err)
	}
	lists := map[string]func(size int32, token string) ([]string, string, error){
		"users": func(size int32, token string) (ids []string, next string, err error) {
			r, err := h.operator.ListUsers(ctx, &signetv1.ListUsersRequest{PageSize: size, PageToken: token})
			for _, x := range r.GetUsers() {
				ids = append(ids, x.GetUsername())
			}
			return ids, r.GetNextPageToken(), err
		},
		"clients": func(size int32, token string) (ids []string, next string, err error) {
			r, err := h.operator.ListClients(ctx, &signetv1.ListClientsRequest{PageSize: size, PageToken: token})
			for _, x := range r.GetClients() {
				ids = append(ids, x.GetId())
			}
			return ids, r.GetNextPageToken(), err
		},
		"audiences": func(size int32, token string) (ids []string, next string, err error) {
			r, err := h.operator.ListAudiences(ctx, &signetv1.ListAudiencesRequest{PageSize: size, PageToken: token})
			for _, x := range r.GetAudiences() {
				ids = append(ids, x.GetId())
			}
			return ids, r.GetNextPageToken(), err
		},
	}
	tokens := make(map[string]string)
	for name, list := range lists {
		whole, next, err := list(0, "")
		if err != nil || next != "" || len(whole) < 8 || !slices.IsSorted(whole) {
			t.Errorf("%s: %q, %q, %v", name, whole, next, err)
		}
		for _, size := range []int32{1, 3, int32(len(whole)), 1000} {
			var all []string
			for token := ""; ; {
				ids, next, err := list(size, token)
				must(t, err)
				if len(ids) > int(size) || len(ids) == 0 {
					t.Fatalf("%s: a page of %d has %d", name, size, len(ids))
				}
				all = append(all, ids...)
				if token = next; token == "" {
					break
				}
				tokens[name] = token
			}
			if !slices.Equal(all, whole) {
				t.Errorf("%s by %d: %q, want %q", name, size, all, whole)
			}
		}
		for _, size := range []int32{-1, 1001} {
			if _, _, err := list(size, ""); reason(err) != "INVALID_REQUEST" {
				t.Errorf("%s: page_size %d: %v", name, size, err)
			}
		}
	}
	for name, list := range lists {
		for of, token := range tokens {
			if _, _, err := list(1, token); (err == nil) != (of == name) || err != nil && reason(err) != "INVALID_REQUEST" {
				t.Errorf("the token of %s for %s: %v", of, name, err)
			}
		}
	}
}
