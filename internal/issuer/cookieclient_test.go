package issuer_test

import (
	"testing"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/oauth"
)

// A client whose logins are in cookies gets no tokens by a call that is not
// from a page of its application: a script could read them.
func TestLogin_OfAClientWithCookiesNeedsAPage(t *testing.T) {
	f := newFixture(t)
	for _, way := range client.Ways {
		page := f.Caller
		page.Client.Browser = &client.Browser{Way: way, Origins: []string{"https://shop.example"}}
		page.Origin = "https://shop.example"
		_, err := f.Issuer.PrepareLogin(page, nil, "")
		must(t, err)

		stranger := page
		stranger.Origin = ""
		token := f.MustLogin(t).RefreshToken
		_, err = f.Issuer.PrepareLogin(stranger, nil, "")
		_, refreshed := f.Issuer.Refresh(t.Context(), stranger, issuer.RefreshRequest{RefreshToken: token})
		if way == client.WayPage {
			must(t, err)
			must(t, refreshed)
			continue
		}
		wantCode(t, err, oauth.UnauthorizedClient)
		wantCode(t, refreshed, oauth.UnauthorizedClient)
		f.MustRefresh(t, token, "") // it was not spent
	}
}
