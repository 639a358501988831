package issuer_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/oauth"
)

const newWord = "six purple umbrellas sing"

func (h *house) change(ctx context.Context, caller issuer.Caller, keep oauth.GrantID) error {
	return h.ChangePassword(ctx, caller, issuer.ChangePasswordRequest{
		Username: " ADA", OldPassword: rightWord, NewPassword: newWord, KeepGrant: keep, EndUser: issuer.EndUser{IP: "192.0.2.7"},
	})
}

func TestChangePasswordEndsTheOtherGrants(t *testing.T) {
	h := newHouse(t)
	mine, other := h.login(t), h.login(t)
	before := h.passwords.Stats().Hashes
	must(t, h.change(t.Context(), h.caller, mine.GrantID))
	if n := h.passwords.Stats().Hashes - before; n != 2 {
		t.Errorf("%d hashes, want one to prove and one to keep", n)
	}
	h.mustRefresh(t, mine.RefreshToken, "")
	_, err := h.refresh(t.Context(), other.RefreshToken, "")
	wantCode(t, err, oauth.InvalidGrant)
	g, err := h.store.Grant(t.Context(), other.GrantID)
	must(t, err)
	if g.RevokeReason != audit.RevokedByPassword {
		t.Errorf("the other grant ended for %q", g.RevokeReason)
	}
	_, err = h.Login(t.Context(), h.caller, issuer.LoginRequest{Username: username, Password: rightWord})
	wantCode(t, err, oauth.InvalidGrant)
	_, err = h.Login(t.Context(), h.caller, issuer.LoginRequest{Username: username, Password: newWord})
	must(t, err)
	if n := h.count(audit.PasswordSet); n != 1 {
		t.Errorf("%d events, want 1", n)
	}
	for _, e := range h.events { // who does it again from the log keeps the grant, too
		if e.Name == audit.PasswordSet && e.Kept != mine.GrantID.String() {
			t.Errorf("the event keeps %q, want %s", e.Kept, mine.GrantID)
		}
	}
}

// TestChangePasswordKeepsOnlyTheCallersOwnGrant: neither another client's grant nor another user's outlives it.
func TestChangePasswordKeepsOnlyTheCallersOwnGrant(t *testing.T) {
	for name, keep := range map[string]func(*house, *testing.T) oauth.GrantID{
		"none":            func(*house, *testing.T) oauth.GrantID { return oauth.GrantID{} },
		"one that is not": func(*house, *testing.T) oauth.GrantID { return oauth.GrantID{1} },
		"another client's": func(h *house, t *testing.T) oauth.GrantID {
			other := h.client(t, client.Client{ID: "other", Audiences: []string{api}})
			answer, err := h.Login(t.Context(), other, issuer.LoginRequest{Username: username, Password: rightWord})
			must(t, err)
			return answer.GrantID
		},
		"another user's": func(h *house, t *testing.T) oauth.GrantID {
			_, err := h.admin.CreateUser(t.Context(), operator, "bob", rightWord, nil)
			must(t, err)
			answer, err := h.Login(t.Context(), h.caller, issuer.LoginRequest{Username: "bob", Password: rightWord})
			must(t, err)
			return answer.GrantID
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			mine, id := h.login(t), keep(h, t)
			must(t, h.change(t.Context(), h.caller, id))
			user, err := h.store.User(t.Context(), username)
			must(t, err)
			grants, err := h.store.Grants(t.Context(), grant.Filter{Subject: user.ID, Limit: 10})
			must(t, err)
			for _, g := range grants {
				if g.RevokedAt.IsZero() {
					t.Errorf("the grant %s to %s lives on", g.ID, g.ClientID)
				}
			}
			_, err = h.refresh(t.Context(), mine.RefreshToken, "")
			wantCode(t, err, oauth.InvalidGrant)
		})
	}
}

// TestRefusedChangesLookLikeRefusedLogins, and cost what those cost.
func TestRefusedChangesLookLikeRefusedLogins(t *testing.T) {
	h := newHouse(t)
	_, err := h.admin.CreateUser(t.Context(), operator, "gone", rightWord, nil)
	must(t, err)
	must(t, h.admin.DisableUser(t.Context(), operator, "gone"))
	_, login := h.Login(t.Context(), h.caller, issuer.LoginRequest{Username: username, Password: "wrong"})
	want := oauth.AsError(login).Sentence
	for name, r := range map[string]issuer.ChangePasswordRequest{
		"unknown user":   {Username: "nobody", OldPassword: rightWord, NewPassword: newWord},
		"wrong password": {Username: username, OldPassword: "wrong", NewPassword: newWord},
		"disabled user":  {Username: "gone", OldPassword: rightWord, NewPassword: newWord},
	} {
		before := h.passwords.Stats().Hashes
		err := h.ChangePassword(t.Context(), h.caller, r)
		wantCode(t, err, oauth.InvalidGrant)
		if got := oauth.AsError(err); got.Sentence != want || got.RetryAfter != 0 {
			t.Errorf("%s: %q, retry after %v", name, got.Sentence, got.RetryAfter)
		}
		if n := h.passwords.Stats().Hashes - before; n != 1 {
			t.Errorf("%s: %d hashes, want 1", name, n)
		}
	}
	h.login(t)
	if n := h.count(audit.PasswordSet); n != 0 {
		t.Errorf("%d events of passwords that were set", n)
	}
}

// TestRule57_ChangePasswordKeepsThePolicy, and says so before anything is proved: also to who does not know the old one.
func TestRule57_ChangePasswordKeepsThePolicy(t *testing.T) {
	h := newHouse(t)
	public := h.client(t, client.Client{ID: "spa", Public: true, Audiences: []string{api}})
	before := h.passwords.Stats().Hashes
	for next, sentence := range map[string]string{
		"":                         "The password is empty.",
		"too short":                "The password must have at least 15 characters.",
		"passwordpassword":         "The password is too common or too predictable.",
		"ada ada ada ada ada ada":  "The password is too common or too predictable.",
		"issuer.example":           "The password must have at least 15 characters.",
		"wolkenstein1990":          "The password is little more than the user's name or the name of this service.",
		rightWord:                  "The new password is the old one.",
		strings.Repeat("p", 1<<20): "The password is too long.",
	} {
		name := username
		if strings.HasPrefix(next, "wolkenstein") {
			name = "k.wolkenstein"
		}
		err := h.ChangePassword(t.Context(), h.caller, issuer.ChangePasswordRequest{Username: name, OldPassword: rightWord, NewPassword: next})
		wantCode(t, err, oauth.InvalidRequest)
		if got := oauth.AsError(err).Sentence; got != sentence {
			t.Errorf("%.30q: %q, want %q", next, got, sentence)
		}
	}
	wantCode(t, h.change(t.Context(), public, oauth.GrantID{}), oauth.UnauthorizedClient)
	if n := h.passwords.Stats().Hashes - before; n != 0 {
		t.Errorf("%d hashes were computed", n)
	}
}

// TestRule57_NoPolicyAtLogin: a password that was set under another policy stays good.
func TestRule57_NoPolicyAtLogin(t *testing.T) {
	h := newHouse(t)
	hash, err := h.passwords.Hash(t.Context(), "123456")
	must(t, err)
	must(t, h.store.SetPassword(t.Context(), username, hash, time.Now()))
	_, err = h.Login(t.Context(), h.caller, issuer.LoginRequest{Username: username, Password: "123456"})
	must(t, err)
}

// TestRule58_AFullBudgetIsSlowDown: whoever could not be served in time is told when to come back; no user is read and no
// event is written.
func TestRule58_AFullBudgetIsSlowDown(t *testing.T) {
	atRealCost(t)
	h := newHouse(t)
	events := len(h.events)
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, err := h.Login(ctx, h.caller, issuer.LoginRequest{Username: username, Password: rightWord})
	for _, err := range []error{err, h.change(ctx, h.caller, oauth.GrantID{})} {
		wantCode(t, err, oauth.SlowDown)
		if e := oauth.AsError(err); e.RetryAfter < time.Second {
			t.Errorf("retry after %v", e.RetryAfter)
		}
	}
	if s := h.passwords.Stats(); s.Refused != 2 || len(h.events) != events {
		t.Errorf("%+v, %d events", s, len(h.events)-events)
	}
}
