package admin_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
)

const shop = "https://shop.example"

// browserClient returns a valid client in the browser after edit.
func browserClient(edit func(*client.Client)) client.Client {
	c := client.Client{
		ID: "shop", Public: true, Audiences: []string{api},
		Browser: &client.Browser{Way: client.WayRefresh, Origins: []string{shop, "http://localhost:5173"}},
	}
	edit(&c)
	return c
}

func newBrowserFixture(t *testing.T) *fixture {
	t.Helper()
	f := newFixture(t)
	_, err := f.CreateAudience(t.Context(), by, client.Audience{ID: api})
	must(t, err)
	return f
}

func TestCreateClient_RefusesInvalidClientsInTheBrowser(t *testing.T) {
	f := newBrowserFixture(t)
	second := time.Second
	for name, c := range map[string]struct {
		edit     func(*client.Client)
		sentence string // a part of it
	}{
		"no way":           {func(c *client.Client) { c.Browser.Way = "" }, "page, refresh or session"},
		"unknown way":      {func(c *client.Client) { c.Browser.Way = "Page" }, "page, refresh or session"},
		"confidential":     {func(c *client.Client) { c.Public = false }, "is public"},
		"slash in the id":  {func(c *client.Client) { c.ID = "a/b" }, "1 to 64 letters"},
		"long id":          {func(c *client.Client) { c.ID = strings.Repeat("a", 65) }, "1 to 64 letters"},
		"id of the device": {func(c *client.Client) { c.ID = "device" }, "must not be device"},
		"no audience":      {func(c *client.Client) { c.Audiences = nil }, "at least one audience"},
		"leeway":           {func(c *client.Client) { c.Leeway = &second }, "no leeway"},
		"login URL":        {func(c *client.Client) { c.Browser.LoginPath = "//evil.example" }, "login path"},
		"no origin":        {func(c *client.Client) { c.Browser.Origins = nil }, "1 to 16 origins"},
		"too many origins": {
			func(c *client.Client) { c.Browser.Origins = slices.Repeat([]string{shop}, 17) }, "1 to 16 origins",
		},
		"two applications": {
			func(c *client.Client) { c.Browser.Origins[1] = "https://admin.example" }, "at most one origin",
		},
		"malformed origin": {func(c *client.Client) { c.Browser.Origins[0] = shop + "/" }, "https://HOST:PORT"},
		"plain text":       {func(c *client.Client) { c.Browser.Origins[1] = "http://a.test" }, "loopback"},
		"malformed CORS":   {func(c *client.Client) { c.CORSOrigins = []string{"*"} }, "A CORS origin is"},
		"too many CORS": {
			func(c *client.Client) { c.CORSOrigins = slices.Repeat([]string{shop}, 17) }, "at most 16",
		},
		"CORS without a page": {
			func(c *client.Client) { c.Public, c.Browser, c.CORSOrigins = false, nil, []string{shop} },
			"A confidential client has no CORS origins",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := f.CreateClient(t.Context(), by, browserClient(c.edit), "")
			wantCode(t, err, oauth.InvalidRequest)
			if sentence := oauth.AsError(err).Sentence; !strings.Contains(sentence, c.sentence) {
				t.Errorf("got %q, want %q", sentence, c.sentence)
			}
		})
	}
}

func TestCreateClient_AcceptsClientsInTheBrowser(t *testing.T) {
	f := newBrowserFixture(t)
	none := time.Duration(0)
	for n, edit := range []func(*client.Client){
		func(*client.Client) {},
		func(c *client.Client) { c.Browser.Way, c.Leeway, c.ID = client.WaySession, &none, "" },
		func(c *client.Client) { c.Browser.Way, c.Browser.LoginPath = client.WayPage, "/anmelden" },
		func(c *client.Client) { c.Browser.Origins = c.Browser.Origins[1:] },
		func(c *client.Client) { c.CORSOrigins = []string{shop, "https://admin.example"} },
	} {
		c, secret, err := f.CreateClient(t.Context(), by, browserClient(edit), "")
		if err != nil || secret != "" || c.Browser == nil {
			t.Errorf("client %d: %+v, %v", n, c, err)
		}
		must(t, f.DeleteClient(t.Context(), by, c.ID))
	}
}

func TestUpdateClient_CannotChangeTheWay(t *testing.T) {
	f := newBrowserFixture(t)
	_, _, err := f.CreateClient(t.Context(), by, browserClient(func(*client.Client) {}), "")
	must(t, err)
	_, _, err = f.CreateClient(t.Context(), by, client.Client{ID: "app", Public: true, Audiences: []string{api}}, "")
	must(t, err)
	before, err := f.Directory(t.Context())
	must(t, err)

	for name, c := range map[string]struct {
		id   string
		edit func(*client.Client)
	}{
		"another way":           {"shop", func(c *client.Client) { c.Browser.Way = client.WayPage }},
		"another way, replaced": {"shop", func(c *client.Client) { c.Browser = &client.Browser{Way: client.WayPage} }},
		"not in the browser":    {"shop", func(c *client.Client) { c.Browser = nil }},
		"now in the browser": {"app", func(c *client.Client) {
			c.Browser = &client.Browser{Way: client.WaySession, Origins: []string{"https://app.example"}}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			wantCode(t, f.UpdateClient(t.Context(), by, c.id, c.edit), oauth.FailedPrecondition)
		})
	}
	after, err := f.Directory(t.Context())
	if err != nil || after.Version != before.Version {
		t.Errorf("version %d, want %d: %v", after.Version, before.Version, err)
	}
}

func TestUpdateClient_ChangesOriginsAndLoginPath(t *testing.T) {
	f := newBrowserFixture(t)
	_, _, err := f.CreateClient(t.Context(), by, browserClient(func(*client.Client) {}), "")
	must(t, err)
	must(t, f.UpdateClient(t.Context(), by, "shop", func(c *client.Client) {
		c.Browser.Origins, c.Browser.LoginPath = []string{"https://new.example"}, "/in"
		c.CORSOrigins = []string{shop}
	}))
	d, err := f.Directory(t.Context())
	must(t, err)
	c := d.Clients[0]
	if c.Way() != client.WayRefresh || !slices.Equal(c.Browser.Origins, []string{"https://new.example"}) ||
		c.LoginPath() != "/in" || !slices.Equal(c.CORSOrigins, []string{shop}) {
		t.Errorf("after the update: %+v %+v", c, c.Browser)
	}
	err = f.UpdateClient(t.Context(), by, "shop", func(c *client.Client) { c.Audiences = nil })
	wantCode(t, err, oauth.InvalidRequest)
}

func TestClients_OriginsAreUnique(t *testing.T) {
	f := newBrowserFixture(t)
	create := func(id string, origins ...string) error {
		_, _, err := f.CreateClient(t.Context(), by, browserClient(func(c *client.Client) {
			c.ID, c.Browser.Origins = id, origins
		}), "")
		return err
	}
	must(t, create("a", shop, "http://localhost:5173"))
	wantCode(t, create("b", shop), oauth.FailedPrecondition)
	wantCode(t, create("b", "https://b.example", "http://localhost:5173"), oauth.FailedPrecondition)
	must(t, create("b", "https://b.example"))

	move := func(c *client.Client) { c.Browser.Origins = []string{shop} }
	wantCode(t, f.UpdateClient(t.Context(), by, "b", move), oauth.FailedPrecondition)
	must(t, f.UpdateClient(t.Context(), by, "a", func(c *client.Client) { c.Name = "keeps its own" }))

	// The pages that may call the token endpoint are another matter.
	must(t, f.UpdateClient(t.Context(), by, "b", func(c *client.Client) { c.CORSOrigins = []string{shop} }))

	must(t, f.DeleteClient(t.Context(), by, "a"))
	must(t, f.UpdateClient(t.Context(), by, "b", move))
}
