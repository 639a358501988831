package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/signetd/signet/internal/pgtest"
	"github.com/signetd/signet/internal/revocation"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
	"github.com/signetd/signet/verify"
)

const (
	testIssuer = "https://login.example.com"
	testAPI    = "api"
)

// Tokens are revoked at one server, and verifiers poll another one, which is
// also killed and started again. Every verifier refuses every revoked token,
// and no other one.
func TestVerifiers_RefuseWhatAnotherServerRevoked(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a server again")
	}
	const verifiers, tokensRevoked = 20, 200
	database, kek := pgtest.Empty(t), filepath.Join(t.TempDir(), "kek")
	a, b := newIssuerMachine(t, database, kek), newIssuerMachine(t, database, kek)
	secret := a.createGateway(kek)
	a.start().ready()
	p := b.start().ready()
	calls := tokens(t, a.grpc)
	minted := mintTokens(t, calls, secret, tokensRevoked+1)
	live := minted[tokensRevoked]

	watch := &revocationWatch{t: t, acknowledged: make([]time.Time, tokensRevoked)}
	var all []*verify.Verifier
	for range verifiers {
		v := newVerifier(t, b, verify.FailOpen(time.Minute))
		all = append(all, v)
		for i, token := range minted[:tokensRevoked] {
			watch.start(v, i, token)
		}
	}

	for i, token := range minted[:tokensRevoked] {
		if i == tokensRevoked/2 {
			p.kill()
		}
		if i == tokensRevoked*3/4 {
			b.start().ready()
		}
		ctx, cancel := asClient(t, "gateway", secret)
		_, err := calls.Revoke(ctx, &signetv1.RevokeRequest{Token: token})
		cancel()
		must(t, err)
		watch.acknowledge(i)
	}
	watch.wait()
	for i, v := range all {
		for _, token := range minted[:tokensRevoked] {
			if _, err := v.Verify(t.Context(), token); !errors.Is(err, verify.ErrRevoked) {
				t.Fatalf("verifier %d: %v for a revoked token", i, err)
			}
		}
		if _, err := v.Verify(t.Context(), live); err != nil {
			t.Errorf("verifier %d: %v for a token that was not revoked", i, err)
		}
	}
}

// A revocationWatch measures the time from the acknowledgement of revocations
// until verifiers know of them.
type revocationWatch struct {
	t     *testing.T
	ended sync.WaitGroup

	mu           sync.Mutex
	acknowledged []time.Time // by token
	took         []time.Duration
}

// start watches one token at one verifier.
func (w *revocationWatch) start(v *verify.Verifier, i int, token string) {
	w.t.Helper()
	claims, err := v.Verify(w.t.Context(), token)
	must(w.t, err)
	running, _ := v.While(w.t.Context(), claims)
	w.ended.Add(1)
	context.AfterFunc(running, func() {
		defer w.ended.Done()
		if cause := context.Cause(running); !errors.Is(cause, verify.ErrRevoked) {
			w.t.Errorf("the context of token %d ended with %v", i, cause)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		if at := w.acknowledged[i]; !at.IsZero() {
			w.took = append(w.took, time.Since(at))
		} else {
			w.took = append(w.took, 0) // a verifier may be faster than the response
		}
	})
}

// acknowledge records that a token is revoked.
func (w *revocationWatch) acknowledge(i int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.acknowledged[i] = time.Now()
}

// wait waits until all verifiers know of all revocations, and logs the times.
func (w *revocationWatch) wait() {
	w.t.Helper()
	done := make(chan struct{})
	go func() { w.ended.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(time.Minute):
		w.t.Fatal("verifiers have not learned of all revocations")
	}
	slices.Sort(w.took)
	w.t.Logf("from the acknowledgement to the refusal: p50 %s, max %s",
		w.took[len(w.took)/2], w.took[len(w.took)-1])
}

// A server that is cut off from the database goes on answering polls, and no
// answer claims to be newer than the cut. Its verifiers stop accepting tokens,
// and accept them again when the server can read the database.
func TestVerifiers_DatabaseIsCutOff(t *testing.T) {
	if testing.Short() {
		t.Skip("waits until what verifiers know is too old")
	}
	t.Parallel() // it mostly waits
	database, err := pgconn.ParseConfig(pgtest.Empty(t))
	must(t, err)
	wire := newCuttable(t, database)
	kek := filepath.Join(t.TempDir(), "kek")
	m := newIssuerMachine(t, fmt.Sprintf("postgres://%s:%s@%s/%s?sslmode=disable",
		database.User, database.Password, wire.Addr(), database.Database), kek)
	secret := m.createGateway(kek)
	m.start().ready()
	token := mintTokens(t, tokens(t, m.grpc), secret, 1)[0]
	v := newVerifier(t, m, verify.FailClosed(2*time.Second))
	_, err = v.Verify(t.Context(), token)
	must(t, err)

	wire.cut()
	cut := time.Now()
	stale := eventually(func() bool {
		before := time.Since(cut)
		if age := feedAge(t, m); age < before {
			t.Fatalf("%s after the cut, the answer to a poll says that it is %s old", before, age)
		}
		_, err := v.Verify(t.Context(), token)
		return errors.Is(err, verify.ErrStale)
	})
	if !stale {
		t.Error("the verifier still accepts tokens")
	}
	wire.mend()
	if !eventually(func() bool { _, err := v.Verify(t.Context(), token); return err == nil }) {
		t.Error("the verifier accepts no tokens again")
	}
}

// A restore of a backup un-revokes nothing at verifiers that knew of it. A
// verifier that starts later learns of it again after the replay of the audit
// log.
func TestVerifiers_KnowRevocationsAfterARestore(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a server three times; internal/feed has a test of restores")
	}
	onBothStores(t, func(t *testing.T, m *machine, s restorable) {
		p := m.start("--dev").ready()
		demo := m.demo()
		stolen := &device{t: t, credentials: demo, tokens: tokens(t, m.grpc)}
		other := &device{t: t, credentials: demo, tokens: stolen.tokens}
		must(t, stolen.login())
		must(t, other.login())
		revoked, live := refreshAccess(t, stolen), refreshAccess(t, other)
		start := func() *verify.Verifier {
			return newVerifierOf(t, m, demo.Issuer, demo.Audience, verify.FailOpen(time.Hour))
		}
		knows := func(v *verify.Verifier) bool {
			_, err := v.Verify(t.Context(), revoked)
			return errors.Is(err, verify.ErrRevoked)
		}
		old := start()
		s.backup()
		ctx, cancel := asClient(t, demo.ClientID, demo.ClientSecret)
		defer cancel()
		_, err := stolen.tokens.Revoke(ctx, &signetv1.RevokeRequest{Token: stolen.token})
		must(t, err)
		if !eventually(func() bool { return knows(old) }) {
			t.Fatal("the verifier does not refuse the token")
		}
		p.kill()
		log := filepath.Join(m.dir, "shipped.log")
		must(t, os.WriteFile(log, []byte(logRecords(p.log.String()+m.stderr.String())), 0o600))

		s.restore()
		p = m.start("--dev").ready()
		young, restarted := start(), time.Now()
		if knows(young) {
			t.Error("the restore lost no revocation: the test tests nothing")
		}
		if !eventually(func() bool { age, ok := old.Age(); return ok && age < time.Since(restarted) }) {
			t.Error("the verifier cannot read the feed after the restore")
		}
		if !knows(old) {
			t.Error("the verifier accepts the token after the restore")
		}
		p.kill()

		s.restore()
		m.signet("", "grants", "revoke", "--replay", log)
		m.start("--dev").ready()
		if !eventually(func() bool { return knows(young) }) || !knows(old) {
			t.Error("after the replay, a verifier accepts the token")
		}
		for _, v := range []*verify.Verifier{old, young} {
			if _, err := v.Verify(t.Context(), live); err != nil {
				t.Errorf("a token that was not revoked: %v", err)
			}
		}
	})
}

// A server that stops answers the polls that wait, so that they do not delay
// the stop and are no errors for verifiers.
func TestVerifiers_PollsEndWhenAServerStops(t *testing.T) {
	m := newDemoMachine(t)
	p := m.start("--dev").ready()
	poll := func(after string) (answer revocation.Answer) {
		response, err := http.Get("http://" + m.http + "/revocations" + after)
		if err != nil {
			t.Error(err)
			return answer
		}
		defer response.Body.Close()
		if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || response.StatusCode != http.StatusOK {
			t.Errorf("%s, %v", response.Status, err)
		}
		return answer
	}
	var polls sync.WaitGroup
	for range 20 {
		polls.Go(func() {
			if a := poll("?after=0-0&wait=10s"); a.HeldMS >= 10_000 || len(a.Segments) != 1 {
				t.Errorf("the answer is %+v", a)
			}
		})
	}
	if !eventually(func() bool {
		n, _ := series(m.scrape(), "signet_revocations_polls_waiting")
		return n == 20
	}) {
		t.Error("the polls do not wait")
	}
	must(t, p.drain())
	polls.Wait()
}

// newIssuerMachine returns a machine of an issuer with several servers.
func newIssuerMachine(t *testing.T, database, kek string) *machine {
	t.Helper()
	return newMachine(t, "SIGNET_STORE_URL="+database, "SIGNET_KEK_FILE="+kek, "SIGNET_ISSUER="+testIssuer)
}

// createGateway creates the schema, the API and a client that may mint tokens.
func (m *machine) createGateway(kek string) (secret string) {
	m.t.Helper()
	m.signet("", "keys", "--new-kek", kek)
	m.signet("", "migrate")
	m.signet("", "audiences", "create", testAPI, "--alg", "ES256")
	var created createdClient
	text := m.signet("", "clients", "create", "gateway", "--audience", testAPI, "--mint-subjects", "-o", "json")
	must(m.t, json.Unmarshal([]byte(text), &created))
	return created.Secret
}

// mintTokens returns access tokens of n grants.
func mintTokens(t *testing.T, calls signetv1.TokenServiceClient, secret string, n int) []string {
	t.Helper()
	ctx, cancel := asClientFor(t, time.Minute, "gateway", secret)
	defer cancel()
	minted := make([]string, n)
	for i := range minted {
		response, err := calls.Mint(ctx, &signetv1.MintRequest{Subject: fmt.Sprint("customer-", i), Refresh: true})
		must(t, err)
		minted[i] = response.GetTokens()[0].GetAccessToken()
	}
	return minted
}

// newVerifier returns a verifier that asks one server of the issuer.
func newVerifier(t *testing.T, m *machine, p verify.Policy) *verify.Verifier {
	t.Helper()
	return newVerifierOf(t, m, testIssuer, testAPI, p)
}

// newVerifierOf is newVerifier for another issuer and audience.
func newVerifierOf(t *testing.T, m *machine, issuer, audience string, p verify.Policy) *verify.Verifier {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return newVerifierVia(t, toServer{m.http, transport}, issuer, audience, p)
}

// newVerifierVia is newVerifierOf with its own transport.
func newVerifierVia(
	t *testing.T, transport http.RoundTripper, issuer, audience string, p verify.Policy,
) *verify.Verifier {
	t.Helper()
	v, err := verify.New(t.Context(), issuer, verify.Options{
		Audience: audience, Revocation: p, HTTP: &http.Client{Transport: transport},
		Log: slog.New(slog.DiscardHandler),
	})
	must(t, err)
	t.Cleanup(v.Close)
	return v
}

// toServer sends the requests for the issuer to one server, without TLS.
type toServer struct {
	address   string
	transport *http.Transport
}

func (s toServer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host = "http", s.address
	return s.transport.RoundTrip(r)
}

// feedAge polls a server and returns how old it says that its answer is.
func feedAge(t *testing.T, m *machine) time.Duration {
	t.Helper()
	response, err := http.Get("http://" + m.http + "/revocations?after=0-0")
	must(t, err)
	defer response.Body.Close()
	var answer revocation.Answer
	must(t, json.NewDecoder(response.Body).Decode(&answer))
	return time.Duration(answer.AgeMS) * time.Millisecond
}
