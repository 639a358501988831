package login_test

import (
	"context"
	"testing"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/issuertest"
	"github.com/signetd/signet/internal/oauth"
)

// Rule 49: all refused logins have the same response.
func TestRule49_RefusedLoginsHaveTheSameError(t *testing.T) {
	f := newFixture(t)
	_, err := f.Admin.CreateUser(t.Context(), issuertest.Operator, "gone", rightWord, nil)
	must(t, err)
	must(t, f.Admin.DisableUser(t.Context(), issuertest.Operator, "gone"))
	var sentence string
	for name, r := range map[string]issuertest.LoginRequest{
		"unknown user":                  {Username: "nobody", Password: rightWord},
		"malformed user name":           {Username: "\x00", Password: rightWord},
		"wrong password":                {Username: username, Password: "wrong"},
		"disabled user":                 {Username: "gone", Password: rightWord},
		"disabled user, wrong password": {Username: "gone", Password: "wrong"},
		"password with a space":         {Username: username, Password: rightWord + " "},
	} {
		_, err := f.Login(t.Context(), f.Caller, r)
		wantCode(t, err, oauth.InvalidGrant)
		if e := oauth.AsError(err); sentence == "" {
			sentence = e.Sentence
		} else if e.Sentence != sentence || e.RetryAfter != 0 {
			t.Errorf("%s: %q, want %q", name, e.Sentence, sentence)
		}
	}
	if n := f.Events.Count(audit.LoginFailed); n != 6 {
		t.Errorf("%d events, want 6", n)
	}
}

// Rule 57: a password that was set under another policy stays valid.
func TestRule57_LoginDoesNotCheckThePolicy(t *testing.T) {
	f := newFixture(t)
	hash, err := f.Passwords.Hash(t.Context(), "123456")
	must(t, err)
	_, err = f.Store.SetPassword(t.Context(), username, hash, "operator:ann")
	must(t, err)
	_, err = f.Login(t.Context(), f.Caller, issuertest.LoginRequest{Username: username, Password: "123456"})
	must(t, err)
}

// Rule 58: if the memory budget is used up, the server answers slow_down. It
// reads no user and writes no event.
func TestRule58_FullBudgetIsSlowDown(t *testing.T) {
	f := newRealCostFixture(t)
	events := len(f.Events.All())
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, err := f.Login(ctx, f.Caller, valid)
	for _, err := range []error{err, f.change(ctx, f.Caller, oauth.GrantID{})} {
		wantCode(t, err, oauth.SlowDown)
		if e := oauth.AsError(err); e.RetryAfter < time.Second {
			t.Errorf("retry after %v", e.RetryAfter)
		}
	}
	written := len(f.Events.All()) - events
	if s := f.Passwords.Stats(); s.Refused != 2 || written != 0 {
		t.Errorf("%+v, %d events", s, written)
	}
}
