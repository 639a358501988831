package overload

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/signetd/signet/cmd/signet-lab/internal/operation"
)

// retryDelay is how long a client waits after a lost connection.
const retryDelay = time.Second

// An oauthClient refreshes one login over HTTP, as an ordinary OAuth client
// does: it retries after a lost connection and after status 503, waits for
// Retry-After first, and drops the login on invalid_grant.
type oauthClient struct {
	server operation.Server
	http   *http.Client
	// keys makes the client send an idempotency key with each refresh token.
	keys         bool
	refreshToken string
	key          string
	counts       *counts
}

// run refreshes until stop is closed and the last refresh has been answered. It
// returns early if the login is lost or ctx ends.
func (c *oauthClient) run(ctx context.Context, stop <-chan struct{}) {
	for {
		c.key = rand.Text()
		begin := time.Now()
		if !c.refresh(ctx) {
			return
		}
		c.counts.refreshed(time.Since(begin))

		select {
		case <-stop:
			return
		default:
		}
	}
}

// refresh exchanges the refresh token, with as many attempts as necessary. It
// returns false if the login is lost or ctx ends.
func (c *oauthClient) refresh(ctx context.Context) bool {
	for {
		a := c.attempt(ctx)
		if ctx.Err() != nil {
			c.counts.unanswered.Add(1)
			return false
		}
		switch {
		case a.refreshToken != "":
			c.refreshToken = a.refreshToken
			return true
		case a.status == 0:
			c.counts.connections.Add(1)
		case a.status == http.StatusServiceUnavailable:
			c.counts.unavailable.Add(1)
		case a.code == "invalid_grant":
			c.counts.lost.Add(1)
			return false
		default:
			c.counts.others.Add(1)
		}

		select {
		case <-time.After(a.retryAfter):
		case <-ctx.Done():
		}
	}
}

// An answer is the answer to one attempt. Its status is 0 if the connection was
// lost.
type answer struct {
	status       int
	refreshToken string
	code         string
	retryAfter   time.Duration
}

// attempt sends the refresh token once.
func (c *oauthClient) attempt(ctx context.Context) answer {
	a := answer{retryAfter: retryDelay}
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {c.refreshToken}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+c.server.HTTP+"/oauth2/token",
		strings.NewReader(form.Encode()))
	if err != nil {
		return a
	}
	request.SetBasicAuth(url.QueryEscape(c.server.ClientID), url.QueryEscape(c.server.ClientSecret))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if c.keys {
		request.Header.Set("Idempotency-Key", c.key)
	}

	response, err := c.http.Do(request)
	if err != nil {
		return a
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	var read struct {
		RefreshToken string `json:"refresh_token"`
		Error        string `json:"error"`
	}
	if err != nil || json.Unmarshal(body, &read) != nil {
		return a
	}
	a.status, a.refreshToken, a.code = response.StatusCode, read.RefreshToken, read.Error
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil {
		a.retryAfter = time.Duration(seconds) * time.Second
	}
	return a
}
