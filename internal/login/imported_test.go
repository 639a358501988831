package login_test

import (
	"strings"
	"testing"

	"github.com/signetd/signet/internal/admin"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/issuertest"
	"github.com/signetd/signet/internal/oauth"
)

// Rule 59: a login with the valid password replaces an imported hash. The
// user's grants stay.
func TestRule59_LoginReplacesAnImportedHash(t *testing.T) {
	f := newRealCostFixture(t)
	_, err := f.Admin.ImportUser(t.Context(), issuertest.Operator, admin.ImportedUser{
		Username: "old", PasswordHash: "$2y$07$BCryptRequires22Chrcte/VlQH0piJtjXl.0t1XkA8pw9dMXTpOq",
	})
	must(t, err)
	login := func(password string, hashes uint64) (*issuer.TokenResponse, error) {
		before := f.hashes()
		response, err := f.Login(t.Context(), f.Caller, issuertest.LoginRequest{Username: "old", Password: password})
		if n := f.hashes() - before; n != hashes {
			t.Errorf("a login with %q computed %d hashes, want %d", password, n, hashes)
		}
		return response, err
	}
	stored := func() string {
		u, err := f.Store.User(t.Context(), "old")
		must(t, err)
		return u.PasswordHash
	}

	_, err = login("wrong", 1)
	wantCode(t, err, oauth.InvalidGrant)
	if !strings.HasPrefix(stored(), "$2y$") {
		t.Error("a wrong password replaced the hash")
	}

	first, err := login("rasmuslerdorf", 2)
	must(t, err)
	if !strings.HasPrefix(stored(), "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("stored is %.20s…", stored())
	}
	_, err = login("rasmuslerdorf", 1)
	must(t, err)
	f.MustRefresh(t, first.RefreshToken, "")
}

// An imported user without a hash has no valid password until one is set.
func TestImportedUserWithoutHashCannotLogIn(t *testing.T) {
	f := newFixture(t)
	_, err := f.Admin.ImportUser(t.Context(), issuertest.Operator, admin.ImportedUser{Username: "bare"})
	must(t, err)
	before := f.hashes()
	for _, password := range []string{"", "attempt"} {
		r := issuertest.LoginRequest{Username: "bare", Password: password}
		_, err = f.Login(t.Context(), f.Caller, r)
		wantCode(t, err, oauth.InvalidGrant)
		wantCode(t, f.ChangePassword(t.Context(), f.Caller, r, newPassword, oauth.GrantID{}), oauth.InvalidGrant)
	}
	if n := f.hashes() - before; n != 4 {
		t.Errorf("four refused attempts computed %d hashes", n)
	}

	must(t, f.Admin.SetPassword(t.Context(), issuertest.Operator, "bare", rightWord))
	_, err = f.Login(t.Context(), f.Caller, issuertest.LoginRequest{Username: "bare", Password: rightWord})
	must(t, err)
}
