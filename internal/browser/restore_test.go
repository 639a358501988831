package browser_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/signetd/signet/internal/browser"
	"github.com/signetd/signet/internal/oauth"
)

// A session whose idle lifetime has ended stays expired after a restore that an
// operator accepted: neither a check nor a refresh revives it.
func TestRefresh_RestoreDoesNotExtendASession(t *testing.T) {
	inCheckBubble(t, func(t *testing.T, f *checkFixture) {
		expired := f.open(t)
		f.Sleep(t, 2*time.Hour)
		live := f.open(t)
		ring, err := f.Store.Ring(t.Context())
		must(t, err)
		ring.Restored++
		must(t, f.Store.SwapRing(t.Context(), ring.Version, ring, nil))

		page := browser.Page{Caller: f.Caller(t, "shop")}
		page.Caller.Origin = "https://shop.example"
		_, err = f.Browser.Refresh(t.Context(), page, expired.cookie, "")
		if oauth.AsError(err).Code != oauth.LoginRequired {
			t.Errorf("refresh of the expired session: %v", err)
		}
		want(t, f.check(t, expired), http.StatusUnauthorized)
		_, err = f.Browser.Refresh(t.Context(), page, live.cookie, "")
		must(t, err)
		f.mustPass(t, live)
	})
}
