package operation

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/signetd/signet/cmd/signet-lab/internal/load"
)

func (c *Connection) jwks(context.Context) (load.Worker, error) {
	address := "http://" + c.server.HTTP + "/.well-known/jwks.json"
	return func(ctx context.Context) (time.Duration, error) {
		return load.Time(func() error {
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
			if err != nil {
				return err
			}
			_, err = c.send(request)
			return err
		})
	}, nil
}

// httpRefresh is refresh at the token endpoint.
func (c *Connection) httpRefresh(ctx context.Context) (load.Worker, error) {
	g, err := c.createGrant(ctx)
	if err != nil {
		return nil, err
	}
	token, key := g.GetRefreshToken(), rand.Text()
	return func(ctx context.Context) (time.Duration, error) {
		return load.Time(func() error {
			form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}
			response, err := c.requestToken(ctx, form, key)
			if err == nil {
				token, key = response.RefreshToken, rand.Text()
			}
			return err
		})
	}, nil
}

// httpCredentials requests a token in the client's own name at the token
// endpoint.
func (c *Connection) httpCredentials(context.Context) (load.Worker, error) {
	form := url.Values{"grant_type": {"client_credentials"}, "resource": c.audiences()}
	return func(ctx context.Context) (time.Duration, error) {
		return load.Time(func() error {
			_, err := c.requestToken(ctx, form, "")
			return err
		})
	}, nil
}

// A tokenResponse has the members of a token response that the lab uses.
type tokenResponse struct {
	RefreshToken string `json:"refresh_token"`
}

// requestToken sends a form to the token endpoint. The idempotency key may be
// empty.
func (c *Connection) requestToken(ctx context.Context, form url.Values, key string) (t tokenResponse, err error) {
	address := "http://" + c.server.HTTP + "/oauth2/token"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return t, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Authorization", c.server.authorization())
	if key != "" {
		request.Header.Set("Idempotency-Key", key)
	}

	body, err := c.send(request)
	if err != nil {
		return t, err
	}
	return t, json.Unmarshal(body, &t)
}

// send sends a request and returns the body of its response. It returns an
// error unless the status is 200.
func (c *Connection) send(request *http.Request) ([]byte, error) {
	response, err := c.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s %s: %s: %s", request.Method, request.URL, response.Status, body)
	}
	return body, nil
}
