package main

import (
	"log"
	"net/http"
	"slices"
	"time"
)

// A gateway asks Signet about each request, before a handler of this program
// gets it. Copy this file if your application is a back end in Go that has no
// nginx, Caddy, HAProxy, Envoy or Traefik in front.
//
// The browser sends its session cookie. The handler gets an access token in the
// Authorization header instead, as an API behind any gateway does, and never
// sees the cookie.
type gateway struct {
	// check is the URL of the check at the issuer's gateway.address, such as
	// http://127.0.0.1:8082/forward-auth/-. Its last part is the audience of
	// the access token; "-" is the first audience of the client.
	check string
	// scheme and host are the origin of the application, as registered for the
	// client. Do not take them from the request.
	scheme, host string
}

// asked are the headers that the check reads, in canonical form.
var asked = []string{
	"Accept", "Authorization", "Cookie", "Origin", "Sec-Fetch-Mode", "Sec-Fetch-Site", "Sec-Websocket-Key",
}

// answered are the headers of a refusal that the browser gets.
var answered = []string{"Cache-Control", "Location", "Retry-After", "Www-Authenticate"}

// checks sends the questions. It does not follow redirects, which are for the
// browser.
var checks = &http.Client{
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Transport:     &http.Transport{MaxIdleConnsPerHost: 100, IdleConnTimeout: time.Minute},
	Timeout:       2 * time.Second,
}

// require returns a handler that passes requests of users who are logged in to
// next. Others get the answer of Signet: a redirect to the login page, or 401,
// 403 or 503. If Signet does not answer, no request passes.
func (g gateway) require(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, err := g.ask(r)
		if err != nil {
			log.Printf("check a request: %v", err)
			w.Header().Set("Retry-After", "1")
			http.Error(w, "try again in a moment", http.StatusServiceUnavailable)
			return
		}
		if answer.StatusCode != http.StatusOK {
			for _, name := range answered {
				w.Header()[name] = answer.Header[name]
			}
			w.WriteHeader(answer.StatusCode)
			return
		}

		// What the browser sent in these headers must not pass. So they are
		// replaced, also by nothing.
		checked := r.Clone(r.Context())
		for _, name := range []string{"Authorization", "Cookie"} {
			checked.Header[name] = slices.DeleteFunc(answer.Header[name], func(s string) bool { return s == "" })
		}
		next.ServeHTTP(w, checked)
	})
}

// ask sends the question about r.
func (g gateway) ask(r *http.Request) (*http.Response, error) {
	question, err := http.NewRequestWithContext(r.Context(), http.MethodGet, g.check, nil)
	if err != nil {
		return nil, err
	}
	for _, name := range asked {
		question.Header[name] = r.Header[name]
	}
	question.Header.Set("X-Forwarded-Method", r.Method)
	question.Header.Set("X-Forwarded-Proto", g.scheme)
	question.Header.Set("X-Forwarded-Host", g.host)
	question.Header.Set("X-Forwarded-Uri", r.URL.RequestURI())
	answer, err := checks.Do(question)
	if err != nil {
		return nil, err
	}
	return answer, answer.Body.Close()
}
