package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sync/errgroup"

	"github.com/signetd/signet/internal/pgtest"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
	"github.com/signetd/signet/verify"
)

// ringMaxAge is how long a server signs without a confirmation of its key ring.
const ringMaxAge = 5 * time.Second

// Rule 22: an operator declares the signing key compromised while one of two
// servers is cut off from the database. That server stops signing within five
// seconds. Verifiers refuse all tokens of the key, also those that the server
// signed meanwhile, and answers of the feed that the key signed. Every login
// goes on.
func TestDrill_CompromiseWhileAServerIsCutOff(t *testing.T) {
	if testing.Short() {
		t.Skip("waits until a server may not sign any more")
	}
	t.Parallel() // it mostly waits
	n := 100
	if os.Getenv("SIGNET_TEST_LONG") != "" {
		n = 50_000
	}
	s := newCutOffDrill(t)
	before := s.logIn(n)
	stolen := tokenKID(t, before[0].access)
	replayed := s.fullAnswer(stolen)

	s.wire.cut()
	cut := time.Now()
	s.a.signet("", "keys", "--compromise", stolen)
	compromised := time.Now()
	late, err := s.mint(s.servers[1])
	switch {
	case retryable(err):
		t.Log("the command took so long that the server does not sign any more")
		late = before[1].access
	case err != nil || tokenKID(t, late) != stolen:
		t.Fatalf("the server that is cut off does not sign with the stolen key: %v", err)
	}
	s.waitRefused(s.verifiers[0], late, verify.ErrRevoked)
	t.Logf("%s after the command, a verifier refuses tokens of the key", time.Since(compromised))

	fresh := s.waitMinted(s.servers[0])
	if tokenKID(t, fresh) == stolen {
		t.Error("the other server signs with the stolen key")
	}
	s.waitRefused(s.verifiers[1], before[0].access, verify.ErrStale)
	s.feed[0].replay(replayed)
	s.waitRefused(s.verifiers[0], fresh, verify.ErrStale)
	s.feed[0].replay(nil)
	s.waitAccepted(s.verifiers[0], fresh)

	s.mustStopSigning(cut)
	for _, l := range before {
		s.mustRefuse(s.verifiers[0], l.access)
	}

	s.wire.mend()
	s.waitAccepted(s.verifiers[1], fresh)
	s.mustRefuse(s.verifiers[1], late)
	s.waitMinted(s.servers[1])
	after := s.refresh(before)
	for i, l := range after {
		s.mustRefuse(s.verifiers[1], before[i].access)
		if tokenKID(t, l.access) == stolen {
			t.Fatal("a refresh returns a token of the stolen key")
		}
	}
	s.waitAccepted(s.verifiers[0], after[0].access)
	s.waitAccepted(s.verifiers[1], after[0].access)
	t.Logf("%d logins were refreshed, none was lost", len(after))
}

// A cutOffDrill has two servers of one issuer with a verifier each. The second
// server can be cut off from the database.
type cutOffDrill struct {
	t         *testing.T
	a         *machine
	wire      *cuttable
	secret    string // of the client gateway
	minted    atomic.Int64
	servers   [2]signetv1.TokenServiceClient
	feed      [2]*replayer
	verifiers [2]*verify.Verifier
}

func newCutOffDrill(t *testing.T) *cutOffDrill {
	t.Helper()
	url, kek := pgtest.Empty(t), filepath.Join(t.TempDir(), "kek")
	database, err := pgconn.ParseConfig(url)
	must(t, err)
	s := &cutOffDrill{t: t, wire: newCuttable(t, database)}
	s.a = newIssuerMachine(t, url, kek)
	b := newIssuerMachine(t, fmt.Sprintf("postgres://%s:%s@%s/%s?sslmode=disable",
		database.User, database.Password, s.wire.Addr(), database.Database), kek)
	s.secret = s.a.createGateway(kek)
	for i, m := range []*machine{s.a, b} {
		m.start().ready()
		s.servers[i] = tokens(t, m.grpc)
		transport := &http.Transport{}
		t.Cleanup(transport.CloseIdleConnections)
		s.feed[i] = &replayer{RoundTripper: toServer{m.http, transport}}
		s.verifiers[i] = newVerifierVia(t, s.feed[i], testIssuer, testAPI, verify.FailClosed(2*time.Second))
	}
	return s
}

// forAll calls f for the numbers below n, concurrently.
func (s *cutOffDrill) forAll(n int, f func(ctx context.Context, i int) error) {
	s.t.Helper()
	ctx, cancel := asClientFor(s.t, 10*time.Minute, "gateway", s.secret)
	defer cancel()
	calls, ctx := errgroup.WithContext(ctx)
	calls.SetLimit(16)
	for i := range n {
		calls.Go(func() error { return f(ctx, i) })
	}
	must(s.t, calls.Wait())
}

// A mintedLogin has the tokens of a grant.
type mintedLogin struct{ access, refresh string }

// logIn creates grants at both servers.
func (s *cutOffDrill) logIn(n int) []mintedLogin {
	s.t.Helper()
	logins := make([]mintedLogin, n)
	s.forAll(n, func(ctx context.Context, i int) error {
		r, err := s.servers[i%2].Mint(ctx, &signetv1.MintRequest{Subject: fmt.Sprint("customer-", i), Refresh: true})
		if err == nil {
			logins[i] = mintedLogin{r.GetTokens()[0].GetAccessToken(), r.GetRefreshToken()}
		}
		return err
	})
	return logins
}

// refresh refreshes every login at the server that did not create it.
func (s *cutOffDrill) refresh(logins []mintedLogin) []mintedLogin {
	s.t.Helper()
	refreshed := make([]mintedLogin, len(logins))
	s.forAll(len(logins), func(ctx context.Context, i int) error {
		r, err := s.servers[(i+1)%2].Refresh(ctx, &signetv1.RefreshRequest{RefreshToken: logins[i].refresh})
		if err == nil {
			refreshed[i] = mintedLogin{r.GetAccessToken(), r.GetRefreshToken()}
		}
		return err
	})
	return refreshed
}

// mint returns an access token of a new subject.
func (s *cutOffDrill) mint(server signetv1.TokenServiceClient) (string, error) {
	ctx, cancel := asClient(s.t, "gateway", s.secret)
	defer cancel()
	r, err := server.Mint(ctx, &signetv1.MintRequest{Subject: fmt.Sprint("job-", s.minted.Add(1))})
	if err != nil {
		return "", err
	}
	return r.GetTokens()[0].GetAccessToken(), nil
}

// waitMinted is mint, and waits until the server is available.
func (s *cutOffDrill) waitMinted(server signetv1.TokenServiceClient) (token string) {
	s.t.Helper()
	var err error
	if !eventually(func() bool { token, err = s.mint(server); return err == nil }) {
		s.t.Fatal(err)
	}
	return token
}

// mustStopSigning waits until the second server may not sign any more, and
// checks that it does not.
func (s *cutOffDrill) mustStopSigning(cut time.Time) {
	s.t.Helper()
	stopped := eventually(func() bool {
		asked := time.Since(cut)
		_, err := s.mint(s.servers[1])
		if err == nil && asked > ringMaxAge {
			s.t.Fatalf("the server signs %s after it was cut off from the database", asked)
		}
		return asked > ringMaxAge && retryable(err)
	})
	if !stopped {
		s.t.Fatal("the server that is cut off does not stop signing")
	}
}

// waitRefused waits until a verifier refuses a token with this error.
func (s *cutOffDrill) waitRefused(v *verify.Verifier, token string, want error) {
	s.t.Helper()
	var err error
	if !eventually(func() bool { _, err = v.Verify(s.t.Context(), token); return errors.Is(err, want) }) {
		s.t.Fatalf("the verifier returns %v, want %v", err, want)
	}
}

// waitAccepted waits until a verifier accepts a token.
func (s *cutOffDrill) waitAccepted(v *verify.Verifier, token string) {
	s.t.Helper()
	var err error
	if !eventually(func() bool { _, err = v.Verify(s.t.Context(), token); return err == nil }) {
		s.t.Fatalf("the verifier refuses the token: %v", err)
	}
}

// mustRefuse checks that a verifier knows that a token is revoked.
func (s *cutOffDrill) mustRefuse(v *verify.Verifier, token string) {
	s.t.Helper()
	if _, err := v.Verify(s.t.Context(), token); !errors.Is(err, verify.ErrRevoked) {
		s.t.Fatalf("the verifier returns %v for a token of the stolen key", err)
	}
}

// fullAnswer returns the whole feed, whose head this key has signed.
func (s *cutOffDrill) fullAnswer(kid string) []byte {
	s.t.Helper()
	response, err := http.Get("http://" + s.a.http + "/revocations")
	must(s.t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	must(s.t, err)
	_, head, _ := strings.Cut(string(body), `"head":"`)
	if signer := tokenKID(s.t, head); signer != kid {
		s.t.Fatalf("%s signs the feed, and %s the tokens", signer, kid)
	}
	return body
}

// A replayer answers polls of the feed with an old answer, if it has one.
type replayer struct {
	http.RoundTripper
	old atomic.Pointer[[]byte]
}

// replay sets the answer. Nil means that of the server.
func (r *replayer) replay(answer []byte) {
	if answer == nil {
		r.old.Store(nil)
		return
	}
	r.old.Store(&answer)
}

func (r *replayer) RoundTrip(q *http.Request) (*http.Response, error) {
	old := r.old.Load()
	if old == nil || q.URL.Path != "/revocations" {
		return r.RoundTripper.RoundTrip(q)
	}
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(bytes.NewReader(*old)), Request: q,
	}, nil
}
