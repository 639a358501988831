package login_test

import (
	"fmt"
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

// Rule 59: so it does with a hash of any program. passlib, OpenSSL, WordPress,
// Django and Spring made these.
func TestRule59_LoginReplacesHashesOfOtherPrograms(t *testing.T) {
	f := newFixture(t)
	for i, phc := range []string{
		"$argon2i$v=19$m=64,t=3,p=1$4xB4hwPBT+1lD2GF7zq0LA$BrJpvlWXgQrUMD9aL6lwBgNMxadt7jC7t7xXpoBcCH0",
		"$pbkdf2$1000$tjbGmLO2NkaI0RpDCAGA0A$cLZBb3u1VH0ExySt0O4WlnEjcGM",
		"$5$F7VNcRmz8s4x3BVx$vLaWh85euQ6jlo.76K8j3g6h48Ks3lOxsND6/0Bawd/",
		"$P$B83Nyi4sa5ifj9hWO0PVQ5gmsqLphy0",
		"{SSHA}d2HWpDb25EYyv2Sp3U1EOjaUCANBKCXk",
		"pbkdf2_sha256$1000$seasalt2$X1KgQ/hJeqT8NWK8kqnc1YpoYV4We4FOKnURVERqHqY=",
		"bcrypt_sha256$$2b$04$S97YK.k3C401H1UlwG5OL.cbdpO3DY2gkCAcSP8dOv0ZQ7iAfRQja",
		"{bcrypt}$2a$04$n3S8tEArDqFaW9sZhQ7bV.nzkxbAk0QzgNgKUvkBOCYXRFRrlC/Q.",
		"{sha256}4c1a450691263c30fe31ebdb524713f7d6e2c9655078327b6e2009178d5b6e798b454850722dbe35",
	} {
		name := fmt.Sprint("user", i)
		imported := admin.ImportedUser{Username: name, PasswordHash: phc}
		_, err := f.Admin.ImportUser(t.Context(), issuertest.Operator, imported)
		must(t, err)
		for _, hashes := range []uint64{2, 1} { // the first login hashes the password again
			before := f.hashes()
			_, err = f.Login(t.Context(), f.Caller, issuertest.LoginRequest{Username: name, Password: "pässwörd 1"})
			if n := f.hashes() - before; err != nil || n != hashes {
				t.Errorf("%s: a login computed %d hashes, want %d: %v", phc, n, hashes, err)
			}
		}
		u, err := f.Store.User(t.Context(), name)
		if err != nil || !strings.HasPrefix(u.PasswordHash, "$argon2id$v=19$") {
			t.Errorf("%s: stored is %.20s…, %v", phc, u.PasswordHash, err)
		}
	}
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
