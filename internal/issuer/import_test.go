package issuer_test

import (
	"strings"
	"testing"

	"github.com/signetd/signet/internal/admin"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/oauth"
)

// TestRule59_AnImportedHashIsReplacedAtTheNextLogin, and only by who knows the password; its grants stay.
func TestRule59_AnImportedHashIsReplacedAtTheNextLogin(t *testing.T) {
	atRealCost(t)
	h := newHouse(t)
	_, err := h.admin.ImportUser(t.Context(), operator, admin.ImportedUser{
		Username: "old", PasswordHash: "$2y$07$BCryptRequires22Chrcte/VlQH0piJtjXl.0t1XkA8pw9dMXTpOq",
	})
	must(t, err)
	login := func(password string, hashes uint64) (*issuer.TokenResponse, error) {
		before := h.passwords.Stats().Hashes
		answer, err := h.Login(t.Context(), h.caller, issuer.LoginRequest{Username: "old", Password: password})
		if n := h.passwords.Stats().Hashes - before; n != hashes {
			t.Errorf("a login with %q computed %d hashes, want %d", password, n, hashes)
		}
		return answer, err
	}
	stored := func() string {
		u, err := h.store.User(t.Context(), "old")
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
	h.mustRefresh(t, first.RefreshToken, "")
}

// TestAnImportedUserWithoutAHashCannotLogIn, before a password is set; no password is right.
func TestAnImportedUserWithoutAHashCannotLogIn(t *testing.T) {
	h := newHouse(t)
	_, err := h.admin.ImportUser(t.Context(), operator, admin.ImportedUser{Username: "bare"})
	must(t, err)
	before := h.passwords.Stats().Hashes
	for _, password := range []string{"", "guess"} {
		_, err = h.Login(t.Context(), h.caller, issuer.LoginRequest{Username: "bare", Password: password})
		wantCode(t, err, oauth.InvalidGrant)
		wantCode(t, h.ChangePassword(t.Context(), h.caller, issuer.ChangePasswordRequest{
			Username: "bare", OldPassword: password, NewPassword: newWord,
		}), oauth.InvalidGrant)
	}
	if n := h.passwords.Stats().Hashes - before; n != 4 {
		t.Errorf("four refused attempts computed %d hashes", n)
	}
	must(t, h.admin.SetPassword(t.Context(), operator, "bare", rightWord))
	_, err = h.Login(t.Context(), h.caller, issuer.LoginRequest{Username: "bare", Password: rightWord})
	must(t, err)
}
