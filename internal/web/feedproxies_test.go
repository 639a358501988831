package web

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// nginx and HAProxy pass on polls that wait, and their answers.
func TestFeed_BehindProxies(t *testing.T) {
	if testing.Short() {
		t.Skip("starts two proxies")
	}
	for name, proxy := range reverseProxies {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // most of the time they wait
			f := newFixture(t)
			dial := proxy.start(t, strings.TrimPrefix(f.url, "http://"))
			client := &http.Client{Transport: &http.Transport{
				DialContext: func(context.Context, string, string) (net.Conn, error) { return dial(), nil },
			}}
			defer client.CloseIdleConnections()
			poll := func(query string) polled {
				response, err := client.Get("http://issuer.example/revocations" + query)
				must(t, err)
				defer response.Body.Close()
				body, err := io.ReadAll(response.Body)
				must(t, err)
				return decodePolled(t, response, body)
			}

			at := poll("").position()
			const polls = 20
			answers := make(chan polled, polls)
			for range polls {
				go func() { answers <- poll("?wait=10s&after=" + at) }()
			}
			f.waiting(t, polls)
			f.revoke(t, "one")
			for range polls {
				if p := <-answers; !p.has("one") || p.Header.Get("Cache-Control") != "no-store" {
					t.Errorf("%d entries, %v", len(p.entries), p.Header)
				}
			}
		})
	}
}
