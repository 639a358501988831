package web

import (
	"net/http"
	"strings"
	"time"

	"github.com/signetd/signet/internal/browser"
	"github.com/signetd/signet/internal/client"
)

const (
	// deviceLifetime is how long a browser keeps a device token. Browsers keep
	// no cookie for longer.
	deviceLifetime = 400 * 24 * time.Hour
	// maxDeviceToken is the maximum length of a device token, in bytes.
	maxDeviceToken = 256
	// forgetful ends a refresh token in the cookie of a login that the browser
	// does not remember. No token has a dot. A refresh sets the cookie again,
	// and nothing else says that it has no Max-Age. The cookie of a session
	// token is set once.
	forgetful = ".s"
)

// A loginCookie is the cookie that holds a login.
type loginCookie struct {
	// token is the refresh token or the session token, or empty.
	token string
	// remember is false if the browser deletes the cookie when it is closed.
	remember bool
}

// readLoginCookie reads the login of a browser. There is none if the logins of
// the client are not in cookies.
func readLoginCookie(r *http.Request, c client.Client, origin string) loginCookie {
	if !c.UsesCookies() {
		return loginCookie{remember: true}
	}
	value := browser.ReadCookie(r.Header.Values("Cookie"), browser.CookieName(c, origin))
	if c.Way() == client.WaySession {
		return loginCookie{token: value, remember: true}
	}
	token, cut := strings.CutSuffix(value, forgetful)
	return loginCookie{token, !cut}
}

// readDevice reads the device token of a browser.
func readDevice(r *http.Request, origin string) string {
	value := browser.ReadCookie(r.Header.Values("Cookie"), browser.DeviceCookieName(origin))
	if len(value) > maxDeviceToken {
		return ""
	}
	return value
}

// newCookie returns a cookie for pages of that origin. A script cannot read it,
// and no other site can send it with a request that changes something.
func newCookie(name, value, origin string) *http.Cookie {
	return &http.Cookie{
		Name: name, Value: value, Path: "/", Secure: !browser.Plain(origin), HttpOnly: true,
		SameSite: http.SameSiteStrictMode,
	}
}

// setLogin returns the cookie of a login. A session cookie is sent also when
// the user follows a link on another site: otherwise the user would seem to be
// logged out.
func setLogin(p browser.Page, l *browser.Login, remember bool) *http.Cookie {
	c := p.Caller.Client
	cookie := newCookie(browser.CookieName(c, p.Caller.Origin), l.RefreshToken, p.Caller.Origin)
	lifetime := l.IdleIn
	if c.Way() == client.WaySession {
		cookie.Value, lifetime, cookie.SameSite = l.SessionToken, l.EndsIn, http.SameSiteLaxMode
	}
	switch {
	case remember:
		cookie.MaxAge = max(int(lifetime/time.Second), 1)
	case c.Way() == client.WayRefresh:
		cookie.Value += forgetful
	}
	return cookie
}

// deleteLogin returns the cookie that deletes the login of a browser.
func deleteLogin(p browser.Page) *http.Cookie {
	c := p.Caller.Client
	cookie := newCookie(browser.CookieName(c, p.Caller.Origin), "", p.Caller.Origin)
	cookie.MaxAge = -1
	if c.Way() == client.WaySession {
		cookie.SameSite = http.SameSiteLaxMode
	}
	return cookie
}

// setDevice returns the cookie with the device token.
func setDevice(p browser.Page, deviceToken string) *http.Cookie {
	cookie := newCookie(browser.DeviceCookieName(p.Caller.Origin), deviceToken, p.Caller.Origin)
	cookie.MaxAge = int(deviceLifetime / time.Second)
	return cookie
}
