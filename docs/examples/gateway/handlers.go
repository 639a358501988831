package main

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"time"

	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// The prefix __Host- makes browsers send the cookies to this host only, and
// over https only.
const (
	sessionCookie = "__Host-session"
	deviceCookie  = "__Host-device"
)

// handler returns all routes for browsers. It rejects requests that a page of
// another site makes, and limits each request to requestTimeout.
func (g *gateway) handler(api *url.URL) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", g.login)
	mux.HandleFunc("POST /logout", g.withSession(g.logout))
	mux.HandleFunc("POST /logout-everywhere", g.withSession(g.logoutEverywhere))
	mux.HandleFunc("/api/", g.withSession(g.forward(api)))

	limited := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
		defer cancel()
		mux.ServeHTTP(w, r.WithContext(ctx))
	})
	return http.NewCrossOriginProtection().Handler(limited)
}

// login authenticates a user by name and password, and starts a session.
func (g *gateway) login(w http.ResponseWriter, r *http.Request) {
	var form struct{ Username, Password string }
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4<<10)).Decode(&form); err != nil {
		http.Error(w, "the body must be JSON with username and password", http.StatusBadRequest)
		return
	}

	// Behind your own proxy, take the address that the proxy reports.
	ip, _, _ := net.SplitHostPort(r.RemoteAddr)
	request := &signetv1.LoginRequest{
		Username: form.Username, Password: form.Password, DeviceToken: cookieValue(r, deviceCookie),
		EndUser: &signetv1.EndUser{Ip: ip, UserAgent: r.UserAgent()},
	}

	// Do not retry: the issuer counts every login attempt, and Login has no
	// idempotency key.
	response, err := g.tokens.Login(g.authenticated(r.Context()), request)
	if errorReason(err) == "INVALID_GRANT" {
		http.Error(w, "invalid user name or password", http.StatusUnauthorized)
		return
	}
	if err != nil {
		unavailable(w, err)
		return
	}

	s := newSession(response)
	g.sessions.remove(cookieValue(r, sessionCookie))
	setCookie(w, sessionCookie, g.sessions.add(s), 0)
	// The issuer counts attempts from known devices separately. So an attack on
	// the account does not lock them out.
	setCookie(w, deviceCookie, response.GetDeviceToken(), 365*24*time.Hour)
	w.WriteHeader(http.StatusNoContent)
}

// withSession calls next with the session of the request. Without a session it
// answers 401.
func (g *gateway) withSession(next func(w http.ResponseWriter, r *http.Request, s *session)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s, ok := g.sessions.find(cookieValue(r, sessionCookie))
		if !ok {
			g.requireLogin(w, r)
			return
		}
		next(w, r, s)
	}
}

// forward sends the request to the API, with an access token instead of the
// cookies.
func (g *gateway) forward(api *url.URL) func(w http.ResponseWriter, r *http.Request, s *session) {
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(api)
		r.Out.Header.Del("Cookie")
	}}
	return func(w http.ResponseWriter, r *http.Request, s *session) {
		token, err := g.accessToken(r.Context(), s)
		switch {
		case errors.Is(err, errLoginEnded):
			g.requireLogin(w, r)
		case err != nil:
			unavailable(w, err)
		default:
			r.Header.Set("Authorization", "Bearer "+token)
			proxy.ServeHTTP(w, r)
		}
	}
}

// logout ends the session of this browser, at the gateway and at the issuer.
func (g *gateway) logout(w http.ResponseWriter, r *http.Request, s *session) {
	if err := s.lock(r.Context()); err != nil {
		unavailable(w, err)
		return
	}
	request := &signetv1.RevokeRequest{Token: s.refreshToken}
	s.unlock()

	_, err := retry(r.Context(), func(ctx context.Context) (*signetv1.RevokeResponse, error) {
		return g.tokens.Revoke(g.authenticated(ctx), request)
	})
	if err != nil {
		unavailable(w, err) // The user must learn that the logout failed.
		return
	}
	g.sessions.remove(cookieValue(r, sessionCookie))
	setCookie(w, sessionCookie, "", -1)
	w.WriteHeader(http.StatusNoContent)
}

// logoutEverywhere ends all sessions of the user at this gateway. It also
// revokes all grants that the user has with this client at the issuer.
func (g *gateway) logoutEverywhere(w http.ResponseWriter, r *http.Request, s *session) {
	request := &signetv1.RevokeAllGrantsRequest{Subject: s.subject}
	_, err := retry(r.Context(), func(ctx context.Context) (*signetv1.RevokeAllGrantsResponse, error) {
		return g.grants.RevokeAllGrants(g.authenticated(ctx), request)
	})
	if err != nil {
		unavailable(w, err)
		return
	}
	g.sessions.removeAll(s.subject)
	setCookie(w, sessionCookie, "", -1)
	w.WriteHeader(http.StatusNoContent)
}

// requireLogin removes the session, if there is one, and answers 401.
func (g *gateway) requireLogin(w http.ResponseWriter, r *http.Request) {
	g.sessions.remove(cookieValue(r, sessionCookie))
	setCookie(w, sessionCookie, "", -1)
	http.Error(w, "log in", http.StatusUnauthorized)
}

// unavailable answers 503 with Retry-After. It logs the cause, because errors
// of the issuer contain no secrets.
func unavailable(w http.ResponseWriter, err error) {
	log.Printf("call the issuer: %v", err)
	w.Header().Set("Retry-After", strconv.Itoa(1+int(retryDelay(err)/time.Second)))
	http.Error(w, "try again in a moment", http.StatusServiceUnavailable)
}

// cookieValue returns the value of a cookie, or "" if the request lacks it.
func cookieValue(r *http.Request, name string) string {
	c, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return c.Value
}

// setCookie sets a cookie with a lifetime. 0 means until the browser closes; a
// negative lifetime deletes the cookie.
func setCookie(w http.ResponseWriter, name, value string, lifetime time.Duration) {
	seconds := int(lifetime / time.Second)
	if lifetime < 0 {
		seconds = -1
	}
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, MaxAge: seconds, Path: "/", Secure: true, HttpOnly: true,
		SameSite: http.SameSiteLaxMode,
	})
}
