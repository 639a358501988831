package web

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/signetd/signet/internal/browser"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
)

// Paths of the endpoints for pages of applications in the browser, relative to
// the issuer identifier.
const (
	sessionLoginPath   = "/session/login"
	sessionRefreshPath = "/session/refresh"
	sessionLogoutPath  = "/session/logout"
)

// sessionHandlers returns the endpoints for pages by their patterns. Without a
// service, there are none.
func sessionHandlers(
	service *browser.Service, registry *client.Registry, proxies oauth.Proxies, base string,
) map[string]http.Handler {
	all := make(map[string]http.Handler)
	if service == nil {
		return all
	}
	endpoints := sessionEndpoints{service}
	for path, h := range map[string]sessionHandler{
		sessionLoginPath:   {operation: endpoints.login, forms: true},
		sessionRefreshPath: {operation: endpoints.refresh},
		sessionLogoutPath:  {operation: endpoints.logout, forms: true},
	} {
		h.registry, h.proxies = registry, proxies
		all[path], all[base+path] = h, h
	}
	return all
}

// The maximum lengths of parameters of a login, in bytes. The gRPC call Login
// has the same.
const (
	maxUsername    = 1 << 10
	maxPassword    = 1 << 10
	maxDeviceLabel = 256
)

// errNoKey is for a refresh whose retry would look like the use of a stolen
// token.
var errNoKey = malformed("The header Idempotency-Key is missing: the browser makes a key once, and sends it always.")

var errNoLogin = errors.New("the request has no token, or the cookie occurs more than once")

// A loginResponse is the response to a login or a refresh. If the login is a
// session cookie, it has only the last three members.
type loginResponse struct {
	AccessToken      string `json:"access_token,omitempty"`
	TokenType        string `json:"token_type,omitempty"`
	ExpiresIn        int64  `json:"expires_in,omitempty"`
	RefreshToken     string `json:"refresh_token,omitempty"`
	Scope            string `json:"scope,omitempty"`
	Subject          string `json:"subject"`
	SessionID        string `json:"session_id"`
	SessionExpiresIn int64  `json:"session_expires_in"`
}

// sessionEndpoints are the endpoints for pages.
type sessionEndpoints struct{ browser *browser.Service }

// login logs a user in.
func (e sessionEndpoints) login(ctx context.Context, q *sessionRequest) (sessionResponse, error) {
	p := q.params
	request := browser.LoginRequest{
		Username: p.required("username", maxUsername), Password: p.required("password", maxPassword),
		DeviceLabel: p.label("device_label", maxDeviceLabel),
		Scope:       p.text("scope", oauth.MaxScope), Audience: p.audience(), Held: q.cookie.token,
	}
	remember := p.flag("remember", true)
	if p.err != nil {
		return sessionResponse{}, p.err
	}
	l, err := e.browser.Login(ctx, q.page, request)
	if err != nil {
		return sessionResponse{}, err
	}

	response := sessionResponse{body: newLoginResponse(q.page, l)}
	if q.page.Caller.Client.UsesCookies() {
		response.cookies = append(response.cookies, setLogin(q.page, l, remember))
	}
	response.cookies = append(response.cookies, setDevice(q.page, l.DeviceToken))
	return response, nil
}

// refresh renews a login. It deletes the cookie only if the server knows that
// the login has ended.
func (e sessionEndpoints) refresh(ctx context.Context, q *sessionRequest) (sessionResponse, error) {
	held := q.held()
	if q.params.err != nil {
		return sessionResponse{}, q.params.err
	}
	if held == "" {
		return sessionResponse{}, oauth.Refused(oauth.LoginRequired, errNoLogin)
	}
	c := q.page.Caller.Client
	if q.idempotencyKey == "" && c.Way() != client.WaySession {
		return sessionResponse{}, errNoKey
	}
	l, err := e.browser.Refresh(ctx, q.page, held, q.idempotencyKey)
	switch {
	case errors.Is(err, oauth.LoginRequired) && c.UsesCookies():
		return sessionResponse{cookies: []*http.Cookie{deleteLogin(q.page)}}, err
	case err != nil:
		return sessionResponse{}, err
	}

	response := sessionResponse{body: newLoginResponse(q.page, l)}
	if c.Way() == client.WayRefresh { // a session token never changes
		response.cookies = []*http.Cookie{setLogin(q.page, l, q.cookie.remember)}
	}
	return response, nil
}

// logout logs the user out, also if there is no login.
func (e sessionEndpoints) logout(ctx context.Context, q *sessionRequest) (sessionResponse, error) {
	held, everywhere := q.held(), q.params.flag("everywhere", false)
	if q.params.err != nil {
		return sessionResponse{}, q.params.err
	}
	if err := e.browser.Logout(ctx, q.page, held, everywhere); err != nil {
		return sessionResponse{}, err
	}
	if held == "" || !q.page.Caller.Client.UsesCookies() {
		return sessionResponse{}, nil
	}
	return sessionResponse{cookies: []*http.Cookie{deleteLogin(q.page)}}, nil
}

// held returns the token of the login, from the cookie or from the body.
func (q *sessionRequest) held() string {
	if q.page.Caller.Client.UsesCookies() {
		return q.cookie.token
	}
	return q.params.text("refresh_token", oauth.MaxToken)
}

func newLoginResponse(p browser.Page, l *browser.Login) loginResponse {
	response := loginResponse{
		Subject: l.Subject, SessionID: l.GrantID.String(), SessionExpiresIn: int64(l.IdleIn / time.Second),
	}
	way := p.Caller.Client.Way()
	if way == client.WaySession {
		return response
	}
	response.AccessToken, response.TokenType = l.AccessToken, bearer
	response.ExpiresIn, response.Scope = int64(l.ExpiresIn/time.Second), l.Scope.String()
	if way == client.WayPage {
		response.RefreshToken = l.RefreshToken
	}
	return response
}
