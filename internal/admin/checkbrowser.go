package admin

import (
	"slices"
	"strings"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
)

// originForm says what client.ValidOrigin accepts.
const originForm = "https://HOST or https://HOST:PORT in lower case, without a path and without the port 443. " +
	"Only a loopback host may have http://, without the port 80."

var (
	errWay = oauth.Fail(
		oauth.InvalidRequest, "The way of the logins in the browser must be page, refresh or session.",
	)
	errWayFixed = oauth.Fail(oauth.FailedPrecondition,
		"The way of the logins in the browser is fixed when a client is created; create another client.")
	errOrigin     = oauth.Fail(oauth.InvalidRequest, "An origin of a client in the browser is "+originForm)
	errCORSOrigin = oauth.Fail(oauth.InvalidRequest, "A CORS origin is "+originForm)
)

// checkBrowser rejects an application in the browser that is not valid, or that
// has an origin of another client.
func checkBrowser(c client.Client, o others) error {
	if c.Browser == nil {
		return nil
	}
	switch {
	case !slices.Contains(client.Ways, c.Browser.Way):
		return errWay
	case !c.Public:
		return oauth.Fail(oauth.InvalidRequest, "A client in the browser is public, because it cannot keep a secret.")
	case !client.ValidBrowserID(c.ID):
		return oauth.Fail(oauth.InvalidRequest,
			"The id of a client in the browser has 1 to 64 letters, digits, dots, hyphens and underscores, "+
				"because it is a part of the name of a cookie. It must not be device.")
	case len(c.Audiences) == 0:
		return oauth.Fail(oauth.InvalidRequest, "A client in the browser has at least one audience.")
	case c.Leeway != nil && *c.Leeway != 0:
		return oauth.Fail(oauth.InvalidRequest,
			"A client in the browser has no leeway: its tabs share one idempotency key.")
	case c.Browser.LoginPath != "" && !client.ValidLoginPath(c.Browser.LoginPath):
		return oauth.Fail(oauth.InvalidRequest,
			"The login path is percent-encoded, begins with one slash, and has no backslash, query and fragment. "+
				"It has at most 2048 bytes.")
	}
	return checkOrigins(c, o)
}

// checkOrigins rejects origins of an application in the browser that are
// malformed, or that another client has.
func checkOrigins(c client.Client, o others) error {
	origins, public := c.Browser.Origins, 0
	if len(origins) == 0 || len(origins) > client.MaxOrigins {
		return oauth.Fail(oauth.InvalidRequest, "A client in the browser has 1 to 16 origins.")
	}
	for _, origin := range origins {
		if !client.ValidOrigin(origin) {
			return errOrigin
		}
		if strings.HasPrefix(origin, "https://") {
			public++
		}
		if isTaken(o.origins[origin], c.ID) {
			return oauth.Fail(oauth.FailedPrecondition, "Another client has this origin.")
		}
	}
	if public > 1 {
		return oauth.Fail(oauth.InvalidRequest,
			"A client in the browser has at most one origin with https: each application is a client of its own.")
	}
	return nil
}

// checkCORSOrigins rejects origins that are malformed, or of a client that is
// not public.
func checkCORSOrigins(c client.Client) error {
	switch {
	case len(c.CORSOrigins) > client.MaxOrigins:
		return oauth.Fail(oauth.InvalidRequest, "A client has at most 16 CORS origins.")
	case !c.Public && len(c.CORSOrigins) > 0:
		return oauth.Fail(oauth.InvalidRequest,
			"A confidential client has no CORS origins: a page must not have its credentials.")
	case slices.ContainsFunc(c.CORSOrigins, func(origin string) bool { return !client.ValidOrigin(origin) }):
		return errCORSOrigin
	}
	return nil
}
