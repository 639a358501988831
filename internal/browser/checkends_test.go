package browser_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/issuertest"
)

// otherEnds are acts of an operator or a user that end sessions of the client
// shop for its audience api.
var otherEnds = map[string]func(t *testing.T, at *checkFixture, s browserSession){
	"logged out": func(t *testing.T, at *checkFixture, s browserSession) {
		must(t, at.Grants.RevokeToken(t.Context(), at.Caller(t, "shop"), s.cookie))
	},
	"user deleted": func(t *testing.T, at *checkFixture, _ browserSession) {
		must(t, at.Admin.DeleteUser(t.Context(), issuertest.Operator, "ada"))
	},
	"password set": func(t *testing.T, at *checkFixture, _ browserSession) {
		must(t, at.Admin.SetPassword(t.Context(), issuertest.Operator, "ada", "another horse battery staple"))
	},
	"client deleted": func(t *testing.T, at *checkFixture, _ browserSession) {
		must(t, at.Admin.DeleteClient(t.Context(), issuertest.Operator, "shop"))
	},
	"client created again": func(t *testing.T, at *checkFixture, _ browserSession) {
		must(t, at.Admin.DeleteClient(t.Context(), issuertest.Operator, "shop"))
		_, _, err := at.Admin.CreateClient(t.Context(), issuertest.Operator, checkSetup.Clients[0], "")
		must(t, err)
	},
	"audience disabled": func(t *testing.T, at *checkFixture, _ browserSession) {
		must(t, at.Admin.DisableAudience(t.Context(), issuertest.Operator, api))
	},
	"audience of the client removed": func(t *testing.T, at *checkFixture, _ browserSession) {
		must(t, at.Admin.UpdateClient(t.Context(), issuertest.Operator, "shop", func(c *client.Client) {
			c.Audiences = []string{stock}
		}))
	},
	"origin changed": func(t *testing.T, at *checkFixture, _ browserSession) {
		must(t, at.Admin.UpdateClient(t.Context(), issuertest.Operator, "shop", func(c *client.Client) {
			c.Browser = &client.Browser{Way: client.WaySession, Origins: []string{"https://new.example"}}
		}))
	},
}

// Statement 20 of docs/browser.md: no act at another server leaves a session
// that this server holds usable for more than a second.
func TestCheck_OtherEndsOfAnotherServer(t *testing.T) { testEnds(t, otherEnds, 5) }

// The idle lifetime of a session that is used at one server only does not end
// at another one, which holds an older copy.
func TestCheck_UseAtAnotherServerExtendsASession(t *testing.T) {
	inCheckBubble(t, func(t *testing.T, f *checkFixture) {
		must(t, f.Admin.UpdateClient(t.Context(), issuertest.Operator, "shop", func(c *client.Client) {
			c.RefreshIdle = 30 * time.Second
		}))
		must(t, f.Registry.Poll(t.Context()))
		s, elsewhere := f.open(t), f.newReplica(t)
		f.Run(t)
		elsewhere.Run(t)
		f.mustPass(t, s)
		for range 20 {
			time.Sleep(2 * time.Second)
			elsewhere.mustPass(t, s)
		}
		f.mustPass(t, s)
		time.Sleep(31 * time.Second)
		want(t, f.check(t, s), http.StatusUnauthorized)
		want(t, elsewhere.check(t, s), http.StatusUnauthorized)
	})
}
