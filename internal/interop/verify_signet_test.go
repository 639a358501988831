package interop

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	signetv1 "github.com/signetd/signet/proto/signet/v1"
	"github.com/signetd/signet/verify"
)

// TestVerify runs package verify with the program, over real sockets: a token
// is refused soon after a command revokes its grant, all grants of its user, or
// its key. The policies turn when the server stops, and back when it runs
// again.
func TestVerify(t *testing.T) {
	const username, password, audience = "ann", "six purple umbrellas sing", "orders"
	i := newIssuer(t, nil)
	i.run(t, "", nil, "migrate")
	i.run(t, "", nil, "audiences", "create", audience, "--alg", "EdDSA")
	var shop, orders struct {
		Secret string `json:"client_secret"`
	}
	i.run(t, "", &shop, "clients", "create", "shop", "--audience", audience)
	i.run(t, "", &orders, "clients", "create", audience)
	i.run(t, password+"\n", nil, "users", "create", username)
	stop := i.serve(t)

	newVerifier := func(policy verify.Policy, client *http.Client) *verify.Verifier {
		v, err := verify.New(t.Context(), "http://"+i.http, verify.Options{
			Audience: audience, Revocation: policy, Client: verify.Client{ID: audience, Secret: orders.Secret},
			HTTP: client, Log: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(v.Close)
		return v
	}
	closed := newVerifier(verify.FailClosed(2*time.Second), nil)
	open := newVerifier(verify.FailOpen(time.Second), nil)
	noFeed := new(withoutFeed)
	asking := newVerifier(verify.Introspect(time.Second), &http.Client{Transport: noFeed})
	login := func() *signetv1.TokenResponse {
		t.Helper()
		response, err := call(t, i, "shop", shop.Secret, signetv1.TokenServiceClient.Login, &signetv1.LoginRequest{
			Username: username, Password: password, Audience: []string{audience},
		})
		if err != nil {
			t.Fatal(err)
		}
		return response
	}

	first, second := login(), login().GetAccessToken()
	for _, v := range []*verify.Verifier{closed, open, asking} {
		turns(t, "after a login", v, first.GetAccessToken(), nil)
	}
	i.run(t, "", nil, "grants", "revoke", "--user", username, "--grant", first.GetGrantId())
	turns(t, "its grant is revoked", closed, first.GetAccessToken(), verify.ErrRevoked)
	turns(t, "another grant is not", closed, second, nil)
	noFeed.cut.Store(true)
	i.run(t, "", nil, "grants", "revoke", "--user", username)
	turns(t, "all grants are revoked", closed, second, verify.ErrRevoked)
	turns(t, "the same, without the feed", asking, second, verify.ErrRevoked)

	third := login().GetAccessToken()
	turns(t, "a later login", closed, third, nil)
	turns(t, "the same, without the feed", asking, third, nil)
	i.run(t, "", nil, "keys", "--compromise", keyOf(t, third))
	turns(t, "its key is compromised", closed, third, verify.ErrRevoked)
	fourth := login().GetAccessToken()
	turns(t, "a login with the next key", closed, fourth, nil)

	stop()
	turns(t, "the server is stopped", closed, fourth, verify.ErrStale)
	turns(t, "the server is stopped", asking, fourth, verify.ErrUnavailable)
	turns(t, "the server is stopped", open, fourth, nil)
	for {
		if c, err := open.Verify(t.Context(), fourth); err != nil || c.Unchecked {
			break
		}
		time.Sleep(time.Millisecond)
	}
	i.serve(t)
	turns(t, "the server runs again", closed, fourth, nil)
	turns(t, "the server runs again", open, third, verify.ErrRevoked)
}

// turns waits until Verify returns an error of this kind, or none.
func turns(t *testing.T, what string, v *verify.Verifier, token string, kind error) {
	t.Helper()
	began := time.Now()
	for {
		_, err := v.Verify(t.Context(), token)
		if errors.Is(err, kind) {
			t.Logf("%s: %v after %v", what, err, time.Since(began).Round(time.Millisecond))
			return
		}
		if time.Since(began) > patience {
			t.Fatalf("%s: the error is still %v, want %v", what, err, kind)
		}
		time.Sleep(time.Millisecond)
	}
}

// withoutFeed is a network without the feed of revocations while cut is true.
type withoutFeed struct{ cut atomic.Bool }

func (n *withoutFeed) RoundTrip(r *http.Request) (*http.Response, error) {
	if n.cut.Load() && r.URL.Path == "/revocations" {
		return nil, errors.New("the feed is cut off")
	}
	return http.DefaultTransport.RoundTrip(r)
}

// keyOf returns the kid of a token.
func keyOf(t *testing.T, token string) string {
	t.Helper()
	var header struct{ Kid string }
	text, _, _ := strings.Cut(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(raw, &header)
	}
	if err != nil {
		t.Fatal(err)
	}
	return header.Kid
}
