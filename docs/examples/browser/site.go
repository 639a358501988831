package main

import (
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"net/http/httputil"
	"strings"
	"time"

	"github.com/signetd/signet/verify"
)

//go:embed pages
var files embed.FS

var pages = template.Must(template.ParseFS(files, "pages/*.html"))

// A site is the application on one port: its pages, its API, and the issuer's
// endpoints below /session/.
type site struct {
	way
	Port     int // of the first way
	Dev      dev
	verifier *verify.Verifier
	recorder *recorder
}

func newSite(w way, port int, d dev, v *verify.Verifier) *site {
	return &site{way: w, Port: port, Dev: d, verifier: v, recorder: new(recorder)}
}

// handler returns all routes. It answers requests for host only, so that no
// page of another name gets at the password of the demo.
func (s *site) handler(host string) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/session/", s.issuer())
	mux.HandleFunc("POST /lose", s.loseNext)
	api := s.verifier.Middleware(http.HandlerFunc(s.api), verify.Scope("read"))
	if s.Server {
		g := gateway{check: s.Dev.Gateway + "/forward-auth/-", scheme: "http", host: host}
		account := g.require(s.verifier.Middleware(http.HandlerFunc(s.account)))
		mux.HandleFunc("GET /login", s.login)
		mux.Handle("GET /{$}", account)
		mux.Handle("GET /call", account)
		mux.Handle("GET /api/orders", g.require(api))
	} else {
		mux.HandleFunc("GET /{$}", s.page)
		mux.Handle("GET /api/orders", s.refuseWhileLosing(api))
	}

	all := http.NewServeMux()
	all.Handle("GET /pages/", http.FileServerFS(files))
	all.Handle("GET /requests", s.recorder)
	all.Handle("/", s.recorder.handler(http.NewCrossOriginProtection().Handler(mux)))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != host {
			http.Redirect(w, r, "http://"+host+r.URL.RequestURI(), http.StatusTemporaryRedirect)
			return
		}
		all.ServeHTTP(w, r)
	})
}

// issuer returns a proxy to the issuer. It keeps the host of the request, which
// tells the issuer that a form is of the same origin.
func (s *site) issuer() http.Handler {
	return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(s.Dev.issuer)
		r.Out.Host = r.In.Host
	}}
}

// loseNext makes the next answer of a kind get lost. In ways 1 and 2 it is that
// to a renewal, which has the next refresh token. In way 3 no answer has one,
// so it is a page.
func (s *site) loseNext(w http.ResponseWriter, r *http.Request) {
	if s.Server {
		s.recorder.loseNext("/call")
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	s.recorder.loseNext("/session/refresh")
	w.WriteHeader(http.StatusNoContent)
}

// refuseWhileLosing answers 401 while the next renewal is to be lost, so that
// the script renews the access token now. The API needs no cookie, so it gets
// none.
func (s *site) refuseWhileLosing(api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.recorder.losing("/session/refresh", false) {
			w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		r.Header.Del("Cookie")
		api.ServeHTTP(w, r)
	})
}

// api answers with what it sees of the request.
func (s *site) api(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(describe(r))
}

// received is what the back end shows of a request that it has received.
type received struct {
	At            string    `json:"at"`
	Authorization string    `json:"authorization"`
	Cookie        string    `json:"cookie"`
	Subject       string    `json:"sub"`
	ClientID      string    `json:"client_id"`
	SessionID     string    `json:"sid"`
	Scope         string    `json:"scope"`
	IssuedAt      time.Time `json:"iat"`
	ExpiresAt     time.Time `json:"exp"`
}

// describe returns what the back end shows of a request. It leaves most of the
// token out: in way 3 no page may have it.
func describe(r *http.Request) received {
	c, _ := verify.From(r.Context())
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return received{
		At: time.Now().Format(time.TimeOnly), Authorization: scheme + " " + token[:min(8, len(token))] + "…",
		Cookie: r.Header.Get("Cookie"), Subject: c.Subject, ClientID: c.ClientID, SessionID: c.SessionID,
		Scope: strings.Join(c.Scope, " "), IssuedAt: c.IssuedAt, ExpiresAt: c.ExpiresAt,
	}
}

// A view is what a page shows.
type view struct {
	*site
	Ways     []way
	Requests []exchange
	Saw      string // what the back end sees of this request, as JSON
	ReturnTo string
	Error    string
}

// Losing reports whether the next answer of the API will be lost.
func (v view) Losing() bool { return v.recorder.losing("/call", false) }

func (s *site) page(w http.ResponseWriter, _ *http.Request) { s.show(w, "page.html", view{}) }

// login shows the login page of way 3. The issuer redirects to it after a
// failure.
func (s *site) login(w http.ResponseWriter, r *http.Request) {
	v := view{ReturnTo: r.FormValue("return_to")}
	if code := r.FormValue("error"); code != "" {
		if v.Error = loginErrors[code]; v.Error == "" {
			v.Error = "Signet cannot log you in now. Try again in a moment."
		}
	}
	s.show(w, "login.html", v)
}

var loginErrors = map[string]string{
	"invalid_grant": "The user name or the password is wrong.",
	"slow_down":     "There were too many attempts. Try again in a moment.",
}

// account shows the page of way 3. The gateway has checked the request.
func (s *site) account(w http.ResponseWriter, r *http.Request) {
	text, _ := json.MarshalIndent(describe(r), "", "  ")
	s.show(w, "account.html", view{Saw: string(text)})
}

// show writes a page. Its scripts and styles are files of this program. The
// Referrer-Policy lets browsers send Origin with forms.
func (s *site) show(w http.ResponseWriter, name string, v view) {
	v.site, v.Ways, v.Requests = s, ways, s.recorder.newest()
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "+
		"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	_ = pages.ExecuteTemplate(w, name, v)
}

// URL returns where a way is.
func (s *site) URL(w way) string { return fmt.Sprintf("http://localhost:%d/", s.Port+w.Number-1) }

// JustLost reports whether an answer was lost since the last login.
func (v view) JustLost() bool {
	for _, e := range v.Requests {
		if e.Lost || e.Request == "POST /session/login" {
			return e.Lost
		}
	}
	return false
}
