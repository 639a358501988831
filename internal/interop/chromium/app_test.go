package chromium

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	//go:embed testdata/index.html
	indexPage []byte
	//go:embed testdata/app.js
	appScript []byte
)

// policy is the Content-Security-Policy that docs/browser.md recommends. The
// icon of the page is a data URL.
const policy = "script-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"

// A fault is what happens to one request on its way to the issuer.
type fault int

const (
	// lostBeforeHeaders means that the issuer answers, and the browser does not
	// get any byte of the answer.
	lostBeforeHeaders fault = iota + 1
	// lostAfterHeaders means that the browser gets the headers only.
	lostAfterHeaders
	// held means that the request reaches the issuer when the test releases it.
	held
	// late is held, but the browser gets the answer, unless it cancels the
	// request before the test releases it.
	late
)

// An app is the server of the application. It serves the page and an API, and
// routes /session/ to the issuer.
type app struct {
	server *httptest.Server
	// origin is the registered origin.
	origin string
	proxy  *httputil.ReverseProxy
	// gateway is the issuer's server for gateways, which the application asks
	// before each request of the API. Empty means that it does not.
	gateway string

	mu sync.Mutex
	// faults are for the next requests of each path, in this order.
	faults map[string][]fault
	// counts are the requests of each path that have come in.
	counts map[string]int
	// release ends the wait of held requests, and arrived counts those that the
	// issuer has answered.
	release chan struct{}
	arrived int
	down    bool
	// cancelled counts the late requests that the browser has cancelled.
	cancelled int
	// answers are the issuer's answers without their bodies.
	answers []answer
}

// An answer is what the issuer has answered to a request of that origin.
type answer struct {
	path, origin string
	status       int
	cookies      []*http.Cookie
}

// newApp runs an issuer with an application whose access tokens live that long.
func newApp(t *testing.T, way string, lifetime time.Duration) (*app, *issuer) {
	t.Helper()
	a := listenApp(t)
	i := newIssuer(t, way, lifetime, "https://shop.example", a.origin)
	if way == "session" {
		a.gateway = "http://" + i.gateway
	}
	a.start(t, "http://"+i.http)
	return a, i
}

// listenApp returns an application that listens, but does not answer before it
// is started: the issuer must know its origin.
func listenApp(t *testing.T) *app {
	t.Helper()
	a := &app{faults: make(map[string][]fault), counts: make(map[string]int), release: make(chan struct{})}
	a.server = httptest.NewUnstartedServer(a)
	_, port, err := net.SplitHostPort(a.server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	a.origin = "http://localhost:" + port
	return a
}

// start begins to answer. Requests of /session/ go to the issuer.
func (a *app) start(t *testing.T, issuer string) {
	t.Helper()
	target, err := url.Parse(issuer)
	if err != nil {
		t.Fatal(err)
	}
	a.proxy = &httputil.ReverseProxy{
		ErrorLog: log.New(io.Discard, "", 0), // a browser that is killed is no news
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host
		},
		ModifyResponse: func(r *http.Response) error {
			a.mu.Lock()
			defer a.mu.Unlock()
			a.answers = append(a.answers, answer{
				r.Request.URL.Path, r.Request.Header.Get("Origin"), r.StatusCode, r.Cookies(),
			})
			return nil
		},
	}
	if strings.HasPrefix(a.origin, "https:") {
		a.server.EnableHTTP2 = true
		a.server.StartTLS()
	} else {
		a.server.Start()
	}
	t.Cleanup(func() {
		a.releaseHeld()
		a.server.CloseClientConnections()
		a.server.Close()
	})
}

func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Host == "evil.example.test":
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, `<!doctype html><title>evil</title><link rel="icon" href="data:,">`)
	case strings.HasPrefix(r.URL.Path, "/session/"):
		a.forward(w, r)
	case strings.HasPrefix(r.URL.Path, "/api/"):
		a.mu.Lock()
		a.counts[r.URL.String()]++
		a.mu.Unlock()
		if a.gateway == "" || a.passes(w, r) {
			a.serveAPI(w, r)
		}
	case r.URL.Path == "/app.js":
		w.Header().Set("Content-Type", "text/javascript")
		_, _ = w.Write(appScript)
	case r.URL.Path == "/plain":
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, `<!doctype html><title>plain</title><link rel="icon" href="data:,">`)
	default:
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write(indexPage)
	}
}

// serveAPI answers with what it has got. If the query demands it, the first
// answer at this URL is 401.
func (a *app) serveAPI(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.Header().Set("Access-Control-Allow-Headers", "authorization")
	if r.URL.Query().Get("status") == "401" && a.count(r.URL.String()) == 1 {
		w.WriteHeader(http.StatusUnauthorized)
	}
	body, _ := io.ReadAll(r.Body)
	authorization := r.Header.Get("Authorization")
	if a.gateway != "" { // the page must not see the token
		authorization = fmt.Sprint(strings.HasPrefix(authorization, "Bearer eyJ"))
	}
	_ = json.NewEncoder(w).Encode(map[string]string{
		"authorization": authorization, "body": string(body), "cookie": r.Header.Get("Cookie"),
	})
}

// passes asks the issuer whether a request may pass, as a gateway does, and
// sets the two headers of the answer.
func (a *app) passes(w http.ResponseWriter, r *http.Request) bool {
	check, err := http.NewRequestWithContext(r.Context(), http.MethodGet, a.gateway+"/forward-auth/-", nil)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return false
	}
	check.Header = r.Header.Clone()
	check.Header.Set("X-Forwarded-Method", r.Method)
	check.Header.Set("X-Forwarded-Proto", "http")
	check.Header.Set("X-Forwarded-Host", r.Host)
	check.Header.Set("X-Forwarded-Uri", r.URL.RequestURI())
	verdict, err := http.DefaultTransport.RoundTrip(check)
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return false
	}
	defer verdict.Body.Close()
	if verdict.StatusCode != http.StatusOK {
		w.WriteHeader(verdict.StatusCode)
		return false
	}
	for _, name := range []string{"Authorization", "Cookie"} {
		r.Header[name] = verdict.Header[name]
	}
	return true
}

// forward sends a request to the issuer, with the next fault of its path.
func (a *app) forward(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	a.counts[r.URL.Path]++
	var next fault
	if pending := a.faults[r.URL.Path]; len(pending) > 0 {
		next, a.faults[r.URL.Path] = pending[0], pending[1:]
	}
	down, release := a.down, a.release
	a.mu.Unlock()

	switch {
	case down:
		http.Error(w, "the gateway cannot reach the issuer", http.StatusBadGateway)
		return
	case next == 0:
		a.proxy.ServeHTTP(w, r)
		return
	case next == held:
		<-release
	case next == late:
		a.forwardLate(w, r, release)
		return
	}
	// The issuer gets the request, even if the browser has gone.
	body, _ := io.ReadAll(r.Body)
	request := r.Clone(context.WithoutCancel(r.Context()))
	request.Body = io.NopCloser(strings.NewReader(string(body)))
	answer := httptest.NewRecorder()
	a.proxy.ServeHTTP(answer, request)
	if next == held {
		a.mu.Lock()
		a.arrived++
		a.mu.Unlock()
	}
	if next == lostAfterHeaders {
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(answer.Code)
		_ = http.NewResponseController(w).Flush()
	}
	panic(http.ErrAbortHandler) // closes the connection
}

// forwardLate sends a request to the issuer when the test releases it, or does
// not if the browser cancels it before.
func (a *app) forwardLate(w http.ResponseWriter, r *http.Request, release <-chan struct{}) {
	body, _ := io.ReadAll(r.Body) // a server knows that a request is cancelled after it has read the body
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	select {
	case <-release:
		a.proxy.ServeHTTP(w, r)
	case <-r.Context().Done():
		a.mu.Lock()
		defer a.mu.Unlock()
		a.cancelled++
	}
}

// setFaults sets the faults of the next requests of a path.
func (a *app) setFaults(path string, faults ...fault) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.faults[path] = faults
}

// count returns how many requests of that path have come in.
func (a *app) count(path string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.counts[path]
}

// answersTo returns the issuer's answers to requests of an origin.
func (a *app) answersTo(origin string) []answer {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(a.answers), func(r answer) bool { return r.origin != origin })
}

// answered returns how many held requests the issuer has answered.
func (a *app) answered() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.arrived
}

// releaseHeld lets the held requests reach the issuer.
func (a *app) releaseHeld() {
	a.mu.Lock()
	defer a.mu.Unlock()
	close(a.release)
	a.release = make(chan struct{})
}

// setDown makes all requests to the issuer fail, or ends that.
func (a *app) setDown(down bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.down = down
}
