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

// The cookies. The prefix makes browsers keep them for this host alone, and on https.
const (
	sessionCookie = "__Host-session"
	deviceCookie  = "__Host-device"
)

// handler is all that browsers can ask for. Requests that another site's page makes are refused.
func (g *gateway) handler(api *url.URL) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", g.login)
	mux.HandleFunc("POST /logout", g.withSession(g.logout))
	mux.HandleFunc("POST /logout-everywhere", g.withSession(g.logoutEverywhere))
	mux.HandleFunc("/api/", g.withSession(g.forward(api)))
	bounded := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), patience)
		defer cancel()
		mux.ServeHTTP(w, r.WithContext(ctx))
	})
	return http.NewCrossOriginProtection().Handler(bounded)
}

// login takes a user's name and password, and begins a session.
func (g *gateway) login(w http.ResponseWriter, r *http.Request) {
	var form struct{ Username, Password string }
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4<<10)).Decode(&form); err != nil {
		http.Error(w, "username and password are wanted, as JSON", http.StatusBadRequest)
		return
	}
	ip, _, _ := net.SplitHostPort(r.RemoteAddr) // behind a proxy of yours: what that one says
	request := &signetv1.LoginRequest{
		Username: form.Username, Password: form.Password, DeviceToken: cookieOf(r, deviceCookie),
		EndUser: &signetv1.EndUser{Ip: ip, UserAgent: r.UserAgent()},
	}
	answer, err := g.tokens.Login(g.as(r.Context()), request) // once: a login is a guess, and has no key
	if reasonOf(err) == "INVALID_GRANT" {
		http.Error(w, "the user name or the password is wrong", http.StatusUnauthorized)
		return
	}
	if err != nil {
		unavailable(w, err)
		return
	}
	lasts := time.Duration(answer.GetRefreshExpiresIn()) * time.Second
	s := &session{subject: answer.GetSubject(), ends: time.Now().Add(lasts)}
	s.keep(answer)
	g.sessions.end(cookieOf(r, sessionCookie))
	setCookie(w, sessionCookie, g.sessions.add(s), 0)
	setCookie(w, deviceCookie, answer.GetDeviceToken(), 365*24*time.Hour) // known devices are not throttled with strangers
	w.WriteHeader(http.StatusNoContent)
}

// withSession finds the session of a request.
func (g *gateway) withSession(next func(w http.ResponseWriter, r *http.Request, s *session)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s, ok := g.sessions.find(cookieOf(r, sessionCookie))
		if !ok {
			g.loggedOut(w, r)
			return
		}
		next(w, r, s)
	}
}

// forward sends a request on to the API, with an access token instead of the cookies.
func (g *gateway) forward(api *url.URL) func(w http.ResponseWriter, r *http.Request, s *session) {
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(api)
		r.Out.Header.Del("Cookie")
	}}
	return func(w http.ResponseWriter, r *http.Request, s *session) {
		token, err := g.token(r.Context(), s)
		switch {
		case errors.Is(err, errLoggedOut):
			g.loggedOut(w, r)
		case err != nil:
			unavailable(w, err)
		default:
			r.Header.Set("Authorization", "Bearer "+token)
			proxy.ServeHTTP(w, r)
		}
	}
}

// logout ends the session of this browser, here and at the issuer.
func (g *gateway) logout(w http.ResponseWriter, r *http.Request, s *session) {
	s.mu.Lock()
	request := &signetv1.RevokeRequest{Token: s.refresh}
	s.mu.Unlock()
	if _, err := patiently(r.Context(), func(ctx context.Context) (*signetv1.RevokeResponse, error) {
		return g.tokens.Revoke(g.as(ctx), request)
	}); err != nil {
		unavailable(w, err) // not logged out, and the user should know
		return
	}
	g.sessions.end(cookieOf(r, sessionCookie))
	setCookie(w, sessionCookie, "", -1)
	w.WriteHeader(http.StatusNoContent)
}

// logoutEverywhere ends all of the user's sessions with this client, in every browser, and all that the issuer has beside them.
func (g *gateway) logoutEverywhere(w http.ResponseWriter, r *http.Request, s *session) {
	request := &signetv1.RevokeAllGrantsRequest{Subject: s.subject}
	if _, err := patiently(r.Context(), func(ctx context.Context) (*signetv1.RevokeAllGrantsResponse, error) {
		return g.grants.RevokeAllGrants(g.as(ctx), request)
	}); err != nil {
		unavailable(w, err)
		return
	}
	g.sessions.endAll(s.subject)
	setCookie(w, sessionCookie, "", -1)
	w.WriteHeader(http.StatusNoContent)
}

// loggedOut sends the browser to log in.
func (g *gateway) loggedOut(w http.ResponseWriter, r *http.Request) {
	g.sessions.end(cookieOf(r, sessionCookie))
	setCookie(w, sessionCookie, "", -1)
	http.Error(w, "log in", http.StatusUnauthorized)
}

// unavailable asks the browser to come back. What went wrong is for the log: the issuer's errors hold no secrets.
func unavailable(w http.ResponseWriter, err error) {
	log.Printf("the issuer: %v", err)
	w.Header().Set("Retry-After", strconv.Itoa(1+int(askedFor(err)/time.Second)))
	http.Error(w, "try again in a moment", http.StatusServiceUnavailable)
}

func cookieOf(r *http.Request, name string) string {
	c, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return c.Value
}

// setCookie sets a cookie: for so long, 0 for as long as the browser runs, -1 to take it away.
func setCookie(w http.ResponseWriter, name, value string, lasts time.Duration) {
	seconds := int(lasts / time.Second)
	if lasts < 0 {
		seconds = -1
	}
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, MaxAge: seconds, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}
