package login_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/internal/app/components"
	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/issuertest"
	"github.com/signetd/signet/internal/login"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/throttle"
)

// change changes the user's password and keeps that grant.
func (f *fixture) change(ctx context.Context, caller client.Caller, keep oauth.GrantID) error {
	r := issuertest.LoginRequest{Username: " ADA", Password: rightWord, EndUser: from("192.0.2.7")}
	return f.ChangePassword(ctx, caller, r, newPassword, keep)
}

func TestChangePassword_RevokesTheOtherGrants(t *testing.T) {
	f := newFixture(t)
	mine, other := f.MustLogin(t), f.MustLogin(t)
	before := f.hashes()
	must(t, f.change(t.Context(), f.Caller, mine.GrantID))
	if n := f.hashes() - before; n != 2 {
		t.Errorf("%d hashes, want one to verify the old password and one to store the new", n)
	}

	f.MustRefresh(t, mine.RefreshToken, "")
	_, err := f.Refresh(t.Context(), other.RefreshToken, "")
	wantCode(t, err, oauth.InvalidGrant)
	g, err := f.Store.Grant(t.Context(), other.GrantID)
	must(t, err)
	if g.RevokeReason != audit.RevokedByPassword {
		t.Errorf("the other grant was revoked for %q", g.RevokeReason)
	}

	_, err = f.Login(t.Context(), f.Caller, valid)
	wantCode(t, err, oauth.InvalidGrant)
	_, err = f.Login(t.Context(), f.Caller, issuertest.LoginRequest{Username: username, Password: newPassword})
	must(t, err)
	if n := f.Events.Count(audit.PasswordSet); n != 1 {
		t.Errorf("%d events, want 1", n)
	}
	for _, e := range f.Events.All() { // a replay of the log keeps the grant too
		if e.Name == audit.PasswordSet && e.KeptGrant != mine.GrantID.String() {
			t.Errorf("the event keeps %q, want %s", e.KeptGrant, mine.GrantID)
		}
	}
}

// A slowStore takes a while to count an attempt.
type slowStore struct{ components.ServiceStore }

// ReserveAttempt counts the attempt after 6 s. By then the registry's snapshot
// is too old for a new request.
func (s slowStore) ReserveAttempt(ctx context.Context, c []throttle.Counter, now time.Time) (int, error) {
	time.Sleep(6 * time.Second)
	return s.ServiceStore.ReserveAttempt(ctx, c, now)
}

// The grants are revoked as of the change, not as of the request. A request
// that began with a fresh registry is not refused because it lasts long.
func TestChangePassword_RevokesAsOfTheChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, func(o *components.Options) { o.Store = slowStore{o.Store} })
		user, err := f.Store.User(t.Context(), username)
		must(t, err)
		g := grant.Grant{
			ID: oauth.GrantID{1}, UserID: user.ID, ClientID: "gateway", IdleLifetime: time.Hour,
			CreatedAt: time.Now(), RotatedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour),
		}
		_, err = f.Store.CreateGrant(t.Context(), g, user.Epoch, 0)
		must(t, err)
		began := time.Now()
		must(t, f.change(t.Context(), f.Caller, oauth.GrantID{}))
		g, err = f.Store.Grant(t.Context(), g.ID)
		must(t, err)
		if took := g.RevokedAt.Sub(began); took < 6*time.Second || took > 7*time.Second {
			t.Errorf("revoked %v after the request, want at least 6s", took)
		}
	})
}

// A refused change reads no grant: the store does this work only for a caller
// who knows the password.
func TestChangePassword_RefusalReadsNoGrant(t *testing.T) {
	f := newFixture(t)
	read := func(context.Context, string) (oauth.GrantID, error) {
		t.Error("the grant was read")
		return oauth.GrantID{}, nil
	}
	for name, c := range map[string]login.PasswordChange{
		"weak password":    {Attempt: login.Attempt{Username: username, Password: rightWord}, NewPassword: "x"},
		"invalid password": {Attempt: login.Attempt{Username: username, Password: "x"}, NewPassword: newPassword},
		"unknown user":     {Attempt: login.Attempt{Username: "bob", Password: rightWord}, NewPassword: newPassword},
	} {
		c.KeptGrant = read
		if err := f.Logins.ChangePassword(t.Context(), c); err == nil {
			t.Errorf("%s: the change was accepted", name)
		}
	}
}

// ChangePassword does not keep the grant of another client or another user.
func TestChangePassword_KeepsOnlyTheCallersOwnGrant(t *testing.T) {
	for name, keep := range map[string]func(*fixture, *testing.T) oauth.GrantID{
		"none":          func(*fixture, *testing.T) oauth.GrantID { return oauth.GrantID{} },
		"unknown grant": func(*fixture, *testing.T) oauth.GrantID { return oauth.GrantID{1} },
		"another client's": func(f *fixture, t *testing.T) oauth.GrantID {
			other := f.Register(t, client.Client{ID: "other", Audiences: []string{issuertest.API}})
			response, err := f.Login(t.Context(), other, valid)
			must(t, err)
			return response.GrantID
		},
		"another user's": func(f *fixture, t *testing.T) oauth.GrantID {
			_, err := f.Admin.CreateUser(t.Context(), issuertest.Operator, "bob", rightWord, nil)
			must(t, err)
			r := issuertest.LoginRequest{Username: "bob", Password: rightWord}
			response, err := f.Login(t.Context(), f.Caller, r)
			must(t, err)
			return response.GrantID
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			mine, id := f.MustLogin(t), keep(f, t)
			must(t, f.change(t.Context(), f.Caller, id))
			user, err := f.Store.User(t.Context(), username)
			must(t, err)
			grants, err := f.Store.Grants(t.Context(), grant.Filter{Subject: user.ID, Limit: 10})
			must(t, err)
			for _, g := range grants.Grants {
				if g.RevokedAt.IsZero() {
					t.Errorf("the grant %s to %s is not revoked", g.ID, g.ClientID)
				}
			}
			_, err = f.Refresh(t.Context(), mine.RefreshToken, "")
			wantCode(t, err, oauth.InvalidGrant)
		})
	}
}

// Rule 49: an unknown user costs one hash, like a wrong password.
func TestRule49_RefusedChangesLookLikeRefusedLogins(t *testing.T) {
	f := newFixture(t)
	_, err := f.Admin.CreateUser(t.Context(), issuertest.Operator, "gone", rightWord, nil)
	must(t, err)
	must(t, f.Admin.DisableUser(t.Context(), issuertest.Operator, "gone"))
	_, refused := f.Login(t.Context(), f.Caller, invalid)
	want := oauth.AsError(refused).Sentence
	for name, r := range map[string]issuertest.LoginRequest{
		"unknown user":   {Username: "nobody", Password: rightWord},
		"wrong password": {Username: username, Password: "wrong"},
		"disabled user":  {Username: "gone", Password: rightWord},
	} {
		before := f.hashes()
		err := f.ChangePassword(t.Context(), f.Caller, r, newPassword, oauth.GrantID{})
		wantCode(t, err, oauth.InvalidGrant)
		if got := oauth.AsError(err); got.Sentence != want || got.RetryAfter != 0 {
			t.Errorf("%s: %q, retry after %v", name, got.Sentence, got.RetryAfter)
		}
		if n := f.hashes() - before; n != 1 {
			t.Errorf("%s: %d hashes, want 1", name, n)
		}
	}
	f.MustLogin(t)
	if n := f.Events.Count(audit.PasswordSet); n != 0 {
		t.Errorf("%d events of passwords that were set", n)
	}
}

// Rule 57: ChangePassword checks the new password against the policy before it
// verifies the old one.
func TestRule57_ChangePasswordChecksThePolicyFirst(t *testing.T) {
	f := newFixture(t)
	public := f.Register(t, client.Client{ID: "spa", Public: true, Audiences: []string{issuertest.API}})
	before := f.hashes()
	for next, sentence := range map[string]string{
		"":                         "The password is empty.",
		"too short":                "The password must have at least 15 characters.",
		"passwordpassword":         "The password is too common or too predictable.",
		"ada ada ada ada ada ada":  "The password is too common or too predictable.",
		"issuer.example":           "The password must have at least 15 characters.",
		"wolkenstein1990":          "The password is little more than the user's name or the name of this service.",
		rightWord:                  "The new password must differ from the old one.",
		strings.Repeat("p", 1<<20): "The password is too long.",
	} {
		name := username
		if strings.HasPrefix(next, "wolkenstein") {
			name = "k.wolkenstein"
		}
		r := issuertest.LoginRequest{Username: name, Password: rightWord}
		err := f.ChangePassword(t.Context(), f.Caller, r, next, oauth.GrantID{})
		wantCode(t, err, oauth.InvalidRequest)
		if got := oauth.AsError(err).Sentence; got != sentence {
			t.Errorf("%.30q: %q, want %q", next, got, sentence)
		}
	}
	wantCode(t, f.change(t.Context(), public, oauth.GrantID{}), oauth.UnauthorizedClient)
	if n := f.hashes() - before; n != 0 {
		t.Errorf("%d hashes were computed", n)
	}
}
