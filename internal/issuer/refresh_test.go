package issuer_test

import (
	"testing"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/oauth"
)

// Rule 29: a refresh gets no scope and no audience that the grant does not
// have. It may get less, and the grant keeps its own. A refused request does
// not spend the token.
func TestRule29_ScopeNarrowsAndNeverWidens(t *testing.T) {
	f := newFixture(t)
	r := valid
	r.Scope = "read"
	login, err := f.Login(t.Context(), f.Caller, r)
	must(t, err)
	for _, c := range []struct {
		request issuer.RefreshRequest
		code    oauth.Code
	}{
		{issuer.RefreshRequest{Scope: "read write"}, oauth.InvalidScope},
		{issuer.RefreshRequest{Audience: []string{"https://other.example"}}, oauth.InvalidTarget},
	} {
		c.request.RefreshToken = login.RefreshToken
		_, err = f.Issuer.Refresh(t.Context(), f.Caller, c.request)
		wantCode(t, err, c.code)
	}

	wide := f.MustLogin(t)
	less := issuer.RefreshRequest{RefreshToken: wide.RefreshToken, Scope: "read"}
	narrow, err := f.Issuer.Refresh(t.Context(), f.Caller, less)
	must(t, err)
	if narrow.Scope.String() != "read" {
		t.Errorf("scope %q, want read", narrow.Scope)
	}
	if next := f.MustRefresh(t, narrow.RefreshToken, ""); next.Scope.String() != "read write" {
		t.Errorf("scope %q, want the grant's own", next.Scope)
	}
	if f.MustRefresh(t, login.RefreshToken, ""); f.Events.Count(audit.RefreshReused) != 0 {
		t.Error("a refused request spent the token")
	}
}
